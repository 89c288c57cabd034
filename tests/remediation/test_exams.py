"""Process defects: verified by the engine once the procedure is revised and the whole roster passed (R9)."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Membership
from postmortem.errors import EditConflict, Invalid, NotAllowed
from remediation import exams, items, verification
from remediation.exams import AlreadyPassed, NoAttemptsLeft, NotOnRoster
from remediation.items import ExamStays
from remediation.models import CheckRun, Exam, ExamAttempt, RosterEntry, SopRevision
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

QUESTIONS = [
    {
        "text": "Who approves?",
        "kind": "single",
        "options": ["Nobody", "The owner", "The manager"],
        "right": [2],
    },
    {"text": "What is asked?", "kind": "multiple", "options": ["Limits", "Weather", "Load"], "right": [0, 2]},
]
RIGHT, WRONG = [[2], [0, 2]], [[0], [0]]


@pytest.fixture
def team():
    return factories.team("Orders", members=[factories.user("Ada"), factories.user("Ben")])


@pytest.fixture
def item(team):
    """A process defect whose one check is the exam, claimed as fixed."""
    item = factories.item(category="process_defect", team=team, severity="P2", checks=0, proofs=["exam"])
    items.claim_fix(item, by=item.owner, now=NOW)
    return item


@pytest.fixture
def exam(item):
    return write(item)


def write(item, **changes):
    sound = {"title": "Limits before a sale", "team": item.team, "questions": QUESTIONS, "by": item.owner}
    return exams.write(item, **sound | {"now": NOW} | changes)


def revise(item):
    return exams.record_revision(
        item, url="https://wiki.example.org/sop", revision="v4", by=item.owner, now=NOW
    )


def person(name):
    return Membership.objects.get(user__name=name).user


def sit(exam, name, answers=RIGHT):
    return exams.sit(exam, answers=answers, version=exam.version, by=person(name), now=NOW)


def run_now(item):
    """Let the engine run the exam check once; the run and the item's state."""
    check = item.verification_checks.get(kind="exam")
    moment = NOW + (1 + check.runs.count()) * DAY
    verification.run_now(check, by=item.owner, now=moment)
    verification.execute("exam")
    item.refresh_from_db()
    return CheckRun.objects.filter(verification_check=check).order_by("-pk").first(), item.state


def roster(exam):
    return {entry.person.name for entry in RosterEntry.objects.filter(exam=exam, left_at=None)}


class TestVerification:
    def test_item_is_verified_by_a_run_once_revised_and_everybody_passed(self, item, exam):
        steps = [
            lambda: None,
            lambda: sit(exam, "Ada"),
            lambda: revise(item),
        ]
        seen = []
        for step in steps:
            step()
            run, state = run_now(item)
            seen.append((run.outcome, run.value, state))
        assert seen == [
            ("fail", 0.0, "fix_claimed"),
            ("fail", 0.5, "fix_claimed"),
            ("fail", 0.5, "fix_claimed"),
        ]
        assert run.output == "1 of 2 on the roster passed"

        # The last one to pass need not wait for tomorrow's run.
        sit(exam, "Ben")
        verification.execute("exam")

        item.refresh_from_db()
        assert item.state == "verified"
        run = CheckRun.objects.latest("pk")
        assert (run.outcome, run.value, run.kind) == ("pass", 1.0, "exam")
        assert item.transitions.last().run == run

    def test_passed_exam_without_a_revised_procedure_verifies_nothing(self, item, exam):
        sit(exam, "Ada"), sit(exam, "Ben")

        run, state = run_now(item)

        assert (run.outcome, run.value, state) == ("fail", 1.0, "fix_claimed")
        assert run.output == "2 of 2 on the roster passed; no revision of the procedure is recorded"

    def test_unwritten_exam_fails_and_an_empty_roster_proves_nothing(self, item):
        revise(item)
        run, _state = run_now(item)
        assert (run.outcome, run.output) == ("fail", "nobody has written the exam")

        write(item, team=factories.team("Empty"))
        assert exams.judge(item.pk).outcome == "no_data"

    def test_joiner_reopens_the_question_until_they_pass(self, item, exam):
        revise(item)
        sit(exam, "Ada"), sit(exam, "Ben")
        assert exams.judge(item.pk).outcome == "pass"

        Membership.objects.create(team=item.team, user=factories.user("Cay"))
        assert (exams.judge(item.pk).outcome, exams.judge(item.pk).value) == ("fail", 2 / 3)

        Membership.objects.get(user__name="Cay").delete()
        assert exams.judge(item.pk).outcome == "pass"


