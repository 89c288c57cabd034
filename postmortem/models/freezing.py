"""Triggers that keep a postmortem as it was archived, whoever asks: acts, bulk updates and raw SQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pgtrigger

from accounts.models import User

EVERY_WRITE: Any = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete


def refuse(condition: str, message: str, *, constraint: str) -> str:
    """PL/pgSQL that refuses the statement when the condition holds; faces see an IntegrityError."""
    return f"""
        IF {condition} THEN
            RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation', CONSTRAINT = '{constraint}';
        END IF;
    """


def _said(row: str, free: Sequence[str] = ()) -> str:
    """SQL for what a row says: all but the named columns, and HTML, which is but a rendering of its text."""
    names = "".join(f" AND key <> '{name}'" for name in free)
    return (
        "(SELECT jsonb_object_agg(key, value)"
        f" FROM jsonb_each(to_jsonb({row})) WHERE right(key, 5) <> '_html'{names})"
    )


def frozen(review: str, *, free: Sequence[str] = (), operation: Any = EVERY_WRITE) -> pgtrigger.Trigger:
    """A trigger that refuses INSERT, UPDATE and DELETE of rows that an archived review says.

    Args:
        review: SQL for the id of a row's review, with {row} for the row.
        free: columns that may change all the same.
        operation: what is refused, where that is less.
    """
    # The lock makes a statement wait for somebody who archives at this moment, and then refuses it.
    is_archived = f"""(TG_OP <> 'UPDATE' OR {_said("NEW", free)} <> {_said("OLD", free)}) AND EXISTS (
            SELECT FROM postmortem_review
            WHERE id IN ({review.format(row="OLD")}, {review.format(row="NEW")}) AND archived_at IS NOT NULL
            FOR SHARE
        )"""
    return pgtrigger.Trigger(
        name="frozen",
        operation=operation,
        when=pgtrigger.Before,
        func=refuse(is_archived, "an archived review is read-only", constraint="archived_is_read_only")
        + "RETURN coalesce(NEW, OLD);",
    )


OF_REVIEW = "{row}.review_id"
OF_INCIDENT = "(SELECT review_id FROM postmortem_incident WHERE id = {row}.incident_id)"
OF_PARTICIPANT = """(
    SELECT n.review_id FROM postmortem_participant p JOIN postmortem_incident n ON n.id = p.incident_id
    WHERE p.id = {row}.participant_id
)"""
OF_TIMELINE = """(
    SELECT n.review_id FROM postmortem_timeline t JOIN postmortem_participant p ON p.id = t.participant_id
    JOIN postmortem_incident n ON n.id = p.incident_id WHERE t.id = {row}.timeline_id
)"""
OF_EVIDENCE = """(
    SELECT review_id FROM postmortem_incident WHERE id = {row}.incident_id
    UNION ALL SELECT review_id FROM postmortem_reviewstep WHERE id = {row}.step_id
    UNION ALL SELECT n.review_id FROM postmortem_entry e JOIN postmortem_timeline t ON t.id = e.timeline_id
    JOIN postmortem_participant p ON p.id = t.participant_id
    JOIN postmortem_incident n ON n.id = p.incident_id WHERE e.id = {row}.entry_id
)"""

_RANKS = f"ARRAY[{', '.join(repr(role) for role in User.RANK)}]"
# As `approvals.of`: given to this very content, by somebody who may still give it, never by the owner.
_APPROVALS_MISSING = f"""(
            SELECT count(*) FROM postmortem_reviewapproval a
            JOIN accounts_user u ON u.id = a.given_by_id
            JOIN postmortem_review r ON r.id = a.review_id
            WHERE a.review_id = NEW.review_id AND a.content_hash = NEW.content_hash
              AND a.given_by_id <> r.owner_id AND u.is_active
              AND array_position({_RANKS}, u.role::text) >= (
                SELECT max(array_position({_RANKS}, s.approver_role::text)) FROM postmortem_severity s
                JOIN postmortem_incident n ON n.severity_id = s.id
                WHERE n.review_id = NEW.review_id AND s.approvals_needed > 0
              )
        ) < (
            SELECT coalesce(max(s.approvals_needed), 0) FROM postmortem_severity s
            JOIN postmortem_incident n ON n.severity_id = s.id WHERE n.review_id = NEW.review_id
        )"""

# The revision of a review that no reopening ended: what it says while it is archived.
_STANDING = """
    SELECT v.* INTO standing FROM postmortem_revision v
    WHERE v.review_id = {review}
      AND NOT EXISTS (SELECT FROM postmortem_reopening o WHERE o.revision_id = v.id);
