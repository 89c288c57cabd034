-- What is known of the postmortems and services that a change names: always one row.
SELECT
    (SELECT json_agg(s.slug) FROM postmortem_service s WHERE s.slug IN (SELECT json_array_elements_text(%(services)s))),
    (SELECT json_agg(s.slug) FROM postmortem_service s WHERE %(repository)s = ANY(s.repositories)),
    (
        SELECT json_agg(json_build_array(
            r.public_id,
            CASE WHEN r.archived_at <= %(now)s THEN r.archived_at END,
            ARRAY(
                SELECT DISTINCT s.slug
                FROM postmortem_incident n
                JOIN postmortem_incidentservice l ON l.incident_id = n.id
                JOIN postmortem_service s ON s.id = l.service_id
                WHERE n.review_id = r.id
            ),
            EXISTS (SELECT FROM postmortem_incident n WHERE n.review_id = r.id AND n.is_restricted)
        ))
        FROM postmortem_review r
        WHERE r.public_id IN (SELECT json_array_elements_text(%(named)s))
    )
