"""Commands of a checklist run only once another person has approved exactly what runs."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from postmortem.errors import NotAllowed
from remediation import approvals, checklists, runs, texts, verification
from remediation.approvals import NoCommand, NotWhatWasRead, OwnCommand
from remediation.checklists import NotApproved
from remediation.models import ChecklistRun, ProbeRevision
from tests import factories

pytestmark = pytest.mark.django_db

TRUE = {"pipeline": [["true"]], "expectation": "success"}


@pytest.fixture
def author():
    return factories.user("Author", role="administrator")


@pytest.fixture
def approver():
    return factories.user("Approver", role="administrator")


@pytest.fixture
def entry(author, settings):
    settings.SHELL_PROBES_ENABLED = True
    review = factories.review(is_open=True)
    return checklists.add(review, title="It answers", by=author, now=timezone.now(), **TRUE)


def sha(entry):
    return approvals.sha_of(approvals.body_of_entry(entry))


def approve(entry, by, *, now=None):
    return approvals.approve(entry, sha=sha(entry), by=by, now=now or timezone.now())


def edit(entry, by, **changes):
    asked = {"title": entry.title, "version": entry.version, **TRUE} | changes
    return checklists.edit(entry, by=by, now=timezone.now(), **asked)


def queued(entry, by):
    """A waiting run, whatever the rules say: what somebody would write past Closeloop."""
    return ChecklistRun.objects.create(
        review=entry.review, entry=entry, entry_version=entry.version, title=entry.title, requested_by=by,
        queued_at=timezone.now(), kind="shell", pipeline=entry.pipeline, expectation=entry.expectation,
        pattern=entry.pattern, timeout_seconds=30,
    )  # fmt: skip


def ended(run):
    verification.execute_shell()
    run.refresh_from_db()
    return run.outcome, run.error_code


def test_command_does_not_run_before_another_has_approved_it(entry, author, approver):
    with pytest.raises(NotApproved) as refusal:
        checklists.run_now(entry, by=author, now=timezone.now())
    assert (refusal.value.code, refusal.value.details) == (
        "command_not_approved",
        {"standing": "not_approved"},
    )
    assert not ChecklistRun.objects.exists()

    approve(entry, approver)
    assert ended(checklists.run_now(entry, by=author, now=timezone.now())) == ("pass", "")


def test_run_written_past_the_page_is_stopped_at_the_start(entry, author):
    assert ended(queued(entry, author)) == ("error", "not_approved")


def test_author_and_members_do_not_approve(entry, author):
    with pytest.raises(OwnCommand):
        approve(entry, author)
    with pytest.raises(NotAllowed):
        approve(entry, factories.user(role="governor"))
    assert [one.pk for one in checklists.unapproved([entry], now=timezone.now())] == [entry.pk]


def test_what_was_read_is_what_is_approved(entry, author, approver):
    read = sha(entry)
    changed = edit(entry, author, pipeline=[["false"]])

    with pytest.raises(NotWhatWasRead) as refusal:
        approvals.approve(entry, sha=read, by=approver, now=timezone.now())
    assert refusal.value.details == {"sha": sha(changed)}


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": [["true", "--now"]]},
        {"expectation": "match"},
        {"expectation": "no_match", "pattern": "x"},
    ],
    ids=["pipeline", "expectation", "pattern"],
)
def test_any_edit_needs_a_new_approval(entry, author, approver, change):
    approve(entry, approver)
    changed = edit(entry, author, **change)

    with pytest.raises(NotApproved):
        checklists.run_now(changed, by=author, now=timezone.now())


def test_new_title_needs_none(entry, author, approver):
    approve(entry, approver)
    changed = edit(entry, author, title="It still answers")

    assert ended(checklists.run_now(changed, by=author, now=timezone.now())) == ("pass", "")


def test_approval_ends(entry, author, approver):
    approve(entry, approver, now=timezone.now() - timedelta(days=91))

    with pytest.raises(NotApproved) as refusal:
        checklists.run_now(entry, by=author, now=timezone.now())
    assert refusal.value.details == {"standing": "expired"}


def test_approval_of_one_entry_lets_no_other_run(entry, author, approver):
    approve(entry, approver)
    other = checklists.add(entry.review, title="The same again", by=author, now=timezone.now(), **TRUE)

    assert ended(queued(other, author)) == ("error", "not_approved")


def test_approval_of_a_check_with_the_same_number_lets_no_entry_run(entry, author):
    check = factories.check(
        factories.item(checks=0), kind="shell", pk=entry.pk, pipeline=[["true"]], shell_expectation="success",
        pattern="", timeout_seconds=30,
    )  # fmt: skip
    assert approvals.body_of_check(check) == approvals.body_of_entry(entry)

    assert ended(queued(entry, author)) == ("error", "not_approved")


def test_raw_change_of_a_waiting_run_makes_nothing_run(entry, author, approver):
    approve(entry, approver)
    run = checklists.run_now(entry, by=author, now=timezone.now())
    ChecklistRun.objects.filter(pk=run.pk).update(pipeline=[["sh", "-c", "id"]])

    assert ended(run) == ("error", "not_approved")


def test_raw_approval_makes_nothing_run(entry, author, approver):
    revision = ProbeRevision.objects.get(checklist_entry=entry)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO remediation_probeapproval"
            " (revision_id, author_id, approver_id, template, approved_at, expires_at, mac)"
            " VALUES (%s, %s, %s, '', now() - interval '1 hour', now() + interval '9 years', %s)",
            [revision.pk, author.pk, approver.pk, "0" * 64],
        )

    assert ended(queued(entry, author)) == ("error", "forged")


def test_switch_of_the_team_that_was_hit_stops_it(entry, author, approver):
    approve(entry, approver)
    team = entry.review.incidents.first().services.first().team
    run = checklists.run_now(entry, by=author, now=timezone.now())
    approvals.switch(team=team, is_off=True, reason="Strange load", by=approver, now=timezone.now())

    assert ended(run) == ("error", "switched_off")


def test_restored_command_keeps_its_author(entry, author, approver):
    """Whoever brings an earlier command back by its versions does not become its author."""
    edit(entry, approver, pipeline=[["false"]])
    text = texts.find(f"checklist-{entry.pk}.pipeline", viewer=approver)
    texts.restore(text, number=1, latest=2, by=approver, now=timezone.now())
    entry.refresh_from_db()

    assert entry.pipeline == [["true"]]
    with pytest.raises(OwnCommand):
        approve(entry, author)


def test_entry_taken_off_its_list_leaves_its_revisions(entry, author, approver):
    approve(entry, approver)
    pk = entry.pk
    checklists.checklists.remove(entry, by=author, now=timezone.now())

    revision = ProbeRevision.objects.get(checklist_entry_id=pk)
    assert json.loads(revision.body)["pipeline"] == [["true"]]
    assert runs.waiting_kinds() == []


def test_query_has_no_command(author, approver):
    query = factories.checklist_query(factories.review(is_open=True))

    with pytest.raises(NoCommand):
        approvals.approve(query, sha="", by=approver, now=timezone.now())


def test_waiting_list_needs_as_many_queries_for_three(entry, author, approver, django_assert_num_queries):
    def waiting():
        return approvals.waiting_entries(type(entry.review).objects.all(), now=timezone.now())

    with django_assert_num_queries(4):
        assert [one.pk for one in waiting()] == [entry.pk]
    more = [
        checklists.add(entry.review, title=str(number), by=author, now=timezone.now(), **TRUE)
        for number in range(2)
    ]
    with django_assert_num_queries(4):
        assert len(waiting()) == 3
    approve(more[0], approver)
    assert [one.pk for one in waiting()] == [entry.pk, more[1].pk]
