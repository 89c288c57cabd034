"""The counts of a month that are shown as pictures: on its page, and in the document to take away."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from governance import figure_words, metrics
from governance.metrics import Outcome
from governance.reports import Report
from postmortem.durations import duration_words


class Count(NamedTuple):
    """One part of a picture: its words, how many, and its tone (info, good, warn, odd, mute, bad)."""

    words: str
    number: int
    tone: str


TONES = {Outcome.IN_TIME: "good", Outcome.LATE: "warn", Outcome.BY_HAND: "odd", Outcome.OPEN: "mute"}


def outcomes(found: Report) -> list[Count]:
    """What became of the items that were due."""
    closure = found.figures["closure"]
    return [
        Count(figure_words.detail(outcome.value), closure[outcome.value], TONES[outcome])
        for outcome in Outcome
    ]


def restoring(found: Report) -> list[Count]:
    """How long incidents took to restore, in bands."""
    return [
        Count(
            _("longer") if end is None else f"≤ {duration_words(end)}",
            number,
            "info",
        )
        for end, number in metrics.bands(found.rows.resolved)
    ]


def ageing(found: Report) -> list[Count]:
    """Overdue items by how long they have been overdue."""
    ages = found.figures["overdue"]
    return [
        Count(_("up to 7 days"), ages["up_to_7_days"], "bad"),
        Count(_("8 to 30 days"), ages["up_to_30_days"], "bad"),
        Count(_("31 to 90 days"), ages["up_to_90_days"], "bad"),
        Count(_("longer"), ages["longer"], "bad"),
    ]


def gate(found: Report) -> list[Count]:
    """What became of the changes about which CI asked: passed, passed by a waiver, not passed.

    One that did not pass in spite of a waiver is not among those that passed by one.
    """
    asked = metrics.asked(found.rows.gate)
    blocked = sum(one.is_blocked for one in asked)
    waived = sum(one.is_waived and not one.is_blocked for one in asked)
    return [
        Count(_("Passed"), len(asked) - blocked - waived, "good"),
        Count(_("Passed by a waiver"), waived, "warn"),
        Count(_("Not passed"), blocked, "bad"),
    ]
