"""Who hears of a deadline and when: rows that governors edit, today's behaviour as the default."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from governance import escalation, notices
from governance.models import EscalationStep, Notice
from postmortem.errors import Invalid, NotAllowed
from tests import factories
from tests.factories import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def governor():
    return factories.user("Gia", role="governor")


@pytest.fixture
def item(governor):
    """Agreed at `NOW - 10 days`, with an owner, a manager and a governor who may hear of it."""
    return factories.item(
        owner=factories.user("Olga"),
        team=factories.team(manager=factories.user("Max")),
        agreed_at=NOW - 10 * DAY,
    )


def told(now):
    notices.tick(now=now)
    rows = Notice.objects.order_by("kind", "recipient__name").values_list(
        "kind", "recipient__name", "created_at"
    )
    return [(kind, name) for kind, name, at in rows if at == now]


def only(*steps):
    """These steps and no others, always valid."""
    EscalationStep.objects.all().delete()
    for subject, moment, days, audience in steps:
        EscalationStep.objects.create(
            subject=subject, moment=moment, days=days, audience=audience, valid_from=NOW - 100 * DAY
        )


def test_the_default_rows_are_what_was_fixed_before(item):
    due = item.due_at

    assert told(NOW - 9 * DAY) == []
    assert told(due - HOUR) == [("item_at_risk", "Olga")]
    assert told(due) == []
    assert told(due + HOUR) == [("item_breached", "Max"), ("item_breached", "Olga")]
    assert told(due + 7 * DAY - HOUR) == []
    assert told(due + 7 * DAY + HOUR) == [("item_escalated", "Gia")]


def test_each_moment_tells_its_audience_once(item):
    due = item.due_at
    only(
        ("item", "before", 2, "manager"),
        ("item", "after", 0, "governors"),
        ("item", "after", 3, "owner"),
        ("item", "after", 5, "owner"),
    )

    assert told(due - 2 * DAY - HOUR) == []
    assert told(due - 2 * DAY) == [("item_at_risk", "Max")]
    assert told(due - DAY) == []
    assert told(due + HOUR) == [("item_escalated", "Gia")]
    assert told(due + 3 * DAY) == [("item_breached", "Olga")]
    assert told(due + 5 * DAY) == [("item_breached", "Olga")]
    assert told(due + 6 * DAY) == []


def test_who_agrees_on_less_time_than_the_warning_is_not_warned_on_the_spot(item):
    only(("item", "before", 90, "owner"))

    assert told(NOW) == []


def test_without_steps_nobody_is_told(item):
    only()

    assert told(item.due_at + HOUR) == []


def test_reviews_have_steps_of_their_own(governor):
    factories.resolved_incident(declared_by=factories.user("Dan"), started_at=NOW, declared_at=NOW)
    only(("review", "before", 1, "owner"), ("review", "after", 2, "governors"))

    assert told(NOW + 23 * HOUR) == []
    assert told(NOW + 24 * HOUR) == [("review_at_risk", "Dan")]
    assert told(NOW + 49 * HOUR) == []
    assert told(NOW + 48 * HOUR + 2 * DAY) == [("review_breached", "Gia")]


def test_a_review_that_was_done_late_climbs_no_further(governor):
    incident = factories.resolved_incident(started_at=NOW, declared_at=NOW)
    factories.archived_review(incidents=[incident], archived_at=NOW + 50 * HOUR)
    only(("review", "after", 2, "governors"))

    assert told(NOW + 5 * DAY) == []


def test_a_new_step_tells_of_what_comes_due_from_then_on(item, governor):
    only()
    due = item.due_at
    escalation.add(
        subject="item", moment="after", days=1, audience="governors", by=governor, now=due + 2 * DAY
    )

    assert told(due + 3 * DAY) == []
    step = escalation.add(
        subject="item", moment="after", days=4, audience="manager", by=governor, now=due + 3 * DAY
    )
    assert told(due + 4 * DAY) == [("item_breached", "Max")]
    same = escalation.edit(step, days=4, by=governor, now=due + 5 * DAY)
    assert same.valid_from == due + 3 * DAY
    changed = escalation.edit(step, days=5, by=governor, now=due + 5 * DAY)
    assert changed.valid_from == due + 5 * DAY


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"subject": "incident"}, "subject"),
        ({"moment": "sometime"}, "moment"),
        ({"audience": "everybody"}, "audience"),
        ({"days": -1}, "days"),
        ({"days": 91}, "days"),
        ({"days": True}, "days"),
        ({"moment": "at_risk", "days": 1}, "days"),
        ({"moment": "before", "days": 0}, "days"),
        ({"days": 0, "audience": "owner"}, "moment"),
    ],
    ids=str,
)
def test_a_wrong_step_is_refused_by_name(governor, facts, field):
    before = list(EscalationStep.objects.values())
    sound = {"subject": "item", "moment": "after", "days": 2, "audience": "manager"}

    with pytest.raises(Invalid) as refused:
        escalation.add(by=governor, now=NOW, **sound | facts)

    assert refused.value.field == field
    assert list(EscalationStep.objects.values()) == before


def test_governors_alone_change_steps(governor):
    step = EscalationStep.objects.first()
    for by in (factories.user(role="facilitator"), factories.user()):
        for act in (
            lambda by=by: escalation.remove(step, by=by, now=NOW),
            lambda by=by: escalation.edit(step, days=3, by=by, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                act()
    escalation.remove(step, by=governor, now=NOW)
    assert not EscalationStep.objects.filter(pk=step.pk).exists()


@pytest.mark.parametrize("changes", [{"days": 1}, {"moment": "before"}, {"audience": "all"}], ids=str)
def test_the_database_refuses_a_step_without_sense(changes):
    with pytest.raises(DatabaseError), transaction.atomic():
        EscalationStep.objects.filter(moment="at_risk").update(**changes)


def test_looking_again_asks_no_more_for_more_deadlines(django_assert_max_num_queries):
    for _ in range(5):
        factories.item(agreed_at=NOW - 20 * DAY)
    notices.tick(now=NOW)

    # Steps, governors, items four times, incidents, the longest step, regressions, losses, told, channels.
    with django_assert_max_num_queries(13):
        assert notices.tick(now=NOW + timedelta(minutes=1)) == 0
