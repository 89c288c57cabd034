"""Every text has its versions; each is as visible as its record and restored by its own act."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models, transaction
from django.utils import timezone

from postmortem import incidents
from postmortem.errors import Archived, DomainError, EditConflict, Invalid
from postmortem.models import Incident, Review, ReviewStep, RootCause
from remediation import texts
from remediation.models import RemediationItem
from remediation.textkinds import KINDS
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

# Columns of texts without a page of versions, each with the reason.
NEVER_EDITED = "is never edited once it is written"
NAME = "a name, a code, a number or an address, not a text"
SETTING = "settings of the installation, not the text of a record"
ENGINE = "written by the engine, or what it was asked; each run keeps its own"
REASON_OF_AN_ACT = "said once with an act; the history shows each"
EXCUSED = {
    "postmortem.addendum": NEVER_EDITED,
    "postmortem.causeclass": SETTING,
    "postmortem.draft": "nobody's word yet; its writer's alone, and kept in no trail",
    "postmortem.evidencefile": NEVER_EDITED,
    "postmortem.importeddocument": "kept as it came; the draft is read anew and becomes records of their own",
    "postmortem.metricsnapshot": NEVER_EDITED,
    "postmortem.publicidcounter": NAME,
    "postmortem.recurrence": "a verdict on two causes, judged anew as a whole",
    "postmortem.reopening": NEVER_EDITED,
    "postmortem.reviewapproval": NEVER_EDITED,
    "postmortem.reviewtemplate": SETTING,
    "postmortem.templatestep": SETTING,
    "postmortem.revision": NEVER_EDITED,
    "postmortem.savedview": "one person's own",
    "postmortem.service": SETTING,
    "postmortem.severity": SETTING,
    "postmortem.trailentry": NEVER_EDITED,
    "postmortem.wordingterm": "has its own history on the page of the lists",
    "remediation.checklistrun": ENGINE,
    "remediation.checkday": ENGINE,
    "remediation.checkrun": ENGINE,
    "remediation.datasource": SETTING,
    "remediation.deadlinemark": NEVER_EDITED,
    "remediation.deadlinewaiver": NEVER_EDITED,
    "remediation.itemtransition": NEVER_EDITED,
    "remediation.exam": "a definition: its version counts, and every attempt names the one it answers",
    "remediation.examattempt": NEVER_EDITED,
    "remediation.probeapproval": NEVER_EDITED,
    "remediation.proberevision": NEVER_EDITED,
    "remediation.probeswitch": NEVER_EDITED,
    "remediation.probesecret": SETTING,
    "remediation.probetemplate": SETTING,
    "remediation.slapolicy": SETTING,
    "remediation.soprevision": NEVER_EDITED,
    "remediation.sourcehealth": ENGINE,
    "remediation.workingcalendar": SETTING,
    "remediation.verificationcheck": "a definition: its version counts, and every run keeps what it asked",
    "postmortem.timeline": {"excuse_reason": REASON_OF_AN_ACT},
    "postmortem.incident": {
        "public_id": NAME,
        "loss_currency": NAME,
        "dedup_key": NAME,
        "dismissed_reason": REASON_OF_AN_ACT,
        "tags": "words to find it by; the history shows each change",
    },
    "postmortem.review": {"public_id": NAME, "content_hash": NAME},
    "postmortem.reviewstep": {"reopened_because": REASON_OF_AN_ACT},
    "postmortem.lessonpoint": {"text": "a line of what went badly, whose versions are kept"},
    "postmortem.change": {"url": NAME, "external_key": NAME},
    "postmortem.checklistentry": {"source_name": NAME},
    "postmortem.entry": {"zone": NAME},
    "remediation.wontdorequest": {"reason": REASON_OF_AN_ACT, "comment": REASON_OF_AN_ACT},
    "remediation.remediationitem": {
        "public_id": NAME,
        "external_key": NAME,
        "external_digest": NAME,
        "policy_version": NAME,
        "tracker_url": NAME,
        "fix_url": NAME,
        "never_red_reason": REASON_OF_AN_ACT,
        "wont_do_reason": REASON_OF_AN_ACT,
    },
}


def text_columns(model):
    """Columns that hold what somebody writes: texts without choices, and lists."""
    return {
        column.name
        for column in model._meta.concrete_fields
        if (isinstance(column, (models.CharField, models.TextField)) and not column.choices)
        or isinstance(column, models.JSONField)
        or column.get_internal_type() == "ArrayField"
        if not column.name.endswith("_html")
    }


def test_every_text_column_has_versions_or_is_excused_with_a_reason():
    kinds = {kind.model: {column.name for column in kind.columns} for kind in KINDS}
    wrong = {}
    for model in apps.get_models():
        if model._meta.app_label not in {"postmortem", "remediation"} or model._meta.proxy:
            continue
        excused = EXCUSED.get(model._meta.label_lower, {})
        columns, listed = text_columns(model), kinds.get(model, set())
        if isinstance(excused, str):
            if listed:
                wrong[model._meta.label] = "listed and excused"
            continue
        if columns != listed | excused.keys() or listed & excused.keys():
            wrong[model._meta.label] = sorted(columns ^ (listed | excused.keys()))

    assert wrong == {}
    labels = {model._meta.label_lower for model in apps.get_models()}
    assert EXCUSED.keys() <= labels


class Story:
    """An open review with one record of each kind; each text was written twice."""

    def __init__(self, **fields):
        self.ada = factories.user("Ada")
        self.incident = factories.resolved_incident(participants=[self.ada], **fields)
        self.review = factories.review(
            incidents=[self.incident], is_open=True, owner=self.ada, facilitator=self.ada
        )
        factories.data_source("Prometheus")
        self.entry = factories.entry(factories.timeline(self.incident.participants.get()))
        step = self.review.steps.get(kind="phenomenon")
        cause = factories.cause(self.review)
        lesson = factories.lesson_point(self.review)
        type(lesson).objects.update(
            declined_by=factories.user(), declined_at=NOW, declined_because="Not needed"
        )
        change = factories.change(self.incident, verdict="cleared", reason="Another cell.")
        search = factories.change_search(self.review)
        command, query = factories.checklist_entry(self.review), factories.checklist_query(self.review)
        self.item = factories.item(review=self.review, causes=[cause], owner=self.ada)
        self.records = [
            self.incident, self.entry, self.review, step, cause, lesson, change, search, command, query,
            self.item,
        ]  # fmt: skip
        self.names = [name for record in self.records for name in self._write_twice(record)]

    def _write_twice(self, record):
        for kind in KINDS:
            if kind.model is not type(record):
                continue
            for column in kind.columns:
                if column.fits is not None and not column.fits(record):
                    continue
                for word in ("first", "second"):
                    rows = type(record).objects.filter(pk=record.pk)
                    rows.update(**{column.name: self.value(column.name, word)})
                yield texts.name_of(record, column.name)
            record.refresh_from_db()

    def value(self, column, word):
        return {
            "whys": [{"why": f"The {word}", "evidence": "seen"}],
            "pipeline": [["echo", word]],
        }.get(column, word)

    def text(self, name, viewer=None):
        return texts.find(name, viewer=viewer or self.ada)


@pytest.fixture
def story():
    return Story()


def said(text):
    rows = list(text.versions())
    words = text.read(rows)
    return [words[row.pk] for row in rows]


def test_story_has_a_text_of_each_column(story):
    assert {name.rpartition(".")[2] for name in story.names} == {
        column.name for kind in KINDS for column in kind.columns
    }


def test_each_text_is_found_by_its_name(story):
    for name in story.names:
        text = story.text(name)
        assert text.name == name
        assert [word in said(text)[index] for index, word in enumerate(("second", "first"))] == [True, True]


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "x", "INC-2026-0001", "INC-2026-0001.", "INC-2026-0001.declared_by", "INC-2026-0001.pk",
        "INC-2026-9999.title", "PM-2026-0001.nothing.finding", "PM-2026-0001.finding", "cause-.statement",
        "cause-1", "cause-999999999999999999.statement", "cause--1.statement", "cause-\u0663.statement",
        "cause-1.statement\n", "INC-2026-0001\n.title", "INC-2026-0001.title.title", "user-1.password",
        "cause-1.review__title", "\x00.title",
    ],
)  # fmt: skip
def test_what_is_no_text_is_not_found(name):
    factories.cause()

    assert texts.find(name, viewer=factories.user(role="administrator")) is None


def test_a_stranger_finds_no_text_of_a_restricted_incident():
    story = Story(is_restricted=True)
    strangers = [factories.user(role=role) for role in ("viewer", "member", "facilitator")]
    strangers.append(factories.user(role="governor", is_active=False))

    for name in story.names:
        assert [texts.find(name, viewer=person) for person in strangers] == [None] * 4, name
        if not name.startswith("entry-"):
            assert texts.find(name, viewer=factories.user(role="governor")) is not None, name


def test_a_review_over_a_hidden_incident_hides_its_texts_but_not_those_of_the_other_incident(story):
    Incident.objects.filter(pk=factories.incident(is_restricted=True).pk).update(review=story.review)
    stranger = factories.user(role="facilitator")

    found = {name for name in story.names if texts.find(name, viewer=stranger)}

    assert {name.partition("-")[0] for name in found} == {"INC", "change"}


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor", "administrator"])
def test_a_sealed_entry_is_found_by_its_author_alone(story, role):
    reader = factories.user(role=role, is_superuser=role == "administrator")
    name = texts.name_of(story.entry, "text")

    assert texts.find(name, viewer=reader) is None
    assert said(story.text(name)) == ["second", "first", "Restarted the order service."]

    story.entry.timeline.filed_at = NOW
    story.entry.timeline.save()
    assert said(texts.find(name, viewer=reader)) == ["second"]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.model not in {Incident, Review, RemediationItem}]
)
def test_what_was_removed_takes_its_versions_with_it(story, kind):
    """The trail keeps them, for whoever reads the database."""
    record = next(one for one in story.records if type(one) is kind.model)
    name = texts.name_of(record, kind.columns[0].name)

    record.delete()

    assert texts.find(name, viewer=story.ada) is None


def restored(story, name, by, number=None, latest=None):
    text = texts.find(name, viewer=by)
    newest = text.versions().first().number
    texts.restore(
        text,
        number=number or newest - 1,
        latest=latest or newest,
        by=by,
        now=timezone.now() + timedelta(seconds=1),
    )
    return texts.find(name, viewer=by)


def able(story):
    """Somebody who may write each text of the story: its author, made a facilitator."""
    story.ada.role = "facilitator"
    story.ada.save()
    return story.ada


def test_restoring_is_an_edit_by_the_act_of_the_text(story):
    by = able(story)
    for name in story.names:
        # One by one, for lessons come and go with the text they stand in.
        with transaction.atomic():
            before = story.text(name).versions().first().number

            text = restored(story, name, by)

            newest = text.versions().first()
            assert "first" in said(text)[0], name
            assert (newest.number, newest.actor) == (before + 1, by), name
            assert newest.act not in {"", "texts.restore"}, name
            transaction.set_rollback(True)


def test_restoring_does_what_the_act_does_besides(story):
    """A reworded cause is a hypothesis again; HTML is rendered; versions of the record count."""
    by = able(story)
    RootCause.objects.update(state="verified", evidence="Seen.")
    cause = RootCause.objects.get()

    restored(story, f"cause-{cause.pk}.statement", by)
    cause.refresh_from_db()
    assert (cause.statement, cause.state) == ("first", "hypothesis")

    step = ReviewStep.objects.get(review=story.review, kind="phenomenon")
    restored(story, f"{story.review.public_id}.phenomenon.finding", by)
    after = ReviewStep.objects.get(pk=step.pk)
    assert "<p>first</p>" in after.finding_html
    assert (after.version, after.evidence) == (step.version + 1, step.evidence)

    incident = Incident.objects.get(pk=story.incident.pk)
    restored(story, f"{incident.public_id}.summary", by)
    assert Incident.objects.get(pk=incident.pk).version == incident.version + 1


STATES = {
    "open": lambda story: None,
    "not open yet": lambda story: Review.objects.update(opened_at=None),
    "signed": lambda story: [factories.signed(step, by=story.ada) for step in story.review.steps.all()],
    "filed": lambda story: type(story.entry.timeline).objects.update(filed_at=NOW),
    "archived": lambda story: factories.archived(Review.objects.get()),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "author"])
def test_restoring_is_offered_exactly_where_it_is_taken(story, state, role):
    STATES[state](story)
    by = story.ada if role == "author" else factories.user(role=role)
    wrong = {}
    for name in story.names:
        text = texts.find(name, viewer=by)
        if text is None or text.versions().count() < 2:
            continue
        with transaction.atomic():
            try:
                restored(story, name, by)
                refusal = None
            except DomainError as refused:
                refusal = refused
            transaction.set_rollback(True)
        is_offered = text.may_restore() and text.is_open()
        if is_offered != (refusal is None):
            wrong[name] = (is_offered, refusal)

    assert wrong == {}


def test_archived_texts_are_refused_with_the_code_of_the_archive(story):
    factories.archived(Review.objects.get())

    with pytest.raises(Archived):
        restored(story, f"{story.incident.public_id}.summary", story.ada)


def test_restoring_over_a_version_nobody_read_is_refused_with_both_texts(story):
    name = f"{story.incident.public_id}.summary"
    incidents.edit(story.incident, summary="third", by=factories.user(), now=NOW)

    with pytest.raises(EditConflict) as refusal:
        restored(story, name, story.ada, number=1, latest=2)

    assert refusal.value.details == {
        "mine": {"summary": "first"},
        "theirs": {"summary": "third"},
        "version": 3,
    }
    assert said(story.text(name))[0] == "third"


def test_what_is_saved_between_reading_and_writing_is_not_lost(story, monkeypatch):
    """Also by acts that do not ask for a version: the item's words."""
    text = story.text(f"{story.item.public_id}.title")
    column = text.column
    number = text.versions().first().number

    def write(record, value, how):
        type(record).objects.filter(pk=record.pk).update(title="between")
        return column.write(record, value, how)

    raced = texts.Text(text.kind, type(column)(column.name, write), text.record, story.ada)
    with pytest.raises(EditConflict) as refusal, transaction.atomic():
        texts.restore(raced, number=number - 1, latest=number, by=story.ada, now=NOW)

    assert refusal.value.details["theirs"] == {"title": "between"}
    assert refusal.value.details["version"] == number + 1
    story.item.refresh_from_db()
    assert story.item.title == "second"


