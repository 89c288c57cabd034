"""How every state looks and what it is called: one table, so that a state looks the same on every page.

A look is a tone (the colour family), an icon (the shape, which carries the meaning without colour)
and a word. Loud tones are kept for what needs a person; what is well stays quiet.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Look:
    """One state's tone (mute, info, good, warn, bad, odd), icon name and word."""

    tone: str
    icon: str
    word: str | Promise
    is_loud: bool = False


LOOKS: dict[str, dict[str, Look]] = {
    "severity": {
        "P0": Look("bad", "bars-4", "P0", is_loud=True),
        "P1": Look("bad", "bars-3", "P1"),
        "P2": Look("warn", "bars-2", "P2"),
        "P3": Look("mute", "bars-1", "P3"),
        "P4": Look("mute", "bars-0", "P4"),
    },
    "item_state": {
        "open": Look("mute", "ring", pgettext_lazy("state of an item", "Open")),
        "in_progress": Look("info", "half", _("In progress")),
        "fix_claimed": Look("info", "claimed", _("Fix claimed")),
        "verifying": Look("info", "watching", _("Verifying")),
        "verified": Look("good", "closed", _("Verified")),
        "regressed": Look("bad", "reopened", _("Regressed"), is_loud=True),
        "wont_do": Look("mute", "slash", _("Won't do")),
    },
    "outcome": {
        "pass": Look("good", "closed", _("Pass")),
        "fail": Look("bad", "cross", _("Fail")),
        "no_data": Look("mute", "dashed", _("No data")),
        "error": Look("odd", "bolt", _("Error")),
        "": Look("mute", "queued", _("Not run yet")),
    },
    "standing": {
        "on_track": Look("good", "clock", _("On track")),
        "at_risk": Look("warn", "warning", _("At risk")),
        "breached": Look("bad", "alarm", _("Breached")),
        "met": Look("good", "flag", _("Met")),
    },
    "verdict": {
        "PASS": Look("good", "shield-check", "PASS"),
        "FAIL": Look("bad", "shield-cross", "FAIL", is_loud=True),
        "UNKNOWN": Look("odd", "shield-question", "UNKNOWN"),
    },
    "source_state": {
        "answers": Look("good", "closed", _("Answers")),
        "silent": Look("bad", "bolt", _("Does not answer")),
        "off": Look("mute", "slash", _("switched off")),
    },
    "incident_state": {
        "open": Look("bad", "incident", pgettext_lazy("state of an incident", "Open"), is_loud=True),
        "mitigated": Look("warn", "half", _("Mitigated")),
        "resolved": Look("good", "closed", _("Resolved")),
        "closed": Look("mute", "archive", pgettext_lazy("state of an incident", "Closed")),
        "dismissed": Look("mute", "slash", _("Dismissed")),
    },
    "review_state": {
        "preparing": Look("mute", "ring", _("Preparing")),
        "in_review": Look("info", "half", _("In review")),
        "ready": Look("info", "claimed", _("Ready to archive")),
        "archived": Look("good", "postmortem", _("Archived")),
    },
    "step_state": {
        "waiting": Look("mute", "lock", _("Waiting")),
        "ready": Look("info", "half", _("Ready to sign")),
        "signed": Look("good", "closed", _("Signed")),
        "stale": Look("warn", "reopened", _("Stale")),
    },
    "timeline_state": {
        "sealed": Look("mute", "lock", _("Sealed")),
        "filed": Look("good", "closed", _("Filed")),
        "excused": Look("mute", "slash", _("Excused")),
    },
    "cause_state": {
        "hypothesis": Look("warn", "help", _("Hypothesis")),
        "verified": Look("good", "closed", _("Verified")),
        "refuted": Look("mute", "slash", _("Refuted")),
    },
    "cause_part": {
        "root": Look("mute", "flag", _("Root cause")),
        "trigger": Look("mute", "bolt", _("Trigger")),
        "contributing": Look("mute", "link", _("Contributing factor")),
    },
    "change_verdict": {
        "suspect": Look("warn", "help", _("Suspect")),
        "culprit": Look("bad", "bolt", _("Culprit")),
        "cleared": Look("mute", "check", _("Cleared")),
    },
    "measurement": {
        "fetched": Look("good", "lock", _("Fetched and frozen")),
        "stated": Look("warn", "user", _("Stated, not fetched")),
    },
    "recurrence": {
        "confirmed": Look("warn", "reopened", _("The same cause")),
        "rejected": Look("mute", "slash", _("Another cause")),
    },
    "entry_kind": {
        "note": Look("mute", "note", _("Note")),
        "command": Look("mute", "command", _("Command")),
        "log": Look("mute", "log", _("Log")),
        "screenshot": Look("mute", "screenshot", _("Screenshot")),
        "decision": Look("mute", "decision", _("Decision")),
        "alert": Look("mute", "bell", _("Alert")),
        "change": Look("mute", "change", _("Change")),
    },
    "marker": {
        "detection": Look("info", "detection", _("Detection")),
        "diagnosis": Look("odd", "diagnosis", _("Diagnosis")),
        "repair": Look("good", "repair", _("Repair")),
    },
    "item_kind": {
        "prevent": Look("mute", "shield-check", _("Prevent")),
        "detect": Look("mute", "detection", _("Detect")),
        "mitigate": Look("mute", "repair", _("Mitigate")),
    },
    "exam": {
        "passed": Look("good", "closed", _("Passed")),
        "failed": Look("bad", "cross", _("Not passed")),
        "missing": Look("warn", "half", _("Not passed yet")),
    },
    "delivery": {
        "waiting": Look("mute", "queued", _("Waiting")),
        "sent": Look("good", "check", _("Sent")),
        "given_up": Look("bad", "cross", _("Given up")),
        "refused": Look("bad", "lock", _("Refused")),
        "dropped": Look("mute", "slash", _("Not sent")),
    },
    "waiver_state": {
        "asked": Look("info", "queued", _("Asked")),
        "in_force": Look("warn", "shield-question", _("In force")),
        "expired": Look("mute", "clock", _("Expired")),
        "ended": Look("mute", "closed", _("Ended early")),
        "refused": Look("mute", "cross", _("Refused")),
        "withdrawn": Look("mute", "slash", _("Withdrawn")),
        "lapsed": Look("mute", "dashed", _("Never answered")),
    },
    "event": {
        "waiting": Look("mute", "queued", _("Waiting")),
        "done": Look("good", "check", _("Done")),
        "ignored": Look("mute", "slash", _("Nothing to do")),
        "failed": Look("bad", "cross", _("Failed")),
    },
    "report_state": {
        "draft": Look("mute", "ring", _("Draft")),
        "published": Look("good", "lock", _("Published and frozen")),
    },
    "mode": {
        "off": Look("mute", "slash", pgettext_lazy("gate mode", "Off")),
        "warn": Look("mute", "bell", pgettext_lazy("gate mode", "Warn")),
        "dry-run": Look("mute", "dashed", pgettext_lazy("gate mode", "Dry run")),
        "strict": Look("mute", "gate", pgettext_lazy("gate mode", "Strict")),
    },
    "flag": {
        "drill": Look("mute", "drill", _("Drill")),
        "restricted": Look("warn", "lock", _("Restricted")),
        "late_entry": Look("mute", "calendar", _("Entered late")),
        "late": Look("bad", "clock", _("Late")),
        "stale": Look("warn", "clock", pgettext_lazy("state of a check", "Stale")),
        "done": Look("good", "check", _("Done")),
        "waived": Look("warn", "shield-question", _("Waived")),
        "not_counting": Look("mute", "slash", _("Does not count")),
        "asked": Look("warn", "slash", _("Asked not to be done")),
        "ownerless": Look("bad", "user", _("No active owner")),
        "never_red": Look("warn", "help", _("Never seen red")),
        "paused": Look("mute", "pause", _("Paused")),
        "estimate": Look("mute", "help", _("Estimate")),
        "approved": Look("good", "check", _("Approved")),
        "primary": Look("mute", "star", _("Primary")),
        "retired": Look("mute", "slash", pgettext_lazy("a class of causes", "Retired")),
        "expired": Look("mute", "clock", _("Expired")),
        "revoked": Look("mute", "slash", _("Revoked")),
        "active": Look("good", "check", _("Active")),
        "inactive": Look("mute", "slash", _("Inactive")),
    },
}


def look(kind: str, value: object) -> Look:
    """The look of `value` among the states of `kind`; a value nobody drew yet is shown as it is written."""
    name = "" if value is None else str(value)
    return LOOKS.get(kind, {}).get(name) or Look("mute", "ring", name or "–")
