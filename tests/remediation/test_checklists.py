"""The checklist asked again: queued as checks are, run by the same workers, kept for ever (R6)."""

from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from postmortem import checklists as entries
from postmortem.errors import Archived, EditConflict, Invalid, NotAllowed
from postmortem.models import ChecklistEntry
from remediation import checklists, plan, runs, verification
from remediation.checklists import ProbesOff, SourceUnknown
from remediation.models import ChecklistRun, DataSource
from remediation.probes.result import ProbeResult, failed
from remediation.verdicts import record
from tests import factories
from tests.factories import NOW
from tests.services import require_program

pytestmark = pytest.mark.django_db

GREP = ["grep", "-E", "(Pending|CrashLoopBackOff)"]
QUERY = {
    "kind": "promql",
    "promql": "checklist_waiting",
    "comparator": "<",
    "threshold": 5,
    "source_name": "Cell 1",
}


@pytest.fixture
def member():
    return factories.user("Mia")


@pytest.fixture
def commands(settings):
    settings.SHELL_PROBES_ENABLED = True
    require_program("bwrap", "apt-get install bubblewrap")


def command(said: str, **fields) -> ChecklistEntry:
    """The seed's own entry, with a stand-in for kubectl: the sandbox finds no program of a test."""
    review = fields.pop("review", None) or factories.review(is_open=True)
    return factories.checklist_entry(review, pipeline=[["sh", "-c", said, "kubectl"], GREP], **fields)


def query(review=None, **fields) -> ChecklistEntry:
    fields = {"pipeline": None, "expectation": "", **QUERY} | fields
    return factories.checklist_entry(review or factories.review(is_open=True), **fields)


def outcome_of(entry: ChecklistEntry, by) -> tuple[str, str]:
    run = checklists.run_now(entry, by=by, now=timezone.now())
    verification.execute(run.kind)
    run.refresh_from_db()
    return run.outcome, run.error_code


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("echo order-1 Running", ("pass", "")),
        ("echo order-1 Running; echo order-2 Pending", ("fail", "")),
        ("echo no route to cluster >&2; exit 1", ("error", "stage_failed")),
        ("echo order-1 Running; exit 7", ("error", "stage_failed")),
    ],
)
def test_seeds_own_example_in_the_sandbox(commands, member, said, found):
    """R6: PASS when kubectl works and nothing matches, FAIL on a match, ERROR when kubectl itself fails."""
    assert outcome_of(command(said), member) == found


def test_run_is_kept_with_who_asked_and_what_ran(commands, member):
    entry = command("echo order-2 Pending password=correct-horse-battery")

    outcome_of(entry, member)

    run = ChecklistRun.objects.get()
    assert (run.requested_by, run.entry, run.entry_version, run.title) == (member, entry, 1, entry.title)
    assert run.expression.endswith("| grep -E '(Pending|CrashLoopBackOff)'")
    assert "order-2 Pending" in run.output
    assert "correct-horse" not in run.output
    assert run.sandbox == "bubblewrap"
    assert checklists.latest([entry]) == {entry.pk: run}


def test_query_is_asked_by_name_of_its_source(member, prometheus):
    prometheus.show("checklist_waiting", 3)
    factories.data_source("Cell 1", base_url=prometheus.url)

    assert outcome_of(query(), member) == ("pass", "")
    assert outcome_of(query(threshold=2), member) == ("fail", "")
    assert outcome_of(query(promql="no_such_metric"), member) == ("no_data", "")
    assert [run.value for run in ChecklistRun.objects.order_by("id")] == [3.0, 3.0, None]


def test_commands_wait_until_they_are_switched_on(settings, member):
    settings.SHELL_PROBES_ENABLED = False

    with pytest.raises(ProbesOff):
        checklists.run_now(command("true"), by=member, now=NOW)
    assert not ChecklistRun.objects.exists()


def test_lost_source_and_viewers_are_refused(member):
    with pytest.raises(SourceUnknown) as refusal:
        checklists.run_now(query(), by=member, now=NOW)
    assert refusal.value.details == {"source": "Cell 1"}
    with pytest.raises(NotAllowed):
        checklists.run_now(query(), by=factories.user(role="viewer"), now=NOW)


def test_all_that_can_run_is_run(settings, member):
    settings.SHELL_PROBES_ENABLED = False
    factories.data_source("Cell 1")
    review = factories.complete_review()
    asked = query(review)

    assert [run.entry for run in checklists.run_all(review, by=member, now=NOW)] == [asked]
    with pytest.raises(ProbesOff):
        checklists.run_all(factories.archived_review(), by=member, now=NOW)


def test_second_run_is_the_first_while_that_waits(member):
    factories.data_source("Cell 1")
    entry = query()

    first = checklists.run_now(entry, by=member, now=NOW)

    assert checklists.run_now(entry, by=factories.user(), now=NOW) == first


def held(entry: ChecklistEntry, by) -> runs.Claimed:
    checklists.run_now(entry, by=by, now=timezone.now())
    [claim] = runs.claim(kind="prometheus", limit=10)
    return claim


def test_run_carries_what_it_asks_although_the_entry_changes(member):
    factories.data_source("Cell 1")
    entry = query()
    run = checklists.run_now(entry, by=member, now=NOW)
    entries.remove(entry, by=member, now=NOW)

    [claim] = runs.claim(kind="prometheus", limit=10)

    assert (claim.queue, claim.run_id, claim.promql, claim.threshold) == (
        "checklists",
        run.pk,
        "checklist_waiting",
        5,
    )
    record([(claim, ProbeResult("pass", value=1.0))])
    run.refresh_from_db()
    assert run.outcome == "pass"