@pytest.mark.parametrize(
    ("number", "message"), [(99, "There is no such version."), (3, "It says this already.")]
)
def test_a_version_that_is_not_there_or_stands_is_not_restored(story, number, message):
    text = story.text(f"{story.item.public_id}.title")

    with pytest.raises(Invalid, match=message) as refusal:
        texts.restore(text, number=number, latest=3, by=story.ada, now=NOW)

    assert refusal.value.field == "number"


def test_a_version_that_breaks_a_rule_by_now_is_refused(story):
    """The rules of today are those of the act."""
    name = f"cause-{RootCause.objects.get().pk}.evidence"
    RootCause.objects.update(evidence="")
    RootCause.objects.update(evidence="Seen.", state="verified")

    with pytest.raises(Invalid) as refusal:
        restored(story, name, story.ada)

    assert refusal.value.field == "evidence"


@pytest.mark.parametrize("rows", [1, 3])
def test_counting_takes_one_statement_for_any_number_of_records(rows, django_assert_num_queries):
    incident = factories.incident()
    entries = [factories.entry(factories.timeline(factories.participant(incident))) for _ in range(rows)]
    for entry in entries:
        type(entry).objects.filter(pk=entry.pk).update(text="Two")

    with django_assert_num_queries(1):
        found = texts.count(entries)

    assert found == {f"entry-{entry.pk}.text": 2 for entry in entries}
