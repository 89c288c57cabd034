(
        SELECT json_agg({waiver_row} ORDER BY w.id)
        FROM governance_gatewaiver w
        WHERE w.service_id = s.id AND w.answer = 'granted' AND w.answered_at <= %(as_of)s
    )
