"""Document templates: which one a review gets, and what it begins with."""

import pytest
from django.utils import translation

from postmortem import guides, reviews, trail
from postmortem.errors import Invalid, NotAllowed
from postmortem.guides import Guide
from postmortem.models import ReviewStep, ReviewTemplate
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

FIRST = "phenomenon"


def save(template=None, **fields):
    sound = {
        "name": "Severe",
        "severities": [factories.severity("P0"), factories.severity("P1")],
        "steps": {FIRST: Guide(["What broke?", " "], "## Seen")},
        "is_active": True,
        "by": factories.user(role="governor"),
        "now": NOW,
    }
    return guides.save(template, **sound | fields)


def first_question(incident):
    return guides.of([incident])[FIRST].questions[0]


def test_the_shipped_questions_come_in_the_readers_language():
    incident = factories.incident()

    english = first_question(incident)
    with translation.override("zh-hans"):
        chinese = first_question(incident)

    assert english == "What did users see, and what did we see? From when to when?"
    assert chinese != english
    assert set(guides.shipped()) == set(ReviewStep.Kind.values)
    assert all(guide.questions for guide in guides.shipped().values())


def test_a_template_for_the_severity_goes_before_one_for_all_before_the_shipped():
    p1, p2 = factories.incident(severity="P1"), factories.incident(severity="P2")
    factories.review_template("For all", questions=["For all?"])
    factories.review_template("Severe", severities=["P1"], questions=["How severe?"])

    assert (first_question(p1), first_question(p2)) == ("How severe?", "For all?")

    ReviewTemplate.objects.update(is_active=False)
    assert first_question(p1).startswith("What did users see")


def test_the_worst_severity_of_several_incidents_decides():
    incidents = [factories.incident(severity=code) for code in ("P3", "P0")]
    factories.review_template("Minor", severities=["P3"], questions=["Minor?"])
    factories.review_template("Severe", severities=["P0"], questions=["Severe?"])

    assert guides.of(incidents)[FIRST].questions == ["Severe?"]


def test_a_new_review_begins_with_the_skeleton_and_an_old_one_keeps_its_text():
    factories.review_template("Severe", severities=["P1"])
    by = factories.user()

    review = reviews.create(
        incidents=[factories.incident(severity="P1")], title="x", owner=by, facilitator=by, by=by, now=NOW
    )
    ReviewTemplate.objects.all().delete()

    first, second = review.steps.all()[:2]
    assert (first.finding, second.finding) == ("## Seen by users", "")
    assert "Seen by users</h" in first.finding_html


def test_a_governor_writes_and_rewrites_a_template():
    made = save()
    save(made, name="Renamed", severities=[], steps={"root_cause": Guide(["Why?"], "")})

    made.refresh_from_db()
    asked = guides.written(made)
    assert (made.name, made.severity_links.count()) == ("Renamed", 0)
    assert (asked[FIRST].questions, asked["root_cause"].questions) == ([], ["Why?"])
    assert trail.of(made).first().act == "guides.save"


def test_empty_questions_are_dropped():
    assert guides.written(save())[FIRST] == Guide(["What broke?"], "## Seen")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"severities": ["P1"]}, "severities"),
        ({"steps": {"fifth": Guide([], "")}}, "steps"),
        ({"steps": {FIRST: Guide(["x" * 301], "")}}, "steps.phenomenon.questions"),
        ({"steps": {FIRST: Guide(["x"] * 21, "")}}, "steps.phenomenon.questions"),
        ({"steps": {FIRST: Guide([None], "")}}, "steps.phenomenon.questions"),
        ({"steps": {FIRST: Guide([], "x" * 8001)}}, "steps.phenomenon.skeleton"),
        ({"steps": {FIRST: Guide([], "[" * 7000)}}, "steps.phenomenon.skeleton"),
    ],
)
def test_a_bad_value_is_refused_and_its_field_named(fields, field):
    with pytest.raises(Invalid) as refusal:
        save(**fields)

    assert refusal.value.field == field
    assert not ReviewTemplate.objects.exists()


def test_two_active_templates_are_never_for_the_same():
    save()
    save(name="For all", severities=[])

    for clash in ({"name": "Other"}, {"name": "Other", "severities": []}):
        with pytest.raises(Invalid) as refusal:
            save(**clash)
        assert refusal.value.field == "severities"
    with pytest.raises(Invalid) as refusal:
        save(severities=[factories.severity("P3")])
    assert refusal.value.field == "name"
    assert save(name="Resting", is_active=False).pk


def test_others_write_no_template():
    made = save()
    for act in (
        lambda by: save(by=by, name="x"),
        lambda by: save(made, by=by),
        lambda by: guides.remove(made, by=by, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act(factories.user(role="facilitator"))
    guides.remove(made, by=factories.user(role="governor"), now=NOW)
    assert not ReviewTemplate.objects.exists()
