-- A question with the token that asks it; one round trip for both.
SELECT
    t.id,
    -- After a rotation the secret before it is good for a while longer.
    encode(t.secret_digest || CASE WHEN t.previous_until > %(now)s THEN t.previous_digest ELSE ''::bytea END, 'hex'),
    t.revoked_at IS NULL AND t.expires_at > %(now)s AND u.is_active,
    -- What stands against it: its scopes, where it is used, or what it is asked about; '' when nothing does.
    CASE
        WHEN NOT %(scope)s = ANY(t.scopes) THEN 'scope'
        WHEN cardinality(t.networks) > 0
            AND NOT coalesce(nullif(%(address)s, '')::inet <<= ANY(t.networks::inet[]), false) THEN 'network'
        {limits}
        ELSE ''
    END,
    -- The use of a token is noted at most once a minute, so that asking stays one statement.
    t.last_used_at IS NULL OR t.last_used_at < %(now)s - interval '1 minute',
    -- How far the clock of who asks us is behind ours, in seconds.
    extract(epoch FROM clock_timestamp() - %(now)s),
    q.*
FROM accounts_apitoken t
JOIN accounts_user u ON u.id = t.owner_id
LEFT JOIN LATERAL (
{question}
) q ON true
WHERE t.key_id = %(key_id)s
