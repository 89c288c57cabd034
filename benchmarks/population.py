"""A database of some years: 400 services, 2,000 incidents, 20,000 items, 100,000 check runs.

Every service but the first has findings; the first one passes, which is what CI mostly hears.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.db import connection, models, transaction
from django.db.models import F

from accounts import tokens
from accounts.models import Team, User
from postmortem.models import Incident, IncidentService, Review, Revision, Service, Severity, TrailEntry
from remediation.models import (
    CheckRun,
    CheckStanding,
    DataSource,
    ItemTransition,
    RemediationItem,
    VerificationCheck,
)

SERVICES, INCIDENTS, ITEMS, RUNS_PER_CHECK = 400, 2_000, 20_000, 5
_BATCH = 1000
DAY = timedelta(days=1)
# Of ten items: seven verified, two under way, one declined.
_STATES = ["verified"] * 7 + ["in_progress", "open", "wont_do"]
_MOVES = ["open", "in_progress", "fix_claimed", "verifying", "verified"]


def fill(now: datetime) -> str:
    """Fill an empty, migrated database; the text of a token that may ask for audits."""
    people = User.objects.bulk_create(
        User(email=f"person{n}@example.com", name=f"Person {n}", password="!") for n in range(500)
    )
    team = Team.objects.create(slug="core", name="Core")
    services = Service.objects.bulk_create(
        Service(slug=f"service-{n}", name=f"Service {n}", team=team, created_at=now - 900 * DAY)
        for n in range(SERVICES)
    )
    _incidents(now, people[0], services)
    items = _items(now, people, team, services)
    checks = []
    for start in range(0, ITEMS, _BATCH):
        # An item must have its check when its transaction ends. Between the batches the database counts its
        # rows anew, or it would read all checks for every item.
        with transaction.atomic():
            RemediationItem.objects.bulk_create(items[start : start + _BATCH])
            checks += _checks(now, items[start : start + _BATCH])
        _run("ANALYZE remediation_verificationcheck")
    _history(now, people[0], checks)
    _token, secret = tokens.issue(
        owner=people[0], name="bench", scopes=["audit"], expires_at=now + 30 * DAY, now=now
    )
    _run("VACUUM ANALYZE")
    return secret


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _incidents(now: datetime, person: User, services: list[Service]) -> None:
    severities = list(Severity.objects.order_by("rank"))
    moments = [now - 3 * DAY - 900 * DAY * n / INCIDENTS for n in range(INCIDENTS)]
    reviews = Review.objects.bulk_create(
        Review(
            public_id=f"PM-2024-{n:05d}",
            title=f"Review {n}",
            owner=person,
            facilitator=person,
            created_at=moment + DAY,
            opened_at=moment + DAY,
        )
        for n, moment in enumerate(moments)
    )
    incidents = Incident.objects.bulk_create(
        Incident(
            public_id=f"INC-2024-{n:05d}",
            title=f"Incident {n}",
            severity=severities[n % len(severities)],
            started_at=moment,
            resolved_at=moment + timedelta(hours=1),
            declared_by=person,
            declared_at=moment,
            review=reviews[n],
        )
        for n, moment in enumerate(moments)
    )
    IncidentService.objects.bulk_create(
        IncidentService(incident=incident, service=services[(n + 7 * far) % SERVICES], part=part)
        for n, incident in enumerate(incidents)
        for far, part in enumerate(("origin", "affected"))
    )
    # Of the last service half are not archived.
    _archive(
        [review for n, review in enumerate(reviews) if n % (2 * SERVICES) != SERVICES - 1], person=person
    )


def _archive(reviews: list[Review], *, person: User) -> None:
    # They say nothing, which nobody could archive; what counts here is how many there are.
    rules = ("postmortem.Revision:lacks_nothing", "remediation.PlannedRevision:plan_lacks_nothing")
    with pgtrigger.ignore(*rules), transaction.atomic():
        Revision.objects.bulk_create(
            Revision(
                review=review,
                number=1,
                content_json="{}",
                content_hash="0" * 64,
                archived_at=review.created_at + DAY,
                archived_by=person,
            )
            for review in reviews
        )
        Review.objects.filter(pk__in=[review.pk for review in reviews]).update(
            archived_at=F("created_at") + DAY,
            first_archived_at=F("created_at") + DAY,
            archived_by=person,
            content_hash="0" * 64,
        )


def _items(now: datetime, people: list[User], team: Team, services: list[Service]) -> list[RemediationItem]:
    severity = Severity.objects.get(code="P1")
    items = []
    for number in range(ITEMS):
        state = _STATES[number // SERVICES % 10]
        owner = people[number % len(people)]
        agreed_at = now - 10 * DAY - 800 * DAY * number / ITEMS
        # Of every service but the first one in twenty of what is under way is overdue.
        is_overdue = number % SERVICES and number // SERVICES % 20 == 7
        item = RemediationItem(
            public_id=f"RI-2024-{number:05d}",
            title=f"Item {number}",
            owner=owner,
            team=team,
            service=services[number % SERVICES],
            severity=severity,
            kind="prevent",
            category="technical_debt",
            origin="proactive",
            state=state,
            agreed_at=agreed_at,
            agreed_by=owner,
            due_at=agreed_at + 9 * DAY if state == "verified" or is_overdue else now + 9 * DAY,
            policy_version="sla-1v1",
        )
        if state == "verified":
            item.fix_claimed_at, item.fix_claimed_by = agreed_at + 2 * DAY, owner
            item.first_verified_at = agreed_at + 4 * DAY
        if state == "wont_do":
            item.wont_do_reason, item.wont_do_approved_by = "Switched off.", people[0]
        items.append(item)
    return items


def _checks(now: datetime, items: list[RemediationItem]) -> list[VerificationCheck]:
    source, _ = DataSource.objects.get_or_create(name="bench", base_url="http://127.0.0.1:9090")
    checks = VerificationCheck.objects.bulk_create(
        VerificationCheck(
            item=item,
            kind="prometheus",
            data_source=source,
            promql="up",
            comparator="==",
            threshold=1,
            interval_seconds=86400,
            created_at=item.agreed_at,
        )
        for item in items
    )
    CheckStanding.objects.update(
        next_run_at=now + DAY, last_verdict_at=now - timedelta(minutes=5), last_outcome="pass"
    )
    return checks


def _history(now: datetime, person: User, checks: list[VerificationCheck]) -> None:
    runs = _created(
        CheckRun,
        (
            CheckRun(
                verification_check=check,
                item=check.item,
                team_id=check.item.team_id,
                service_id=check.item.service_id,
                kind=check.kind,
                check_version=1,
                slot=now - timedelta(minutes=6) - number * DAY,
                queued_at=now,
                started_at=now - timedelta(minutes=6) - number * DAY,
                finished_at=now - timedelta(minutes=5) - number * DAY,
                outcome="pass",
            )
            for check in checks
            for number in range(RUNS_PER_CHECK)
        ),
    )
    first_run = {run.item_id: run for run in runs}
    moves, trail = [], []
    for check in checks:
        item = check.item
        path = _MOVES if item.state == "verified" else list(dict.fromkeys(["open", item.state]))
        for number, (before, after) in enumerate(zip(["", *path], path, strict=False)):
            is_by_run = after in {"verifying", "verified"}
            moves.append(
                ItemTransition(
                    item=item,
                    at=item.agreed_at + number * DAY,
                    from_state=before,
                    to_state=after,
                    by=None if is_by_run else person,
                    run=first_run[item.pk] if is_by_run else None,
                )
            )
            trail.append(
                TrailEntry(
                    at=item.agreed_at + number * DAY,
                    act="items.move",
                    model="remediation_remediationitem",
                    object_id=item.pk,
                    operation="update",
                    before={"state": before},
                    after={"state": after},
                )
            )
    _created(ItemTransition, moves)
    _created(TrailEntry, trail)


def _created(model: type[models.Model], rows: Iterable[models.Model]) -> list[Any]:
    return model._default_manager.bulk_create(rows, batch_size=_BATCH)
