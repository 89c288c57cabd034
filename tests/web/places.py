"""Every address that people can reach, read from the resolver, and a small world to fill it with.

A new page is found by itself: it only needs a record here when its address has a part that no other has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from django.urls import get_resolver
from django.utils import timezone

from accounts import service_accounts
from accounts.models import Team, User
from governance.models import (
    ChannelMessage,
    Delivery,
    Deploy,
    EscalationStep,
    EventSecret,
    GateDecision,
    Kpi,
    Notice,
)
from postmortem import imports
from postmortem.models import CauseClass, Draft, Incident, Review, SavedView, Service
from remediation.models import DataSource, RemediationItem, VerificationCheck
from tests import factories, gating
from tests.factories import DAY, HOUR

# A part of an address, and the word before it, which says whose id it is: "reviews/<slug:public_id>".
_PART = re.compile(r"([\w-]+)/<(\w+):\w+>")


@dataclass(frozen=True)
class Place:
    """One pattern of the resolver: its name, and its route such as "checks/<int:pk>/run"."""

    name: str
    route: str

    @property
    def parts(self) -> list[str]:
        """The words before its parts, for example ["reviews", "steps"]."""
        return [match[1] for match in _PART.finditer(self.route)]

    def filled(self, parts: dict[str, str]) -> str:
        """The path with each part in its place; they must be quoted already."""
        return "/" + _PART.sub(lambda match: f"{match[1]}/{parts[match[1]]}", self.route)


@cache
def pages() -> list[Place]:
    """Everything of `web`, and the two addresses for probes; the API has tests of its own."""
    ours = {"healthz", "version"}
    return [
        Place(name, route)
        for space, name, route in _walk(get_resolver().url_patterns)
        if space == "web" or (not space and name in ours)
    ]


@cache
def admin_pages() -> list[Place]:
    """The admin site, the last pattern (which catches everything else) left out."""
    return [
        Place(name, route)
        for space, name, route in _walk(get_resolver().url_patterns)
        if space == "admin" and "(?P" not in route
    ]


def _walk(patterns, space="", before="") -> Iterator[tuple[str, str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, pattern.namespace or space, route)
        else:
            yield space, pattern.name or "", route


@dataclass
class World:
    """Records that hang together, one at least for each part of an address.

    Attributes:
        people: one of each role; the manager of the service's team; the leader, a member who facilitates.
            The administrator and the member took part in the incidents.
        parts: by the word before it in an address: what a path names unless its page wants something else.
        of_page: by name of a page: the parts that make it do something.
    """

    people: dict[str, User]
    service: Service
    parts: dict[str, str]
    of_page: dict[str, dict[str, str]]

    def path(self, place: Place) -> str:
        return place.filled(self.parts | self.of_page.get(place.name, {}))


def build() -> World:
    """People, a service, what the gate decided about it, and all that `tell` tells."""
    people = {role: factories.user(role.title(), role=role) for role in User.Role.values}
    people |= {"manager": factories.user("Manager"), "leader": factories.user("Leader")}
    service = factories.service("order", team=factories.team(manager=people["manager"]))
    token = factories.api_token(people["administrator"], now=timezone.now())[0]
    world = World(people, service, {}, {})
    tell(world, "in the open")
    view = SavedView.objects.create(user=people["administrator"], name="Mine", created_at=timezone.now())
    told = Notice.objects.create(
        recipient=people["administrator"],
        kind="review_at_risk",
        incident=Incident.objects.first(),
        key="told",
        created_at=timezone.now(),
    )
    unsent = Delivery.objects.create(
        notice=told,
        state="given_up",
        created_at=timezone.now(),
        next_at=timezone.now(),
        finished_at=timezone.now(),
    )
    channel = factories.channel(
        team=service.team,
        paused_at=timezone.now(),
        paused_as="failing",
    )
    message = ChannelMessage.objects.create(
        channel=channel,
        kind="review_at_risk",
        incident=Incident.objects.first(),
        key="told",
        state="given_up",
        happened_at=timezone.now(),
        created_at=timezone.now(),
        next_at=timezone.now(),
        finished_at=timezone.now(),
    )
    kept, thrown = (
        Draft.objects.create(
            owner=people["administrator"],
            key="/incidents/new",
            page=f"page-of-{word}-0123456789",
            fields={"title": ["Half a title"]},
            saved_at=timezone.now(),
            discarded_at=discarded_at,
        )
        for word, discarded_at in (("kept", None), ("thrown", timezone.now()))
    )
    decision = GateDecision.objects.create(
        kind="audit",
        decided_at=timezone.now(),
        token=token,
        verdict="FAIL",
        findings=[
            {
                "code": "ITEM_OVERDUE",
                "object": world.parts["items"],
                "since": "2026-11-20T00:00:00Z",
                "detail": "",
            }
        ],
        policy_version="2026-11-1",
        service=service,
        date=date(2026, 11, 20),
    )
    Kpi.objects.create(
        slug="idle", name="Idle", created_by=people["administrator"], created_at=timezone.now()
    )
    document = imports.add(
        source="# Orders failed in 2020\n\n## Timeline\n\n- 10:00 soon\n",
        by=people["administrator"],
        now=timezone.now(),
    )
    sender = factories.event_source(acts_as=people["administrator"])
    older = EventSecret.objects.create(
        source=factories.event_source("github", acts_as=people["administrator"]),
        place=2,
        secret=factories.EVENT_SECRET,
        created_at=timezone.now(),
    )
    failed = factories.inbound_event(sender, b'{"version": "3"}', state="failed", outcome="unreadable")
    world.parts |= {
        "events": str(failed.pk),
        "event-sources": str(sender.pk),
        "event-secrets": str(older.pk),
        "imports": document.public_id,
        "services": service.slug,
        "ci": "closeloop_gate.py",
        "service-accounts": str(service_accounts.create(name="GitLab").pk),
        "gate": str(decision.pk),
        "report": "2026-05",
        "figures": "closure",
        "kpis": "idle",
        "usage": "imports",
        "teams": service.team.slug,
        "goals": "closure",
        "tokens": str(token.pk),
        "notices": str(told.pk),
        "deliveries": str(unsent.pk),
        "drafts": kept.page,
        "channels": str(channel.pk),
        "escalation": str(EscalationStep.objects.order_by("pk").first().pk),
        "channel-messages": str(message.pk),
        "severities": "P1",
        "sla": str(factories.sla_policy(severity="P0").pk),
        "gate-policies": str(gating.policy(repositories=["shop/*"], name="Shop").key),
        "calendars": str(factories.calendar().pk),
        "review-templates": str(factories.review_template("Severe", severities=["P0"]).pk),
        "views": str(view.pk),
        "data-sources": str(DataSource.objects.get().pk),
        "cause-classes": str(CauseClass.objects.get(slug="design-overload").pk),
        "wording": str(factories.wording_term("glitch", team=service.team).pk),
    }
    other, mine, lasting = (
        gating.waiver(service=service, at=timezone.now(), is_granted=False),
        gating.waiver(service=service, at=timezone.now(), is_granted=False, by=people["administrator"]),
        gating.waiver(service=service, at=timezone.now()),
    )
    world.parts["waivers"] = str(other.pk)
    world.of_page["gate_waiver_withdraw"] = {"waivers": str(mine.pk)}
    world.of_page["gate_waiver_end"] = {"waivers": str(lasting.pk)}
    idle = factories.data_source("Idle", base_url="http://127.0.0.1:9")
    ended = factories.probe_template("it-ends", by=people["administrator"])
    for act in ("edit", "retire"):
        world.of_page[f"probe_template_{act}"] = {"templates": ended.slug}
    world.parts["probe-secrets"] = str(factories.probe_secret(service.team, "order-db").pk)
    world.of_page["data_source_delete"] = {"data-sources": str(idle.pk)}
    world.of_page["draft_take_back"] = {"drafts": thrown.page}
    return world


def tell(world: World, word: str, *, is_restricted: bool = False) -> None:
    """Incidents, their reviews and what was promised there, in every state; the world names them from now on.

    Args:
        word: stands in every text, so that a leak of any of them is found by it.
    """
    story = _Story(world, word, is_restricted)
    world.parts |= story.reviewed_in_the_open() | {"steps": "metric_anomaly"}
    world.of_page |= {"step_reopen": {"steps": "phenomenon"}}
    story.promised()
    story.others()
    # People are no secret; how many of them lead reviews stands in the report, and is no part of the story.
    known = [person.pk for person in world.people.values()]
    User.objects.filter(role="facilitator").exclude(pk__in=known).update(role="member")


class _Story:
    def __init__(self, world: World, word: str, is_restricted: bool) -> None:
        self.world, self.word = world, word
        self.now = timezone.now()
        self.people = world.people
        self._common = {
            "services": [world.service],
            "is_restricted": is_restricted,
            "summary": f"Much, {word}",
        }
        self._there = {"participants": [self.people["administrator"], self.people["member"]]}

    def reviewed_in_the_open(self) -> dict[str, str]:
        """An open review: one step is signed, the next written, causes are named; one timeline is sealed."""
        told = self._resolved("Orders fail", started_at=self.now - 4 * DAY, **self._there)
        self.review = self._review(
            "Orders failed", told, is_open=True, went_badly=f"Nobody looked, {self.word}"
        )
        mine, theirs = told.participants.order_by("id")
        entry = factories.entry(
            factories.timeline(mine), f"Sealed, {self.word}", happened_at=self.now - 4 * DAY
        )
        factories.filed_timeline(theirs, text=f"Called the team, {self.word}")
        first, second, *_later = self.review.steps.order_by("position")
        factories.signed(factories.written(first, finding=f"All, {self.word}."), by=self.people["member"])
        factories.written(second, finding=f"At first, {self.word}.")
        factories.written(second, finding=f"Then, {self.word}.")
        self.cause = factories.verified_cause(self.review, f"The pool has no timeout, {self.word}.")
        supposed = factories.cause(self.review, f"A load test ran, {self.word}.")
        measurement = factories.fetched_measurement(self.review, title=f"Threads, {self.word}")
        change = factories.change(
            told, f"order 1.4.2, {self.word}", verdict="cleared", reason=f"Another cell, {self.word}"
        )
        factories.change_search(self.review, f"The deploys, {self.word}")
        command = factories.checklist_entry(
            self.review, is_approved=False, title=f"No pod hangs, {self.word}"
        )
        checklist = factories.checklist_query(self.review, title=f"Few wait, {self.word}")
        self.world.of_page |= {
            "incident": {"incidents": told.public_id},
            "deploy_add": {"incidents": told.public_id},
            "timeline_file": {"incidents": told.public_id},
            # An earlier one of the same words stands in another review.
            "cause_earlier": {"causes": str(self.cause.pk)},
            "cause_judge": {"causes": str(self.cause.pk)},
            **{f"checklist_{act}": {"checklist": str(command.pk)} for act in ("command", "approve")},
            **{f"merged_incident{kind}": {"incidents": told.public_id} for kind in ("", "_csv", "_md")},
        }
        return {
            "entries": str(entry.pk),
            "evidence": str(factories.evidence_file(entry, thumbnail=b"small").pk),
            "reviews": self.review.public_id,
            "causes": str(supposed.pk),
            "lessons": str(factories.lesson_point(self.review, f"The page was silent, {self.word}").pk),
            "measurements": str(measurement.pk),
            "changes": str(change.pk),
            "deploys": str(self._deployed(told).pk),
            "checklist": str(checklist.pk),
            "texts": f"{self.review.public_id}.metric_anomaly.finding",
            "versions": "1",
        }

    def _deployed(self, told: Incident) -> Deploy:
        """One for every story: deploys are no secret, and stand at each incident of their service."""
        at = told.started_at - HOUR
        return Deploy.objects.first() or factories.deploy(
            self.world.service, deployed_at=at, by=self.people["member"]
        )

    def promised(self) -> None:
        """An item in each state; the open one has a run, and a paused check beside the other."""
        items = {
            state: self._promise(owner=self.people["member"], checks=2, state=state)
            for state in ("open", "in_progress", "verifying", "verified", "regressed", "wont_do")
        }
        check, paused = items["open"].verification_checks.order_by("pk")
        factories.check_run(check, slot=self.now - HOUR, outcome="fail", error=f"It said {self.word}")
        VerificationCheck.objects.filter(pk=paused.pk).update(is_paused=True)
        command = factories.check(items["in_progress"], kind="shell", is_approved=False, name=self.word)
        gone = factories.user("Gone")
        asked, mine, ownerless = (self._promise(owner=self.people["member"]) for _ in range(3))
        for item, person in ((asked, self.people["leader"]), (mine, self.people["administrator"])):
            factories.wont_do_request(item, by=person, reason=f"Nobody needs it, {self.word}")
        promised = {"agreed_at": self.now - DAY, "owner": self.people["member"]}
        later, longer, running = (self._promise(**promised) for _ in range(3))
        for item, person in ((later, self.people["leader"]), (longer, self.people["administrator"])):
            factories.deadline_waiver(item, by=person, reason=f"The vendor is late, {self.word}")
        RemediationItem.objects.filter(pk=ownerless.pk).update(owner=gone)
        User.objects.filter(pk=gone.pk).update(is_active=False)
        factories.stand(
            VerificationCheck.objects.filter(item__review=self.review), next_run_at=self.now + DAY
        )
        administrator, leader = self.people["administrator"], self.people["leader"]
        # One team for every story: its name is no secret, and stands where teams are chosen.
        team = Team.objects.filter(name="Examined").first() or factories.team(
            "Examined", members=[administrator, leader]
        )
        exam = factories.exam(ownerless, title=f"Limits, {self.word}", team=team)
        factories.attempt(exam, leader)
        self.world.parts["roster"] = str(exam.roster.get(person=leader).pk)
        self.world.of_page |= {
            name: {"items": ownerless.public_id} for name in ("process", "exam_write", "exam_sit")
        }
        self.world.parts |= {
            "items": items["open"].public_id,
            "checks": str(check.pk),
            "templates": "db-pool-headroom",
        }
        self.world.of_page |= {
            "item_grant_wont_do": {"items": asked.public_id},
            "item_refuse_wont_do": {"items": asked.public_id},
            "item_withdraw_wont_do": {"items": mine.public_id},
            "item_ask_time": {"items": running.public_id},
            "item_grant_time": {"items": later.public_id},
            "item_refuse_time": {"items": later.public_id},
            "item_withdraw_time": {"items": longer.public_id},
            "item_take_over": {"items": ownerless.public_id},
            "item_withdraw": {"items": items["verifying"].public_id},
            "item_reopen": {"items": items["regressed"].public_id},
            "check_pause": {"checks": str(items["verified"].verification_checks.first().pk)},
            "check_resume": {"checks": str(paused.pk)},
            "check_approve": {"checks": str(command.pk)},
            "check_command": {"checks": str(command.pk)},
        }

    def _promise(self, **fields: Any) -> RemediationItem:
        return factories.item(
            f"Set a timeout, {self.word}",
            description=f"Of a second, {self.word}",
            review=self.review,
            causes=[self.cause],
            service=self.world.service,
            **fields,
        )

    def others(self) -> None:
        """An incident that goes on, and reviews that are archived, ready to be, and not open yet."""
        started_at = self.now - 2 * HOUR
        running = factories.incident(
            f"Checkout is slow, {self.word}", started_at=started_at, **self._common | self._there
        )
        over = self._resolved("Stock is wrong")
        archived = factories.archived_review(incidents=[over], title=f"Stock was wrong, {self.word}")
        factories.addendum(archived, f"Found later, {self.word}")
        reopened = factories.archived_review(
            incidents=[self._resolved("Cache is cold")], title=f"Cache was cold, {self.word}"
        )
        factories.reopened(reopened, reason=f"New logs, {self.word}")
        finished = factories.complete_review(
            incidents=[self._resolved("Mail fails")], title=f"Mail failed, {self.word}"
        )
        unopened = self._review("Search failed", self._resolved("Search fails"))
        later = VerificationCheck.objects.filter(item__review__in=[archived, reopened, finished])
        factories.stand(later, next_run_at=self.now + DAY)
        self.world.parts |= {
            "incidents": running.public_id,
            "revisions": "1",
            "people": str(running.participants.get(user=self.people["member"]).pk),
        }
        self.world.of_page |= {
            "incident_close": {"incidents": over.public_id},
            "review_document": {"reviews": archived.public_id},
            "review_reopen": {"reviews": archived.public_id},
            "revision": {"reviews": reopened.public_id},
            "revision_changes": {"reviews": reopened.public_id, "revisions": "2"},
            "addendum_new": {"reviews": archived.public_id},
            "review_approve": {"reviews": finished.public_id},
            "review_archive": {"reviews": finished.public_id},
            "review_open": {"reviews": unopened.public_id},
        }

    def _resolved(self, title: str, **fields: Any) -> Incident:
        return factories.resolved_incident(f"{title}, {self.word}", **self._common | fields)

    def _review(self, title: str, incident: Incident, **fields: Any) -> Review:
        people = {"owner": self.people["member"], "facilitator": self.people["leader"]}
        return factories.review(f"{title}, {self.word}", incidents=[incident], **people | fields)
