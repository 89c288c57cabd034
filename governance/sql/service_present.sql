-- What may break a rule about a service, in the present: one row, or none when there is no such service.
-- Incidents, items and checks come as JSON rows, or NULL when there are none.
SELECT
    s.id,
    (
        SELECT json_agg(json_build_array(
            n.public_id, n.started_at + v.review_hours * interval '1 hour', coalesce(r.public_id, ''),
            CASE WHEN r.first_archived_at IS NOT NULL THEN (
                SELECT max(o.reopened_at) FROM postmortem_reopening o
                JOIN postmortem_revision k ON k.id = o.revision_id
                WHERE k.review_id = r.id
            ) END
        ))
        FROM postmortem_incidentservice l
        JOIN postmortem_incident n ON n.id = l.incident_id
        JOIN postmortem_severity v ON v.id = n.severity_id
        LEFT JOIN postmortem_review r ON r.id = n.review_id
        WHERE l.service_id = s.id AND l.part = 'origin'
          AND n.dismissed_as = '' AND NOT n.is_drill AND v.requires_postmortem
          AND r.archived_at IS NULL
          AND n.started_at + v.review_hours * interval '1 hour' < %(as_of)s
    ),
    (
        SELECT json_agg(json_build_array(
            i.public_id, i.state, i.due_at, i.first_verified_at,
            CASE WHEN i.first_verified_at IS NOT NULL THEN (
                SELECT max(m.at) FROM remediation_itemtransition m
                WHERE m.item_id = i.id AND m.to_state = 'regressed'
            ) END,
            CASE WHEN NOT o.is_active THEN coalesce((
                SELECT max(e.at) FROM postmortem_trailentry e
                WHERE e.model = 'accounts_user' AND e.object_id = o.id AND e.after ->> 'is_active' = 'false'
            ), i.agreed_at) END
        ))
        FROM remediation_remediationitem i
        JOIN accounts_user o ON o.id = i.owner_id
        WHERE i.service_id = s.id
          AND i.state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')
          AND (i.due_at < %(as_of)s OR i.first_verified_at IS NOT NULL OR NOT o.is_active)
    ),
    (
        SELECT json_agg(json_build_array(
            i.public_id, i.state, coalesce(c.last_verdict_at, c.created_at), c.interval_seconds
        ))
        FROM remediation_checkstanding c
        JOIN remediation_verificationcheck d ON d.id = c.verification_check_id
        JOIN remediation_remediationitem i ON i.id = d.item_id
        WHERE c.service_id = s.id AND NOT c.is_resting
          AND (coalesce(c.last_verdict_at, c.created_at) AT TIME ZONE 'UTC')
              + (3 * c.interval_seconds + 300) * interval '1 second' < (%(as_of)s AT TIME ZONE 'UTC')
          AND i.state IN ('fix_claimed', 'verifying', 'verified')
    ),
    {service_waivers},
    {gate_for_all}
FROM postmortem_service s
WHERE s.slug = %(slug)s