def test_checklist_is_claimed_before_checks_and_both_are_recorded(member):
    source = factories.data_source("Cell 1")
    item = factories.item(state="fix_claimed")
    check = item.verification_checks.get()
    runs.ask_now(check.pk, now=timezone.now() - timedelta(hours=1))
    checklists.run_now(query(), by=member, now=timezone.now())

    assert runs.claim(kind="prometheus", limit=10, busy=[source.pk, check.data_source_id]) == []
    claims = runs.claim(kind="prometheus", limit=10)
    recorded = record([(claim, ProbeResult("pass", value=1.0)) for claim in claims])

    assert [claim.queue for claim in claims] == ["checklists", "checks"]
    assert (recorded.stored, recorded.refused, len(recorded.moves)) == (2, 0, 1)


def test_late_worker_is_refused_and_a_finished_run_is_final(member):
    factories.data_source("Cell 1")
    first = held(query(), member)
    ChecklistRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    [second] = runs.claim(kind="prometheus", limit=10)

    assert (second.run_id, second.attempt) == (first.run_id, 2)
    assert record([(first, ProbeResult("fail"))]).refused == 1
    assert record([(second, ProbeResult("pass"))]).stored == 1
    for change in (
        lambda: ChecklistRun.objects.update(outcome="fail"),
        lambda: ChecklistRun.objects.all().delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()


def test_given_back_and_lost_runs_are_those_of_checks(member):
    factories.data_source("Cell 1")
    claim = held(query(), member)

    runs.give_back([claim])
    assert runs.waiting_kinds() == ["prometheus"]
    for _attempt in range(runs.MAX_ATTEMPTS):
        assert len(runs.claim(kind="prometheus", limit=10)) == 1
        ChecklistRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.claim(kind="prometheus", limit=10) == []

    verification.sweep()
    assert ChecklistRun.objects.get().error_code == "lost"


def test_commands_that_wait_where_they_are_off_end_with_the_reason(settings, member):
    settings.SHELL_PROBES_ENABLED = True
    checklists.run_now(command("true"), by=member, now=timezone.now())
    settings.SHELL_PROBES_ENABLED = False

    verification.execute("shell")

    assert ChecklistRun.objects.get().error_code == failed("probes_off", "").error_code


# --- writing entries ----------------------------------------------------------------------------------


def test_query_is_tried_before_it_is_saved(member, prometheus):
    review = factories.review(is_open=True)
    DataSource.objects.create(name="Cell 1", base_url=prometheus.url)

    with pytest.raises(Invalid) as refusal:
        checklists.add(review, title="Few wait", by=member, now=NOW, **QUERY | {"promql": "sum("})
    assert (refusal.value.field, bool(refusal.value.details["position"])) == ("promql", True)
    with pytest.raises(Invalid) as refusal:
        checklists.add(review, title="Few wait", by=member, now=NOW, **QUERY | {"source_name": "Gone"})
    assert refusal.value.field == "source_name"

    entry = checklists.add(review, title="Few wait", by=member, now=NOW, **QUERY)
    assert (entry.kind, entry.promql, entry.threshold, entry.pipeline) == (
        "promql",
        "checklist_waiting",
        5.0,
        None,
    )


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "other"}, "kind"),
        ({"pipeline": "", "expectation": "match"}, "pipeline"),
        ({"pipeline": "ls", "expectation": "maybe"}, "expectation"),
        ({"pipeline": "ls", "expectation": "match", "pattern": r"\d+"}, "pattern"),
        ({"pipeline": "ls", "expectation": "match", "pattern": "("}, "pattern"),
        (QUERY | {"promql": " "}, "promql"),
        (QUERY | {"promql": "看一下监控"}, "promql"),
        (QUERY | {"comparator": "~"}, "comparator"),
        (QUERY | {"threshold": float("nan")}, "threshold"),
        (QUERY | {"threshold": None}, "threshold"),
    ],
)
def test_unfit_entry_is_refused_by_name(member, asked, field):
    factories.data_source("Cell 1")
    review = factories.review(is_open=True)

    with pytest.raises(Invalid) as refusal:
        checklists.add(review, title="x", by=member, now=NOW, **asked)

    assert refusal.value.field == field
    assert not review.checklist.exists()


def test_entries_change_places_and_are_edited_until_the_archive(member):
    review = factories.review(is_open=True)
    one, two, three = (factories.checklist_entry(review, title=title) for title in ("one", "two", "three"))

    entries.move(three, position=1, by=member, now=NOW)
    entries.move(one, position=99, by=member, now=NOW)
    edited = entries.edit(
        two, title="2", pipeline="true", expectation="success", version=1, by=member, now=NOW
    )

    assert [entry.title for entry in review.checklist.all()] == ["three", "2", "one"]
    assert [entry.position for entry in review.checklist.all()] == [1, 2, 3]
    assert (edited.version, edited.pipeline) == (2, [["true"]])
    with pytest.raises(EditConflict) as refusal:
        entries.edit(two, title="x", pipeline="ls", expectation="success", version=1, by=member, now=NOW)
    assert refusal.value.details["theirs"]["title"] == "2"


def test_archived_checklist_is_read_only_but_runs(member):
    factories.data_source("Cell 1")
    review = factories.complete_review()
    asked = query(review)
    entry = review.checklist.first()
    plan.archive(review, by=review.facilitator, now=NOW)

    for act in (
        lambda: entries.move(entry, position=2, by=member, now=NOW),
        lambda: entries.remove(entry, by=member, now=NOW),
        lambda: entries.edit(
            entry, title="x", pipeline="ls", expectation="success", version=1, by=member, now=NOW
        ),
    ):
        with pytest.raises(Archived):
            act()
    assert checklists.run_now(asked, by=member, now=NOW).outcome == ""
