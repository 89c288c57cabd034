json_build_array(
            'waiver-' || w.id, w.findings, w.answered_at, w.expires_at, w.ended_at,
            (SELECT slug FROM postmortem_service WHERE id = w.service_id), w.repository, w.change_id, w.object
        )
