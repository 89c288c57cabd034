"""Pure: how many deploys failed; the formula stands here and is said where the figure is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

FORMULA = "deploys whose canary failed / all deploys, in %"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deploy as it was reported last.

    Attributes:
        verdict: "pass", "fail", or "none" where no canary ran.
        revision: 1, or more when the report was corrected.
    """

    external_id: str
    service: str
    version: str
    environment: str
    deployed_at: datetime
    verdict: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Failed deploys of all; `rate_percent` is None for no deploys, with two decimals otherwise.

    Attributes:
        without_canary: deploys that nobody judged; they count among all and not as failed.
        corrected: deploys whose report was corrected; the last report counts.
    """

    n: int
    failed: int
    without_canary: int
    corrected: int
    rate_percent: Decimal | None


def failure_rate(deploys: Sequence[Deployed]) -> FailureRate:
    """Deploy failure rate = deploys whose canary failed / all deploys, in %; two decimals, halves up.

    The cohort is every deploy of the period, each once as it was reported last.

    Source: specification, R15: 1 of 5,000 gives 0.02.
    """
    failed = sum(one.verdict == "fail" for one in deploys)
    rate = None
    if deploys:
        rate = (Decimal(100) * failed / len(deploys)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return FailureRate(
        n=len(deploys),
        failed=failed,
        without_canary=sum(one.verdict == "none" for one in deploys),
        corrected=sum(one.revision > 1 for one in deploys),
        rate_percent=rate,
    )
