"""Process defects: the revised procedure, the exam about it, and whether everybody on the roster passed (R9).

The exam is a verification check of kind "exam": the engine runs it like any other, and only its runs verify
the item. Nobody reads the right answers before they have passed, but those who write the exam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Membership, Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, EditConflict, Invalid, NotAllowed
from remediation import items, runs
from remediation.models import Exam, ExamAttempt, RemediationItem, RosterEntry, SopRevision, VerificationCheck
from remediation.probes.result import ProbeResult

SINGLE, MULTIPLE = "single", "multiple"
MAX_QUESTIONS, MAX_OPTIONS, MAX_WORDS = 50, 12, 1000


class NotOnRoster(DomainError):
    """Only who is on the roster sits the exam."""

    code = "not_on_roster"


class NoAttemptsLeft(DomainError):
    """All attempts are used up; details: `allowed`."""

    code = "no_attempts_left"


class AlreadyPassed(DomainError):
    """Who passed this version need not sit it again."""

    code = "already_passed"


class NoExam(DomainError):
    """Nobody has written the exam of this item yet."""

    code = "no_exam"


@dataclass(frozen=True)
class Place:
    """One person on the roster and how they stand with the present version."""

    entry: RosterEntry
    attempts: int
    best: int | None
    is_passed: bool


@dataclass(frozen=True)
class Progress:
    """How far a changed process is.

    Attributes:
        places: everybody on the roster now, who joined first on top; empty without an exam.
        revision: the newest of the procedure.
    """

    places: list[Place]
    revision: SopRevision | None
    exam: Exam | None

    @property
    def passed(self) -> int:
        return sum(place.is_passed for place in self.places)

    @property
    def share(self) -> float | None:
        """Of the roster that passed; None where there is nobody."""
        return self.passed / len(self.places) if self.places else None

    @property
    def is_done(self) -> bool:
        return self.revision is not None and self.share == 1


def find_exam(item: RemediationItem) -> Exam | None:
    return Exam.objects.select_related("team", "written_by").filter(item=item).first()


def may_write(item: RemediationItem, user: User) -> bool:
    """Whether this person writes the exam, and so knows its answers: owner, team's manager, facilitators."""
    if not user.is_at_least(User.Role.MEMBER):
        return False
    return user.pk in {item.owner_id, item.team.manager_id} or user.is_at_least(User.Role.FACILITATOR)


