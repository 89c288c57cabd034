"""How a judgement is written where it is kept and answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from governance.policy import Finding


def of_service(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings of an audit; moments in UTC, to the second."""
    return [_finding(finding) for finding in findings]


def of_change(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings about a change: each says the service that it is about, or null."""
    return [_finding(finding) | {"service": finding.service or None} for finding in findings]


def moment_text(moment: datetime) -> str:
    """A moment as answers write it, for example 2026-11-20T10:00:00Z."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": str(finding.code),
        "object": finding.object,
        "since": moment_text(finding.since) if finding.since else None,
        "detail": finding.detail,
        "counts": finding.counts,
        "waived_by": finding.waived_by or None,
    }
