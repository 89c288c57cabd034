"""Pure: the time to recover, split into what people recovered and what healed itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from governance.metrics import quantile

FORMULA = (
    "mean of (resolved - started): self-healed are incidents with a run that healed them, and runs that "
    "healed what never became an incident; human are all other resolved incidents"
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Something that was recovered in the period, once.

    Attributes:
        name: the incident's public id, or the run's external id where there was no incident.
        playbook: that healed it; "" where people did.
    """

    name: str
    service: str
    started_at: datetime
    ended_at: datetime
    is_self_healed: bool
    playbook: str = ""
    is_restricted: bool = False

    @property
    def took(self) -> timedelta:
        """resolved - started."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Split:
    """One side: how many, and how long they took; all None for none."""

    n: int
    mean: timedelta | None
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True)
class Recoveries:
    """Both sides, and the share that healed itself in % with one decimal; None for no recoveries."""

    human: Split
    self_healed: Split
    self_healed_percent: Decimal | None


def recoveries(rows: Sequence[Recovery]) -> Recoveries:
    """MTTR = mean of (resolved - started), for what people recovered and for what healed itself.

    The cohort is every recovery of the period, each once: see `FORMULA`. Median and P90 beside the mean, for
    one long night moves a mean far.

    Source: specification, R17: firing and resolved 47 s apart give 47 s.
    """
    healed = [one for one in rows if one.is_self_healed]
    share = None
    if rows:
        exact = Decimal(100) * len(healed) / len(rows)
        share = exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return Recoveries(
        human=_split([one.took for one in rows if not one.is_self_healed]),
        self_healed=_split([one.took for one in healed]),
        self_healed_percent=share,
    )


def _split(durations: Sequence[timedelta]) -> Split:
    mean = sum(durations, timedelta()) / len(durations) if durations else None
    return Split(len(durations), mean, quantile(durations, 50), quantile(durations, 90))
