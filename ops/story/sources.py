"""The Prometheus of the story: an example that nobody asks, until the demo has one of its own."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from remediation import items, sources
from remediation.models import DataSource, RemediationItem, VerificationCheck

_NAME = "Prometheus"
_EXAMPLE = "http://127.0.0.1:9090"
_RESTS = "The demo found no Prometheus on this machine."


def add() -> DataSource:
    """Name the data source that the checks of the story ask."""
    return DataSource.objects.create(name=_NAME, base_url=_EXAMPLE)


def let_rest(check: VerificationCheck) -> None:
    """Pause a check that would ask nobody, also the only one of its item."""
    check.is_paused, check.pause_reason = True, _RESTS
    check.save(update_fields=["is_paused", "pause_reason"])


def connect(url: str, *, by: User, now: datetime) -> None:
    """Let the checks of the story ask the Prometheus at `url`, and let those that rested run.

    A source that somebody has pointed to another machine, and a check that somebody paused, stay as they are.
    """
    source = DataSource.objects.filter(name=_NAME, base_url__startswith="http://127.0.0.1:").first()
    if source is None:
        return
    if source.base_url != url:
        sources.edit(source, base_url=url, by=by, now=now)
    resting = source.verification_checks.filter(is_paused=True, pause_reason=_RESTS)
    for check in resting.exclude(item__state=RemediationItem.State.WONT_DO).order_by("pk"):
        items.pause(check, is_paused=False, by=by, now=now)
