"""The last runs of checks, read together with the checks: one statement, however many there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from remediation.models import CheckRun, VerificationCheck
from web.charts import Point

STRIP = 20


@dataclass(frozen=True)
class Mark:
    """One finished run, as far as a strip or a line needs it."""

    finished_at: datetime
    outcome: str
    value: float | None


def with_recent(checks: QuerySet[VerificationCheck], *, size: int = STRIP) -> QuerySet[VerificationCheck]:
    """Add `recent` to each check: its newest finished runs, read through the index of that check alone.

    A window over all runs would read a month of them to show twenty.
    """
    newest = (
        CheckRun.objects.filter(verification_check=OuterRef("pk"))
        .order_by("-slot")
        .values(row=JSONObject(at=F("finished_at"), outcome=F("outcome"), value=F("value")))[:size]
    )
    return checks.annotate(recent=ArraySubquery(newest))


def marks(check: VerificationCheck) -> list[Mark]:
    """The runs that `with_recent` read, oldest first."""
    rows: list[dict[str, Any]] = getattr(check, "recent", None) or []
    return [Mark(_moment(row["at"]), row["outcome"], _number(row["value"])) for row in reversed(rows)]


def points(runs: Iterable[Mark | CheckRun]) -> list[Point]:
    """Runs as points of a chart, in the order given."""
    return [Point(run.finished_at, run.value, run.outcome) for run in runs]


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(text)
    return moment


def _number(value: Any) -> float | None:
    # JSON has no word for NaN and the infinities: PostgreSQL writes them as text.
    return None if value is None else float(value)
