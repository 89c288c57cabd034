-- What may break a rule about a service, in the present: one row, or none when there is no such service.
-- Incidents, items and checks come as JSON rows, or NULL when there are none.
--
-- CI waits for this. The arrays make the planner walk the indexes of governance/migrations/0003 first and
-- touch a row only when something may be wrong with it; for a sound service that is almost none.
SELECT
    s.id,
    (
        SELECT json_agg(json_build_array(
            n.public_id, n.started_at + v.review_hours * interval '1 hour', coalesce(r.public_id, '')
        ))
        FROM postmortem_incidentservice l
        CROSS JOIN LATERAL (
            SELECT n.public_id, n.severity_id, n.started_at, n.review_id
            FROM postmortem_incident n
            WHERE n.id = l.incident_id AND n.dismissed_as = '' AND NOT n.is_drill
              AND (
                  n.review_id IS NULL
                  OR n.review_id = ANY(ARRAY(SELECT id FROM postmortem_review WHERE archived_at IS NULL))
              )
            OFFSET 0  -- without it the planner reads all incidents for a hash join
        ) n
        JOIN postmortem_severity v ON v.id = n.severity_id
        LEFT JOIN postmortem_review r ON r.id = n.review_id
        WHERE l.service_id = s.id AND l.part = 'origin' AND v.requires_postmortem
          AND n.started_at + v.review_hours * interval '1 hour' < %(as_of)s
    ),
    (
        SELECT json_agg(json_build_array(
            i.public_id, i.state, i.due_at, i.first_verified_at,
            CASE WHEN i.first_verified_at IS NOT NULL THEN (
                SELECT max(m.at) FROM remediation_itemtransition m
                WHERE m.item_id = i.id AND m.to_state = 'regressed'
            ) END,
            CASE WHEN i.owner_id = ANY(ARRAY(SELECT id FROM accounts_user WHERE NOT is_active)) THEN coalesce((
                SELECT max(e.at) FROM postmortem_trailentry e
                WHERE e.model = 'accounts_user' AND e.object_id = i.owner_id AND e.after ->> 'is_active' = 'false'
            ), i.agreed_at) END
        ))
        FROM remediation_remediationitem i
        WHERE i.id = ANY(ARRAY(
            SELECT u.id FROM remediation_remediationitem u
            WHERE u.service_id = s.id
              AND u.state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')
              AND (
                  u.due_at < %(as_of)s
                  OR u.first_verified_at IS NOT NULL
                  OR u.owner_id = ANY(ARRAY(SELECT id FROM accounts_user WHERE NOT is_active))
              )
        ))
    ),
    (
        SELECT json_agg(json_build_array(
            i.public_id, i.state, coalesce(c.last_verdict_at, c.created_at), c.interval_seconds
        ))
        FROM remediation_verificationcheck c
        JOIN remediation_remediationitem i ON i.id = c.item_id
        WHERE c.item_id = ANY(ARRAY(
                SELECT u.id FROM remediation_remediationitem u
                WHERE u.service_id = s.id AND u.state IN ('fix_claimed', 'verifying', 'verified')
            ))
          AND NOT c.is_paused
          AND coalesce(c.last_verdict_at, c.created_at)
              < %(as_of)s - c.interval_seconds * interval '3 second' - interval '5 minutes'
    )
FROM postmortem_service s
WHERE s.slug = %(slug)s
