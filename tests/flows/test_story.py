"""The whole chain on real parts: Prometheus, Redis, Celery workers, bubblewrap, the gate over HTTP."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from governance import reports
from postmortem import causes, incidents, pipelines, reviews, timelines
from postmortem.models import Review
from remediation import approvals, items, plan, verification
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun, CheckStanding, RemediationItem
from tests import factories
from tests.servers import Prometheus, StartProcess, wait_until
from tests.services import require_program

pytestmark = [pytest.mark.flow, pytest.mark.django_db(transaction=True)]

# Long enough ago for the deadline of a P1 item (14 days) to have passed.
BEGAN = timedelta(days=20)
SERIES = 'flow_pool_in_use{service="order"}'


@dataclass
class Ci:
    """A pipeline with a token: what it asks, and the answers as JSON."""

    token: str

    def audit(self, service: str) -> dict:
        answer = Client().get(
            "/sre/audit", {"service": service}, headers={"authorization": f"Bearer {self.token}"}
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    def gate(self, message: str) -> dict:
        change = {
            "repository": "shop/order",
            "target_branch": "main",
            "change_id": "!812",
            "title": "Cap the pool",
            "description": "",
            "commits": [{"sha": "a" * 40, "message": message}],
            "services": ["order"],
        }
        answer = Client().post(
            "/api/v1/gate/changes",
            change,
            content_type="application/json",
            headers={"authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 200, answer.content
        return answer.json()


@pytest.fixture
def marker_file() -> Iterator[Path]:
    """A file that a probe inside the sandbox can see: it comes and goes with the fix."""
    require_program("bwrap", "apt-get install bubblewrap")
    folder = Path("/usr/local/share")
    if not os.access(folder, os.W_OK):
        pytest.skip("only root can put a file where a sandboxed probe sees it; run the tests as root")
    path = folder / f"closeloop-test-{secrets.token_hex(8)}"
    yield path
    path.unlink(missing_ok=True)


def test_story_from_incident_to_verified_regressed_and_reported(
    prometheus: Prometheus, celery_worker: StartProcess, beat: StartProcess, marker_file: Path
) -> None:
    # An incident, two accounts of it, and a review that is archived.
    began_at = (timezone.now() - BEGAN).replace(second=0, microsecond=0)
    lin, chen, governor = (
        factories.user("Lin", role="facilitator"),
        factories.user("Chen"),
        factories.user("Sofia", role="governor"),
    )
    service = factories.service("order", repositories=["shop/order"])
    ci = Ci(factories.api_token(lin, scopes=["audit", "gate"], now=timezone.now())[1])
    review = _reviewed(service, lin, chen, began_at=began_at)
    source = factories.data_source(base_url=prometheus.url)

    # A promise with two proofs, agreed then; its deadline has passed by now.
    item = items.agree(
        title="Cap the pool at 180",
        owner=chen,
        team=service.team,
        service=service,
        severity=factories.severity("P1"),
        kind="prevent",
        category="technical_debt",
        causes=list(review.causes.all()),
        checks=[
            CheckSpec(
                kind="prometheus",
                data_source_id=source.pk,
                promql=SERIES,
                comparator="<=",
                threshold=180,
                passes_needed=2,
                timeout_seconds=5,
            ),
            CheckSpec(kind="shell", pipeline=[["test", "-e", str(marker_file)]], passes_needed=2),
        ],
        review=review,
        by=lin,
        now=began_at + timedelta(hours=20),
    )
    command = item.verification_checks.get(kind="shell")
    sha = approvals.sha_of(approvals.body_of_check(command))
    approvals.approve(command, sha=sha, by=factories.user(role="administrator"), now=timezone.now())
    plan.archive(review, by=lin, now=began_at + timedelta(hours=24))
    items.start(item, by=chen, now=began_at + timedelta(days=1))

    # The workers and beat run; both checks fail, and the audit says so.
    celery_worker("checks,default")
    celery_worker("probes", concurrency=1, SHELL_PROBES_ENABLED="1")
    beat(SHELL_PROBES_ENABLED="1")
    prometheus.show(SERIES, 247)
    _run_all(item, by=lin)
    assert _outcomes(item) == {"prometheus": "fail", "shell": "fail"}
    assert ci.audit("order")["status"] == "FAIL"
    assert [finding["code"] for finding in ci.audit("order")["findings"]] == ["ITEM_OVERDUE"]

    # The fix is made and claimed; runs, not people, verify it.
    prometheus.show(SERIES, 120)
    marker_file.touch()
    items.claim_fix(item, fix_url="https://git.example/order/812", by=chen, now=timezone.now())
    _run_all(item, by=lin)
    assert _state(item) == "verifying"
    _run_all(item, by=lin)
    assert _state(item) == "verified"
    assert ci.audit("order") | {"as_of": "", "decision": ""} == {
        "status": "PASS",
        "service": "order",
        "date": timezone.localdate().isoformat(),
        "as_of": "",
        "findings": [],
        "waivers": [],
        "policy_version": ci.audit("order")["policy_version"],
        "decision": "",
    }

    # The gate lets a change through that names the postmortem, and blocks one that does not.
    named = ci.gate(f"Cap the pool\n\nNo more than 180.\n\nPostmortem: {review.public_id}\n")
    assert (named["status"], named["findings"]) == ("PASS", [])
    unnamed = ci.gate("Cap the pool\n\nNo more than 180.\n")
    assert unnamed["status"] == "FAIL"
    assert [finding["code"] for finding in unnamed["findings"]] == ["POSTMORTEM_NOT_NAMED"]

    # The fix is undone: the item regresses by itself and the audit fails.
    prometheus.show(SERIES, 199)
    _run_all(item, by=lin)
    assert _state(item) == "verified"
    _run_all(item, by=lin)
    assert _state(item) == "regressed"
    assert [finding["code"] for finding in ci.audit("order")["findings"]] == [
        "ITEM_OVERDUE",
        "ITEM_REGRESSED",
    ]

    # The report counts it: one was due, none was verified in time, one late.
    item.refresh_from_db()
    month = timezone.localtime(item.due_at).date().replace(day=1)
    closure = reports.build(month, viewer=governor, now=timezone.now()).figures["closure"]
    assert (closure["due"], closure["in_time"], closure["late"]) == (1, 0, 1)
    assert closure["rate_percent"] == "0.0"


def _reviewed(service: object, lin: User, chen: User, *, began_at: datetime) -> Review:
    """A resolved incident whose review lacks nothing but an item."""
    at = began_at + timedelta(hours=2)
    incident = incidents.declare(
        title="Connection pool exhausted",
        severity=factories.severity("P1"),
        started_at=began_at,
        services=[(service, "origin")],
        participants=[(lin, "commander"), (chen, "responder")],
        by=lin,
        now=at,
        detected_at=began_at + timedelta(minutes=1),
        resolved_at=began_at + timedelta(minutes=5),
    )
    for person in (lin, chen):
        timeline = timelines.open_for(incident.participants.get(user=person))
        timelines.add(
            timeline,
            text="Saw 500s.",
            happened_at=began_at + timedelta(minutes=1),
            zone="UTC",
            kind="note",
            by=person,
            now=at,
        )
        timelines.file(timeline, by=person, now=at)
    review = reviews.create(
        incidents=[incident], title=incident.title, owner=lin, facilitator=lin, by=lin, now=at
    )
    reviews.open(review, by=lin, now=at)
    cause = causes.record(
        review, statement="The pool has no upper bound.", part="root", is_primary=True, by=lin, now=at
    )
    causes.settle(cause, state="verified", evidence="Reproduced in staging.", by=lin, now=at)
    for step in review.steps.all():
        step = reviews.write(
            step, finding="38 % failed.", evidence="Access log.", version=step.version, by=lin, now=at
        )
        reviews.sign(step, by=lin, now=at)
    reviews.add_checklist_entry(
        review,
        title="No pod is pending",
        pipeline=pipelines.parse("kubectl get pods | grep Pending"),
        expectation="no_match",
        by=lin,
        now=at,
    )
    return review


def _run_all(item: RemediationItem, *, by: User) -> None:
    """Ask for a run of every check now, and wait until workers have done them."""
    checks = list(item.verification_checks.all())
    for check in checks:
        # A worker may have claimed this check by itself a moment ago.
        standing = CheckStanding.objects.filter(pk=check.pk)
        wait_until(lambda standing=standing: standing.get().run_id is None, what="the run before")
    asked = [verification.run_now(check, by=by, now=timezone.now()) for check in checks]
    for run in asked:
        stored = CheckRun.objects.filter(pk=run.pk)
        wait_until(stored.exists, seconds=30, what=f"run {run.pk}")
    # As if an interval had passed: two runs within one slot of the grid count once.
    factories.stand(checks, counted_slot=None)


def _outcomes(item: RemediationItem) -> dict[str, str]:
    standings = CheckStanding.objects.filter(verification_check__item=item)
    return dict(standings.values_list("kind", "last_outcome"))


def _state(item: RemediationItem) -> str:
    item.refresh_from_db()
    return item.state
