"""A decision is kept as it is, and once however often it is tried."""

import pytest
from django.db import IntegrityError

from accounts import tokens
from governance import decisions
from governance.models import GateDecision
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db


def decision(**fields):
    token, _secret = tokens.issue(
        owner=factories.user(), name="CI", scopes=["gate"], expires_at=NOW + 30 * DAY, now=NOW
    )
    return GateDecision(
        **{
            "kind": "change",
            "decided_at": NOW,
            "token": token,
            "verdict": "FAIL",
            "findings": [{"code": "PM_UNKNOWN", "object": "PM-2026-0001", "detail": "“它” isn't there\n"}],
            "policy_version": "2026-11-3",
            "repository": "shop/order",
            "change_id": "!42",
            "title": "Raise % of the {pool} limit",
            "mode": "strict",
            "named": ["PM-2026-0001"],
            "request": {"paths": ["a"], "nothing": None},
        }
        | fields
    )


@pytest.mark.parametrize("excuse", [None, {"rule": "branch", "detail": "main"}])
def test_every_column_is_kept(excuse):
    written = decision(excuse=excuse)

    decisions.keep(written)

    kept = GateDecision.objects.get()
    for field in GateDecision._meta.concrete_fields:
        assert getattr(kept, field.attname) == getattr(written, field.attname), field.name


def test_decision_that_is_tried_again_stands_once_as_it_was():
    first = decision()
    decisions.keep(first)

    decisions.keep(decision(id=first.id, verdict="PASS"))

    assert GateDecision.objects.get().verdict == "FAIL"


def test_decision_about_nothing_is_refused():
    with pytest.raises(IntegrityError):
        decisions.keep(decision(repository=""))
