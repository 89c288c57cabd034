"""Deadlines come near and pass: rows that say so, written once for each item and deadline."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from postmortem import trail
from postmortem.sla import AT_RISK_SHARE

# Declined items owe nothing. One that was verified in time once has kept its promise, whatever came after;
# one verified late has missed it, also when this looks for the first time.
_MARK = """
    INSERT INTO remediation_deadlinemark (item_id, kind, due_at, noticed_at)
    SELECT i.id, %(kind)s, i.due_at, %(now)s
    FROM remediation_remediationitem i
    WHERE i.state <> 'wont_do'
      AND i.agreed_at + (i.due_at - i.agreed_at) * %(share)s::float8 {compared} %(now)s
      AND (i.first_verified_at IS NULL
           OR i.first_verified_at > i.agreed_at + (i.due_at - i.agreed_at) * %(share)s::float8)
      AND NOT EXISTS (
          SELECT FROM remediation_deadlinemark m
          WHERE m.item_id = i.id AND m.due_at = i.due_at AND m.kind = %(kind)s
      )
    ON CONFLICT DO NOTHING
"""


def mark(*, now: datetime) -> int:
    """Write what has come near its deadline (four fifths of the time) or missed it; how many rows.

    Safe to run at any moment, late, twice or in two places at once.
    """
    marked = 0
    with trail.act("deadlines.mark", by=None), connection.cursor() as cursor:
        # Due at this very moment is in time; at risk begins at its moment.
        for kind, share, compared in (("at_risk", AT_RISK_SHARE, "<="), ("breached", 1.0, "<")):
            cursor.execute(_MARK.format(compared=compared), {"kind": kind, "share": share, "now": now})
            marked += cursor.rowcount
    return marked