class TestPromise:
    def test_process_defect_always_has_an_exam(self):
        factories.sla_policies()
        service, by = factories.service(), factories.user()
        item = items.agree(
            title="Ask for limits", owner=by, team=service.team, service=service, kind="prevent",
            severity=factories.severity("P2"), category="process_defect", causes=[], checks=[],
            origin="proactive", by=by, now=NOW,
        )  # fmt: skip

        check = item.verification_checks.get()
        assert (check.kind, check.passes_needed, check.fails_needed) == ("exam", 1, 14)
        with pytest.raises(ExamStays):
            items.pause(check, is_paused=True, reason="No time.", by=by, now=NOW)

    def test_item_that_becomes_a_process_defect_gets_one(self):
        factories.sla_policies()
        item = factories.item()

        items.edit(item, category="process_defect", by=item.owner, now=NOW)

        assert sorted(item.verification_checks.values_list("kind", flat=True)) == ["exam", "prometheus"]


class TestRoster:
    def test_members_join_and_leave_by_themselves_with_a_reason(self, item, exam):
        assert roster(exam) == {"Ada", "Ben"}
        cay = factories.user("Cay")
        Membership.objects.create(team=item.team, user=cay)
        Membership.objects.filter(user__name="Ada").delete()
        assert roster(exam) == {"Ben", "Cay"}

        cay.is_active = False
        cay.save()
        assert roster(exam) == {"Ben"}
        cay.is_active = True
        cay.save()
        assert roster(exam) == {"Ben", "Cay"}

        kept = RosterEntry.objects.filter(exam=exam).order_by("pk")
        assert [(one.person.name, one.joined_because, one.left_because) for one in kept] == [
            ("Ada", "member", "left"),
            ("Ben", "member", ""),
            ("Cay", "joined", "deactivated"),
            ("Cay", "returned", ""),
        ]

    def test_bulk_and_moved_memberships_count_too(self, item, exam):
        other = factories.team()
        Membership.objects.bulk_create([Membership(team=item.team, user=factories.user("Dee"))])
        Membership.objects.filter(user__name="Ben").update(team=other)

        assert roster(exam) == {"Ada", "Dee"}

    def test_exam_for_another_team_has_another_roster(self, item, exam):
        storage = factories.team("Storage", members=[factories.user("Eve"), person("Ada")])

        changed = write(item, team=storage)

        assert roster(changed) == {"Ada", "Eve"}
        assert changed.version == 1
        left = RosterEntry.objects.filter(exam=exam, left_because="other_team")
        assert {entry.person.name for entry in left} == {"Ada", "Ben"}


class TestSitting:
    def test_answers_are_marked_and_kept(self, exam):
        attempt = sit(exam, "Ada", [[2], [0]])

        assert (attempt.right, attempt.total, attempt.is_passed, attempt.number) == (1, 2, False, 1)
        assert sit(exam, "Ada").is_passed
        with pytest.raises(AlreadyPassed):
            sit(exam, "Ada")

    def test_passing_mark_decides(self, item):
        exam = write(item, passing_percent=50)

        assert sit(exam, "Ada", [[2], [0]]).is_passed
        assert not sit(exam, "Ben", WRONG).is_passed

    def test_paper_holds_no_answers(self, exam):
        assert [sorted(one) for one in exams.paper(exam)] == [["kind", "options", "text"]] * 2

    def test_attempts_are_counted_and_one_more_is_granted_by_another(self, item):
        exam = write(item, attempts_allowed=1)
        sit(exam, "Ada", WRONG)
        with pytest.raises(NoAttemptsLeft) as refusal:
            sit(exam, "Ada")
        assert refusal.value.details == {"allowed": 1}

        ada = person("Ada")
        for by in (ada, factories.user()):
            with pytest.raises(NotAllowed):
                exams.grant_attempt(exam, person=ada, by=by, now=NOW)
        with pytest.raises(NotOnRoster):
            exams.grant_attempt(exam, person=factories.user(), by=item.owner, now=NOW)
        exams.grant_attempt(exam, person=ada, by=item.owner, now=NOW)

        assert sit(exam, "Ada").is_passed

    def test_strangers_and_leavers_do_not_sit(self, item, exam):
        gone = person("Ada")
        Membership.objects.filter(user=gone).delete()

        for by in (gone, item.owner):
            with pytest.raises(NotOnRoster):
                exams.sit(exam, answers=RIGHT, version=1, by=by, now=NOW)
        assert not ExamAttempt.objects.exists()

    @pytest.mark.parametrize(
        ("answers", "field"),
        [([], "answers"), (None, "answers"), ([[2]], "answers"), ([[2], [3]], "answers.1"),
         ([[-1], []], "answers.0"), ([["2"], []], "answers.0"), ([[True], []], "answers.0"),
         ([2, 0], "answers.0")],
    )  # fmt: skip
    def test_answers_that_are_none_are_refused_and_cost_no_attempt(self, exam, answers, field):
        with pytest.raises(Invalid) as refusal:
            sit(exam, "Ada", answers)

        assert refusal.value.field == field
        assert not ExamAttempt.objects.exists()


