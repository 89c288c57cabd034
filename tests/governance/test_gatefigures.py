"""Figures of the gate in a period are counts of rows, half open."""

from datetime import timedelta

import pytest

from governance import gatefigures
from governance.models import GateDecision
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
START, END = f.NOW - 30 * f.DAY, f.NOW


def decided(token, *, at=END - HOUR, verdict="FAIL", mode="strict", **fields):
    return GateDecision.objects.create(
        kind="change", decided_at=at, token=token, verdict=verdict, mode=mode, findings=[],
        policy_version="2026-11-3", repository="shop/order", **fields,
    )  # fmt: skip


def test_figures_of_a_period_are_its_rows():
    token = f.api_token(scopes=["gate"])[0]
    blocked = decided(token)
    warned = decided(token, mode="warn")
    waived = decided(token, verdict="PASS", waivers=["waiver-1"])
    excused = decided(token, verdict="PASS", excuse={"rule": "label", "detail": "…"})
    unknown = decided(token, verdict="UNKNOWN")
    first = decided(token, at=START)
    for at in (START - HOUR, END):
        decided(token, at=at)
    granted = gating.waiver(repository="a", at=END - 3 * HOUR, hours=1)
    lone = gating.waiver(repository="a", at=END - HOUR, alone_by=gating.for_all())
    gating.waiver(repository="a", at=END)
    gating.waiver(repository="a", at=END - HOUR, is_granted=False)
    gating.waiver(repository="a", at=START - HOUR, hours=2, ended_at=START, ended_by=f.user())

    rows = gatefigures.of_period(START, END)

    assert set(rows.asked) == {blocked, warned, waived, excused, unknown, first}
    assert set(rows.blocked) == {blocked, unknown, first}
    assert set(rows.failed) == {blocked, unknown, first, warned}
    assert (list(rows.waived), list(rows.excused)) == ([waived], [excused])
    assert (list(rows.granted), list(rows.alone), list(rows.expired)) == ([lone, granted], [lone], [granted])
    assert rows.counts() == {
        "asked": 6, "blocked": 3, "failed": 4, "excused": 1, "waived": 1,
        "granted": 2, "alone": 1, "expired": 1,
    }  # fmt: skip
