"""Brings the demo's story to life through the domain's acts, each at its own moment in the past."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from ops.story import incidents as told_incidents
from ops.story import items as told_items
from ops.story import pictures, proofs, sources
from ops.story.history import live_through
from ops.story.items import Promise
from ops.story.people import Cast
from ops.story.told import Told
from postmortem import approvals, causes, evidence, incidents, pipelines, reviews, severities, timelines
from postmortem.models import CauseClass, Incident, Participant, Review, Severity
from remediation import approvals as probe_approvals
from remediation import checklists, items, plan
from remediation.checkspec import CheckSpec
from remediation.models import DataSource, RemediationItem


def tell(cast: Cast, *, now: datetime) -> None:
    """Tell everything, up to `now`; the caller opens the transaction."""
    for code in ("P0", "P1"):
        policy = Severity.objects.get(code=code)
        severities.edit(policy, approvals_needed=1, by=cast.people["sofia"], now=now)
    source = sources.add()
    for told in told_incidents.ALL:
        incident = _declare(cast, told, now=now)
        _file(cast, told, incident)
        review = _review(cast, told, incident, now=now) if told.has_review else None
        promised = [promise for promise in told_items.ALL if promise.of and promise.of in told.title]
        agreed = []
        for promise in promised:
            assert review is not None
            agreed_at = incident.started_at + timedelta(hours=promise.agreed_hours)
            agreed.append(
                _promise(
                    cast,
                    promise,
                    source,
                    review=review,
                    severity=incident.severity,
                    agreed_at=agreed_at,
                    now=now,
                )
            )
        for point in review.lesson_points.all() if review is not None and agreed else []:
            plan.answer_lesson(point, items=agreed[:1], by=cast.people["lin"], now=now)
        if review is not None and told.reviewed_after is not None:
            if approvals.policy(review).needed:
                approved_at = incident.started_at + told.reviewed_after - timedelta(minutes=20)
                approvals.approve(
                    review, comment="Sound: measured, reproduced, and each cause has its item.",
                    by=cast.people["sofia"], now=approved_at,
                )  # fmt: skip
            plan.archive(
                review, by=cast.people[told.facilitator], now=incident.started_at + told.reviewed_after
            )
            incident.refresh_from_db()
            incidents.close(incident, by=cast.people["lin"], now=incident.started_at + told.reviewed_after)
    for promise in told_items.ALL:
        if not promise.of:
            severity = Severity.objects.get(code=promise.severity)
            agreed_at = now - timedelta(hours=promise.agreed_hours)
            _promise(cast, promise, source, review=None, severity=severity, agreed_at=agreed_at, now=now)
    # Tom has left; what he owned waits for somebody else.
    cast.people["tom"].is_active = False
    cast.people["tom"].save(update_fields=["is_active"])


def _declare(cast: Cast, told: Told, *, now: datetime) -> Incident:
    started_at = (now - told.ago).replace(second=0, microsecond=0)
    if told.clock is not None:
        hour, minute = told.clock
        started_at = started_at.replace(hour=hour, minute=minute)
    marks = {name: started_at + timedelta(seconds=seconds) for name, seconds in told.marks.items()}
    commander = cast.people[told.people[0][0]]
    declared_at = max(marks.values(), default=started_at) + timedelta(minutes=1)
    incident = incidents.declare(
        title=told.title,
        severity=Severity.objects.get(code=told.severity),
        started_at=started_at,
        services=[(cast.services[slug], part) for slug, part in told.services],
        participants=[(cast.people[key], role) for key, role in told.people],
        by=commander,
        now=min(declared_at, now),
        summary=told.summary,
        **told.fields,
        **marks,
    )
    if told.dismissed is not None:
        as_, reason = told.dismissed
        incidents.dismiss(
            incident, as_=as_, reason=reason, by=commander, now=declared_at + timedelta(hours=2)
        )
    return incident


def _file(cast: Cast, told: Told, incident: Incident) -> None:
    for key, _ in told.people:
        person = cast.people[key]
        participant = Participant.objects.get(incident=incident, user=person)
        filed_at = incident.started_at + timedelta(hours=6)
        if key in told.excused:
            timelines.excuse(participant, reason=told.excused[key], by=cast.people["lin"], now=filed_at)
            continue
        if key not in told.entries:
            continue
        timeline = timelines.open_for(participant)
        for seconds, kind, marker, is_starred, text in told.entries[key]:
            entry = timelines.add(
                timeline,
                text=text,
                happened_at=incident.started_at + timedelta(seconds=seconds),
                zone=person.time_zone,
                kind=kind,
                marker=marker,
                is_starred=is_starred,
                by=person,
                now=filed_at,
            )
            if kind == "screenshot":
                drawn = pictures.connections(limit=200, demand=247)
                evidence.attach(entry, data=drawn, name="threads-connected.png", by=person, now=filed_at)
        timelines.file(timeline, by=person, now=filed_at)


def _review(cast: Cast, told: Told, incident: Incident, *, now: datetime) -> Review:
    facilitator = cast.people[told.facilitator]
    owner = cast.people[told.people[0][0]]
    begun_at = incident.started_at + timedelta(hours=12)
    review = reviews.create(
        incidents=[incident],
        title=told.title,
        owner=owner,
        facilitator=facilitator,
        by=facilitator,
        now=begun_at,
    )
    review.teams_present.set({member.team for _, member in _memberships(cast, told)})
    if not told.steps:
        return review
    reviews.open(review, by=facilitator, now=begun_at)
    steps = list(review.steps.all())
    proofs.add(review, told, incident, services=cast.services, by=owner, now=begun_at + timedelta(minutes=30))
    _causes(review, told, owner, begun_at)
    for number, (step, (finding, shown)) in enumerate(zip(steps, told.steps, strict=False), start=1):
        at = begun_at + timedelta(hours=number)
        step = reviews.write(step, finding=finding, evidence=shown, version=step.version, by=owner, now=at)
        reviews.sign(step, by=facilitator, now=at)
    went_well, went_badly, luck = told.lessons
    review.refresh_from_db()
    if went_well:
        reviews.write_lessons(
            review,
            went_well=went_well,
            went_badly=went_badly,
            luck=luck,
            version=review.version,
            by=owner,
            now=begun_at + timedelta(hours=5),
        )
    for title, line, expectation in told.checklist:
        entry = checklists.add(
            review,
            title=title,
            pipeline=pipelines.parse(line),
            expectation=expectation,
            by=owner,
            now=begun_at + timedelta(hours=5),
        )
        sha = probe_approvals.sha_of(probe_approvals.body_of_entry(entry))
        probe_approvals.approve(entry, sha=sha, by=cast.people["demo"], now=now)
    return review


def _causes(review: Review, told: Told, owner: User, begun_at: datetime) -> None:
    for part, is_primary, statement, shown_by in told.causes:
        slug, whys = told.explained.get(part, ("", []))
        cause = causes.record(
            review,
            statement=statement,
            part=part,
            is_primary=is_primary,
            cause_class=CauseClass.objects.get(slug=slug) if slug else None,
            by=owner,
            now=begun_at + timedelta(hours=2),
        )
        chain = [{"why": why, "evidence": shown} for why, shown in whys]
        cause = causes.explain(
            cause, whys=chain, version=cause.version, by=owner, now=begun_at + timedelta(hours=3)
        )
        if shown_by:
            at = begun_at + timedelta(hours=4)
            causes.settle(cause, state="verified", evidence=shown_by, by=owner, now=at)


def _memberships(cast: Cast, told: Told) -> list[tuple[str, object]]:
    people = {cast.people[key].pk for key, _ in told.people}
    return [
        (slug, membership)
        for slug, team in cast.teams.items()
        for membership in team.memberships.select_related("team")
        if membership.user_id in people
    ]


def _promise(
    cast: Cast,
    promise: Promise,
    source: DataSource,
    *,
    review: Review | None,
    severity: Severity,
    agreed_at: datetime,
    now: datetime,
) -> RemediationItem:
    owner = cast.people[promise.owner]
    check = dict(promise.check)
    line = check.pop("line", "")
    spec = CheckSpec(
        **check,
        **({"pipeline": pipelines.parse(line)} if line else {}),
        **({"data_source_id": source.pk} if check["kind"] == "prometheus" else {}),
    )
    service = cast.services[promise.service]
    named = (
        [cause for cause in review.causes.all() if cause.part in promise.causes] if review is not None else []
    )
    item = items.agree(
        title=promise.title,
        owner=owner,
        team=service.team,
        service=service,
        severity=severity,
        kind=promise.kind,
        category=promise.category,
        causes=named,
        checks=[spec],
        by=cast.people["lin"],
        now=agreed_at,
        review=review,
        origin="review" if review is not None else "proactive",
        description=promise.description,
    )
    if line:
        check_of = item.verification_checks.get(kind="shell")
        sha = probe_approvals.sha_of(probe_approvals.body_of_check(check_of))
        probe_approvals.approve(check_of, sha=sha, by=cast.people["demo"], now=now)
    live_through(item, promise, cast, now=now)
    return item
