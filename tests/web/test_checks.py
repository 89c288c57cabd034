"""The page of a verification check, and what a person may do with it."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from remediation import runs
from remediation.probes.shipped import SHIPPED
from tests import factories
from web import checkwords

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


@pytest.fixture
def check():
    """One whose turn comes later."""
    made = factories.item(checks=2).verification_checks.first()
    factories.stand(made, next_run_at=timezone.now() + 5 * MINUTE)
    return made


def run(check, *, minutes_ago, outcome="pass", **fields):
    slot = timezone.now() - minutes_ago * MINUTE
    return factories.check_run(check, slot=slot, outcome=outcome, **fields)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"quantifier": "all"}, "Every series of the query must be < 200."),
        ({"quantifier": "any", "comparator": ">="}, "At least one series of the query must be ≥ 200."),
        ({"quantifier": "none", "comparator": ">"}, "No series of the query may be > 200."),
        ({"quantifier": "count", "comparator": "=="}, "The number of series of the query must be = 200."),
    ],
)
def test_a_query_is_put_in_words(check, columns, words):
    for name, value in ({"threshold": 200.0} | columns).items():
        setattr(check, name, value)

    assert checkwords.expectation(check) == words


def test_a_command_is_put_in_words():
    check = factories.check(factories.item(), kind="shell")

    assert (
        checkwords.expectation(check)
        == "The command must end with status 0 and print no line that matches “Pending”."
    )


def test_a_rhythm_is_put_in_words(check):
    assert checkwords.rhythm(check) == (
        "It runs every 5 minutes: verified after 3 passes in a row, regressed after 2 fails in a row."
    )
    check.interval_seconds, check.passes_needed, check.fails_needed = 90, 1, 1
    assert (
        checkwords.rhythm(check) == "It runs every 1 min 30 s: verified after 1 pass, regressed after 1 fail."
    )


def test_page_shows_runs_with_lateness_error_and_output(page, check):
    run(check, minutes_ago=10, outcome="error", error="no route to host", error_code="unreachable")
    run(check, minutes_ago=5, outcome="pass", value=180.0, output="<script>alert(1)</script>")
    run(check, minutes_ago=1, outcome="fail", value=204.0)

    body = page.get(f"/checks/{check.pk}/").content.decode()

    assert "no route to host" in body
    assert "&lt;script&gt;alert(1)" in body
    assert "<script>alert" not in body
    assert "must be &lt; 1" in body
    assert "<circle" in body


def test_page_pages_through_runs(page, check):
    for minute in range(1, 31):
        run(check, minutes_ago=minute)

    first = page.get(f"/checks/{check.pk}/")
    second = page.get(f"/checks/{check.pk}/?after={first.context['page'].after}")

    assert (len(first.context["page"].rows), len(second.context["page"].rows)) == (25, 5)


def test_page_without_runs_says_so(page, check):
    assert "It has not run yet" in page.get(f"/checks/{check.pk}/").content.decode()


@pytest.mark.parametrize(
    "path", ["/checks/0/", "/checks/999999999999999999999999/", "/checks/x/", "/checks/-1/"]
)
def test_unknown_checks_are_not_there(page, path):
    assert page.get(path).status_code == 404


def test_check_of_a_hidden_incident_is_not_there(page):
    review = factories.review(incidents=[factories.incident(is_restricted=True)])
    check = factories.item(review=review).verification_checks.get()

    for path in ("", "run", "edit", "pause", "waiting"):
        assert page.get(f"/checks/{check.pk}/{path}").status_code in (404, 405)
    assert page.post(f"/checks/{check.pk}/run").status_code == 404


def test_run_now_queues_a_run_and_the_page_waits_for_it(page, check):
    assert runs.unfinished(check, now=timezone.now()) is None

    response = page.post(f"/checks/{check.pk}/run", follow=True)

    check.refresh_from_db()
    assert runs.unfinished(check, now=timezone.now()).pk == check.standing.asked_run_id > 0
    assert not check.runs.exists()
    assert f'hx-get="/checks/{check.pk}/waiting?asked=0"' in response.content.decode()


def held(check):
    now = timezone.now()
    factories.hold(check, slot=now, until=now + MINUTE)


@pytest.mark.parametrize(
    ("happens", "words", "next_run", "is_offered"),
    [
        (lambda check: factories.stand(check, next_run_at=timezone.now()), "A run waits", "due now", True),
        (lambda check: runs.ask_now(check.pk, now=timezone.now()), "A run waits", "due now", False),
        (held, "It is running.", "running now", False),
    ],
    ids=["due", "asked for", "held"],
)
def test_page_waits_for_whatever_is_not_finished(page, check, happens, words, next_run, is_offered):
    """Nobody needs to wait for the tick that finds it due: it can be asked for."""
    happens(check)

    body = page.get(f"/checks/{check.pk}/").content.decode()

    assert words in body
    assert next_run in body
    assert f'hx-get="/checks/{check.pk}/waiting?asked=0"' in body
    assert ('<button class="button primary" disabled>' not in body) is is_offered


def test_waiting_asks_ever_more_rarely_and_gives_up(page, check):
    runs.ask_now(check.pk, now=timezone.now())

    early = page.get(f"/checks/{check.pk}/waiting?asked=0").content.decode()
    late = page.get(f"/checks/{check.pk}/waiting?asked=500").content.decode()

    assert "delay:1s" in early
    assert "hx-get" not in late
    assert "is a worker running?" in late


@pytest.mark.parametrize("asked", ["x", "-1", "9" * 400, "²"])
def test_waiting_takes_any_count(page, check, asked):
    runs.ask_now(check.pk, now=timezone.now())

    assert page.get(f"/checks/{check.pk}/waiting", {"asked": asked}).status_code == 200


def test_waiting_reloads_the_page_once_the_run_is_over(page, check):
    run(check, minutes_ago=0)

    assert page.get(f"/checks/{check.pk}/waiting").headers["HX-Refresh"] == "true"


def test_pause_and_resume(page, check):
    page.post(f"/checks/{check.pk}/pause", {"reason": "The metric moves."})
    check.refresh_from_db()
    assert (check.is_paused, check.pause_reason) == (True, "The metric moves.")
    assert "The metric moves." in page.get(f"/checks/{check.pk}/").content.decode()

    page.post(f"/checks/{check.pk}/resume")
    check.refresh_from_db()
    assert not check.is_paused


def test_pause_needs_a_reason(page, check):
    assert page.post(f"/checks/{check.pk}/pause").status_code == 422
    check.refresh_from_db()
    assert not check.is_paused


def test_the_last_active_check_is_not_paused(page):
    check = factories.item().verification_checks.get()

    assert not page.get(f"/checks/{check.pk}/").context["may_pause"]
    refused = page.post(f"/checks/{check.pk}/pause", {"reason": "The metric moves."})
    assert refused.status_code in (409, 422)
    check.refresh_from_db()
    assert not check.is_paused


def test_edit_starts_a_new_version_and_says_so(page):
    item = factories.item()
    check = factories.check(item, kind="shell", streak=2)
    asked = {
        "check-kind": "shell",
        "check-command": "kubectl get pods -n cart",
        "check-shell_expectation": "success",
        "check-interval_seconds": "3600",
        "check-timeout_seconds": "20",
        "check-passes_needed": "2",
        "check-fails_needed": "1",
    }

    assert "begins the count anew" in page.get(f"/checks/{check.pk}/edit").content.decode()
    assert page.post(f"/checks/{check.pk}/edit", asked).status_code == 302

    check.refresh_from_db()
    assert (check.version, check.standing.streak) == (2, 0)
    assert check.pipeline == [["kubectl", "get", "pods", "-n", "cart"]]


def test_edit_keeps_an_interval_that_the_form_does_not_offer(page):
    check = factories.check(factories.item(), kind="shell", interval_seconds=90)

    form = page.get(f"/checks/{check.pk}/edit").context["check_form"]

    assert form["interval_seconds"].value() == 90
    assert 90 in dict(form.fields["interval_seconds"].choices)


def test_another_check_is_added_to_an_item(page):
    item = factories.item()
    asked = {
        "check-kind": "shell",
        "check-command": "true",
        "check-shell_expectation": "success",
        "check-interval_seconds": "300",
        "check-timeout_seconds": "10",
        "check-passes_needed": "3",
        "check-fails_needed": "2",
    }

    response = page.post(f"/items/{item.public_id}/checks/new", asked)

    added = item.verification_checks.get(kind="shell")
    assert response["Location"] == f"/checks/{added.pk}/"


def test_viewer_only_reads(client, check):
    client.force_login(factories.user(role="viewer"))

    assert "Run now" not in client.get(f"/checks/{check.pk}/").content.decode()
    for act in ("run", "pause", "resume", "edit"):
        assert client.post(f"/checks/{check.pk}/{act}").status_code == 403


def test_the_shipped_templates_can_be_translated():
    said = {word for template in SHIPPED.values() for word in (template.title, template.description)}
    said |= {parameter.label for template in SHIPPED.values() for parameter in template.parameters}

    # The name of a hash is the same in every language.
    assert said - {"SHA-256"} == set(checkwords.SHIPPED_TEMPLATES)


def test_stopping_all_commands_needs_a_reason_and_says_so(client):
    client.force_login(factories.user("Ada", role="administrator"))

    assert "(optional)" not in client.get("/probes/").text.partition("Stop all commands")[2]
    client.post("/probes/switch", {"turn": "off", "reason": "A bad template"})
    assert "(optional)" in client.get("/probes/").text.partition("Let commands run again")[2]


COMMAND = {
    "check-kind": "shell",
    "check-command": "true",
    "check-shell_expectation": "success",
    "check-interval_seconds": "300",
    "check-passes_needed": "3",
    "check-fails_needed": "2",
    "check-timeout_seconds": "10",
    "check-network": "none",
}


def test_new_command_is_said_to_run_only_where_it_may(page, settings):
    settings.SHELL_PROBES_ENABLED = True
    item = factories.item()

    body = page.post(f"/items/{item.public_id}/checks/new", COMMAND, follow=True).content.decode()

    check = item.verification_checks.get(kind="shell")
    assert "The check is added. Its command does not run yet" in body
    assert "it runs from now on" not in body
    assert "waits for an administrator who did not write it" in body
    assert "A run waits for a worker" not in body
    assert re.search(r'<button class="button primary" disabled title="Its command does not run yet.">', body)

    factories.approve_command(check)
    body = page.get(f"/checks/{check.pk}/").content.decode()
    assert "A run waits for a worker" in body
    assert "Its command does not run" not in body

    settings.SHELL_PROBES_ENABLED = False
    body = page.get(f"/checks/{check.pk}/").content.decode()
    assert "commands are switched off on this installation" in body
    assert "A run waits for a worker" not in body


def test_why_a_command_did_not_start_is_said_in_the_language_of_the_reader(check, monkeypatch):
    """`_` stands for a translation here; what a program wrote stays as it is."""
    monkeypatch.setattr(checkwords, "_", str.upper)
    ended = [
        ("not_approved", "Nobody but its author has approved this command yet."),
        ("unreachable", "no route to host"),
        ("", ""),
    ]
    runs_of = [
        run(check, minutes_ago=minute, outcome="error", error_code=code, error=words)
        for minute, (code, words) in enumerate(ended, start=1)
    ]

    assert [checkwords.error(one) for one in runs_of] == [
        "NOBODY BUT ITS AUTHOR HAS APPROVED THIS COMMAND YET.",
        "no route to host",
        "",
    ]


def test_why_commands_are_stopped_stays_in_the_words_of_whoever_stopped_them(check):
    stopped = run(
        check,
        minutes_ago=1,
        outcome="error",
        error_code="switched_off",
        error="Commands are stopped: An audit: A",
    )

    assert checkwords.error(stopped) == "Commands are stopped: An audit: A"


QUERY = COMMAND | {
    "check-kind": "prometheus",
    "check-promql": "up",
    "check-threshold": "1",
    "check-comparator": "<",
    "check-quantifier": "all",
    "check-no_data_rule": "no_data",
    "check-nan_rule": "fail",
}


def test_of_several_data_sources_one_must_be_chosen(page):
    item = factories.item()
    factories.data_source("Another", base_url="http://127.0.0.1:9")
    where = f"/items/{item.public_id}/checks/new"

    shown = page.get(where).content.decode()
    refused = page.post(where, QUERY | {"check-data_source": ""})

    assert '<option value="" selected>Choose…</option>' in shown
    assert refused.status_code == 422
    assert refused.context["check_form"].errors["data_source"] == ["This field is required."]


def test_the_only_data_source_is_there_by_itself(page):
    item = factories.item()

    form = page.get(f"/items/{item.public_id}/checks/new").context["check_form"]

    (only,) = form.fields["data_source"].choices
    assert str(only[0]) == str(item.verification_checks.get().data_source_id)