class TestWriting:
    def test_other_questions_are_another_exam_that_everybody_passes_again(self, item, exam):
        sit(exam, "Ada")
        same = write(item, title="Another title", attempts_allowed=5)
        assert (same.version, exams.progress(item).passed) == (1, 1)

        anew = write(item, questions=QUESTIONS[:1], version=1)

        assert (anew.version, exams.progress(item).passed) == (2, 0)
        with pytest.raises(EditConflict):
            exams.sit(anew, answers=RIGHT, version=1, by=person("Ada"), now=NOW)
        with pytest.raises(EditConflict):
            write(item, version=1)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"questions": []}, "questions"),
            ({"questions": "none"}, "questions"),
            ({"questions": [3]}, "questions.0"),
            ({"questions": [QUESTIONS[0] | {"text": " "}]}, "questions.0.text"),
            ({"questions": [QUESTIONS[0] | {"kind": "essay"}]}, "questions.0.kind"),
            ({"questions": [QUESTIONS[0] | {"options": ["One"]}]}, "questions.0.options"),
            ({"questions": [QUESTIONS[0] | {"options": ["One", "One", "Two"]}]}, "questions.0.options"),
            ({"questions": [QUESTIONS[0] | {"right": []}]}, "questions.0.right"),
            ({"questions": [QUESTIONS[0] | {"right": [0, 1]}]}, "questions.0.right"),
            ({"questions": [QUESTIONS[0], QUESTIONS[1] | {"right": [7]}]}, "questions.1.right"),
            ({"title": ""}, "title"),
            ({"passing_percent": 0}, "passing_percent"),
            ({"passing_percent": 101}, "passing_percent"),
            ({"attempts_allowed": -1}, "attempts_allowed"),
        ],
    )
    def test_what_cannot_be_asked_is_refused_by_name(self, item, changes, field):
        with pytest.raises(Invalid) as refusal:
            write(item, **changes)

        assert refusal.value.field == field
        assert not Exam.objects.exists()

    def test_only_owner_manager_and_facilitators_write(self, item):
        item.team.manager = factories.user()
        item.team.save()
        for by in (item.team.manager, factories.user(role="facilitator")):
            write(item, by=by)
        for by in (factories.user(), factories.user(role="viewer")):
            with pytest.raises(NotAllowed):
                write(item, by=by)

    def test_revisions_are_numbered_and_name_link_and_revision(self, item):
        assert [revise(item).number, revise(item).number] == [1, 2]
        for changes, field in (({"url": "see wiki"}, "url"), ({"revision": " "}, "revision")):
            sound = {"url": "https://wiki.example.org", "revision": "v5", "by": item.owner, "now": NOW}
            with pytest.raises(Invalid) as refusal:
                exams.record_revision(item, **sound | changes)
            assert refusal.value.field == field
        assert SopRevision.objects.count() == 2


def test_database_keeps_attempts_revisions_and_the_roster(item, exam):
    sit(exam, "Ada", WRONG)
    revise(item)

    for statement in (
        lambda: ExamAttempt.objects.update(is_passed=True),
        lambda: ExamAttempt.objects.all().delete(),
        lambda: SopRevision.objects.update(revision="v9"),
        lambda: RosterEntry.objects.all().delete(),
    ):
        with pytest.raises(Exception, match="pgtrigger"), transaction.atomic():
            statement()
    with pytest.raises(IntegrityError), transaction.atomic():
        RosterEntry.objects.create(exam=exam, person=person("Ada"), joined_at=NOW, joined_because="joined")
