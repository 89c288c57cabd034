-- A change that names no services is about those of its repository: there must be one, and each must be allowed.
        WHEN cardinality(t.repositories) > 0 AND NOT EXISTS (
            SELECT FROM unnest(t.repositories) r
            WHERE r = %(repository)s OR right(r, 2) = '/*' AND starts_with(%(repository)s, left(r, -1))
        ) THEN 'repository'
        WHEN cardinality(t.services) > 0 AND (
            EXISTS (SELECT json_array_elements_text(%(services)s) EXCEPT SELECT unnest(t.services))
            OR json_array_length(%(services)s) = 0 AND NOT coalesce((
                SELECT bool_and(s.slug = ANY(t.services)) FROM postmortem_service s
                WHERE s.repositories @> ARRAY[%(repository)s]::varchar[]
            ), false)
        ) THEN 'service'
