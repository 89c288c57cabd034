"""What rows of policy and promises held at a past moment: later edits are read from the trail and taken back.

What happens is dated by itself (agreed, verified, resolved). This is for columns that are overwritten: the
deadline of an item, its team, whether a severity counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

# table -> the columns that figures read and edits overwrite.
READ: dict[str, tuple[str, ...]] = {
    "remediation_remediationitem": ("due_at", "service_id", "team_id", "severity_id", "category", "origin"),
    "postmortem_severity": ("counts_in_figures",),
    "postmortem_service": ("team_id",),
    "accounts_user": ("is_active", "role"),
    "remediation_exam": ("version",),
}

# Of several later edits of one column the earliest holds what it was then; it comes last, and wins.
_EDITED = """
    SELECT e.model, e.object_id, jsonb_object_agg(b.key, b.value ORDER BY e.id DESC)
    FROM postmortem_trailentry e, jsonb_each(e.before) b
    WHERE e.at > %s AND e.operation = 'update' AND e.model = ANY(%s) AND b.key = ANY(%s)
    GROUP BY e.model, e.object_id
"""

Edits = Mapping[str, Mapping[int, Mapping[str, Any]]]
NONE: Edits = {table: {} for table in READ}


def edits(*, since: datetime) -> Edits:
    """What the columns in `READ` held at a moment, where they were edited since: table -> id -> column."""
    columns = sorted({column for names in READ.values() for column in names})
    found: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in READ}
    with connection.cursor() as cursor:
        cursor.execute(_EDITED, [since, list(READ), columns])
        for table, key, was in cursor.fetchall():
            values = json.loads(was) if isinstance(was, str) else was
            kept = {column: value for column, value in values.items() if column in READ[table]}
            if kept:
                found[table][key] = kept
    return found
