-- A question with the token that asks it; one round trip for both.
SELECT
    t.id,
    t.secret_digest,
    t.revoked_at IS NULL AND t.expires_at > %(now)s AND u.is_active,
    %(scope)s = ANY(t.scopes),
    t.last_used_at IS NULL OR t.last_used_at < %(noted_since)s,
    q.*
FROM accounts_apitoken t
JOIN accounts_user u ON u.id = t.owner_id
LEFT JOIN LATERAL (
{question}
) q ON true
WHERE t.key_id = %(key_id)s
