"""The least that the worker of commands needs of the database, as SQL for a role of its own.

That worker runs what people typed. Should a command ever break out of its sandbox, it finds a connection with
which nobody signs in, approves, or asks a data source: no password, token, session or credential of a source
can be read, no check or approval written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_ALL = ""
# What may be read: all columns of a table, or those named.
READS: Mapping[str, str] = {
    "remediation_checkrun": _ALL,
    "remediation_checklistrun": _ALL,
    "remediation_verificationcheck": _ALL,
    "remediation_checkstanding": _ALL,
    "remediation_remediationitem": _ALL,
    "remediation_itemtransition": _ALL,
    "remediation_proberevision": _ALL,
    "remediation_probeapproval": _ALL,
    "remediation_probeswitch": _ALL,
    "remediation_probesecret": _ALL,
    "remediation_datasource": "id, base_url",
    "postmortem_review": "id",
    "postmortem_incidentservice": "incident_id, service_id",
    "postmortem_incident": "id, review_id",
    "postmortem_service": "id, team_id",
}
# What may be changed, column by column: results, and how a check and its item stand after them.
UPDATES: Mapping[str, str] = {
    "remediation_checklistrun": (
        "lease_token, lease_until, attempt, started_at, finished_at, outcome, value, series, warnings,"
        " expression, output, error_code, error, sandbox"
    ),
    "remediation_checkstanding": (
        "next_run_at, is_wanted_again, asked_run_id, asked_at, run_id, slot, skipped_slots, lease_token,"
        " lease_until, attempt, started_at, check_version, streak, counted_slot, last_outcome, last_run_at,"
        " last_value, last_verdict_at, seen_red_at"
    ),
    "remediation_remediationitem": "state, first_verified_at",
}
# What may be added: who did what, how an item moved, and runs with their results.
INSERTS = ("postmortem_trailentry", "remediation_itemtransition", "remediation_checkrun")
# Where the numbers of claimed runs come from.
SEQUENCES = ("remediation_checkrun_id_seq",)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


def statements(role: str) -> Iterator[str]:
    """SQL that takes from a role whatever it had and grants it the least that the worker needs.

    Raises:
        ValueError: the name is none that needs no quoting.
    """
    if not _NAME.fullmatch(role):
        raise ValueError("Small letters, digits and _, please.")
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    for table, columns in READS.items():
        yield f"GRANT SELECT{f' ({columns})' if columns else ''} ON {table} TO {role}"
    for table, columns in UPDATES.items():
        yield f"GRANT UPDATE ({columns}) ON {table} TO {role}"
    for table in INSERTS:
        # Its id comes back from an insert, and nothing else of the trail.
        yield f"GRANT INSERT, SELECT (id) ON {table} TO {role}"
    for sequence in SEQUENCES:
        yield f"GRANT USAGE ON SEQUENCE {sequence} TO {role}"
