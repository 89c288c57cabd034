-- A token that is limited to repositories alone may ask about their services.
        WHEN cardinality(t.services) > 0 AND %(slug)s <> ALL(t.services) THEN 'service'
        WHEN cardinality(t.services) = 0 AND cardinality(t.repositories) > 0 AND NOT EXISTS (
            SELECT FROM postmortem_service s, unnest(s.repositories) o, unnest(t.repositories) r
            WHERE s.slug = %(slug)s AND (o = r OR right(r, 2) = '/*' AND starts_with(o, left(r, -1)))
        ) THEN 'service'
