"""What the statements gather: the short question, the long one and the past agree, and the past stays."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import tokens
from governance import facts, gatewaivers, policy
from governance.models import GateWaiver
from postmortem.models import Incident, Review, Severity
from remediation.models import MOVES, CheckRun, CheckStanding, RemediationItem, VerificationCheck
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
_DAYS = st.integers(1, 20)


@dataclass
class World:
    """One service and what happens to it. The trail is dated by the real clock, so all this ends now."""

    now: object = field(default_factory=timezone.now)

    def __post_init__(self):
        self.as_of = self.now - 2 * HOUR
        self.service = f.service("order")
        self.owner = f.user()
        self.others = f.user()

    # Before the moment that is judged.

    def an_item(self, state, days):
        row = f.item(
            service=self.service,
            owner=self.owner,
            state=state,
            agreed_at=self.as_of - (days + 6) * DAY,
            due_at=self.as_of + (10 - days) * DAY,
        )
        if days % 2:
            self.a_run(row.verification_checks.get(), self.as_of - 5 * MINUTE, "pass")

    def an_incident(self, severity, days):
        f.incident(
            services=[self.service],
            severity=severity,
            started_at=self.as_of - days * DAY,
            declared_at=self.as_of - days * DAY,
        )

    def a_review(self, is_archived, days):
        incident = f.incident(
            services=[self.service], started_at=self.as_of - days * DAY, declared_at=self.as_of - days * DAY
        )
        began = self.as_of - 20 * HOUR
        review = f.review(incidents=[incident], created_at=began, opened_at=began)
        if is_archived:
            f.archived(review, at=self.as_of - HOUR)
        if is_archived and days % 3 == 0:
            f.reopened(review, at=self.as_of - MINUTE)

    def a_waiver(self, code, days):
        """Of the service: one in force, one that is over, or one that nobody has granted yet."""
        gating.waiver(
            service=self.service,
            findings=[code],
            at=self.as_of - days * DAY,
            hours=24 * 12,
            is_granted=days % 4 != 0,
            by=self.others,
        )

    def a_gate_policy(self, code, days):
        """What counts, edited as of a moment after the edits before."""
        self.edits = getattr(self, "edits", 0) + 1
        at = self.as_of - HOUR + self.edits * MINUTE
        gating.policy(not_counting=[code] if days % 2 else [], mode="warn" if days % 3 else "off", now=at)

    def a_run(self, check, slot, outcome):
        f.check_run(check, slot=slot, outcome=outcome)

    def settle(self):
        """Bring how the checks stand up to their runs, as the engine does with each run."""
        latest = CheckRun.objects.filter(verification_check=OuterRef("pk"), outcome__in=["pass", "fail"])
        CheckStanding.objects.update(
            last_verdict_at=Subquery(latest.order_by("-finished_at").values("finished_at")[:1])
        )

    # After it.

    def later_item(self, at):
        f.item(service=self.service, owner=self.others, agreed_at=at, due_at=at + MINUTE)

    def later_incident(self, at):
        f.incident(services=[self.service], started_at=at - 9 * DAY, declared_at=at)

    def later_move(self, at):
        for item in RemediationItem.objects.all():
            to_state = next((after for before, after in MOVES if before == item.state), None)
            if to_state is not None:
                f.moved(item, to_state, at=at)

    def later_review(self, at):
        bare = list(Incident.objects.filter(review=None))
        if bare:
            f.review(incidents=bare, created_at=at)

    def later_archive(self, at):
        for review in Review.objects.filter(archived_at=None):
            review.opened_at = at
            review.save(update_fields=["opened_at"])
            f.archived(review, at=at)

    def later_reopening(self, at):
        for review in Review.objects.filter(archived_at__isnull=False):
            f.reopened(review, at=at)

    def later_runs(self, at):
        for check in VerificationCheck.objects.all():
            if not check.runs.filter(slot=at).exists():
                self.a_run(check, at, "pass")

    def later_leaving(self, at):
        type(self.owner).objects.filter(pk=self.owner.pk).update(is_active=False)

    def later_handover(self, at):
        RemediationItem.objects.update(owner=self.others)

    def later_deadline(self, at):
        for item in RemediationItem.objects.all():
            f.extended(item, item.due_at + 30 * DAY)

    def earlier_deadline(self, at):
        for item in RemediationItem.objects.all():
            RemediationItem.objects.filter(pk=item.pk).update(due_at=item.agreed_at + MINUTE)

    def later_drill(self, at):
        _open().update(is_drill=True)

    def later_dismissal(self, at):
        _open().filter(dismissed_as="").update(
            dismissed_as="duplicate", dismissed_reason="The same.", closed_at=at
        )

    def later_severity(self, at):
        _open().update(severity=f.severity("P3"))

    def later_promotion(self, at):
        _open().update(severity=f.severity("P0"), started_at=self.as_of - 60 * DAY)

    def later_policy(self, at):
        Severity.objects.update(review_hours=1, requires_postmortem=True)

    def later_pause(self, at):
        VerificationCheck.objects.update(is_paused=True)

    def later_interval(self, at):
        VerificationCheck.objects.update(interval_seconds=60)

    def later_gate_policy(self, at):
        gating.policy(not_counting=sorted(policy.Rule), mode="strict", now=at)

    def later_gate_row(self, at):
        gating.policy(repositories=["**"], not_counting=sorted(policy.Rule), now=at)

    def later_waiver(self, at):
        gating.waiver(service=self.service, findings=_WAIVABLE, at=at, hours=240)

    def later_grant(self, at):
        for waiver in GateWaiver.objects.filter(answer="", expires_at__gt=at):
            gatewaivers.grant(waiver, by=gating.governor(), now=at)

    def later_ending(self, at):
        for waiver in GateWaiver.objects.filter(answer="granted", ended_at=None, expires_at__gt=at):
            if waiver.answered_at <= at:
                gatewaivers.end(waiver, by=gating.governor(), now=at)


_WAIVABLE = [code for code in policy.Rule if code in policy.WAIVABLE]


def _open():
    """The incidents that still may change: what an archived postmortem stands on does not."""
    return Incident.objects.filter(Q(review=None) | Q(review__archived_at=None))


BEFORE = st.one_of(
    st.tuples(st.just("an_item"), st.sampled_from(RemediationItem.State.values), _DAYS),
    st.tuples(st.just("an_incident"), st.sampled_from(["P0", "P1", "P2", "P3"]), _DAYS),
    st.tuples(st.just("a_review"), st.booleans(), _DAYS),
    st.tuples(st.just("a_waiver"), st.sampled_from(_WAIVABLE), _DAYS),
    st.tuples(st.just("a_gate_policy"), st.sampled_from(list(policy.Rule)), _DAYS),
)
AFTER = st.sampled_from([name for name in vars(World) if name.startswith(("later_", "earlier_"))])
SLOW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def happen(world, before, after):
    for name, *values in before:
        getattr(world, name)(*values)
    for number, name in enumerate(after, start=1):
        getattr(world, name)(world.as_of + number * 10 * MINUTE)
    world.settle()


def judged(as_of, now):
    service = facts.of_service("order", as_of=as_of, now=now)
    return *policy.evaluate(service.facts, as_of=as_of, rules=service.rules), service.rules


@SLOW
@given(before=st.lists(BEFORE, max_size=4), after=st.lists(AFTER, min_size=1, max_size=6))
def test_answer_for_a_past_moment_stays_whatever_happens_later(before, after):
    with transaction.atomic():
        world = World()
        happen(world, before, [])
        first = judged(world.as_of, world.now)

        happen(world, [], after)

        assert judged(world.as_of, world.now) == first
        transaction.set_rollback(True)


@SLOW
@given(before=st.lists(BEFORE, max_size=4), after=st.lists(AFTER, max_size=4))
def test_the_present_is_the_past_of_now(before, after):
    with transaction.atomic():
        world = World()
        happen(world, before, after)
        now = timezone.now()

        present = judged(now, now)
        past = judged(now, now + timedelta(microseconds=1))

        assert present == past
        transaction.set_rollback(True)


@SLOW
@given(before=st.lists(BEFORE, max_size=3), after=st.lists(AFTER, max_size=3))
def test_the_short_question_knows_whether_the_long_one_has_an_answer(before, after):
    with transaction.atomic():
        world = World()
        happen(world, before, after)
        now = timezone.now()
        asking = {"presented": _token(now), "scope": "audit", "as_of": now, "now": now}
        facts._lately_unsound.clear()

        _asker, short = facts.ask_of_service("order", **asking)
        is_unsound = "order" in facts._lately_unsound
        _asker, again = facts.ask_of_service("order", **asking)
        long = facts.of_service("order", as_of=now, now=now)

        assert short == again == long
        assert is_unsound is (long.facts != policy.ServiceFacts())
        assert facts.of_every_service(now=now) == {"order": long}
        assert facts.of_every_service(now=now, slugs=["order", "nowhere"]) == {"order": long}
        assert facts.of_every_service(now=now, slugs=["nowhere"]) == {}
        transaction.set_rollback(True)


def test_facts_leave_out_only_what_breaks_no_rule():
    """All rows, read through the models and judged, give the findings of the rows that are gathered."""
    world = World()
    for number, state in enumerate(RemediationItem.State.values):
        world.an_item(state, 4 * number)
        world.an_item(state, 4 * number + 1)
    for number, severity in enumerate(("P0", "P1", "P2", "P3")):
        world.an_incident(severity, 4 * number + 1)
        world.a_review(number % 2 == 0, 4 * number + 1)
    world.later_leaving(world.as_of)
    world.an_incident("P0", 9)
    Incident.objects.filter(pk=Incident.objects.latest("pk").pk).update(is_drill=True)
    now = timezone.now()

    every = policy.ServiceFacts(
        incidents=[
            policy.IncidentFacts(
                id=one.public_id,
                review_due_at=one.review_due_at,
                review=one.review.public_id if one.review else "",
                archived_at=one.review.archived_at if one.review else None,
                requires_postmortem=one.severity.requires_postmortem,
                is_drill=one.is_drill,
                is_dismissed=bool(one.dismissed_as),
            )
            for one in Incident.objects.select_related("severity", "review")
        ],
        items=[_item_facts(one) for one in RemediationItem.objects.select_related("owner")],
        checks=[
            policy.CheckFacts(
                item=one.item.public_id,
                item_state=one.item.state,
                answered_at=one.standing.last_verdict_at or one.created_at,
                interval=one.interval,
                is_paused=one.is_paused,
            )
            for one in VerificationCheck.objects.select_related("item", "standing")
        ],
    )
    verdict, findings = policy.evaluate(every, as_of=now)

    found_verdict, found, _rules = judged(now, now)

    assert found_verdict == verdict == policy.Verdict.FAIL
    assert {(one.code, one.object) for one in found} == {(one.code, one.object) for one in findings}
    assert {one.code for one in found} == set(policy.Rule) - {"WAIVER_EXPIRED"}


def _item_facts(item):
    moved = {move.to_state: move.at for move in item.transitions.order_by("at", "id")}
    return policy.ItemFacts(
        id=item.public_id,
        state=item.state,
        due_at=item.due_at,
        first_verified_at=item.first_verified_at,
        regressed_at=moved.get("regressed"),
        owner_left_at=None if item.owner.is_active else timezone.now(),
    )


def _token(now):
    _token, secret = f.api_token(scopes=["audit"], now=now)
    return tokens.read_header(f"Bearer {secret}")


def test_connection_stays_inside_a_transaction_however_old_it_is(monkeypatch):
    f.service("order")
    # Undone on the proxy, the attribute would be gone from the connection.
    monkeypatch.setattr(connections["default"], "close_at", 0)

    service = facts.of_service("order", as_of=timezone.now(), now=timezone.now())

    assert service is not None
    assert not connection.closed_in_transaction
