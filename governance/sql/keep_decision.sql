-- A decision, once: what is tried again after a lost connection may stand already.
INSERT INTO governance_gatedecision (
    id, kind, decided_at, token_id, verdict, findings, policy_version, service_id, date, repository, change_id,
    title, mode, gate_id, excuse, waivers, named, postmortems, request
) VALUES (
    %(id)s, %(kind)s, %(decided_at)s, %(token_id)s, %(verdict)s, %(findings)s, %(policy_version)s,
    %(service_id)s, %(date)s, %(repository)s, %(change_id)s, %(title)s, %(mode)s, %(gate_id)s, %(excuse)s,
    %(waivers)s, %(named)s, %(postmortems)s, %(request)s
) ON CONFLICT (id) DO NOTHING
