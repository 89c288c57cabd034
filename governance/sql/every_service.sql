-- The present of every service, or of those that are named, for a page that lists them.
SELECT every.slug, q.*
FROM postmortem_service every
CROSS JOIN LATERAL (
{question}
) q
WHERE %(services)s IS NULL OR every.slug IN (SELECT json_array_elements_text(%(services)s))
