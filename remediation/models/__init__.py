"""Records of what was promised and whether it holds."""

from remediation.models.items import MOVES, ItemTransition, RemediationItem, SlaPolicy
from remediation.models.runs import CheckRun
from remediation.models.verification import EDITED, MAX_EXPRESSION, DataSource, VerificationCheck

__all__ = [
    "EDITED",
    "MAX_EXPRESSION",
    "MOVES",
    "CheckRun",
    "DataSource",
    "ItemTransition",
    "RemediationItem",
    "SlaPolicy",
    "VerificationCheck",
]
