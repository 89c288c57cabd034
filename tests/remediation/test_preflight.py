"""The preflight: how much of what the archive asks is done, and the address of what mends the rest."""

import pytest
from django.urls import resolve

from postmortem.models import Incident, Severity
from remediation import plan, preflight
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada")


def keys(review, viewer, *, is_done: bool):
    return [one.key for one in preflight.of(review, viewer=viewer).requirements if one.is_done == is_done]


def urls(review, viewer):
    return {todo.gap.code: todo.url for todo in preflight.of(review, viewer=viewer).todos}


def test_a_new_review_has_nothing_done_but_what_nobody_owes(ada):
    before = preflight.of(factories.review(), viewer=ada)

    assert [(one.key, one.is_done) for one in before.requirements] == [
        ("timelines", True),
        ("opened", False),
        ("step_1", False),
        ("step_2", False),
        ("step_3", False),
        ("primary_cause", False),
        ("step_4", False),
        # Without a verified cause there is nothing that an item could answer: that is not done.
        ("causes_answered", False),
        ("checklist", False),
    ]
    assert (before.done, before.total) == (1, 9)


def test_what_is_done_grows_until_the_review_can_be_archived(ada):
    review = factories.complete_review()
    factories.lesson_point(review)
    assert keys(review, ada, is_done=False) == ["lessons_answered"]

    review.lesson_points.get().items.set(review.items.all())
    before = preflight.of(review, viewer=ada)

    assert (before.done, before.total, before.todos) == (11, 11, [])
    plan.archive(review, by=review.facilitator, now=NOW)


def test_every_gap_belongs_to_a_requirement_that_is_not_done(ada):
    lacking = _review_that_lacks_all()

    before = preflight.of(lacking, viewer=ada)

    assert sorted(todo.gap.code for todo in before.todos) == sorted(gap.code for gap in plan.gaps(lacking))
    assert {one.key for one in before.requirements if not one.is_done} >= {
        "lessons_answered", "causes_answered", "owners", "people_apart", "approvals", "timelines",
    }  # fmt: skip
    assert all(not one.is_done for one in before.requirements if one.todos)


def _review_that_lacks_all():
    Severity.objects.filter(code="P1").update(facilitator_apart=True, approvals_needed=1)
    incident = factories.resolved_incident(participants=[factories.user()])
    owner = factories.user(role="facilitator")
    review = factories.review(incidents=[incident], is_open=True, owner=owner, facilitator=owner)
    factories.verified_cause(review, is_primary=False)
    factories.lesson_point(review)
    gone = factories.item(review=review).owner
    gone.is_active = False
    gone.save()
    return review


def test_every_address_is_a_page_of_ours(ada):
    for review in (_review_that_lacks_all(), factories.review()):
        for todo in preflight.of(review, viewer=ada).todos:
            path, _mark, fragment = todo.url.partition("#")
            assert resolve(path.partition("?")[0]).namespace == "web", todo
            assert fragment, todo


def test_a_step_leads_to_what_it_lacks(ada):
    review = factories.review(is_open=True)
    first, second, *_later = review.steps.order_by("position")
    here = f"/reviews/{review}/"

    def step(position):
        rows = preflight.of(review, viewer=ada).todos
        return next(todo.url for todo in rows if todo.gap.where == f"steps/{position}")

    assert step(1) == f"{here}?step=phenomenon#id_phenomenon_finding"
    factories.written(first, evidence=" ")
    assert step(1) == f"{here}?step=phenomenon#id_phenomenon_evidence"
    factories.written(first)
    assert step(1) == f"{here}?step=phenomenon#sign-phenomenon"
    # Its evidence may be rows as well as a text, and it waits for the step before.
    factories.written(second, evidence="")
    assert step(2) == f"{here}?step=metric_anomaly#step-metric_anomaly"
    factories.signed(first)
    assert step(2) == f"{here}?step=metric_anomaly#sign-metric_anomaly"


def test_what_can_only_be_mended_later_leads_to_the_opening(ada):
    incident = factories.resolved_incident(participants=[ada, factories.user()])
    review = factories.review(incidents=[incident])
    mine, other = incident.participants.order_by("id")

    found = [(todo.gap.code, todo.url) for todo in preflight.of(review, viewer=ada).todos]

    assert found[:3] == [
        ("timelines_missing", f"/incidents/{incident}/timeline/#id_line"),
        ("timelines_missing", f"/reviews/{review}/#person-{other.pk}"),
        ("not_open", f"/reviews/{review}/#preparing"),
    ]
    assert {url for code, url in found[2:]} == {f"/reviews/{review}/#preparing"}
    assert mine.user == ada


def test_a_missing_primary_cause_leads_to_one_that_can_be_it(ada):
    review = factories.review(is_open=True)
    assert urls(review, ada)["primary_cause_missing"] == f"/reviews/{review}/causes/new#id_statement"

    factories.cause(review, part="trigger")
    root = factories.cause(review)
    assert urls(review, ada)["primary_cause_missing"] == f"/reviews/{review}/#cause-{root.pk}"

    root.is_primary = True
    root.save()
    assert urls(review, ada)["cause_unverified"] == f"/causes/{root.pk}/settle#id_state"


def test_timelines_of_several_incidents_lead_to_their_own(ada):
    two = [factories.resolved_incident(participants=[factories.user()]) for _ in range(2)]
    review = factories.review(incidents=two, is_open=True)

    found = [todo.url for todo in preflight.of(review, viewer=ada).todos if "person" in todo.url]

    assert found == [
        f"/incidents/{one}/#person-{one.participants.get().pk}" for one in Incident.objects.order_by("id")
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_it_costs_the_same_for_any_number_of_gaps(ada, count, django_assert_num_queries):
    incident = factories.resolved_incident(participants=[factories.user() for _ in range(count)])
    review = factories.review(incidents=[incident], is_open=True)
    for number in range(count):
        factories.verified_cause(review, f"Cause {number}", is_primary=False)
        factories.lesson_point(review, f"Point {number}")

    with django_assert_num_queries(14):
        preflight.of(review, viewer=ada)
