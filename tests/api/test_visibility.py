"""What is restricted is restricted at every address of the API."""

import re

import pytest
from django.db import transaction

from postmortem.models import (
    Change,
    ChecklistEntry,
    Entry,
    Incident,
    Review,
    ReviewStep,
    RootCause,
)
from remediation.models import RemediationItem, VerificationCheck
from tests import factories
from tests.api.bodies import bodies
from tests.api.conftest import Caller, build_world
from tests.api.document import operations

# What names something derived from an incident, or something that belongs to one person.
HIDDEN = {
    "incident", "review", "item", "check", "run", "file", "text", "import", "notice", "channel", "waiver",
}  # fmt: skip
# Only ever below one of those.
BELOW = {
    "participant", "change", "entry", "step", "cause", "point", "measurement", "revision", "checklist_entry",
    "version", "message", "deploy",
}  # fmt: skip
# What everybody may see, or what is no record.
OPEN = {
    "user", "team", "service", "severity", "template", "source", "month", "term", "cause_class", "quarter",
    "policy", "calendar", "figure", "kpi", "gate_policy", "secret", "delivery", "escalation_step",
    "token", "account",
    # For administrators alone.
    "event_source", "event_secret", "event",
}  # fmt: skip
SECRET = "Zanzibar"
# The gate judges what is restricted as well; its findings name it by id, never by title.
JUDGING = {"audit", "gate_changes"}


def parts_of(path: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", path))


def test_every_part_of_every_path_is_hidden_or_open():
    """A new kind of record has to choose, so that no endpoint is forgotten below."""
    paths = {path for path, _method, _operation in operations()}
    named = set().union(*(parts_of(path) for path in paths))

    assert named == HIDDEN | BELOW | OPEN
    assert not {path for path in paths if parts_of(path) & BELOW and not parts_of(path) & HIDDEN}


@pytest.fixture
def secret_world(db):
    """Everything in it that people name is called by one word."""
    world = build_world(Caller(factories.user("Ada", role="administrator")), is_restricted=True)
    for model, columns in (
        (Incident, ["title", "summary", "summary_html", "phase"]),
        (Review, ["title", "went_well", "went_badly", "luck"]),
        (ReviewStep, ["finding", "evidence", "finding_html", "evidence_html"]),
        (RootCause, ["statement", "evidence"]),
        (Change, ["title", "reason"]),
        (ChecklistEntry, ["title"]),
        (Entry, ["text"]),
        (RemediationItem, ["title", "description"]),
        (VerificationCheck, ["name"]),
    ):
        model.objects.update(**dict.fromkeys(columns, f"Of {SECRET}"))
    return world


def answers(caller, world, *, is_hidden):
    """(operation, method, answer) of each operation on what is hidden, or on the rest; nothing stays.

    Each gets a body that it takes, so that it comes as far as it can.
    """
    sent = bodies(world)
    for path, method, operation in operations():
        if bool(parts_of(path) & HIDDEN) == is_hidden:
            name = operation["operationId"]
            with transaction.atomic():
                body = sent.get(name, {})
                here = world.path(path)
                yield (
                    name,
                    method,
                    caller.get(here) if method == "get" else caller.send(method.upper(), here, body),
                )
                transaction.set_rollback(True)


def words_of(answer) -> str:
    return answer.getvalue().decode("utf-8", "replace")


def test_stranger_finds_nothing_of_a_restricted_incident(secret_world):
    stranger = Caller(factories.user(role="facilitator"))

    wrong = {
        name: answer.status_code
        for name, _method, answer in answers(stranger, secret_world, is_hidden=True)
        if answer.status_code != 404 or SECRET in words_of(answer)
    }

    assert wrong == {}


def test_everything_else_leaves_out_what_is_restricted(secret_world):
    """Lists, and what names a restricted record in its body: never its title, and in no list its id."""
    stranger = Caller(factories.user(role="facilitator"), scopes=["read", "write", "audit", "gate"])
    ids = [secret_world.parts[part] for part in ("incident", "review", "item")]

    wrong = {}
    for name, method, answer in answers(stranger, secret_world, is_hidden=False):
        text = words_of(answer)
        is_list = method == "get" and name not in JUDGING
        if answer.status_code >= 500 or SECRET in text or (is_list and any(one in text for one in ids)):
            wrong[name] = answer.status_code

    assert wrong == {}


def test_the_words_are_there_for_who_may_see_them(secret_world):
    """So that the tests above would see a leak."""
    seen = {
        name
        for name, method, answer in answers(secret_world.caller, secret_world, is_hidden=True)
        if method == "get" and SECRET in words_of(answer)
    }

    assert seen >= {
        "incidents_retrieve", "reviews_retrieve", "items_retrieve", "merged_timelines_retrieve",
        "merged_timelines_table", "merged_timelines_document", "dossiers_export", "dossiers_markdown",
        "changes_list", "checklist_export",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["incidents", "reviews", "items"])
def test_lists_leave_out_what_is_restricted(secret_world, path):
    stranger = Caller(factories.user(role="facilitator"))

    assert stranger.get(path).json() == {"items": [], "next": None}
    assert stranger.get(path, q=SECRET).json() == {"items": [], "next": None}
    assert secret_world.caller.get(path).json()["items"] != []


def test_restricted_incident_cannot_be_named_in_a_body(secret_world):
    stranger = Caller(factories.user(role="facilitator"))
    fresh = Incident.objects.get(pk=secret_world.names["fresh"].pk)

    refused = stranger.post("reviews", {"title": "Curious", "incidents": [fresh.public_id]}).json()
    unknown = stranger.post("reviews", {"title": "Curious", "incidents": ["INC-2026-9999"]}).json()

    assert refused["errors"] == unknown["errors"]
    assert [one["code"] for one in refused["errors"]["incidents.0"]] == ["does_not_exist"]


def test_restricted_review_and_cause_cannot_be_named_in_a_body(secret_world):
    stranger = Caller(factories.user(role="facilitator"))

    problem = stranger.post(
        "items", {"review": secret_world.parts["review"], "causes": [secret_world.parts["cause"]]}
    ).json()

    assert [one["code"] for one in problem["errors"]["review"]] == ["does_not_exist"]
    assert [one["code"] for one in problem["errors"]["causes.0"]] == ["does_not_exist"]


def test_participant_sees_a_restricted_incident(secret_world):
    participant = Caller(
        Incident.objects.get(public_id=secret_world.parts["incident"]).participants.last().user
    )

    assert participant.get(secret_world.path("incidents/{incident}")).status_code == 200
    assert participant.get(secret_world.path("items/{item}")).status_code == 200


def test_sealed_timeline_stays_sealed_to_an_administrator(world):
    other = Incident.objects.get(public_id=world.parts["incident"]).participants.last()
    factories.entry(factories.timeline(other), "A sealed word.")

    merged = world.caller.get(world.path("incidents/{incident}/merged-timeline"))
    own = world.caller.get(world.path("incidents/{incident}/timeline"))

    assert b"sealed word" not in merged.content + own.content
    assert len(merged.json()["entries"]) == 1
