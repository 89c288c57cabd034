-- The present of every service, for a page that lists them.
SELECT every.slug, q.*
FROM postmortem_service every
CROSS JOIN LATERAL (
{question}
) q
