"""Records for tests: plain functions, deterministic moments, nothing random.

Each function writes the row (and what the row cannot do without) straight through the ORM, so that a test
can arrange states that acts would refuse. Every column may be given by name; what is not given gets the
plainest sound value. Rows that must exist once, such as severities, are found before they are made.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pgtrigger
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken, Membership, Team, User
from governance import channels, team_channels
from governance.models import Deploy, EventSecret, EventSource, InboundEvent, SelfHeal, TeamChannel
from postmortem import document, revisions, trail, vault
from postmortem.models import (
    Addendum,
    Change,
    ChangeSearch,
    ChecklistEntry,
    Entry,
    EvidenceFile,
    Incident,
    IncidentService,
    LessonPoint,
    MetricSnapshot,
    Participant,
    Review,
    ReviewApproval,
    ReviewStep,
    ReviewTemplate,
    RootCause,
    Service,
    Severity,
    TemplateSeverity,
    TemplateStep,
    Timeline,
    WordingTerm,
)
from remediation import approvals, catalogue, probe_secrets
from remediation.models import (
    CheckRun,
    CheckStanding,
    DataSource,
    DeadlineWaiver,
    Exam,
    ExamAttempt,
    ItemTransition,
    ProbeRevision,
    ProbeSecret,
    ProbeTemplate,
    RemediationItem,
    RosterEntry,
    SlaPolicy,
    VerificationCheck,
    WontDoRequest,
    WorkingCalendar,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

PASSWORD = "correct horse battery staple"
# Of a source of events.
EVENT_SECRET = "clw_of-the-tests-and-of-nobody-else"

# As in postmortem/migrations/0002_default_severities.py.
_SEVERITIES = {
    "P0": {
        "name": "Critical",
        "rank": 0,
        "requires_postmortem": True,
        "review_hours": 48,
        "counts_in_figures": True,
    },
    "P1": {
        "name": "Major",
        "rank": 1,
        "requires_postmortem": True,
        "review_hours": 48,
        "counts_in_figures": True,
    },
    "P2": {
        "name": "Moderate",
        "rank": 2,
        "requires_postmortem": True,
        "review_hours": 120,
        "counts_in_figures": True,
    },
    "P3": {
        "name": "Minor",
        "rank": 3,
        "requires_postmortem": False,
        "review_hours": 240,
        "counts_in_figures": True,
    },
    "P4": {
        "name": "Trivial",
        "rank": 4,
        "requires_postmortem": False,
        "review_hours": 240,
        "counts_in_figures": False,
    },
}

# The moves that bring an item into a state, in order.
_PATHS = {
    "open": [],
    "in_progress": ["in_progress"],
    "fix_claimed": ["in_progress", "fix_claimed"],
    "verifying": ["in_progress", "fix_claimed", "verifying"],
    "verified": ["in_progress", "fix_claimed", "verifying", "verified"],
    "regressed": ["in_progress", "fix_claimed", "verifying", "verified", "regressed"],
    "wont_do": ["wont_do"],
}

_numbers = itertools.count(1)


def user(
    name: str = "", *, role: str = "member", email: str = "", password: str = PASSWORD, **fields: Any
) -> User:
    """A person; `user("Ada")` has the address ada@example.com unless somebody has it already."""
    number = next(_numbers)
    if not email:
        email = (
            f"{name.lower().replace(' ', '.')}@example.com"
            if name.isascii() and name
            else f"person{number}@example.com"
        )
        if User.objects.filter(email=email).exists():
            email = f"person{number}@example.com"
    return User.objects.create_user(email, password, name=name or f"Person {number}", role=role, **fields)


def api_token(
    owner: User | None = None,
    *,
    scopes: Iterable[str] = ("read", "write"),
    now: datetime = NOW,
    days: int = 30,
    **limits: list[str],
) -> tuple[ApiToken, str]:
    """A token and its secret text; usable from `now` for `days`, within `limits` (tokens.Limits)."""
    return tokens.issue(
        owner=owner or user(),
        name="test",
        scopes=scopes,
        expires_at=now + days * DAY,
        now=now,
        limits=tokens.Limits(**limits),
    )


def event_source(
    kind: str = "alertmanager",
    name: str = "",
    *,
    acts_as: User | None = None,
    secret: str = EVENT_SECRET,
    **fields: Any,
) -> EventSource:
    """A source of events with one secret in force; an Alertmanager whose alerts name their `service`."""
    number = next(_numbers)
    if kind == "alertmanager":
        fields = {
            "service_labels": ["service"],
            "severity_label": "severity",
            "severities": {"critical": "P1", "warning": "P3", "none": ""},
            "fallback_severity": _severity("P2"),
        } | fields
    else:
        token = api_token(scopes=["gate"], now=timezone.now() - HOUR)[1]
        fields = {
            "api_url": "http://127.0.0.1:9",
            "gate_token": token,
            "api_token": "token-of-the-forge",
        } | fields
    row = EventSource.objects.create(
        kind=kind,
        name=name or f"Source {number}",
        key=f"source{number:014d}",
        acts_as=acts_as or user(),
        **{"created_at": NOW - DAY} | fields,
    )
    EventSecret.objects.create(source=row, place=1, secret=secret, created_at=NOW - DAY)
    return row


def inbound_event(source: EventSource | None = None, body: bytes = b"{}", **fields: Any) -> InboundEvent:
    """An event that came an hour ago and waits."""
    fields = {"received_at": NOW - HOUR, "next_at": NOW - HOUR} | fields
    if fields.get("state", "waiting") != "waiting":
        fields = {
            "finished_at": NOW - HOUR,
            "error": "It was wrong." if fields["state"] == "failed" else "",
        } | fields
    return InboundEvent.objects.create(
        source=source or event_source(),
        body=body,
        size=len(body),
        sha256=hashlib.sha256(body).digest(),
        **fields,
    )


def deploy(of: Service | None = None, *, by: User | None = None, **fields: Any) -> Deploy:
    """A deploy of order 1.4.2 an hour ago, whose canary passed."""
    number = next(_numbers)
    fields = {
        "external_id": f"order/pipeline/{number}",
        "version": "1.4.2",
        "deployed_at": NOW - HOUR,
        "verdict": "pass",
        "reported_at": NOW,
    } | fields
    return Deploy.objects.create(service=of or service(), reported_by=by or user(), **fields)


def team(name: str = "", *, manager: User | None = None, members: Iterable[User] = (), **fields: Any) -> Team:
    number = next(_numbers)
    fields = {"slug": f"team-{number}", "name": name or f"Team {number}", "manager": manager} | fields
    row = Team.objects.create(**fields)
    Membership.objects.bulk_create(Membership(team=row, user=member) for member in members)
    return row


def service(slug: str = "", **fields: Any) -> Service:
    slug = slug or f"service-{next(_numbers)}"
    if "team" not in fields:
        fields["team"] = team()
    fields = {"name": slug.title(), "created_at": NOW - 365 * DAY} | fields
    return Service.objects.create(slug=slug, **fields)


def wording_term(phrase: str = "glitch", *, is_allowed: bool = False, **fields: Any) -> WordingTerm:
    fields = {"why": "It explains nothing.", "created_at": NOW} | fields
    return WordingTerm.objects.create(phrase=phrase, is_allowed=is_allowed, **fields)


def severity(code: str = "P1") -> Severity:
    return Severity.objects.get_or_create(code=code, defaults=_SEVERITIES[code])[0]


def sla_policies() -> list[SlaPolicy]:
    """The policy rows of a new installation."""
    rows = [(None, "missing_tool", 14), ("P0", "", 7), ("P1", "", 14), ("P2", "", 30), (None, "", 60)]
    return [
        SlaPolicy.objects.get_or_create(
            position=position,
            defaults={"severity": severity(code) if code else None, "category": category, "days": days},
        )[0]
        for position, (code, category, days) in enumerate(rows, start=1)
    ]


def sla_version(position: int) -> str:
    """What an item keeps of the row at a position; ids are no positions once a database was emptied."""
    return str(sla_policies()[position - 1])


def sla_policy(*, severity: Severity | str | None = None, position: int = 0, **fields: Any) -> SlaPolicy:
    """A row of its own, before all others unless it is told where."""
    if isinstance(severity, str):
        severity = _severity(severity)
    if not position:
        SlaPolicy.objects.update(position=F("position") + 1)
    return SlaPolicy.objects.create(position=position or 1, severity=severity, **{"days": 5} | fields)


def calendar(name: str = "", **fields: Any) -> WorkingCalendar:
    """From nine to six on five weekdays, in UTC."""
    fields = {"time_zone": "UTC", "week": ["09:00-18:00"] * 5 + ["", ""]} | fields
    return WorkingCalendar.objects.create(name=name or f"Calendar {next(_numbers)}", **fields)


def incident(
    title: str = "Orders fail",
    *,
    services: Sequence[Service] = (),
    participants: Iterable[User] = (),
    severity: Severity | str = "P1",
    **fields: Any,
) -> Incident:
    """An open incident that began a day ago; the first service is its origin, the others are affected."""
    if isinstance(severity, str):
        severity = _severity(severity)
    if "declared_by" not in fields:
        fields["declared_by"] = user()
    fields = {"started_at": NOW - DAY, "declared_at": NOW - DAY + timedelta(minutes=5)} | fields
    if "public_id" not in fields:
        fields["public_id"] = trail.next_public_id("INC", now=NOW)
    row = Incident.objects.create(title=title, severity=severity, **fields)
    for number, touched in enumerate(services or [service()]):
        part = IncidentService.Part.AFFECTED if number else IncidentService.Part.ORIGIN
        IncidentService.objects.create(incident=row, service=touched, part=part)
    for person in participants:
        Participant.objects.create(incident=row, user=person)
    return row


def resolved_incident(title: str = "Orders fail", *, minutes: int = 5, **fields: Any) -> Incident:
    """An incident with every milestone: detected after 1 minute, restored after `minutes` (at least 4)."""
    started_at = fields.pop("started_at", NOW - DAY)
    milestones = {
        "started_at": started_at,
        "detected_at": started_at + timedelta(minutes=1),
        "acknowledged_at": started_at + timedelta(minutes=2),
        "mitigated_at": started_at + timedelta(minutes=3),
        "resolved_at": started_at + timedelta(minutes=minutes),
    }
    return incident(title, **milestones | fields)


def participant(
    incident: Incident | None = None, person: User | None = None, *, role: str = "responder"
) -> Participant:
    return Participant.objects.create(incident=incident or _incident(), user=person or user(), role=role)


def timeline(participant: Participant | None = None, **fields: Any) -> Timeline:
    """A sealed, empty timeline."""
    return Timeline.objects.create(participant=participant or _participant(), **fields)


def evidence_file(
    target: Entry | Incident | ReviewStep, *, data: bytes = b"pool at 247\n", **fields: Any
) -> EvidenceFile:
    """A text file; a picture when `thumbnail` has its bytes."""
    thumbnail: bytes = fields.pop("thumbnail", b"")
    column = {Entry: "entry", Incident: "incident", ReviewStep: "step"}[type(target)]
    sound = {
        "label": "order.log",
        "media_type": "text/plain",
        "excerpt": "" if thumbnail else data.decode(),
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "stored_as": vault.put(data),
        "thumbnail_stored_as": vault.put(thumbnail) if thumbnail else "",
        "uploaded_at": NOW,
    }
    if "uploaded_by" not in fields:
        sound["uploaded_by"] = target.timeline.participant.user if isinstance(target, Entry) else user()
    return EvidenceFile.objects.create(**{column: target}, **sound | fields)


def filed_timeline(
    participant: Participant | None = None, *, text: str = "Restarted the order service."
) -> Timeline:
    """A timeline with one entry, filed an hour ago."""
    row = timeline(participant, filed_at=NOW - HOUR)
    entry(row, text)
    return row


def entry(
    timeline: Timeline | None = None, text: str = "Restarted the order service.", **fields: Any
) -> Entry:
    timeline = timeline or _timeline()
    fields = {"happened_at": NOW - DAY, "zone": "UTC", "created_at": NOW - HOUR} | fields
    return Entry.objects.create(timeline=timeline, text=text, **fields)


def review(
    title: str = "Orders failed during the load test",
    *,
    incidents: Sequence[Incident] = (),
    is_open: bool = False,
    **fields: Any,
) -> Review:
    """A review with its four empty steps; not opened unless `is_open`."""
    for role in ("owner", "facilitator"):
        if role not in fields:
            fields[role] = user(role="facilitator" if role == "facilitator" else "member")
    fields = {"created_at": NOW - 20 * HOUR, "opened_at": NOW - 10 * HOUR if is_open else None} | fields
    if "public_id" not in fields:
        fields["public_id"] = trail.next_public_id("PM", now=NOW)
    row = Review.objects.create(title=title, **fields)
    ReviewStep.objects.bulk_create(
        ReviewStep(review=row, position=position, kind=kind)
        for position, kind in enumerate(ReviewStep.Kind.values, start=1)
    )
    Incident.objects.filter(pk__in=[one.pk for one in incidents or [_incident()]]).update(review=row)
    return row


def written(
    step: ReviewStep,
    *,
    finding: str = "5 % of orders failed.",
    evidence: str = "`http_requests_total` fell at 14:03.",
) -> ReviewStep:
    """Give a step both texts, as stored."""
    step.finding, step.evidence = finding, evidence
    step.finding_html, step.evidence_html = f"<p>{finding}</p>", f"<p>{evidence}</p>"
    step.save()
    return step


def signed(step: ReviewStep, *, by: User | None = None, at: datetime = NOW - 2 * HOUR) -> ReviewStep:
    """Give a step both texts, when it has none, and a signature."""
    if not step.finding:
        written(step)
    step.signed_at, step.signed_by = at, by or step.review.facilitator
    step.save()
    return step


def cause(
    review: Review | None = None, statement: str = "The pool has no timeout.", **fields: Any
) -> RootCause:
    """A hypothesis; give state and evidence for a settled one."""
    review = review or _review()
    fields = {"part": "root", "created_at": NOW - 5 * HOUR} | fields
    return RootCause.objects.create(review=review, statement=statement, **fields)


def verified_cause(
    review: Review | None = None, statement: str = "The pool has no timeout.", *, is_primary: bool = True
) -> RootCause:
    return cause(
        review, statement, is_primary=is_primary, state="verified", evidence="Reproduced with 247 clients."
    )


def measurement(
    review: Review | None = None, title: str = "Threads connected", **fields: Any
) -> MetricSnapshot:
    """A stated measurement of step 2; `fetched_measurement` for one with points."""
    step = (review or _review()).steps.get(kind=ReviewStep.Kind.METRIC_ANOMALY)
    window = {"window_start": NOW - DAY, "window_end": NOW - DAY + timedelta(minutes=10)}
    fields = window | {"value": 200.0, "added_by": step.review.owner, "added_at": NOW} | fields
    return MetricSnapshot.objects.create(step=step, title=title, **fields)


def fetched_measurement(
    review: Review | None = None, values: Sequence[str] = ("90", "200"), **fields: Any
) -> MetricSnapshot:
    """A measurement as it was fetched: one series, a point each minute."""
    start = (NOW - DAY).timestamp()
    points = [[start + 60 * minute, value] for minute, value in enumerate(values)]
    fields = {
        "source_name": "Prometheus",
        "promql": "max(threads_connected)",
        "step_seconds": 60,
        "series": [{"labels": {"service": "order"}, "points": points}],
        "fetched_at": NOW,
        "value": None,
    } | fields
    return measurement(review, **fields)


def change(incident: Incident | None = None, title: str = "order 1.4.2", **fields: Any) -> Change:
    """A suspected deploy, four minutes before the impact began; give verdict and reason for a settled one."""
    incident = incident or _incident()
    fields = {
        "happened_at": incident.started_at - timedelta(minutes=4),
        "kind": "deploy",
        "added_by": incident.declared_by,
        "added_at": NOW,
    } | fields
    return Change.objects.create(incident=incident, title=title, **fields)


def change_search(review: Review, searched: str = "The deploys of order, two days back.") -> ChangeSearch:
    step = review.steps.get(kind=ReviewStep.Kind.CHANGE_CORRELATION)
    return ChangeSearch.objects.create(step=step, searched=searched, stated_by=review.owner, stated_at=NOW)


def review_template(
    name: str = "",
    *,
    severities: Sequence[str] = (),
    questions: Sequence[str] = ("What broke?",),
    **fields: Any,
) -> ReviewTemplate:
    """A template whose first step asks `questions`; for the given codes, or for all."""
    fields = {"is_active": True} | fields
    row = ReviewTemplate.objects.create(name=name or f"Template {next(_numbers)}", **fields)
    for code in severities:
        TemplateSeverity.objects.create(template=row, severity=severity(code))
    TemplateStep.objects.create(
        template=row, kind=ReviewStep.Kind.PHENOMENON, questions=list(questions), skeleton="## Seen by users"
    )
    return row


def approval(review: Review, *, by: User | None = None, **fields: Any) -> ReviewApproval:
    """An approval of a review as it stands now."""
    fields = {"content_hash": document.content_hash(review), "given_at": NOW} | fields
    return ReviewApproval.objects.create(review=review, given_by=by or user(role="governor"), **fields)


def lesson_point(
    review: Review | None = None, text: str = "Nobody knew the limit.", **fields: Any
) -> LessonPoint:
    """A point of what went badly, which nobody has answered."""
    review = review or _review()
    fields = {"position": review.lesson_points.count() + 1} | fields
    Review.objects.filter(pk=review.pk).update(went_badly=f"{review.went_badly}\n- {text}".strip())
    review.refresh_from_db(fields=["went_badly"])
    return LessonPoint.objects.create(review=review, text=text, **fields)


def checklist_entry(
    review: Review | None = None, *, is_approved: bool = True, **fields: Any
) -> ChecklistEntry:
    """`kubectl get pods | grep …`, unless told otherwise; its command may run."""
    review = review or _review()
    pipeline = [["kubectl", "get", "pods", "-n", "order"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]]
    fields = {
        "position": review.checklist.count() + 1,
        "title": "No pod of order hangs",
        "pipeline": pipeline,
        "expectation": "no_match",
    } | fields
    entry = ChecklistEntry.objects.create(review=review, **fields)
    if is_approved:
        approve_command(entry)
    return entry


def checklist_query(review: Review | None = None, **fields: Any) -> ChecklistEntry:
    """A checklist entry that asks the data source "Prometheus"."""
    fields = {
        "title": "Few wait for a connection",
        "kind": "promql",
        "pipeline": None,
        "expectation": "",
        "promql": "pool_waiting",
        "comparator": "<",
        "threshold": 5.0,
        "source_name": "Prometheus",
    } | fields
    return checklist_entry(review, **fields)


def complete_review(*, incidents: Sequence[Incident] = (), **fields: Any) -> Review:
    """An open review that lacks nothing: steps signed, primary cause verified and with an item, checklist."""
    incidents = incidents or [resolved_incident()]
    row = review(incidents=incidents, is_open=True, **fields)
    for step in row.steps.all():
        signed(step)
    root = verified_cause(row)
    checklist_entry(row)
    origin = incidents[0].service_links.get(part=IncidentService.Part.ORIGIN).service
    item(review=row, causes=[root], service=origin, severity=incidents[0].severity)
    return row


def archived_review(
    *, incidents: Sequence[Incident] = (), archived_at: datetime = NOW - HOUR, **fields: Any
) -> Review:
    """A complete review, archived an hour ago by its facilitator, with its first revision."""
    return archived(complete_review(incidents=incidents, **fields), at=archived_at)


def archived(review: Review, *, at: datetime = NOW - HOUR) -> Review:
    """Give an open review a revision and the archive, whatever else it lacks."""
    rules = ("postmortem.Revision:lacks_nothing", "remediation.PlannedRevision:plan_lacks_nothing")
    with trail.act("", by=None), pgtrigger.ignore(*rules):
        return revisions.keep(review, by=review.facilitator, now=at)


def addendum(review: Review, text: str = "It came back once, in staging.", **fields: Any) -> Addendum:
    return revisions.add_addendum(review, text=text, **{"by": user(), "now": NOW} | fields)


def reopened(review: Review, *, at: datetime = NOW, reason: str = "New logs were found.") -> Review:
    """Open an archived review again."""
    return revisions.reopen(review, reason=reason, by=user(role="facilitator"), now=at)


def channel(kind: str = "webhook", *, team: Team, address: str = "", **fields: Any) -> TeamChannel:
    """A connected channel of a team; nobody listens at its address unless one is given."""
    secret = channels.new_secret(b"0123456789abcdef" * 2) if kind == "webhook" else ""
    fields = {
        "name": f"Channel {next(_numbers)}",
        "address": address or "http://127.0.0.1:9/hook/0123456789abcdef",
        "secret": secret,
        "host": "127.0.0.1",
        "kinds": [kind.value for kind in team_channels.TOLD_TO_CHANNELS],
        "listens_from": NOW - 100 * DAY,
        "created_at": NOW - 100 * DAY,
    } | fields
    if "created_by" not in fields:
        fields["created_by"] = team.manager or user()
    return TeamChannel.objects.create(kind=kind, team=team, **fields)


def data_source(name: str = "", **fields: Any) -> DataSource:
    fields = {"base_url": "http://127.0.0.1:9090"} | fields
    return DataSource.objects.create(name=name or f"Prometheus {next(_numbers)}", **fields)


def item(
    title: str = "Set a timeout on the pool",
    *,
    checks: int = 1,
    proofs: Iterable[str] = (),
    state: str = "open",
    agreed_at: datetime = NOW - 10 * DAY,
    causes: Iterable[RootCause] = (),
    severity: Severity | str = "P1",
    **fields: Any,
) -> RemediationItem:
    """An item with `checks` Prometheus checks and some of other kinds, in any state, with the moves that
    led there.

    The moves happen one day apart, the first a day after `agreed_at`. `checks=0` leaves the item without
    a check, which the database refuses when the transaction ends.
    """
    if isinstance(severity, str):
        severity = _severity(severity)
    owner = fields.setdefault("owner", None) or user()
    served = fields.setdefault("service", None) or service()
    fields |= {"owner": owner, "service": served, "severity": severity}
    fields = {
        "team": served.team,
        "kind": "prevent",
        "category": "technical_debt",
        "origin": "review" if fields.get("review") else "proactive",
        "agreed_by": owner,
        "due_at": agreed_at + 14 * DAY,
        "policy_version": "sla-3v1",
        **fields,
    }
    if "public_id" not in fields:
        fields["public_id"] = trail.next_public_id("RI", now=NOW)
    with transaction.atomic():
        row = RemediationItem.objects.create(title=title, agreed_at=agreed_at, **fields)
        row.causes.set(causes)
        for _ in range(checks):
            check(row, created_at=agreed_at)
        for kind in proofs:
            check(row, kind=kind, created_at=agreed_at)
        ItemTransition.objects.create(item=row, at=agreed_at, from_state="", to_state="open", by=owner)
        for number, to_state in enumerate(_PATHS[state], start=1):
            moved(row, to_state, at=agreed_at + number * DAY)
    return row


def deadline_waiver(item: RemediationItem, *, by: User | None = None, **fields: Any) -> DeadlineWaiver:
    """Somebody asks for two weeks more, a minute after the item was agreed; nobody has answered."""
    fields = {
        "reason": "The vendor is late.",
        "previous_due_at": item.due_at,
        "due_at": item.due_at + 14 * DAY,
        "asked_at": item.agreed_at + timedelta(minutes=1),
    } | fields
    return DeadlineWaiver.objects.create(item=item, asked_by=by or item.owner, **fields)


def extended(item: RemediationItem, due_at: datetime) -> RemediationItem:
    """An item whose deadline became later by a waiver, granted at once."""
    at = item.agreed_at + timedelta(minutes=1)
    deadline_waiver(item, due_at=due_at, answer="granted", answered_by=user(role="governor"), answered_at=at)
    RemediationItem.objects.filter(pk=item.pk).update(due_at=due_at)
    item.refresh_from_db()
    return item


def wont_do_request(
    item: RemediationItem, *, by: User | None = None, reason: str = "Nobody needs it.", **fields: Any
) -> WontDoRequest:
    """A request not to do an item that nobody has answered."""
    return WontDoRequest.objects.create(
        item=item, reason=reason, asked_by=by or user(), **{"asked_at": NOW - HOUR} | fields
    )


def moved(
    item: RemediationItem, to_state: str, *, at: datetime, by: User | None = None, run: CheckRun | None = None
) -> RemediationItem:
    """Move an item one allowed step, with the columns its new state asks for and the transition row."""
    from_state = item.state
    item.state = to_state
    if to_state == "fix_claimed" and from_state == "in_progress":
        item.fix_claimed_at, item.fix_claimed_by = at, by or item.owner
    if to_state == "verified" and item.first_verified_at is None:
        item.first_verified_at = at
    if to_state == "wont_do":
        item.wont_do_reason = item.wont_do_reason or "The service is switched off next week."
        item.wont_do_approved_by = item.wont_do_approved_by or user(role="governor")
    # Not the owner: the database refuses to write one who was deactivated, even when it is the same.
    item.save(
        update_fields=[
            column.name for column in item._meta.concrete_fields if column.name not in {"id", "owner"}
        ]
    )
    is_by_run = to_state in {"verifying", "verified", "regressed"}
    if is_by_run and run is None:
        run = check_run(
            item.verification_checks.first(), slot=at, outcome="fail" if to_state == "regressed" else "pass"
        )
    ItemTransition.objects.create(
        item=item,
        at=at,
        from_state=from_state,
        to_state=to_state,
        by=None if is_by_run else by or item.owner,
        run=run if is_by_run else None,
        reason=item.wont_do_reason if to_state == "wont_do" else "",
    )
    return item


def regression(item: RemediationItem, *, at: datetime) -> ItemTransition:
    """A regressed item is fixed, verified and regresses again, the last at this moment."""
    for number, to_state in enumerate(_PATHS["regressed"]):
        moved(item, to_state, at=at - timedelta(minutes=len(_PATHS["regressed"]) - 1 - number))
    return item.transitions.order_by("at", "id").last()


def check(
    item: RemediationItem, *, kind: str = "prometheus", is_approved: bool = True, **fields: Any
) -> VerificationCheck:
    """A Prometheus check (`up < 1`-like) or, with `kind="shell"`, `kubectl get pods | grep Pending`."""
    created_at = fields.pop("created_at", NOW - 10 * DAY)
    if kind == "prometheus":
        fields = {"promql": "pool_waiting", "comparator": "<", "threshold": 1.0} | fields
        if "data_source" not in fields:
            fields["data_source"] = DataSource.objects.get_or_create(
                name="Prometheus", defaults={"base_url": "http://127.0.0.1:9090"}
            )[0]
    elif kind == "exam":
        fields = {"passes_needed": 1, "fails_needed": 14, "interval_seconds": 86400} | fields
    else:
        fields = {
            "pipeline": [["kubectl", "get", "pods"], ["grep", "Pending"]],
            "shell_expectation": "no_match",
            "pattern": "Pending",
        } | fields
    stands = {name: fields.pop(name) for name in STANDING & fields.keys()}
    made = VerificationCheck.objects.create(item=item, kind=kind, created_at=created_at, **fields)
    stand(made, **stands)
    if is_approved:
        approve_command(made)
    return made


# What a check's standing says and not the check.
STANDING = {
    field.name for field in CheckStanding._meta.get_fields() if not hasattr(VerificationCheck, field.name)
}


def stand(checks: VerificationCheck | Iterable[VerificationCheck], **fields: Any) -> None:
    """Let checks stand like this."""
    found = [checks] if isinstance(checks, VerificationCheck) else list(checks)
    CheckStanding.objects.filter(verification_check__in=found).update(**fields)
    for one in found:
        one.refresh_from_db()


def hold(check: VerificationCheck, *, until: datetime, slot: datetime) -> None:
    """As if a worker held a run of this check."""
    stand(
        check, run_id=1_000_000 + check.pk, slot=slot, next_run_at=slot, lease_token=uuid4(), attempt=1,
        started_at=slot, check_version=check.version, lease_until=until,
    )  # fmt: skip


def approve_command(definition: VerificationCheck | ChecklistEntry) -> None:
    """Let the command of a check or an entry run, as a template of the catalogue would."""
    if approvals.runs_a_command(definition):
        owner, body = approvals.owner_of(definition), approvals.body_of_definition(definition)
        revision, _is_new = ProbeRevision.objects.get_or_create(
            **{f"{owner.kind}_id": owner.pk},
            sha=approvals.sha_of(body),
            defaults={"body": body, "created_at": timezone.now()},
        )
        approvals._sign(revision, approver=None, template="factory", now=timezone.now())


def heal(*, incident: Incident | None = None, **fields: Any) -> SelfHeal:
    """A run of a playbook that healed; of 47 seconds, until the incident was resolved where there is one."""
    ended_at = fields.pop("ended_at", incident.resolved_at if incident else NOW)
    fields.setdefault("external_id", f"heal-{next(_numbers)}")
    fields.setdefault("started_at", ended_at - timedelta(seconds=47))
    for column, make in (("service", service), ("reported_by", user)):
        if column not in fields:
            fields[column] = make()
    defaults = {
        "trigger": "PoolFull",
        "playbook": "restart-pool.yml",
        "outcome": "healed",
        "reported_at": NOW,
    }
    return SelfHeal.objects.create(incident=incident, ended_at=ended_at, **defaults | fields)


def exam(item: RemediationItem, *, members: Iterable[User] = (), **fields: Any) -> Exam:
    """An exam of one question, whose first answer is right, with its roster."""
    question = {"text": "Who approves?", "kind": "single", "options": ["The manager", "Nobody"], "right": [0]}
    fields = {
        "title": "Limits before a sale",
        "team": fields.get("team") or team(members=members),
        "questions": [question],
        "written_by": item.agreed_by,
        "written_at": NOW,
    } | fields
    row = Exam.objects.create(item=item, **fields)
    RosterEntry.objects.bulk_create(
        RosterEntry(exam=row, person=place.user, joined_at=NOW, joined_because="member")
        for place in Membership.objects.filter(team=row.team)
    )
    return row


def attempt(exam: Exam, person: User, *, is_passed: bool = False, **fields: Any) -> ExamAttempt:
    """An attempt at an exam as it stands: all right, or nothing."""
    total = len(exam.questions)
    before = exam.attempts.filter(person=person, exam_version=exam.version).count()
    fields = {
        "exam_version": exam.version,
        "number": before + 1,
        "taken_at": NOW,
        "answers": [one["right"] if is_passed else [] for one in exam.questions],
        "right": total if is_passed else 0,
        "total": total,
    } | fields
    return ExamAttempt.objects.create(exam=exam, person=person, is_passed=is_passed, **fields)


def check_run(
    check: VerificationCheck | None = None,
    *,
    slot: datetime = NOW - HOUR,
    outcome: str = "pass",
    **fields: Any,
) -> CheckRun:
    """A finished run."""
    check = check or item().verification_checks.get()
    fields = {"started_at": slot, "finished_at": slot + timedelta(seconds=1), "attempt": 1} | fields
    fields = {
        "item": check.item,
        "team": check.item.team,
        "service": check.item.service,
        "kind": check.kind,
        "check_version": check.version,
        "queued_at": slot,
    } | fields
    return CheckRun.objects.create(verification_check=check, slot=slot, outcome=outcome, **fields)


# Parameters hide the functions they are named after.
_severity = severity
_incident = incident
_participant = participant
_timeline = timeline
_review = review


def probe_template(slug: str = "it-ends", *, by: User | None = None, **body: Any) -> ProbeTemplate:
    """A template that an administrator wrote, without values unless the body names some."""
    facts = {"title": "It ends", "description": "", "kind": "shell", "pipeline": [["true"]], "parameters": []}
    by = by or user(role="administrator")
    return catalogue.write(slug=slug, body=facts | body, by=by, now=timezone.now())


def probe_secret(
    team: Team, name: str, value: str = "hunter2-hunter2", *, by: User | None = None
) -> ProbeSecret:
    """A secret of a team, set by an administrator."""
    by = by or user(role="administrator")
    return probe_secrets.put(team=team, name=name, value=value, by=by, now=timezone.now())
