"""Records of what was promised and whether it holds."""

from remediation.models.archive import AnsweredCause, AnsweredLesson, PlannedRevision
from remediation.models.calendars import MAX_HOLIDAYS, WorkingCalendar
from remediation.models.checklists import COMMAND_SECONDS, ChecklistRun
from remediation.models.deadlines import DeadlineMark, DeadlineWaiver
from remediation.models.declining import WontDoRequest
from remediation.models.exams import Exam, ExamAttempt, Examinee, RosterEntry, SopRevision, TeamPlace
from remediation.models.items import (
    MAX_DAYS,
    MOVES,
    ItemTransition,
    RegressionIncident,
    RemediationItem,
    SlaPolicy,
)
from remediation.models.probes import ProbeApproval, ProbeRevision, ProbeSecret, ProbeSwitch, ProbeTemplate
from remediation.models.runs import CheckDay, CheckRun
from remediation.models.sources import (
    MAX_AT_ONCE,
    MAX_CERTIFICATES,
    MAX_CREDENTIAL,
    DataSource,
    SourceHealth,
    SourceShare,
)
from remediation.models.standings import CheckStanding
from remediation.models.verification import EDITED, MAX_EXPRESSION, VerificationCheck

__all__ = [
    "COMMAND_SECONDS",
    "EDITED",
    "MAX_AT_ONCE",
    "MAX_CERTIFICATES",
    "MAX_CREDENTIAL",
    "MAX_DAYS",
    "MAX_EXPRESSION",
    "MAX_HOLIDAYS",
    "MOVES",
    "AnsweredCause",
    "AnsweredLesson",
    "CheckDay",
    "CheckRun",
    "CheckStanding",
    "ChecklistRun",
    "DataSource",
    "DeadlineMark",
    "DeadlineWaiver",
    "Exam",
    "ExamAttempt",
    "Examinee",
    "ItemTransition",
    "PlannedRevision",
    "ProbeApproval",
    "ProbeRevision",
    "ProbeSecret",
    "ProbeSwitch",
    "ProbeTemplate",
    "RegressionIncident",
    "RemediationItem",
    "RosterEntry",
    "SlaPolicy",
    "SopRevision",
    "SourceHealth",
    "SourceShare",
    "TeamPlace",
    "VerificationCheck",
    "WontDoRequest",
    "WorkingCalendar",
]
