"""What the demo's programs reported: deploys with the verdict of their canary, and runs that healed."""

from __future__ import annotations

from datetime import datetime, timedelta

from governance import deploys, selfheals
from ops.story.people import Cast

_DAY = timedelta(days=1)
_SERVICES = ("order", "payment", "checkout", "search", "gateway")
# Days before the loading on which a canary failed, and on which a playbook healed something in so many seconds.
_FAILED = {9, 41}
_HEALED = {3: 47, 8: 62, 15: 51, 22: 47, 30: 95, 37: 58, 44: 49, 52: 71}


def report(cast: Cast, *, now: datetime) -> None:
    """Two deploys a day for two months, and a run a week."""
    pipeline = cast.people["lin"]
    for number, days in enumerate(day for day in range(62, 0, -1) for _twice in range(2)):
        service = _SERVICES[number % len(_SERVICES)]
        deploys.report(
            external_id=f"pipeline-{4000 + number}",
            service=cast.services[service],
            version=f"2.{number}.0",
            deployed_at=now - days * _DAY - timedelta(hours=number % 2),
            verdict="fail" if days in _FAILED and number % 2 else "pass",
            by=pipeline,
            now=now,
        )
    for days, seconds in _HEALED.items():
        began_at = now - days * _DAY
        selfheals.report(
            external_id=f"playbook-{700 + days}",
            service=cast.services["search"],
            trigger="SearchNodeUnresponsive",
            playbook="restart-search-node.yml",
            started_at=began_at,
            ended_at=began_at + timedelta(seconds=seconds),
            outcome="healed",
            by=pipeline,
            now=now,
        )
