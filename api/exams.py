"""Process defects: revisions of the procedure, the exam, who has to pass it and who did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, creation, detail, listing
from api.shapes import Answer, Count, Moment, Person, Strict, person_field, team_field
from remediation import exams, items
from remediation.exams import NoExam
from remediation.models import Exam, ExamAttempt, RemediationItem, SopRevision


class Question(Strict):
    text = serializers.CharField(max_length=exams.MAX_WORDS)
    kind = serializers.ChoiceField([exams.SINGLE, exams.MULTIPLE])
    options = serializers.ListField(
        child=serializers.CharField(max_length=exams.MAX_WORDS), max_length=exams.MAX_OPTIONS
    )
    right = serializers.ListField(
        child=Count(), max_length=exams.MAX_OPTIONS, help_text="Numbers of the right options, from 0."
    )


class ExamText(Strict):
    title = serializers.CharField(max_length=200)
    team = team_field(required=False)
    questions = Question(many=True, max_length=exams.MAX_QUESTIONS)
    passing_percent = Count(required=False, min_value=1, max_value=100)
    attempts_allowed = Count(required=False, max_value=100, help_text="0 is any number.")
    version = Count(required=False, help_text="The version you read; a newer one is refused.")


class Revision(Strict):
    url = serializers.URLField(max_length=500)
    revision = serializers.CharField(max_length=80, help_text="As the procedure calls it, such as v4.")
    note = serializers.CharField(max_length=2000, allow_blank=True, required=False)


class Answers(Strict):
    answers = serializers.ListField(
        child=serializers.ListField(child=Count(), max_length=exams.MAX_OPTIONS),
        max_length=exams.MAX_QUESTIONS,
        help_text="For each question the numbers of the chosen options, from 0.",
    )
    version = Count(help_text="Of the exam that you read.")


class ForPerson(Strict):
    person = person_field()


class RevisionAnswer(Answer):
    recorded_by = Person()

    class Meta:
        model = SopRevision
        fields = ("number", "url", "revision", "note", "recorded_by", "recorded_at")


class QuestionAnswer(serializers.Serializer):
    text = serializers.CharField()
    kind = serializers.ChoiceField([exams.SINGLE, exams.MULTIPLE])
    options = serializers.ListField(child=serializers.CharField())


class KeyAnswer(QuestionAnswer):
    right = serializers.ListField(child=serializers.IntegerField())


class PlaceAnswer(serializers.Serializer):
    """Somebody on the roster."""

    person = Person(source="entry.person")
    joined_at = Moment(source="entry.joined_at")
    joined_because = serializers.CharField(source="entry.joined_because")
    attempts = serializers.IntegerField()
    best = serializers.IntegerField(allow_null=True, help_text="Right answers of the best attempt.")
    is_passed = serializers.BooleanField()


class ExamAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    questions = serializers.SerializerMethodField(help_text="Without the right answers.")

    class Meta:
        model = Exam
        fields = (
            "title",
            "team",
            "version",
            "passing_percent",
            "attempts_allowed",
            "questions",
            "written_at",
        )

    @extend_schema_field(QuestionAnswer(many=True))
    def get_questions(self, exam: Exam) -> list[dict[str, Any]]:
        return exams.paper(exam)


class ProcessAnswer(serializers.Serializer):
    """How far a changed process is: its procedure, its exam, and who passed."""

    revisions = RevisionAnswer(many=True)
    exam = ExamAnswer(allow_null=True)
    roster = PlaceAnswer(many=True)
    passed = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    is_done = serializers.BooleanField()


class AttemptAnswer(Answer):
    person = Person()

    class Meta:
        model = ExamAttempt
        fields = ("id", "person", "number", "exam_version", "taken_at", "right", "total", "is_passed")


def _process(view: Resource, **url: Any) -> dict[str, Any]:
    return _shown(view.find(**url))


def _shown(item: RemediationItem) -> dict[str, Any]:
    found = exams.progress(item)
    return {
        "revisions": SopRevision.objects.filter(item=item).select_related("recorded_by"),
        "exam": found.exam,
        "roster": found.places,
        "passed": found.passed,
        "share": found.share,
        "is_done": found.is_done,
    }


def _exam(item: RemediationItem) -> Exam:
    exam = exams.find_exam(item)
    if exam is None:
        raise NoExam(_("Nobody has written the exam of this item yet."))
    return exam


def _write(item: RemediationItem, *, by: User, now: datetime, **values: Any) -> Exam:
    known = exams.find_exam(item)
    given = {"team": known.team if known else item.team}
    return exams.write(item, **given | values, by=by, now=now)


def _sit(item: RemediationItem, *, by: User, now: datetime, **values: Any) -> ExamAttempt:
    return exams.sit(_exam(item), **values, by=by, now=now)


def _grant(item: RemediationItem, *, person: User, by: User, now: datetime) -> Any:
    return exams.grant_attempt(_exam(item), person=person, by=by, now=now)


class Processes(Resource):
    """What proves that the process of an item changed."""

    tag = "exams"

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user).select_related("owner", "team")

    def again(self, record: Any) -> Any:
        item = record if isinstance(record, RemediationItem) else record.item
        return _shown(item)

    retrieve = detail(
        "The procedure's revisions, the exam without its answers, and the roster.",
        gives=ProcessAnswer,
        of=_process,
    )
    record = creation(
        "Record that the operating procedure was revised.",
        exams.record_revision,
        takes=Revision,
        gives=ProcessAnswer,
        of=True,
    )
    write = act(
        "Write the exam, or write it anew: the owner, the team's manager or a facilitator. Other "
        "questions or another mark make another version, which everybody passes again.",
        _write,
        takes=ExamText,
        gives=ProcessAnswer,
    )
    grant = act("Give somebody one more attempt.", _grant, takes=ForPerson, gives=ProcessAnswer)


def _attempts(view: Resource, *, item: str) -> QuerySet[ExamAttempt]:
    record = view.find(item=item)
    found = ExamAttempt.objects.filter(exam__item=record)
    user = view.request.user
    return found if exams.may_write(record, user) else found.filter(person=user)


class ExamAttempts(Resource):
    """Attempts at an exam: one's own, or all of them for whoever writes it."""

    tag = "exams"
    ordering = ("-taken_at", "-id")

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user).select_related("owner", "team")

    def whole(self, rows: QuerySet[ExamAttempt]) -> QuerySet[ExamAttempt]:
        return rows.select_related("person")

    list = listing("The attempts that you may see, newest first.", gives=AttemptAnswer, rows=_attempts)
    sit = creation(
        "Sit the exam: all questions at once. It is marked at once, and the mark is kept.",
        _sit,
        takes=Answers,
        gives=AttemptAnswer,
        of=True,
    )
