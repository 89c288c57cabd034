"""A timeline that is not filed yet is read by its author alone, wherever anybody looks."""

import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.utils import timezone

from postmortem.models import (
    CauseClass,
    Entry,
    EvidenceFile,
    Incident,
    Review,
    Timeline,
    TrailEntry,
)
from remediation.models import CheckRun
from tests import factories
from tests.api.bodies import bodies
from tests.api.conftest import Caller
from tests.api.conftest import World as ApiWorld
from tests.api.document import operations
from tests.factories import HOUR
from tests.web import places
from tests.web.visiting import Visitor

pytestmark = [pytest.mark.flow, pytest.mark.django_db]

MARK = "Quagga"
# Who leads the review, who may see everything, and who may enter the admin site.
READERS = ["leader", "governor", "root"]


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[places.World]:
    """The small world of the pages; in it somebody writes about a reviewed incident, and files nothing."""
    with django_db_blocker.unblock(), transaction.atomic():
        found = places.build()
        found.people["root"] = factories.user("Root", role="administrator", is_staff=True, is_superuser=True)
        _write_unfiled(found, _reviewed(found))
        _write_excused(found)
        yield found
        transaction.set_rollback(True)


def _reviewed(world: places.World) -> Incident:
    return Incident.objects.get(public_id=world.of_page["incident"]["incidents"])


def _write_unfiled(world: places.World, told: Incident) -> None:
    author = world.people["author"] = factories.user(f"Author of {MARK.lower()[:3]}")
    timeline = factories.timeline(factories.participant(told, author))
    entry = factories.entry(
        timeline,
        f"{MARK} restarted the pool",
        kind="command",
        is_starred=True,
        milestone="mitigated",
        marker="repair",
        happened_at=told.started_at + HOUR / 60,
    )
    Entry.objects.filter(pk=entry.pk).update(text=f"{MARK} restarted the pool twice")
    data = f"{MARK} in the log".encode()
    factories.evidence_file(entry, data=data, label=f"{MARK}.log", thumbnail=b"small")


def _write_excused(world: places.World) -> None:
    """Somebody began to write, was excused, and the review was archived without their words."""
    person = factories.user("Excused")
    incident = factories.resolved_incident("Queue fails", services=[world.service])
    participant = factories.participant(incident, person)
    excused = {
        "excused_at": timezone.now(),
        "excused_by": world.people["leader"],
        "excuse_reason": "On leave.",
    }
    factories.entry(factories.timeline(participant), f"{MARK} was excused")
    Timeline.objects.filter(participant=participant).update(**excused)
    factories.archived_review(incidents=[incident])


def _api(world: places.World, caller: Caller) -> ApiWorld:
    """The same records by the names that the paths of the API use."""
    told = _reviewed(world)
    review = told.review
    step = review.steps.get(position=2)
    entry = Entry.objects.get(text__startswith=f"{MARK} restarted")
    item = review.items.first()
    check = item.verification_checks.first()
    parts = {
        "user": world.people["author"].pk,
        "participant": entry.timeline.participant_id,
        "team": world.service.team.slug,
        "service": world.service.slug,
        "incident": told.public_id,
        "review": review.public_id,
        "step": step.kind,
        "cause": review.causes.first().pk,
        "point": review.lesson_points.first().pk,
        "change": told.changes.first().pk,
        "severity": "P1",
        "template": world.parts["review-templates"],
        "measurement": world.parts["measurements"],
        "entry": entry.pk,
        "file": entry.evidence.get().pk,
        "notice": world.parts["notices"],
        "item": item.public_id,
        "check": check.pk,
        "run": CheckRun.objects.order_by("id").first().pk,
        "source": world.parts["data-sources"],
        "secret": world.parts["probe-secrets"],
        "import": world.parts["imports"],
        "month": "2026-05",
        "quarter": "2026-Q2",
        "policy": factories.sla_policies()[0].pk,
        "calendar": factories.calendar().pk,
        "term": world.parts["wording"],
        "cause_class": CauseClass.objects.first().slug,
        "checklist_entry": review.checklist.first().pk,
        "revision": 1,
        "text": f"entry-{entry.pk}.text",
        "version": 2,
        "account": world.parts["service-accounts"],
        "token": world.parts["tokens"],
        "channel": world.parts["channels"],
        "message": world.parts["channel-messages"],
        "delivery": world.parts["deliveries"],
        "deploy": world.parts["deploys"],
        "event_source": world.parts["event-sources"],
        "event_secret": world.parts["event-secrets"],
        "event": world.parts["events"],
        "escalation_step": world.parts["escalation"],
        "gate_policy": world.parts["gate-policies"],
        "waiver": world.parts["waivers"],
        "figure": "closure",
        "kpi": world.parts["kpis"],
    }
    fresh = Incident.objects.filter(review=None).first()
    names = {"fresh": fresh, "governor": world.people["governor"], "earlier": review.causes.last()}
    return ApiWorld(caller, parts, names)


