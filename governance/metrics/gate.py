"""Figures of the gate: what became of the changes about which CI asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from governance.metrics.counting import Counted
from governance.metrics.rows import GateQuestion, Rows

# The worst first.
_VERDICTS = ("FAIL", "UNKNOWN", "PASS")


class Asked(NamedTuple):
    """A change, and what the gate said of it in the period.

    Attributes:
        last: the last question about it.
        times: how often CI asked.
        verdict: the worst of the answers: one that was stopped once was stopped.
        is_waived: a waiver excused findings in any of them.
    """

    last: GateQuestion
    times: int
    verdict: str
    is_waived: bool

    @property
    def is_blocked(self) -> bool:
        """Whether it was not passed, be it once."""
        return self.verdict != "PASS"


def asked(questions: Sequence[GateQuestion]) -> list[Asked]:
    """The changes that questions are about, in the order of the last question about each.

    Pipelines ask again whenever they run again; a question that names no change is about one of its own.
    """
    by_change: dict[tuple[str, str, str], list[GateQuestion]] = {}
    for one in questions:
        key = (one.repository, one.change_id, "" if one.change_id else one.public_id)
        about = by_change.pop(key, [])
        about.append(one)
        # What is asked about again comes last.
        by_change[key] = about
    return [
        Asked(
            last=about[-1],
            times=len(about),
            verdict=min((one.verdict for one in about), key=_VERDICTS.index),
            is_waived=any(one.is_waived for one in about),
        )
        for about in by_change.values()
    ]


def gate_block_rows(rows: Rows) -> list[Counted]:
    """Gate blocks = changes that the gate did not pass, be it once / changes about which CI asked, in %.

    Cohort: changes about which CI asked in the period, however often.
    """
    return [_change(one, is_hit=one.is_blocked, detail=one.verdict) for one in asked(rows.gate)]


def gate_waiver_rows(rows: Rows) -> list[Counted]:
    """Waived = changes of which findings were excused by a waiver / changes about which CI asked, in %.

    Cohort: as for gate blocks. Source: specification, R14.
    """
    return [
        _change(one, is_hit=one.is_waived, detail="waived" if one.is_waived else one.verdict)
        for one in asked(rows.gate)
    ]


def _change(one: Asked, *, is_hit: bool, detail: str) -> Counted:
    return Counted(
        "decision",
        one.last.public_id,
        one.last.decided_at,
        is_hit=is_hit,
        detail=detail,
        repository=one.last.repository,
    )
