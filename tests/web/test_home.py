"""The first page: what needs its reader, and nothing that is not theirs to see."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def home(client, ada):
    client.force_login(ada)

    def get():
        response = client.get("/")
        assert response.status_code == 200
        return response

    return get


def item(title, *, due_in=DAY, **fields):
    now = timezone.now()
    return factories.item(title, agreed_at=now - 20 * DAY, due_at=now + due_in, **fields)


def test_empty_home_explains_how_it_works(home):
    body = home().content.decode()

    assert "How it works" in body
    assert "You owe nothing" in body


def test_home_shows_my_open_items_by_deadline(home, ada):
    item("later", owner=ada, due_in=3 * DAY)
    item("late", owner=ada, due_in=-DAY)
    item("done", owner=ada, state="verified")
    item("another's")

    assert [row.title for row in home().context["mine"]] == ["late", "later"]


def test_home_shows_what_is_late_or_regressed_of_others(home, ada):
    item("mine", owner=ada, due_in=-DAY)
    item("late", due_in=-DAY)
    item("regressed", state="regressed", due_in=2 * DAY)
    item("fine")

    context = home().context
    assert [row.title for row in context["late"]] == ["late", "regressed"]
    assert context["counts"] == {"late": 2, "regressed": 1}


def test_home_shows_timelines_i_owe(home, ada):
    waiting = factories.participant(factories.incident("waiting"), ada)
    sealed = factories.participant(factories.incident("sealed"), ada)
    factories.timeline(sealed)
    factories.filed_timeline(factories.participant(factories.incident("filed"), ada))
    factories.participant(
        factories.incident("closed", dismissed_as="duplicate", dismissed_reason="Twice."), ada
    )

    assert {row.incident.title for row in home().context["timelines"]} == {
        waiting.incident.title,
        sealed.incident.title,
    }


def test_home_shows_open_reviews_with_their_next_step(home, ada):
    review = factories.review(owner=ada, is_open=True)
    factories.signed(review.steps.get(position=1))
    factories.review(is_open=True)
    factories.review(owner=ada)

    (found,) = home().context["signatures"]
    assert (found, found.next_step.position) == (review, 2)


def test_home_shows_overdue_reviews_until_they_are_archived(home):
    now = timezone.now()
    late = factories.resolved_incident("late", started_at=now - 3 * DAY, severity="P1")
    factories.resolved_incident("in time", started_at=now - DAY, severity="P1")
    factories.resolved_incident("needs none", started_at=now - 90 * DAY, severity="P3")
    factories.archived_review(incidents=[factories.resolved_incident("archived", started_at=now - 9 * DAY)])

    assert home().context["reviews"] == [late]


def test_home_warns_when_verification_is_late(home):
    made = item("x")
    factories.stand(made.verification_checks.all(), next_run_at=timezone.now() - timedelta(minutes=10))

    assert "Verification is late." in home().content.decode()


def test_home_is_calm_when_verification_is_a_little_late(home):
    made = item("x")
    factories.stand(made.verification_checks.all(), next_run_at=timezone.now() - timedelta(minutes=2))

    assert "Verification is late." not in home().content.decode()


def test_home_counts_the_closure_rate_of_this_month(home):
    month = home().context["closure"]

    assert (month.due, month.in_time, month.rate_percent) == (0, 0, None)


def test_home_shows_nothing_hidden(home):
    long_ago = timezone.now() - 9 * DAY
    incident = factories.incident(
        "Secret", is_restricted=True, severity="P0", started_at=long_ago, declared_at=long_ago
    )
    item(
        "Secret item",
        due_in=-DAY,
        review=factories.review("Secret review", incidents=[incident], is_open=True),
    )

    assert "Secret" not in home().content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_home_asks_the_database_equally_often(client, ada, django_assert_max_num_queries, rows):
    client.force_login(ada)
    now = timezone.now()
    for number in range(rows):
        item(f"mine {number}", owner=ada)
        item(f"late {number}", due_in=-DAY)
        incident = factories.incident(participants=[ada], started_at=now - 9 * DAY, declared_at=now - 9 * DAY)
        factories.review(incidents=[incident], is_open=True)

    with django_assert_max_num_queries(24):
        client.get("/")


def test_home_tells_the_manager_of_a_team_what_lost_its_owner(client):
    """R4."""
    manager = factories.user("Manager")
    made = item("Set a timeout", team=factories.team(manager=manager))
    client.force_login(manager)
    assert "Nobody answers for" not in client.get("/").content.decode()
    made.owner.is_active = False
    made.owner.save()

    text = client.get("/").content.decode()
    assert "Nobody answers for these items of your teams" in text
    assert f'action="/items/{made}/take-over"' in text
    client.force_login(factories.user("Somebody"))
    assert "Nobody answers for" not in client.get("/").content.decode()
