"""Changes at GitHub and GitLab are judged by the gate, and the forge hears the verdict, once."""

import json
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from django.utils import timezone

from accounts import tokens
from governance import gates, inbox
from governance.models import EventSource, ForgeChange, GateDecision, InboundEvent
from postmortem.models import Review
from tests import factories
from tests.forges import TOKEN, GitHub, GitLab
from tests.race import at_once
from tests.servers import free_port

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def github():
    forge = GitHub()
    yield forge
    assert forge.faults == []
    forge.close()


@pytest.fixture
def gitlab():
    forge = GitLab()
    yield forge
    assert forge.faults == []
    forge.close()


@pytest.fixture(params=["github", "gitlab"])
def forge(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def archived():
    """An archived postmortem of the service whose repository the forge has."""
    service = factories.service("order", repositories=["shop/order"])
    incident = factories.resolved_incident("Zanzibar burns", services=[service])
    return factories.archived_review(incidents=[incident])


def source_of(forge, **fields):
    kind = "github" if isinstance(forge, GitHub) else "gitlab"
    source = factories.event_source(
        kind, api_url=forge.url, api_token=TOKEN, networks=["127.0.0.0/8"], **fields
    )
    # With its secrets as they are stored.
    return EventSource.objects.get(pk=source.pk)


def send(source, body, *, at=None, delivery="", kind="pull_request"):
    """Receive an event and deal with it; the event as it stands then."""
    at = at or timezone.now()
    headers = {"x-github-event": kind, "x-github-delivery": delivery, "idempotency-key": delivery}
    event = inbox.receive(source, headers, body, now=at).event
    while inbox.take_next(now=at):
        pass
    return InboundEvent.objects.get(pk=event.pk)


def states(forge):
    """(last characters of the path, state or conclusion) of what the forge was told."""
    return [
        (path.rpartition("/")[2][:1], said.get("state") or said.get("conclusion") or said.get("status"))
        for path, said in forge.posted
    ]


def policy(**facts):
    """The gate's policy for the forge's repository."""
    gov = factories.user(role="governor")
    gates.add(name="Shop", repositories=["shop/*"], **facts, by=gov, now=timezone.now() - MINUTE)


FAILED = {GitHub: "failure", GitLab: "failed"}


def test_a_change_that_names_nothing_fails_and_one_that_names_an_archived_postmortem_passes(forge, archived):
    source = source_of(forge)

    event = send(source, forge.event())
    assert (event.state, event.outcome, event.error) == ("done", "failed", "")
    assert states(forge) == [("a", FAILED[type(forge)])]

    forge.pull.description = f"Postmortem: {archived.public_id}"
    event = send(source, forge.event("edited" if isinstance(forge, GitHub) else "update"))

    assert event.outcome == "passed"
    assert states(forge)[1:] == [("a", "success")]
    decision = GateDecision.objects.get(pk=event.decision_id)
    assert (decision.repository, decision.change_id, decision.verdict) == ("shop/order", "7", "PASS")
    assert decision.postmortems == [archived.public_id]
    assert decision.request["commits"] == [{"sha": "a" * 40, "message": "Set a timeout"}]
    assert forge.posted[-1][1]["target_url"].endswith(f"/gate/{decision.pk}/")


def test_trailers_of_commits_count_in_their_order(forge, archived):
    forge.pull.commits = [("b" * 40, "First"), ("a" * 40, f"Second\n\nPostmortem: {archived.public_id}")]

    assert send(source_of(forge), forge.event()).outcome == "passed"

    messages = [one["message"] for one in GateDecision.objects.get().request["commits"]]
    assert [words.split("\n")[0] for words in messages] == ["First", "Second"]


def test_more_commits_than_a_page_are_all_read(forge, archived):
    forge.pull.commits = [(f"{number:040x}", f"Step {number}") for number in range(230)]
    forge.pull.commits[0] = ("c" * 40, f"Step\n\nPostmortem: {archived.public_id}")

    assert send(source_of(forge), forge.event()).outcome == "passed"
    assert len(GateDecision.objects.get().request["commits"]) == 230


def test_a_delivery_again_and_an_event_without_news_change_nothing(forge, archived):
    source = source_of(forge)
    body = forge.event()
    first = send(source, body, delivery="d-1")

    again = send(source, body, delivery="d-1")
    late = send(source, body, delivery="d-2")

    assert again.pk == first.pk
    assert (late.state, late.outcome, late.decision_id) == ("ignored", "unchanged", first.decision_id)
    assert (len(forge.posted), GateDecision.objects.count()) == (1, 1)


def test_an_old_event_that_comes_late_tells_nothing_of_the_old_head(forge, archived):
    source = source_of(forge)
    old = forge.event()
    forge.pull.head = "b" * 40
    forge.pull.commits = [("b" * 40, f"Better\n\nPostmortem: {archived.public_id}")]
    new = forge.event("synchronize" if isinstance(forge, GitHub) else "update")

    assert send(source, new).outcome == "passed"
    assert send(source, old).outcome == "unchanged"

    # One status, on the new head.
    assert states(forge) == [("b", "success")]


def test_a_forced_push_is_judged_again(forge, archived):
    source = source_of(forge)
    send(source, forge.event())
    forge.pull.head = "b" * 40
    forge.pull.commits = [("b" * 40, "Rewritten")]

    event = send(source, forge.event("synchronize" if isinstance(forge, GitHub) else "update"))

    assert event.outcome == "failed"
    assert [head for head, _state in states(forge)] == ["a", "b"]


def test_reopening_asks_once_more(forge, archived):
    """Meanwhile the postmortem was archived: the change itself is as before."""
    source = source_of(forge)
    review = factories.complete_review(
        incidents=[factories.resolved_incident(services=[archived.incidents.get().services.get()])]
    )
    forge.pull.description = f"Postmortem: {review.public_id}"
    assert send(source, forge.event()).outcome == "failed"
    factories.archived(Review.objects.get(pk=review.pk))

    event = send(source, forge.event("reopened" if isinstance(forge, GitHub) else "reopen"))

    assert event.outcome == "passed"
    assert states(forge)[-1] == ("a", "success")


def test_an_administrator_replays_and_the_change_is_judged_anew(forge, archived):
    source = source_of(forge)
    event = send(source, forge.event())

    inbox.replay(event, by=factories.user(role="administrator"), now=timezone.now())
    inbox.take_next(now=timezone.now())

    event.refresh_from_db()
    assert (event.state, event.outcome, GateDecision.objects.count()) == ("done", "failed", 2)


@pytest.mark.parametrize(
    "action", ["closed", "locked", "converted_to_draft", "assigned", "merge", "close", "approved"]
)
def test_what_changes_no_answer_asks_nobody(forge, archived, action):
    event = send(source_of(forge), forge.event(action))

    assert (event.state, event.outcome, forge.asked) == ("ignored", "not_asked", 0)


def test_a_change_of_labels_alone_asks_again(forge, archived):
    source = source_of(forge)
    policy(covered_labels=["production"], excused_labels=["chore"])
    is_github = isinstance(forge, GitHub)
    assert send(source, forge.event()).outcome == "passed"

    for labels, action, outcome in (
        (["Production"], "labeled", "failed"),
        (["Production", "chore"], "labeled", "passed"),
        (["Production"], "unlabeled", "failed"),
    ):
        forge.pull.labels = labels
        assert send(source, forge.event(action if is_github else "update")).outcome == outcome

    passed, failed = ("a", "success"), ("a", FAILED[type(forge)])
    assert states(forge) == [passed, failed, passed, failed]


def test_a_closed_change_is_left_alone(forge, archived):
    forge.pull.state = "closed"

    event = send(source_of(forge), forge.event())

    assert (event.state, event.outcome, forge.posted) == ("ignored", "not_open", [])


def test_a_ping_is_no_question(github):
    event = send(source_of(github), b'{"zen": "Keep it simple", "hook_id": 1}', kind="ping")

    assert (event.state, event.outcome) == ("ignored", "not_asked")


@pytest.mark.parametrize("mode", ["warn", "dry-run", "off"])
def test_a_verdict_that_binds_nobody_stops_nobody_and_is_told(forge, archived, mode):
    policy(mode=mode)

    event = send(source_of(forge), forge.event())

    assert event.outcome == "failed"
    assert states(forge) == [("a", "success")]
    assert forge.posted[0][1]["description"].startswith(f"({mode}) Failed: POSTMORTEM_NOT_NAMED")


def test_paths_labels_and_the_target_branch_reach_the_policy(forge, archived):
    forge.pull.paths, forge.pull.labels, forge.pull.target = ["docs/a.md"], ["docs"], "release"
    policy(excused_paths=["docs/**"])

    event = send(source_of(forge), forge.event())

    assert event.outcome == "passed"
    asked = GateDecision.objects.get().request
    assert (asked["paths"], asked["labels"], asked["target_branch"]) == (["docs/a.md"], ["docs"], "release")


def test_a_check_run_has_the_findings_and_no_restricted_title(github, archived):
    hidden = factories.archived_review(
        incidents=[factories.resolved_incident("Quagmire of Zanzibar", is_restricted=True)],
        title="Quagmire of Zanzibar",
    )
    github.pull.description = f"Postmortem: {hidden.public_id}\nPostmortem: PM-2020-0001"

    send(source_of(github, report_as="check"), github.event())

    ((path, said),) = github.posted
    assert path == "/repos/shop/order/check-runs"
    assert (said["conclusion"], said["head_sha"], said["status"]) == ("failure", "a" * 40, "completed")
    assert "PM_UNKNOWN" in said["output"]["summary"]
    assert "Zanzibar" not in str(said)
    assert said["external_id"] == str(GateDecision.objects.get().pk)


def test_re_run_of_our_check_run_asks_once_more(github, archived):
    source = source_of(github, report_as="check")
    send(source, github.event())
    asked = github.event(
        "rerequested",
        check_run={"name": "closeloop", "head_sha": "a" * 40, "pull_requests": [{"number": 7}]},
    )

    assert send(source, asked, kind="check_run").outcome == "failed"
    assert len(github.posted) == 2
    other = asked.replace(b'"closeloop"', b'"other"')
    assert send(source, other, kind="check_run").outcome == "not_asked"


def test_re_run_of_all_checks_asks_once_more(github, archived):
    source = source_of(github, report_as="check")
    suite = {"head_sha": "a" * 40, "pull_requests": [{"number": 7}]}

    asked = send(source, github.event("rerequested", check_suite=suite), kind="check_suite")
    done = send(source, github.event("completed", check_suite=suite), kind="check_suite")

    assert (asked.outcome, done.outcome, len(github.posted)) == ("failed", "not_asked", 1)


def test_a_label_that_excuses_is_judged_at_once(github, archived):
    policy(excused_labels=["no-incident"])
    source = source_of(github)
    assert send(source, github.event()).outcome == "failed"

    github.pull.labels = ["no-incident"]

    assert send(source, github.event("labeled", label={"name": "no-incident"})).outcome == "passed"


def test_a_merge_queue_hears_the_verdict_on_the_commit_it_made(github, archived):
    github.pull.description = f"Postmortem: {archived.public_id}"
    made = "d" * 40
    group = {
        "head_sha": made,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{'e' * 40}",
        "base_ref": "refs/heads/main",
    }
    source = source_of(github)

    event = send(source, github.event("checks_requested", merge_group=group), kind="merge_group")

    assert event.outcome == "passed"
    assert [path.rpartition("/")[2] for path, _ in github.posted] == [made]
    elsewhere = group | {"head_ref": "refs/heads/main"}
    for action, told in (("destroyed", group), ("checks_requested", elsewhere)):
        body = github.event(action, merge_group=told)
        assert send(source, body, kind="merge_group").outcome == "not_asked"


def test_a_webhook_that_sends_forms_is_read(github, archived):
    source = source_of(github)

    event = send(source, urlencode({"payload": github.event().decode()}).encode())
    none = send(source, b"payload=&b=c")

    assert (event.outcome, none.outcome) == ("failed", "unreadable")
    assert states(github) == [("a", "failure")]


def test_a_merge_request_without_a_commit_asks_nobody(gitlab):
    body = json.loads(gitlab.event())
    body["object_attributes"]["last_commit"] = None

    event = send(source_of(gitlab), json.dumps(body).encode())

    assert (event.state, event.outcome, gitlab.asked) == ("ignored", "not_asked", 0)


def test_an_external_status_check_of_gitlab(gitlab, archived):
    source = source_of(gitlab, report_as="check", external_check=5)

    send(source, gitlab.event())

    ((path, said),) = gitlab.posted
    assert path == "/projects/shop%2Forder/merge_requests/7/status_check_responses"
    assert said == {"sha": "a" * 40, "external_status_check_id": 5, "status": "failed"}


def test_gitlab_does_not_take_the_same_status_twice_and_that_is_no_failure(gitlab, archived):
    source = source_of(gitlab)
    send(source, gitlab.event())
    gitlab.pull.title = "Another title"

    assert send(source, gitlab.event("update")).outcome == "failed"


def test_a_forge_that_is_down_is_asked_again_and_the_gate_once(forge, archived):
    source, now = source_of(forge), timezone.now()
    forge.moods = [(502, {})]
    event = send(source, forge.event(), at=now)
    assert (event.state, event.attempts) == ("waiting", 1)
    assert "502" in event.error

    # The change is read, judged, and the report fails.
    now = event.next_at + MINUTE
    original = forge.post
    forge.post = lambda path, said: (503, {"message": "later"})
    inbox.take_next(now=now)
    event.refresh_from_db()
    assert (event.state, GateDecision.objects.count()) == ("waiting", 1)

    forge.post = original
    inbox.take_next(now=event.next_at + MINUTE)
    event.refresh_from_db()
    assert (event.state, event.outcome, GateDecision.objects.count()) == ("done", "failed", 1)
    assert len(forge.posted) == 1


def test_a_forge_that_refuses_fails_the_event_with_its_words(forge, archived):
    source = source_of(
        forge,
    )
    source.api_token = "wrong"
    source.save()

    event = send(source, forge.event())

    assert (event.state, event.outcome) == ("failed", "forge_refused")
    assert "401" in event.error
    assert ForgeChange.objects.get().lease_until is None


def test_an_address_outside_of_its_networks_is_not_asked(forge, archived):
    source = source_of(forge)
    source.networks = []
    source.save()

    event = send(source, forge.event())

    assert (event.state, event.outcome, forge.asked) == ("failed", "forge_refused", 0)


def test_a_gate_token_that_is_revoked_fails_the_event_and_reports_nothing(forge, archived):
    source = source_of(forge)
    presented = tokens.read_header(f"Bearer {source.gate_token.reveal()}")
    tokens.revoke(tokens.find(presented, now=timezone.now()), now=timezone.now())

    event = send(source, forge.event())

    assert (event.state, event.outcome, forge.posted) == ("failed", "token_not_valid", [])


@pytest.mark.parametrize(
    "change",
    [
        {"repository": {"full_name": "../../admin"}},
        {"repository": {"full_name": "shop/order?x=1"}},
        {"repository": None},
        {"pull_request": {"number": 7, "head": {"sha": "main"}}},
        {"pull_request": {"number": "7", "head": {"sha": "a" * 40}}},
        {"pull_request": []},
    ],
    ids=range(6),
)
def test_an_event_that_is_none_asks_nobody(github, change):
    event = send(source_of(github), github.event(**change))

    assert (event.state, event.outcome, github.asked) == ("failed", "unreadable", 0)


@pytest.mark.django_db(transaction=True)
def test_two_events_of_one_change_at_once_are_dealt_with_one_after_the_other(github):
    factories.service("order", repositories=["shop/order"])
    source, now = source_of(github), timezone.now()
    for delivery in ("d-1", "d-2"):
        headers = {"x-github-event": "pull_request", "x-github-delivery": delivery}
        inbox.receive(source, headers, github.event(), now=now)

    at_once(*[lambda: inbox.take_next(now=now)] * 2)
    for event in InboundEvent.objects.filter(state="waiting"):
        inbox.take_next(now=event.next_at + MINUTE)

    assert sorted(InboundEvent.objects.values_list("outcome", flat=True)) == ["failed", "unchanged"]
    assert (len(github.posted), GateDecision.objects.count()) == (1, 1)


def test_a_form_in_the_place_of_json_says_what_to_set(gitlab, archived):
    event = send(source_of(gitlab), b"payload=" + quote(gitlab.event()).encode())

    assert (event.state, event.outcome) == ("failed", "unreadable")
    assert event.error == "The body is a form: set the content type to application/json where it is sent."


def test_a_forge_that_is_not_there_is_said_in_words(forge, archived):
    source = source_of(forge)
    source.api_url = f"http://127.0.0.1:{free_port()}"
    source.save()

    event = send(source, forge.event())

    assert event.error == "The forge cannot be reached: The server refuses the connection."
