"""The usage review: counts by feature and week, without any person, and a decision for each quarter (R23)."""

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance import usage
from governance.models import FeatureUse, UsageDecision
from postmortem.errors import Invalid, NotAllowed
from tests import factories as f

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEATURES = ["incidents", "items", "imports"]


@pytest.fixture
def quarter():
    return usage.quarter_of(NOW)


def test_uses_are_added_up_by_week(quarter):
    usage.add({"items": 3, "incidents": 20}, now=NOW)
    usage.add({"items": 2, "nothing": 0}, now=NOW)

    found = {use.feature: use for use in usage.review(quarter, features=FEATURES)}

    assert {name: use.count for name, use in found.items()} == {"imports": 0, "items": 5, "incidents": 20}
    assert FeatureUse.objects.get(feature="items").week == date(2026, 11, 16)
    assert sum(found["items"].weeks) == 5
    assert len(found["items"].weeks) == 13


def test_feature_that_nobody_used_is_listed_first(quarter):
    usage.add({"items": 30}, now=NOW)

    first, *_others = usage.review(quarter, features=FEATURES)

    assert (first.feature, first.count, first.is_rare, first.decision) == ("imports", 0, True, None)


def test_nothing_that_is_kept_says_who(quarter):
    columns = {field.name for field in FeatureUse._meta.get_fields()}

    assert columns == {"id", "feature", "week", "count"}


def test_decision_is_kept_for_its_quarter(quarter):
    governor = f.user("Gia", role="governor")

    for decision in ("teach", "retire"):
        usage.decide(
            quarter, "imports", decision=decision, reason="Nobody knew of it.", features=FEATURES,
            by=governor, now=NOW,
        )  # fmt: skip

    (decided,) = [use for use in usage.review(quarter, features=FEATURES) if use.decision]
    assert (decided.feature, decided.decision.decision) == ("imports", "retire")
    assert UsageDecision.objects.count() == 2
    earlier = usage.quarter_of(datetime(2026, 8, 1, tzinfo=UTC))
    assert not [use for use in usage.review(earlier, features=FEATURES) if use.decision]


@pytest.mark.parametrize(
    ("feature", "decision", "reason", "field"),
    [
        ("nonsense", "keep", "So.", "feature"),
        ("items", "nonsense", "So.", "decision"),
        ("items", "keep", " ", "reason"),
    ],
)
def test_decision_that_makes_no_sense_is_refused(quarter, feature, decision, reason, field):
    with pytest.raises(Invalid) as refusal:
        usage.decide(
            quarter, feature, decision=decision, reason=reason, features=FEATURES,
            by=f.user(role="governor"), now=NOW,
        )  # fmt: skip

    assert refusal.value.field == field
    assert not UsageDecision.objects.exists()


def test_decisions_are_for_governors(quarter):
    with pytest.raises(NotAllowed):
        usage.decide(
            quarter, "items", decision="keep", reason="So.", features=FEATURES,
            by=f.user(role="facilitator"), now=NOW,
        )  # fmt: skip


def test_database_keeps_decisions_and_mondays(quarter):
    usage.decide(
        quarter,
        "items",
        decision="keep",
        reason="So.",
        features=FEATURES,
        by=f.user(role="governor"),
        now=NOW,
    )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM governance_usagedecision")
    with pytest.raises(IntegrityError, match="use_week_is_a_monday"), transaction.atomic():
        FeatureUse.objects.create(feature="items", week=date(2026, 11, 17))


def test_week_begins_at_midnight_of_the_installation(settings):
    settings.TIME_ZONE = "Asia/Shanghai"

    assert usage.week_of(datetime(2026, 11, 15, 15, 59, tzinfo=UTC)) == date(2026, 11, 9)
    assert usage.week_of(datetime(2026, 11, 15, 16, 0, tzinfo=UTC)) == date(2026, 11, 16)
