"""Records of what happened and why. Rules that touch more than one row live in the domain modules."""

from postmortem.models.approvals import ReviewApproval
from postmortem.models.archive import Addendum, Reopening, Revision
from postmortem.models.catalogue import Service, Severity
from postmortem.models.causes import CauseClass, Recurrence
from postmortem.models.changes import Change, ChangeSearch
from postmortem.models.drafts import Draft
from postmortem.models.evidence import EvidenceFile
from postmortem.models.guides import (
    LONGEST_QUESTION,
    MAX_QUESTIONS,
    MAX_SKELETON,
    ReviewTemplate,
    TemplateSeverity,
    TemplateStep,
)
from postmortem.models.imports import MAX_SOURCE, ImportedDocument
from postmortem.models.incidents import Incident, IncidentService, IncidentWords, Participant
from postmortem.models.lessons import LessonPoint
from postmortem.models.measurements import MAX_PROMQL, MetricSnapshot
from postmortem.models.reviews import MAX_NOTES, ChecklistEntry, PresentTeam, Review, ReviewStep, RootCause
from postmortem.models.saved import SavedView
from postmortem.models.timelines import Entry, Reminder, Timeline
from postmortem.models.trail import (
    EARLIEST,
    MAX_TEXT,
    PublicIdCounter,
    TrailEntry,
    append_only,
    never_truncated,
    recorded,
)
from postmortem.models.wording import WordingTerm

__all__ = [
    "EARLIEST",
    "LONGEST_QUESTION",
    "MAX_NOTES",
    "MAX_PROMQL",
    "MAX_QUESTIONS",
    "MAX_SKELETON",
    "MAX_SOURCE",
    "MAX_TEXT",
    "Addendum",
    "CauseClass",
    "Change",
    "ChangeSearch",
    "ChecklistEntry",
    "Draft",
    "Entry",
    "EvidenceFile",
    "ImportedDocument",
    "Incident",
    "IncidentService",
    "IncidentWords",
    "LessonPoint",
    "MetricSnapshot",
    "Participant",
    "PresentTeam",
    "PublicIdCounter",
    "Recurrence",
    "Reminder",
    "Reopening",
    "Review",
    "ReviewApproval",
    "ReviewStep",
    "ReviewTemplate",
    "Revision",
    "RootCause",
    "SavedView",
    "Service",
    "Severity",
    "TemplateSeverity",
    "TemplateStep",
    "Timeline",
    "TrailEntry",
    "WordingTerm",
    "append_only",
    "never_truncated",
    "recorded",
]
