"""Records of what happened and why. Rules that touch more than one row live in the domain modules."""

from postmortem.models.catalogue import Service, Severity
from postmortem.models.incidents import Incident, IncidentService, Participant
from postmortem.models.reviews import ChecklistEntry, Review, ReviewStep, RootCause
from postmortem.models.timelines import Entry, Timeline
from postmortem.models.trail import (
    EARLIEST,
    MAX_TEXT,
    PublicIdCounter,
    TrailEntry,
    append_only,
    never_truncated,
    recorded,
)

__all__ = [
    "EARLIEST",
    "MAX_TEXT",
    "ChecklistEntry",
    "Entry",
    "Incident",
    "IncidentService",
    "Participant",
    "PublicIdCounter",
    "Review",
    "ReviewStep",
    "RootCause",
    "Service",
    "Severity",
    "Timeline",
    "TrailEntry",
    "append_only",
    "never_truncated",
    "recorded",
]