"""
_DECLARE = [("standing", "postmortem_revision%ROWTYPE")]


def archived_by_a_revision() -> pgtrigger.Trigger:
    """On reviews: archived exactly while a revision stands, and unchanged as long as it does."""
    return pgtrigger.Trigger(
        name="archived_by_a_revision",
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        declare=_DECLARE,
        func=refuse(
            "TG_OP = 'DELETE' AND OLD.first_archived_at IS NOT NULL",
            "a postmortem is never deleted",
            constraint="archived_is_read_only",
        )
        + "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;"
        + _STANDING.format(review="NEW.id")
        + refuse(
            "(NEW.archived_at, NEW.archived_by_id, NEW.content_hash)"
            " IS DISTINCT FROM"
            " (standing.archived_at, standing.archived_by_id, coalesce(standing.content_hash, ''))",
            "a review is archived by its revision and opened by a reopening",
            constraint="archived_by_a_revision",
        )
        + refuse(
            "NEW.first_archived_at IS DISTINCT FROM (SELECT min(archived_at) FROM postmortem_revision"
            " WHERE review_id = NEW.id)",
            "the first revision says when a review was first archived",
            constraint="archived_by_a_revision",
        )
        + refuse(
            "TG_OP = 'UPDATE' AND OLD.archived_at IS NOT NULL AND NEW.archived_at IS NOT NULL"
            f" AND {_said('NEW')} <> {_said('OLD')}",
            "an archived review is read-only",
            constraint="archived_is_read_only",
        )
        + "RETURN NEW;",
    )


def lacks_nothing() -> pgtrigger.Trigger:
    """On revisions: written in order, one standing at a time, of a review that itself lacks nothing.

    What its plan lacks is refused by a trigger of `remediation`, which stands downstream.
    """
    rules = {
        "the review is not open": """NOT EXISTS (
            SELECT FROM postmortem_review WHERE id = NEW.review_id AND opened_at IS NOT NULL
        )""",
        "a step is not signed": """4 <> (
            SELECT count(*) FROM postmortem_reviewstep
            WHERE review_id = NEW.review_id AND signed_at IS NOT NULL AND NOT is_stale
        )""",
        "a timeline is missing": """EXISTS (
            SELECT FROM postmortem_incident n
            JOIN postmortem_participant p ON p.incident_id = n.id
            LEFT JOIN postmortem_timeline t ON t.participant_id = p.id
            WHERE n.review_id = NEW.review_id AND t.filed_at IS NULL AND t.excused_at IS NULL
        )""",
        "no primary cause is verified": """NOT EXISTS (
            SELECT FROM postmortem_rootcause
            WHERE review_id = NEW.review_id AND is_primary AND state = 'verified'
        )""",
        "the checklist is empty": """NOT EXISTS (
            SELECT FROM postmortem_checklistentry WHERE review_id = NEW.review_id
        )""",
        "owner and facilitator are one person": """EXISTS (
            SELECT FROM postmortem_review r
            JOIN postmortem_incident n ON n.review_id = r.id
            JOIN postmortem_severity s ON s.id = n.severity_id
            WHERE r.id = NEW.review_id AND r.owner_id = r.facilitator_id AND s.facilitator_apart
        )""",
        "an approval is missing": _APPROVALS_MISSING,
    }
    return pgtrigger.Trigger(
        name="lacks_nothing",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        func="".join(
            refuse(condition, f"archived too early: {what}", constraint="archived_complete")
            for what, condition in rules.items()
        )
        + "RETURN NEW;",
    )


def in_order() -> pgtrigger.Trigger:
    """On revisions: numbered from 1 without a gap; the one before was ended by a reopening."""
    return pgtrigger.Trigger(
        name="in_order",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        declare=_DECLARE,
        func=_STANDING.format(review="NEW.review_id")
        + refuse(
            "standing.id IS NOT NULL OR NEW.number <> 1 + (SELECT count(*) FROM postmortem_revision"
            " WHERE review_id = NEW.review_id)",
            "a revision follows the reopening of the one before",
            constraint="revisions_are_in_order",
        )
        + "RETURN NEW;",
    )


def agrees_with_its_review(review: str) -> pgtrigger.Trigger:
    """On revisions and reopenings: when the transaction ends, the review says the same as they do.

    Args:
        review: SQL for the id of the row's review.
    """
    return pgtrigger.Trigger(
        name="agrees_with_its_review",
        operation=pgtrigger.Insert,
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        declare=_DECLARE,
        func=_STANDING.format(review=review)
        + refuse(
            "(SELECT archived_at FROM postmortem_review"
            f" WHERE id = {review}) IS DISTINCT FROM standing.archived_at",
            "the review does not say what its revisions say",
            constraint="archived_by_a_revision",
        )
        + "RETURN NULL;",
    )
