-- A question with the token that asks it; one round trip for both.
SELECT
    t.id,
    encode(t.secret_digest, 'hex'),
    t.revoked_at IS NULL AND t.expires_at > %(now)s AND u.is_active,
    %(scope)s = ANY(t.scopes),
    -- The use of a token is noted at most once a minute, so that asking stays one statement.
    t.last_used_at IS NULL OR t.last_used_at < %(now)s - interval '1 minute',
    q.*
FROM accounts_apitoken t
JOIN accounts_user u ON u.id = t.owner_id
LEFT JOIN LATERAL (
{question}
) q ON true
WHERE t.key_id = %(key_id)s
