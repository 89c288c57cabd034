-- The same as service_present.sql, as of a moment in the past. What happened is dated by itself (declared,
-- created, archived, moved, finished). What was edited since is taken back by the trail: of several later
-- changes of one column the earliest holds the value it had then; it comes last, and wins.
SELECT
    s.id,
    (
        SELECT json_agg(json_build_array(d.public_id, d.due_at, coalesce(d.review, '')))
        FROM (
            SELECT n.public_id, r.public_id AS review, n.dismissed_as <> '' AND n.closed_at <= %(as_of)s AS is_dismissed,
                coalesce((nb.was ->> 'is_drill')::boolean, n.is_drill) AS is_drill,
                coalesce((vb.was ->> 'requires_postmortem')::boolean, v.requires_postmortem) AS requires_postmortem,
                coalesce((nb.was ->> 'started_at')::timestamptz, n.started_at)
                    + coalesce((vb.was ->> 'review_hours')::int, v.review_hours) * interval '1 hour' AS due_at
            FROM postmortem_incidentservice l
            JOIN postmortem_incident n ON n.id = l.incident_id
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
                FROM postmortem_trailentry e, jsonb_each(e.before) b
                WHERE e.model = 'postmortem_incident' AND e.object_id = n.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
            ) nb
            JOIN postmortem_severity v ON v.id = coalesce((nb.was ->> 'severity_id')::bigint, n.severity_id)
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
                FROM postmortem_trailentry e, jsonb_each(e.before) b
                WHERE e.model = 'postmortem_severity' AND e.object_id = v.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
            ) vb
            LEFT JOIN postmortem_review r ON r.id = n.review_id AND r.created_at <= %(as_of)s
            WHERE l.service_id = s.id AND l.part = 'origin' AND n.declared_at <= %(as_of)s
              AND (r.archived_at IS NULL OR r.archived_at > %(as_of)s)
        ) d
        WHERE NOT d.is_dismissed AND NOT d.is_drill AND d.requires_postmortem AND d.due_at < %(as_of)s
    ),
    (
        SELECT json_agg(json_build_array(
            d.public_id, d.state, d.due_at, d.first_verified_at,
            CASE WHEN d.first_verified_at IS NOT NULL THEN (
                SELECT max(m.at) FROM remediation_itemtransition m
                WHERE m.item_id = d.id AND m.to_state = 'regressed' AND m.at <= %(as_of)s
            ) END,
            CASE WHEN NOT d.is_owned THEN coalesce((
                SELECT max(e.at) FROM postmortem_trailentry e
                WHERE e.model = 'accounts_user' AND e.object_id = d.owner_id
                  AND e.after ->> 'is_active' = 'false' AND e.at <= %(as_of)s
            ), d.agreed_at) END
        ))
        FROM (
            SELECT i.id, i.public_id, i.agreed_at, st.to_state AS state, o.id AS owner_id,
                coalesce((ib.was ->> 'due_at')::timestamptz, i.due_at) AS due_at,
                coalesce((ob.was ->> 'is_active')::boolean, o.is_active) AS is_owned,
                (
                    SELECT min(m.at) FROM remediation_itemtransition m
                    WHERE m.item_id = i.id AND m.to_state = 'verified' AND m.at <= %(as_of)s
                ) AS first_verified_at
            FROM remediation_remediationitem i
            CROSS JOIN LATERAL (
                SELECT m.to_state FROM remediation_itemtransition m
                WHERE m.item_id = i.id AND m.at <= %(as_of)s ORDER BY m.at DESC, m.id DESC LIMIT 1
            ) st
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
                FROM postmortem_trailentry e, jsonb_each(e.before) b
                WHERE e.model = 'remediation_remediationitem' AND e.object_id = i.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
            ) ib
            JOIN accounts_user o ON o.id = coalesce((ib.was ->> 'owner_id')::bigint, i.owner_id)
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
                FROM postmortem_trailentry e, jsonb_each(e.before) b
                WHERE e.model = 'accounts_user' AND e.object_id = o.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
            ) ob
            WHERE i.service_id = s.id AND i.agreed_at <= %(as_of)s
              AND st.to_state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')
        ) d
        WHERE d.due_at < %(as_of)s OR d.first_verified_at IS NOT NULL OR NOT d.is_owned
    ),
    (
        SELECT json_agg(json_build_array(d.public_id, d.state, d.answered_at, d.interval_seconds))
        FROM (
            SELECT i.public_id, st.to_state AS state,
                coalesce(a.finished_at, c.created_at) AS answered_at,
                coalesce((cb.was ->> 'interval_seconds')::int, c.interval_seconds) AS interval_seconds,
                coalesce((cb.was ->> 'is_paused')::boolean, c.is_paused) AS is_paused
            FROM remediation_remediationitem i
            CROSS JOIN LATERAL (
                SELECT m.to_state FROM remediation_itemtransition m
                WHERE m.item_id = i.id AND m.at <= %(as_of)s ORDER BY m.at DESC, m.id DESC LIMIT 1
            ) st
            JOIN remediation_verificationcheck c ON c.item_id = i.id AND c.created_at <= %(as_of)s
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
                FROM postmortem_trailentry e, jsonb_each(e.before) b
                WHERE e.model = 'remediation_verificationcheck' AND e.object_id = c.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
            ) cb
            LEFT JOIN LATERAL (
                SELECT q.finished_at FROM remediation_checkrun q
                WHERE q.verification_check_id = c.id AND q.slot <= %(as_of)s
                  AND q.finished_at <= %(as_of)s AND q.outcome IN ('pass', 'fail')
                ORDER BY q.slot DESC LIMIT 1
            ) a ON true
            WHERE i.service_id = s.id AND i.agreed_at <= %(as_of)s
              AND st.to_state IN ('fix_claimed', 'verifying', 'verified')
        ) d
        WHERE NOT d.is_paused
          AND d.answered_at < %(as_of)s - d.interval_seconds * interval '3 second' - interval '5 minutes'
    )
FROM postmortem_service s
WHERE s.slug = %(slug)s