def _leaks(text: str) -> bool:
    return MARK in text


@pytest.mark.parametrize("reader", READERS)
def test_no_page_shows_it(world, reader):
    """Every page, download and search, and the admin site for those who may enter it."""
    visitor = Visitor(world, world.people[reader])
    told = _reviewed(world)
    author = world.people["author"].pk
    wrong = {name for name, answer in visitor.answers.items() if _leaks(_text(answer))}
    asked = [
        f"/search?q={MARK}",
        f"/incidents/?q={MARK}",
        f"/incidents/export.csv?q={MARK}",
        f"/items/?q={MARK}&state=all",
        f"/incidents/{told}/merged/?person={author}",
        f"/incidents/{told}/merged/?starred=on&kind=command",
        f"/incidents/{told}/merged/export.csv?person={author}",
        f"/incidents/{told}/merged/export.md?person={author}",
        f"/reviews/{told.review}/export.md",
        f"/reviews/{told.review}/export.json",
    ]
    for entry in Entry.objects.filter(text__contains=MARK):
        asked += [f"/entries/{entry.pk}/edit", f"/entries/{entry.pk}/remove"]
        versions = f"/texts/entry-{entry.pk}.text/versions/"
        asked += [versions, f"{versions}1/", f"{versions}2/"]
    for file in EvidenceFile.objects.filter(label__contains=MARK):
        asked += [f"/evidence/{file.pk}/", f"/evidence/{file.pk}/thumbnail"]
    for review in Review.objects.filter(incidents__title__startswith="Queue"):
        asked += [f"/reviews/{review}/", f"/reviews/{review}/document", f"/reviews/{review}/revisions/1/"]
    if reader == "root":
        asked += _admin_addresses()
    for address in asked:
        path, _mark, query = address.partition("?")
        body = _text(visitor.ask("GET", path, QUERY_STRING=query))
        # What was looked for stands in the field, and in the links that keep it.
        if re.search(rf"{MARK} (restarted|in the log|was excused)|{MARK}\.log", body):
            wrong.add(address)

    assert wrong == set()


def _admin_addresses() -> list[str]:
    """Each page of the admin site, for each record whose words it could show."""
    kept = TrailEntry.objects.filter(after__icontains=MARK) | TrailEntry.objects.filter(
        before__icontains=MARK
    )
    records = {str(pk) for pk in kept.values_list("pk", flat=True)}
    records |= {str(pk) for pk in Entry.objects.filter(text__contains=MARK).values_list("pk", flat=True)}
    assert len(records) > 3
    return [
        re.sub(r"^", "/", re.sub(r"<[^>]*>", record, place.route))
        for place in places.admin_pages()
        for record in (sorted(records) if "<" in place.route else ["1"])
    ]


@pytest.mark.parametrize("reader", READERS)
def test_no_endpoint_shows_it(world, reader):
    """Every operation of the API with a body that it takes, and lists that are searched for it."""
    caller = Caller(world.people[reader], scopes=["read", "write", "audit", "gate"])
    here = _api(world, caller)
    sent = bodies(here)
    wrong = set()
    for path, method, operation in operations():
        body = sent.get(operation["operationId"], {})
        with transaction.atomic():
            answer = _send(caller, method, here.path(path), body)
            transaction.set_rollback(True)
        if answer.status_code >= 500 or _leaks(_text(answer)):
            wrong.add((method, path, answer.status_code))
    for path in ("incidents", "reviews", "items"):
        if _leaks(_text(caller.get(path, q=MARK))):
            wrong.add(("get", path, "q"))

    assert wrong == set()


def _send(caller: Caller, method: str, path: str, body: object):
    return caller.get(path) if method == "get" else caller.send(method.upper(), path, body)


def test_its_author_reads_it(world):
    """So that the two tests above would see a leak: the words are there."""
    author = world.people["author"]
    here = _api(world, Caller(author))
    own = here.caller.get(here.path("incidents/{incident}/timeline"))
    page = Visitor(world, author).ask("GET", f"/incidents/{here.parts['incident']}/timeline/")
    versions = here.caller.get(here.path("texts/{text}/versions/{version}"))

    assert MARK in own.content.decode()
    assert MARK in versions.content.decode()
    assert MARK in page.text


def _text(answer) -> str:
    return answer.getvalue().decode("utf-8", "replace")
