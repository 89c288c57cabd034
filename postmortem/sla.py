"""Pure: deadlines, and how a promise stands. Reviews and items both use it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

AT_RISK_SHARE = 0.8


class Standing(StrEnum):
    """How a promise stands; only MET kept it."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    MET = "met"


def standing(
    *, promised_at: datetime, due_at: datetime, met_at: datetime | None, as_of: datetime
) -> Standing:
    """How a promise made at `promised_at` for `due_at` stands at `as_of` (all aware).

    Met at the very due moment counts as met. A late completion never heals a breach (R8). At risk
    begins when four fifths of the promised time are used up.

    >>> from datetime import UTC
    >>> start, due = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    >>> standing(promised_at=start, due_at=due, met_at=None, as_of=datetime(2026, 1, 2, 23, 59, tzinfo=UTC))
    <Standing.AT_RISK: 'at_risk'>
    """
    if met_at is not None and met_at <= as_of:
        return Standing.MET if met_at <= due_at else Standing.BREACHED
    if as_of > due_at:
        return Standing.BREACHED
    used = (as_of - promised_at).total_seconds()
    promised = (due_at - promised_at).total_seconds()
    return Standing.AT_RISK if promised <= 0 or used / promised >= AT_RISK_SHARE else Standing.ON_TRACK
