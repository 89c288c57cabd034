from datetime import UTC, datetime, timedelta

import pytest

from postmortem.sla import Standing, standing
from tests import factories

START = datetime(2026, 11, 1, tzinfo=UTC)
DUE = START + timedelta(hours=48)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("met_at", "as_of", "expected"),
    [
        (None, START, Standing.ON_TRACK),
        (None, START + timedelta(hours=38, minutes=23), Standing.ON_TRACK),
        (None, START + timedelta(hours=38, minutes=24), Standing.AT_RISK),
        (None, START + timedelta(hours=47, minutes=59), Standing.AT_RISK),
        (None, DUE, Standing.AT_RISK),
        (None, DUE + SECOND, Standing.BREACHED),
        (DUE, DUE + SECOND, Standing.MET),
        (DUE + SECOND, DUE + timedelta(days=9), Standing.BREACHED),
        (DUE, DUE - SECOND, Standing.AT_RISK),
    ],
)
def test_standing_of_a_review_due_within_48_hours(met_at, as_of, expected):
    """R8: 47:59 at risk, 48:00:01 breached; the breach stays after a late completion."""
    assert standing(promised_at=START, due_at=DUE, met_at=met_at, as_of=as_of) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(("severity", "hours"), [("P0", 48), ("P1", 48), ("P2", 120)])
def test_the_review_is_due_hours_after_the_impact_began(severity, hours):
    """R8."""
    incident = factories.incident(severity=severity)

    assert incident.review_due_at == incident.started_at + timedelta(hours=hours)
