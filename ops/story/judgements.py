"""What CI asked in the demo's past, and the report that the committee published."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import tokens
from governance import audit, changes, reports
from ops.story.people import Cast
from postmortem.models import Review

_DAY = timedelta(days=1)

# (hours before the loading, service, change, title, what the commit says; %s is an archived postmortem)
_CHANGES = [
    (71, "order", "!811", "Bump the client library", "Bump the client library\n\nSmaller images.\n"),
    (
        70,
        "order",
        "!811",
        "Bump the client library",
        "Bump the client library\n\nSmaller images.\n\nPostmortem: %s\n",
    ),
    (
        46,
        "payment",
        "!342",
        "Read the runtime variable",
        "Read the runtime variable\n\nPostmortem: PM-2026-9999\n",
    ),
    (30, "checkout", "!1207", "Cache prices for a minute", "Cache prices for a minute\n\nPostmortem: %s\n"),
    (
        5,
        "order",
        "!814",
        "Queue instead of fail",
        "Queue instead of fail\n\nThe pool is capped.\n\nPostmortem: %s\n",
    ),
]


def judge(cast: Cast, *, now: datetime) -> None:
    """Let CI ask a few times, and publish the last month."""
    asked_from = now - 80 * _DAY
    _, secret = tokens.issue(
        owner=cast.people["lin"],
        name="CI of the shop",
        scopes=["audit", "gate"],
        expires_at=now + 90 * _DAY,
        now=asked_from,
    )
    presented = tokens.read_header(f"Bearer {secret}")
    assert presented is not None
    archived = str(Review.objects.get(title__contains="connection pool"))
    for hours, service, change_id, title, message in _CHANGES:
        message = message.replace("%s", archived)
        changes.judge(
            changes.Change(
                repository=f"shop/{service}",
                change_id=change_id,
                title=title,
                description="",
                messages=[message],
                services=[service],
                request={
                    "repository": f"shop/{service}",
                    "target_branch": "main",
                    "change_id": change_id,
                    "title": title,
                    "description": "",
                    "commits": [{"sha": f"{hours:040x}", "message": message}],
                    "services": [service],
                },
            ),
            presented=presented,
            now=now - timedelta(hours=hours),
        )
    for service in ("order", "payment", "inventory", "search"):
        audit.judge(service, date=None, presented=presented, now=now)
    first = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date().replace(day=1)
    last_month = (first - _DAY).replace(day=1)
    reports.publish(last_month, by=cast.people["sofia"], now=now)
