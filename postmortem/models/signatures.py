"""Triggers that keep what a signature covers as it was signed."""

from __future__ import annotations

import pgtrigger


def under_signature(steps: str) -> pgtrigger.Trigger:
    """A trigger that refuses to add, change or take away a row while a step it belongs to is signed.

    A stale signature covers nothing any more; an archived review covers its rows for good.

    Args:
        steps: a SELECT of the ids of those steps; {row} stands for the row that is written.
    """
    refuse = (
        "IF EXISTS (SELECT 1 FROM postmortem_reviewstep s JOIN postmortem_review r ON r.id = s.review_id"
        " WHERE s.id IN ({steps}) AND (r.archived_at IS NOT NULL OR (s.signed_at IS NOT NULL AND NOT"
        " s.is_stale))) THEN RAISE EXCEPTION 'pgtrigger: % belongs to a signed step', TG_TABLE_NAME; END IF;"
    )
    rows = [
        f"IF TG_OP <> '{other}' THEN {refuse.format(steps=steps.format(row=row))} END IF;"
        for row, other in (("OLD", "INSERT"), ("NEW", "DELETE"))
    ]
    return pgtrigger.Trigger(
        name="under_signature",
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        func=" ".join(rows) + " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;",
    )
