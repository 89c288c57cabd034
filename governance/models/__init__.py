"""Records of judgement, one noun a file."""

from governance.models.decisions import GateDecision, Verdict
from governance.models.figures import FigureGoal
from governance.models.notices import Delivery, Muted, Notice
from governance.models.people import Person
from governance.models.reports import GovernanceReport

__all__ = [
    "Delivery",
    "FigureGoal",
    "GateDecision",
    "GovernanceReport",
    "Muted",
    "Notice",
    "Person",
    "Verdict",
]
