(
        SELECT json_agg(json_build_array(i.public_id, s.slug, i.due_at) ORDER BY i.due_at, i.public_id)
        FROM remediation_remediationitem i
        JOIN postmortem_severity v ON v.id = i.severity_id
        JOIN postmortem_service s ON s.id = i.service_id
        WHERE v.code = 'P0' AND i.due_at < %(now)s
          AND i.state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')
          AND (i.first_verified_at IS NULL OR i.first_verified_at > i.due_at)
    )
