-- The same as service_present.sql, as of a moment in the past: what happened since is taken back.
--
-- What happened is dated by itself (declared, created, agreed, verified, finished); a review was archived then
-- when one of its revisions was standing: written, and not ended by a reopening yet. The state of an
-- item is the one that its first later move left. What was edited since stands in the trail: of several later
-- changes of one column the earliest holds the value it had then; it comes last, and wins.
SELECT
    s.id,
    (
        SELECT json_agg(json_build_array(d.public_id, d.due_at, d.review, d.reopened_at))
        FROM (
            SELECT
                n.public_id,
                coalesce(r.public_id, '') AS review,
                (
                    SELECT max(o.reopened_at) FROM postmortem_reopening o
                    JOIN postmortem_revision k ON k.id = o.revision_id
                    WHERE k.review_id = r.id AND o.reopened_at <= %(as_of)s
                ) AS reopened_at,
                n.dismissed_as <> '' AND n.closed_at <= %(as_of)s AS is_dismissed,
                coalesce((nb.was ->> 'is_drill')::boolean, n.is_drill) AS is_drill,
                coalesce((vb.was ->> 'requires_postmortem')::boolean, v.requires_postmortem) AS is_required,
                coalesce((nb.was ->> 'started_at')::timestamptz, n.started_at)
                    + coalesce((vb.was ->> 'review_hours')::int, v.review_hours) * interval '1 hour' AS due_at
            FROM postmortem_incidentservice l
            JOIN postmortem_incident n ON n.id = l.incident_id
            LEFT JOIN postmortem_review r ON r.id = n.review_id AND r.created_at <= %(as_of)s
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
            WHERE l.service_id = s.id AND l.part = 'origin' AND n.declared_at <= %(as_of)s
              AND NOT EXISTS (
                  SELECT FROM postmortem_revision k
                  LEFT JOIN postmortem_reopening o ON o.revision_id = k.id
                  WHERE k.review_id = r.id AND k.archived_at <= %(as_of)s
                    AND (o.reopened_at IS NULL OR o.reopened_at > %(as_of)s)
              )
        ) d
        WHERE NOT d.is_dismissed AND NOT d.is_drill AND d.is_required AND d.due_at < %(as_of)s
    ),
    (
        WITH mine AS MATERIALIZED (
            SELECT i.id, i.public_id, i.state, i.owner_id, i.agreed_at, i.due_at,
                CASE WHEN i.first_verified_at <= %(as_of)s THEN i.first_verified_at END AS first_verified_at
            FROM remediation_remediationitem i
            WHERE i.service_id = s.id AND i.agreed_at <= %(as_of)s
        ),
        moved AS (
            SELECT DISTINCT ON (m.item_id) m.item_id, m.from_state
            FROM remediation_itemtransition m
            WHERE m.item_id = ANY(ARRAY(SELECT id FROM mine)) AND m.at > %(as_of)s
            ORDER BY m.item_id, m.at, m.id
        ),
        edited AS (
            SELECT e.object_id, jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
            FROM postmortem_trailentry e, jsonb_each(e.before) b
            WHERE e.model = 'remediation_remediationitem' AND e.object_id = ANY(ARRAY(SELECT id FROM mine))
              AND e.operation = 'update' AND e.at > %(as_of)s
            GROUP BY e.object_id
        ),
        owed AS (
            SELECT mine.id, mine.public_id, mine.agreed_at, mine.first_verified_at,
                coalesce(moved.from_state, mine.state) AS state,
                coalesce((edited.was ->> 'due_at')::timestamptz, mine.due_at) AS due_at,
                coalesce((edited.was ->> 'owner_id')::bigint, mine.owner_id) AS owner_id
            FROM mine
            LEFT JOIN moved ON moved.item_id = mine.id
            LEFT JOIN edited ON edited.object_id = mine.id
            WHERE coalesce(moved.from_state, mine.state) NOT IN ('verified', 'wont_do')
        )
        SELECT json_agg(json_build_array(
            owed.public_id, owed.state, owed.due_at, owed.first_verified_at,
            CASE WHEN owed.first_verified_at IS NOT NULL THEN (
                SELECT max(m.at) FROM remediation_itemtransition m
                WHERE m.item_id = owed.id AND m.to_state = 'regressed' AND m.at <= %(as_of)s
            ) END,
            CASE WHEN NOT o.is_active THEN coalesce((
                SELECT max(e.at) FROM postmortem_trailentry e
                WHERE e.model = 'accounts_user' AND e.object_id = owed.owner_id
                  AND e.after ->> 'is_active' = 'false' AND e.at <= %(as_of)s
            ), owed.agreed_at) END
        ))
        FROM owed
        CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT (e.before ->> 'is_active')::boolean
                FROM postmortem_trailentry e
                WHERE e.model = 'accounts_user' AND e.object_id = u.id
                  AND e.operation = 'update' AND e.at > %(as_of)s
                ORDER BY e.id LIMIT 1
            ), u.is_active) AS is_active
            FROM accounts_user u
            WHERE u.id = owed.owner_id
            OFFSET 0
        ) o
        WHERE owed.due_at < %(as_of)s OR owed.first_verified_at IS NOT NULL OR NOT o.is_active
    ),
    (
        WITH mine AS MATERIALIZED (
            SELECT c.id, c.item_id, c.created_at, c.interval_seconds, c.is_paused
            FROM remediation_verificationcheck c
            WHERE c.service_id = s.id AND c.created_at <= %(as_of)s
        ),
        moved AS (
            SELECT DISTINCT ON (m.item_id) m.item_id, m.from_state
            FROM remediation_itemtransition m
            WHERE m.item_id = ANY(ARRAY(SELECT item_id FROM mine)) AND m.at > %(as_of)s
            ORDER BY m.item_id, m.at, m.id
        ),
        edited AS (
            SELECT e.object_id, jsonb_object_agg(b.key, b.value ORDER BY e.id DESC) AS was
            FROM postmortem_trailentry e, jsonb_each(e.before) b
            WHERE e.model = 'remediation_verificationcheck' AND e.object_id = ANY(ARRAY(SELECT id FROM mine))
              AND e.operation = 'update' AND e.at > %(as_of)s
            GROUP BY e.object_id
        )
        SELECT json_agg(json_build_array(d.public_id, d.state, d.answered_at, d.interval_seconds))
        FROM (
            SELECT i.public_id,
                coalesce(moved.from_state, i.state) AS state,
                coalesce(a.finished_at, mine.created_at) AS answered_at,
                coalesce((edited.was ->> 'interval_seconds')::int, mine.interval_seconds) AS interval_seconds
            FROM mine
            JOIN remediation_remediationitem i ON i.id = mine.item_id
            LEFT JOIN moved ON moved.item_id = mine.item_id
            LEFT JOIN edited ON edited.object_id = mine.id
            -- Long ago runs are rolled up by day (remediation/retention.py): what is left of them answers the same.
            LEFT JOIN LATERAL (
                SELECT max(known.at) AS finished_at
                FROM (
                    (
                        SELECT q.finished_at AS at FROM remediation_checkrun q
                        WHERE q.verification_check_id = mine.id AND q.slot <= %(as_of)s
                          AND q.finished_at <= %(as_of)s AND q.outcome IN ('pass', 'fail')
                        ORDER BY q.slot DESC LIMIT 1
                    )
                    UNION ALL
                    (
                        SELECT (SELECT max(v.at) FROM unnest(d.verdicts_at) v (at) WHERE v.at <= %(as_of)s)
                        FROM remediation_checkday d
                        WHERE d.verification_check_id = mine.id AND d.first_verdict_at <= %(as_of)s
                          AND d.day <= (%(as_of)s AT TIME ZONE 'UTC')::date
                        ORDER BY d.day DESC LIMIT 1
                    )
                ) known
            ) a ON true
            WHERE coalesce(moved.from_state, i.state) IN ('fix_claimed', 'verifying', 'verified')
              AND NOT coalesce((edited.was ->> 'is_paused')::boolean, mine.is_paused)
        ) d
        WHERE d.answered_at < %(as_of)s - d.interval_seconds * interval '3 second' - interval '5 minutes'
    ),
    {service_waivers},
    {gate_for_all}
FROM postmortem_service s
WHERE s.slug = %(slug)s
