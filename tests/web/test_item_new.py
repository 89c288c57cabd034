"""Agreeing an item: deadline, check and proof of the query before anything is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from remediation.models import RemediationItem
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def page(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def answers(ada):
    """A form filled in well, with a command as check: it needs no Prometheus."""
    service = factories.service("order")
    return {
        "title": "Set a timeout on the pool",
        "owner": ada.pk,
        "team": service.team_id,
        "service": service.pk,
        "severity": factories.severity("P1").pk,
        "category": "technical_debt",
        "kind": "prevent",
        "check-kind": "shell",
        "check-command": "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'",
        "check-shell_expectation": "no_match",
        "check-pattern": "Pending|CrashLoopBackOff",
        "check-interval_seconds": "300",
        "check-timeout_seconds": "10",
        "check-passes_needed": "3",
        "check-fails_needed": "2",
        "intent": "save",
    }


def errors(response) -> dict[str, list[str]]:
    return {**response.context["form"].errors, **response.context["check_form"].errors}


def test_proactive_item_is_agreed_with_its_check(page, answers):
    response = page.post("/items/new", answers)

    made = RemediationItem.objects.get()
    assert response["Location"] == f"/items/{made.public_id}/"
    assert (made.origin, made.state) == ("proactive", "open")
    check = made.verification_checks.get()
    assert check.pipeline == [
        ["kubectl", "get", "pods", "-n", "order"],
        ["grep", "-E", "(Pending|CrashLoopBackOff)"],
    ]
    assert (check.shell_expectation, check.pattern) == ("no_match", "Pending|CrashLoopBackOff")


def test_item_of_a_review_takes_over_what_the_review_says(page):
    order = factories.service("order")
    incident = factories.resolved_incident(services=[order], severity="P0")
    review = factories.review(incidents=[incident], is_open=True)
    cause = factories.verified_cause(review)
    factories.cause(review, "Refuted", state="refuted", evidence="No.")

    form = page.get(f"/items/new?review={review.public_id}").context["form"]

    assert form.initial["service"] == order.pk
    assert form.initial["team"] == order.team_id
    assert form.initial["severity"] == factories.severity("P0").pk
    assert form.initial["causes"] == [cause.pk]
    assert list(form.fields["causes"].queryset) == [cause]


@pytest.mark.parametrize(
    ("parts", "ticked"),
    [
        (["root", "trigger"], ["root"]),
        (["root", "root"], ["root", "root"]),
        (["root", "root", "trigger"], []),
        (["trigger", "contributing"], []),
        ([], []),
    ],
)
def test_item_of_a_review_ticks_no_trigger_and_no_root_cause_among_several_parts(page, parts, ticked):
    review = factories.review(is_open=True)
    for number, part in enumerate(parts):
        factories.cause(review, f"Cause {number}", part=part)

    form = page.get(f"/items/new?review={review.public_id}").context["form"]

    chosen = review.causes.filter(pk__in=form.initial["causes"])
    assert [cause.part for cause in chosen] == ticked


def test_item_of_a_review_names_its_causes(page, answers):
    review = factories.review(is_open=True)
    cause = factories.verified_cause(review)

    page.post(f"/items/new?review={review.public_id}", answers | {"causes": [cause.pk]})

    made = RemediationItem.objects.get()
    assert (made.review, made.origin, list(made.causes.all())) == (review, "review", [cause])


def test_item_of_a_hidden_review_cannot_be_made(page):
    review = factories.review(incidents=[factories.incident(is_restricted=True)], is_open=True)

    assert page.get(f"/items/new?review={review.public_id}").status_code == 404


@pytest.mark.parametrize("field", ["title", "owner", "team", "service", "severity", "category", "kind"])
def test_each_missing_answer_is_named(page, answers, field):
    response = page.post("/items/new", answers | {field: ""})

    assert response.status_code == 422
    assert field in errors(response)
    assert not RemediationItem.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"check-command": ""}, "command"),
        ({"check-command": "rm -rf / ; ls"}, "command"),
        ({"check-command": "cat $(ls)"}, "command"),
        ({"check-pattern": ""}, "pattern"),
        ({"check-pattern": "("}, "pattern"),
        ({"check-kind": "exam"}, "kind"),
        ({"check-kind": "prometheus", "check-promql": "", "check-threshold": "1"}, "promql"),
        ({"check-kind": "prometheus", "check-promql": "up", "check-threshold": ""}, "threshold"),
        ({"check-kind": "prometheus", "check-promql": "up", "check-threshold": "nan"}, "threshold"),
        ({"check-interval_seconds": "59"}, "interval_seconds"),
        ({"check-timeout_seconds": "99999999999999999999"}, "timeout_seconds"),
        ({"check-passes_needed": "0"}, "passes_needed"),
        ({"due_date": "9999-12-31"}, "due_date"),
        ({"due_date": "0001-01-01"}, "due_date"),
        ({"due_date": "2026-02-30"}, "due_date"),
        ({"tracker_url": "javascript:alert(1)"}, "tracker_url"),
        ({"title": "x" * 201}, "title"),
        ({"owner": "999999999999999999999999"}, "owner"),
        ({"severity": "nonsense"}, "severity"),
    ],
)
def test_each_bad_answer_is_named_and_nothing_is_kept(page, answers, changes, field):
    response = page.post("/items/new", answers | changes)

    assert response.status_code == 422
    assert field in errors(response)
    assert not RemediationItem.objects.exists()


def test_an_inactive_person_or_a_viewer_cannot_own_it(page, answers):
    for person in (factories.user(is_active=False), factories.user(role="viewer")):
        assert "owner" in errors(page.post("/items/new", answers | {"owner": person.pk}))


def test_a_later_deadline_than_the_policy_gives_is_refused_at_its_field(page, answers):
    far = timezone.localdate() + timedelta(days=90)

    response = page.post("/items/new", answers | {"due_date": far.isoformat()})

    assert response.status_code == 422
    assert not RemediationItem.objects.exists()


def test_an_earlier_deadline_counts_to_the_end_of_its_day(page, answers, ada):
    ada.time_zone = "Asia/Shanghai"
    ada.save()
    day = timezone.localdate() + timedelta(days=5)

    page.post("/items/new", answers | {"due_date": day.isoformat()})

    made = RemediationItem.objects.get()
    assert made.due_at.isoformat() == f"{day.isoformat()}T15:59:59+00:00"


@pytest.mark.parametrize("intent", ["try", "preview"])
def test_trying_keeps_nothing(page, answers, intent):
    response = page.post("/items/new", answers | {"intent": intent})

    assert response.status_code == 200
    assert not RemediationItem.objects.exists()


def test_deadline_is_shown_while_choosing(page):
    body = page.get(
        "/items/new/due", {"severity": factories.severity("P0").pk, "category": "technical_debt"}
    ).content.decode()

    assert factories.sla_version(2) in body


@pytest.mark.parametrize(
    "query", ["", "severity=x&category=y", "severity=99999999999999999999&category=technical_debt"]
)
def test_deadline_asks_for_what_is_missing(page, query):
    response = page.get(f"/items/new/due?{query}")

    assert response.status_code == 200
    assert "Choose severity and category" in response.content.decode()


def test_viewer_may_not_agree_items(client):
    client.force_login(factories.user(role="viewer"))

    assert client.get("/items/new").status_code == 403
    assert client.post("/items/new", {}).status_code == 403


def test_trial_of_a_source_that_does_not_answer_says_so(page, answers):
    source = factories.data_source(base_url="http://127.0.0.1:9")
    asked = answers | {
        "check-kind": "prometheus",
        "check-data_source": source.pk,
        "check-promql": "up",
        "check-threshold": "1",
    }

    response = page.post("/checks/try", asked)

    assert response.status_code == 200
    assert response.context["trial"].outcome == "error"


def test_trial_of_an_incomplete_check_names_what_is_missing(page, answers):
    body = page.post("/checks/try", answers | {"check-command": ""}).content.decode()

    assert "It cannot be tried yet" in body


def test_trial_of_a_command_says_where_it_runs(page, answers):
    body = page.post("/checks/try", answers).content.decode()

    assert "sandbox of the probe worker" in body