def record_revision(
    item: RemediationItem, *, url: str, revision: str, by: User, now: datetime, note: str = ""
) -> SopRevision:
    """Record that the operating procedure was revised.

    Raises:
        Invalid: no link or no name of the revision; nothing was written.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("exams.record_revision", by=by):
        RemediationItem.objects.select_for_update().get(pk=item.pk)
        newest = SopRevision.objects.filter(item=item).first()
        row = SopRevision(
            item=item,
            number=newest.number + 1 if newest else 1,
            url=url,
            revision=revision.strip() if isinstance(revision, str) else revision,
            note=note,
            recorded_by=by,
            recorded_at=now,
        )
        values.check(row)
        row.save(force_insert=True)
        _run_when_done(item, now)
    return row


def write(
    item: RemediationItem,
    *,
    title: str,
    team: Team,
    questions: Sequence[dict[str, Any]],
    by: User,
    now: datetime,
    passing_percent: int = 80,
    attempts_allowed: int = 3,
    version: int | None = None,
) -> Exam:
    """Write the exam of an item, or write it anew.

    Other questions or another mark make another version, which everybody has to pass again. Everybody in the
    team is on the roster; who joins it later joins the roster too.

    Args:
        questions: see `Exam`.
        version: of the exam as the writer read it; None saves over whatever there is.

    Raises:
        Invalid: `field` names it, for example "questions.0.right".
        EditConflict: somebody wrote it anew meanwhile.
        NotAllowed: nothing was written.
    """
    if not may_write(item, by):
        raise NotAllowed(_("The exam is written by the owner, the team's manager or a facilitator."))
    questions = check_questions(questions)
    with trail.act("exams.write", by=by):
        RemediationItem.objects.select_for_update().get(pk=item.pk)
        exam = Exam.objects.select_for_update().filter(item=item).first()
        if exam is None:
            exam = Exam(item=item, team=team, version=0)
        elif version is not None and version != exam.version:
            raise EditConflict(
                _("Somebody saved a newer version meanwhile."),
                details={"mine": {"title": title}, "theirs": {"title": exam.title}, "version": exam.version},
            )
        has_other_team = exam.team_id != team.pk
        # A new one has no questions yet, so it is another one too.
        exam.version += (exam.questions, exam.passing_percent) != (questions, passing_percent)
        exam.title, exam.questions, exam.passing_percent = title, questions, passing_percent
        exam.team, exam.attempts_allowed = team, attempts_allowed
        exam.written_by, exam.written_at = by, now
        values.check(exam)
        exam.save()
        _fill_roster(exam, now, has_other_team=has_other_team)
    return exam


def _fill_roster(exam: Exam, now: datetime, *, has_other_team: bool) -> None:
    if has_other_team:
        exam.roster.filter(left_at=None).update(left_at=now, left_because=RosterEntry.Left.OTHER_TEAM)
    there = set(exam.roster.filter(left_at=None).values_list("person", flat=True))
    members = Membership.objects.filter(team=exam.team, user__is_active=True).exclude(user__in=there)
    RosterEntry.objects.bulk_create(
        RosterEntry(exam=exam, person_id=pk, joined_at=now, joined_because=RosterEntry.Joined.MEMBER)
        for pk in members.order_by("user").values_list("user", flat=True)
    )


def check_questions(questions: object) -> list[dict[str, Any]]:
    """The questions, when each can be asked and marked.

    Raises:
        Invalid: `field` names the place, for example "questions.2.options".
    """
    if not isinstance(questions, (list, tuple)) or not questions:
        raise Invalid(_("An exam asks at least one question."), field="questions")
    if len(questions) > MAX_QUESTIONS:
        raise Invalid(_("%(count)d questions are the most.") % {"count": MAX_QUESTIONS}, field="questions")
    return [_check_question(one, f"questions.{number}") for number, one in enumerate(questions)]


def _check_question(question: Any, place: str) -> dict[str, Any]:
    if not isinstance(question, dict):
        raise Invalid(_("This is no question."), field=place)
    text = values.text(question.get("text"), field=f"{place}.text", longest=MAX_WORDS, is_required=True)
    kind = question.get("kind")
    if kind not in (SINGLE, MULTIPLE):
        raise Invalid(
            _("Choose one of: %(choices)s.") % {"choices": "single, multiple"}, field=f"{place}.kind"
        )
    options = question.get("options")
    if not isinstance(options, (list, tuple)) or not 2 <= len(options) <= MAX_OPTIONS:
        raise Invalid(
            _("From 2 to %(count)d answers to choose from.") % {"count": MAX_OPTIONS},
            field=f"{place}.options",
        )
    words = [
        values.text(one, field=f"{place}.options", longest=MAX_WORDS, is_required=True).strip()
        for one in options
    ]
    if len(set(words)) != len(words):
        raise Invalid(_("Two answers are the same."), field=f"{place}.options")
    right = _chosen(question.get("right"), len(words), field=f"{place}.right")
    if not right or (kind == SINGLE and len(right) != 1):
        message = _("Mark one right answer.") if kind == SINGLE else _("Mark the right answers.")
        raise Invalid(message, field=f"{place}.right")
    return {"text": text.strip(), "kind": kind, "options": words, "right": right}


def _chosen(value: object, count: int, *, field: str) -> list[int]:
    """Numbers of options, sorted, each once."""
    is_list = isinstance(value, (list, tuple)) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < count for one in value
    )
    if not is_list:
        raise Invalid(
            _("Name answers by their numbers, from 0 to %(last)d.") % {"last": count - 1}, field=field
        )
    return sorted(set(value))  # type: ignore[call-overload]


def paper(exam: Exam) -> list[dict[str, Any]]:
    """The questions as whoever sits the exam reads them: without the right answers."""
    return [{name: one[name] for name in ("text", "kind", "options")} for one in exam.questions]


def sit(
    exam: Exam, *, answers: Sequence[Sequence[int]], version: int, by: User, now: datetime
) -> ExamAttempt:
    """Answer all questions; they are marked at once, and the mark is kept.

    Args:
        answers: for each question the numbers of the chosen options, from 0.
        version: of the exam that was read.

    Raises:
        EditConflict: it was written anew meanwhile.
        NotOnRoster, AlreadyPassed, NoAttemptsLeft: nothing was written.
        Invalid: not one list for each question; `field` is "answers" or "answers.2".
    """
    with trail.act("exams.sit", by=by):
        entry = _locked_place(exam, by)
        exam = Exam.objects.select_for_update(no_key=True).get(pk=exam.pk)
        if version != exam.version:
            raise EditConflict(
                _("The exam was written anew meanwhile: read the questions again."),
                details={"mine": {}, "theirs": {}, "version": exam.version},
            )
        before = _attempts_before(exam, entry)
        given = _check_answers(exam, answers)
        right = sum(one == asked["right"] for one, asked in zip(given, exam.questions, strict=True))
        attempt = ExamAttempt.objects.create(
            exam=exam,
            exam_version=exam.version,
            person=by,
            number=before + 1,
            taken_at=now,
            answers=given,
            right=right,
            total=len(given),
            is_passed=right * 100 >= exam.passing_percent * len(given),
        )
        _run_when_done(exam.item, now)
    return attempt


def _locked_place(exam: Exam, person: User) -> RosterEntry:
    """Their place on the roster, locked, so that two windows do not use one attempt twice."""
    places = RosterEntry.objects.select_for_update()
    entry = places.filter(exam=exam, person=person, left_at=None, person__is_active=True).first()
    if entry is None:
        raise NotOnRoster(_("You are not on the roster of this exam."))
    return entry


def _attempts_before(exam: Exam, entry: RosterEntry) -> int:
    """How many attempts they made at this version, when they may make another."""
    before = list(exam.attempts.filter(person=entry.person_id, exam_version=exam.version))
    if any(attempt.is_passed for attempt in before):
        raise AlreadyPassed(_("You have passed it."))
    if (allowed := attempts_for(exam, entry)) and len(before) >= allowed:
        raise NoAttemptsLeft(
            _("Your %(count)d attempts are used up.") % {"count": allowed}, details={"allowed": allowed}
        )
    return len(before)


def attempts_for(exam: Exam, entry: RosterEntry) -> int:
    """How many attempts a person has at each version; 0 is any number."""
    return exam.attempts_allowed + entry.extra_attempts if exam.attempts_allowed else 0


def _check_answers(exam: Exam, answers: object) -> list[list[int]]:
    if not isinstance(answers, (list, tuple)) or len(answers) != len(exam.questions):
        message = _("Answer all %(count)d questions.") % {"count": len(exam.questions)}
        raise Invalid(message, field="answers")
    return [
        _chosen(given, len(asked["options"]), field=f"answers.{number}")
        for number, (given, asked) in enumerate(zip(answers, exam.questions, strict=True))
    ]


def grant_attempt(exam: Exam, *, person: User, by: User, now: datetime) -> RosterEntry:
    """Give somebody on the roster one more attempt; nobody gives themselves one.

    Raises:
        NotOnRoster: they are not on it.
        NotAllowed: nothing was written.
    """
    if not may_write(exam.item, by) or person.pk == by.pk:
        raise NotAllowed(_("One more attempt is granted by whoever writes the exam, to others."))
    with trail.act("exams.grant_attempt", by=by):
        entry = RosterEntry.objects.select_for_update().filter(exam=exam, person=person, left_at=None).first()
        if entry is None:
            raise NotOnRoster(_("%(name)s is not on the roster.") % {"name": person})
        RosterEntry.objects.filter(pk=entry.pk).update(extra_attempts=F("extra_attempts") + 1)
        entry.refresh_from_db()
    return entry


def progress(item: RemediationItem) -> Progress:
    """How far the revision and the exam of an item are, in four statements."""
    exam = find_exam(item)
    places: list[Place] = []
    if exam is not None:
        attempts: dict[int, list[ExamAttempt]] = {}
        for attempt in exam.attempts.filter(exam_version=exam.version):
            attempts.setdefault(attempt.person_id, []).append(attempt)
        for entry in exam.roster.filter(left_at=None).select_related("person"):
            mine = attempts.get(entry.person_id, [])
            places.append(
                Place(
                    entry,
                    attempts=len(mine),
                    best=max((one.right for one in mine), default=None),
                    is_passed=any(one.is_passed for one in mine),
                )
            )
    revision = SopRevision.objects.filter(item=item).select_related("recorded_by").first()
    return Progress(places, revision, exam)


def judge(item_id: int) -> ProbeResult:
    """What a run of an exam check finds: pass once the procedure is revised and the whole roster passed.

    Its value is the share of the roster that passed. An empty roster proves nothing.
    """
    found = progress(RemediationItem.objects.get(pk=item_id))
    words = [f"{found.passed} of {len(found.places)} on the roster passed"]
    if found.exam is None:
        words = ["nobody has written the exam"]
    if found.revision is None:
        words.append("no revision of the procedure is recorded")
    output = "; ".join(words)
    if found.exam is not None and found.revision is not None and not found.places:
        return ProbeResult("no_data", expression="exam", output=f"{output}; the roster is empty")
    return ProbeResult(
        "pass" if found.is_done else "fail", value=found.share or 0.0, expression="exam", output=output
    )


def _run_when_done(item: RemediationItem, now: datetime) -> None:
    """Run the check at once when the last one passed, so that nobody waits a day for it."""
    if not progress(item).is_done:
        return
    checks = VerificationCheck.objects.filter(item=item, kind=VerificationCheck.Kind.EXAM, is_paused=False)
    if item.state == items.State.WONT_DO:
        return
    for pk in checks.values_list("pk", flat=True):
        runs.ask_now(pk, now=now)
