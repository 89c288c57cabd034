"""Pure: facts about a service or a change in, verdict and findings out; the gate's policy is a value here."""

from governance.policy.changes import (
    ChangeFacts,
    ChangeJudgement,
    OverdueFacts,
    PostmortemFacts,
    evaluate_change,
)
from governance.policy.gates import BUILT_IN, Excuse, Freeze, GateRules, Mode, deciding
from governance.policy.services import (
    RESTS_ON_CHECKS,
    SETTLED,
    STALE_INTERVALS,
    STALE_MARGIN,
    CheckFacts,
    IncidentFacts,
    ItemFacts,
    ServiceFacts,
    evaluate,
    stale_at,
)
from governance.policy.verdicts import (
    CODES,
    POLICY_VERSION,
    WAIVABLE,
    ChangeRule,
    Finding,
    Rule,
    Verdict,
    verdict_of,
    waivers_of,
)
from governance.policy.waivers import WaiverFacts

__all__ = [
    "BUILT_IN",
    "CODES",
    "POLICY_VERSION",
    "RESTS_ON_CHECKS",
    "SETTLED",
    "STALE_INTERVALS",
    "STALE_MARGIN",
    "WAIVABLE",
    "ChangeFacts",
    "ChangeJudgement",
    "ChangeRule",
    "CheckFacts",
    "Excuse",
    "Finding",
    "Freeze",
    "GateRules",
    "IncidentFacts",
    "ItemFacts",
    "Mode",
    "OverdueFacts",
    "PostmortemFacts",
    "Rule",
    "ServiceFacts",
    "Verdict",
    "WaiverFacts",
    "deciding",
    "evaluate",
    "evaluate_change",
    "stale_at",
    "verdict_of",
    "waivers_of",
]
