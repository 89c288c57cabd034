"""Records of judgement, one noun a file."""

from governance.models.channels import MAX_ADDRESS, MAX_SECRET, ChannelMessage, TeamChannel
from governance.models.decisions import GateDecision, Verdict
from governance.models.deploys import Deploy, ProgramReport, SelfHeal
from governance.models.digests import Digest, MailChoice
from governance.models.escalation import MOST_DAYS, EscalationStep
from governance.models.events import (
    MOST_SECRETS,
    AlertGroup,
    EventSecret,
    EventSource,
    ForgeChange,
    InboundEvent,
)
from governance.models.figures import FigureGoal
from governance.models.gates import LAST, LONGEST_PATTERN, GatePolicy
from governance.models.kpis import Kpi, KpiValue
from governance.models.notices import Delivery, Muted, Notice
from governance.models.people import Belonging, IssuedToken, LedTeam, Person
from governance.models.reports import GovernanceReport, ReportBuild, ReportCorrection, ReportPart
from governance.models.unsettled import UnsettledIncident
from governance.models.usage import FeatureUse, UsageDecision
from governance.models.waivers import GateWaiver

__all__ = [
    "LAST",
    "LONGEST_PATTERN",
    "MAX_ADDRESS",
    "MAX_SECRET",
    "MOST_DAYS",
    "MOST_SECRETS",
    "AlertGroup",
    "Belonging",
    "ChannelMessage",
    "Delivery",
    "Deploy",
    "Digest",
    "EscalationStep",
    "EventSecret",
    "EventSource",
    "FeatureUse",
    "FigureGoal",
    "ForgeChange",
    "GateDecision",
    "GatePolicy",
    "GateWaiver",
    "GovernanceReport",
    "InboundEvent",
    "IssuedToken",
    "Kpi",
    "KpiValue",
    "LedTeam",
    "MailChoice",
    "Muted",
    "Notice",
    "Person",
    "ProgramReport",
    "ReportBuild",
    "ReportCorrection",
    "ReportPart",
    "SelfHeal",
    "TeamChannel",
    "UnsettledIncident",
    "UsageDecision",
    "Verdict",
]
