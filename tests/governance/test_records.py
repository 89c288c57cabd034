"""What the database itself keeps: decisions as they were, and who left when."""

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from governance.models import GateDecision, GovernanceReport
from postmortem.models import TrailEntry
from tests import factories as f

pytestmark = pytest.mark.django_db


def decision(**fields):
    token, _secret = f.api_token(scopes=["gate"])
    fields = {"kind": "change", "repository": "shop/order", "verdict": "PASS"} | fields
    return GateDecision.objects.create(
        token=token, decided_at=f.NOW, findings=[], policy_version="2026-11-1", **fields
    )


@pytest.mark.parametrize(
    "statement",
    ["UPDATE governance_gatedecision SET verdict = 'PASS'", "DELETE FROM governance_gatedecision"],
)
def test_decision_cannot_be_changed(statement):
    decision(verdict="FAIL")

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert GateDecision.objects.get().verdict == "FAIL"


@pytest.mark.parametrize(
    "fields", [{"kind": "audit"}, {"repository": ""}, {"kind": "audit", "date": date(2026, 11, 1)}]
)
def test_decision_says_what_was_judged(fields):
    with pytest.raises(IntegrityError, match="decision_says_what_was_judged"), transaction.atomic():
        decision(**fields)


def test_report_month_is_a_first_day():
    report = GovernanceReport(
        month=date(2026, 10, 2), published_at=f.NOW, published_by=f.user(), figures={}, rows={}
    )

    with pytest.raises(IntegrityError, match="report_month_is_a_first_day"), transaction.atomic():
        report.save()


def test_trail_says_when_somebody_left_and_holds_no_password():
    person = f.user("Ada")

    User.objects.filter(pk=person.pk).update(is_active=False)

    entry = TrailEntry.objects.get(model="accounts_user", object_id=person.pk, operation="update")
    assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})


def test_trail_says_when_somebody_got_another_role_and_nothing_about_the_rest():
    person = f.user("Ada")
    edits = TrailEntry.objects.filter(model="accounts_user", operation="update")

    person.theme = "dark"
    person.save()
    assert not edits.exists()

    person.role = "governor"
    person.save()
    assert edits.get().after == {"role": "governor"}
