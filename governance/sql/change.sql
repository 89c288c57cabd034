-- What is known of what a change names, and of its repository and services: always one row.
--
-- Standing of services, overdue items and uses are gathered only where some row of the policy asks for them.
WITH touched AS MATERIALIZED (
    -- Those that it names, or else those of its repository.
    SELECT s.id, s.slug
    FROM postmortem_service s
    WHERE s.slug = ANY(ARRAY(SELECT json_array_elements_text(%(services)s)))
       OR json_array_length(%(services)s) = 0 AND s.repositories @> ARRAY[%(repository)s]::varchar[]
),
gates AS MATERIALIZED (
    SELECT * FROM governance_gatepolicy WHERE ended_at IS NULL
)
SELECT
    (SELECT json_agg(t.slug) FROM touched t),
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
            EXISTS (SELECT FROM postmortem_incident n WHERE n.review_id = r.id AND n.is_restricted),
            CASE WHEN EXISTS (SELECT FROM gates WHERE most_uses IS NOT NULL) THEN (
                SELECT count(DISTINCT (d.repository, coalesce(nullif(d.change_id, ''), d.title)))
                FROM governance_gatedecision d
                WHERE d.kind = 'change' AND d.verdict = 'PASS' AND d.excuse IS NULL
                  AND d.postmortems @> to_jsonb(r.public_id)
                  AND (d.repository, coalesce(nullif(d.change_id, ''), d.title))
                      <> (%(repository)s, %(change)s)
            ) ELSE 0 END
        ))
        FROM postmortem_review r
        WHERE r.public_id IN (SELECT json_array_elements_text(%(named)s))
    ),
    (SELECT json_agg({gate_row} ORDER BY g.position) FROM gates g),
    (
        SELECT json_agg({waiver_row} ORDER BY w.id)
        FROM governance_gatewaiver w
        WHERE w.answer = 'granted' AND w.answered_at <= %(now)s
          AND (w.repository = %(repository)s OR w.service_id = ANY(ARRAY(SELECT id FROM touched)))
    ),
    CASE WHEN EXISTS (SELECT FROM gates WHERE asks_audit) THEN (
        SELECT json_agg(json_build_array(t.slug, q.id, q.incidents, q.items, q.checks, q.waivers, q.gate))
        FROM touched t
        CROSS JOIN LATERAL (
            {service}
        ) q (id, incidents, items, checks, waivers, gate)
    ) END,
    CASE WHEN EXISTS (SELECT FROM gates g WHERE g.freeze <> 'never') THEN {overdue_p0} END
