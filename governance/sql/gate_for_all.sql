(
    -- The policy row for all repositories, as it was then: what counts for a service. There is one at any time.
    SELECT {gate_row}
    FROM governance_gatepolicy g
    WHERE g.repositories = '{}' AND g.began_at <= %(as_of)s
    ORDER BY g.began_at DESC, g.id DESC LIMIT 1
)
