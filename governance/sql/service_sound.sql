-- Whether nothing can be wrong with a service in the present: one row, or none when there is no such service.
--
-- CI waits for this, and mostly the answer is yes; only after a no service_present.sql is asked what it is.
-- What may break a rule is written here as there (tests/governance/test_facts.py compares the two). The
-- indexes of governance/migrations/0003 let it pass by what is sound without touching the rows, as the table of
-- unsettled incidents does; the array and the OFFSET keep the planner from hash joins over whole tables.
SELECT
    s.id,
    NOT EXISTS (
        SELECT FROM remediation_remediationitem i
        WHERE i.service_id = s.id
          AND i.state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')
          AND (
              i.due_at < %(as_of)s
              OR i.first_verified_at IS NOT NULL
              OR i.owner_id = ANY(ARRAY(SELECT id FROM accounts_user WHERE NOT is_active))
          )
    )
    AND NOT EXISTS (
        SELECT FROM governance_unsettledincident w
        CROSS JOIN LATERAL (
            SELECT FROM postmortem_incident n
            WHERE n.id = w.incident_id AND n.dismissed_as = '' AND NOT n.is_drill
              AND NOT EXISTS (
                  SELECT FROM postmortem_review r WHERE r.id = n.review_id AND r.archived_at IS NOT NULL
              )
              AND n.started_at < %(as_of)s - (
                  SELECT v.review_hours * interval '1 hour' FROM postmortem_severity v
                  WHERE v.id = n.severity_id AND v.requires_postmortem
              )
            OFFSET 0
        ) n
        WHERE w.service_id = s.id
    )
    AND NOT EXISTS (
        SELECT FROM remediation_checkstanding c
        JOIN remediation_verificationcheck d ON d.id = c.verification_check_id
        JOIN remediation_remediationitem i ON i.id = d.item_id
        WHERE c.service_id = s.id AND NOT c.is_resting
          AND (coalesce(c.last_verdict_at, c.created_at) AT TIME ZONE 'UTC')
              + (3 * c.interval_seconds + 300) * interval '1 second' < (%(as_of)s AT TIME ZONE 'UTC')
          AND i.state IN ('fix_claimed', 'verifying', 'verified')
    ) AS is_sound,
    {gate_for_all}
FROM postmortem_service s
WHERE s.slug = %(slug)s
