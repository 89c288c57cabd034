"""What CI asked in the demo's past, and the report that the committee published."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import tokens
from governance import audit, changes, goals, kpis, reports
from ops.story import machines
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
    _watch(cast, now=now)
    machines.report(cast, now=now)
    reports.publish(last_month, by=cast.people["sofia"], now=now)


def _watch(cast: Cast, *, now: datetime) -> None:
    """What the committee holds the months against, and what the bill says of idle resources."""
    sofia = cast.people["sofia"]
    for figure, baseline, target in (
        ("closure", "58", "90"),
        ("ttr", "52", "30"),
        ("gate-blocks", None, "20"),
    ):
        goals.write(
            figure,
            target=Decimal(target),
            baseline=None if baseline is None else Decimal(baseline),
            by=sofia,
            now=now,
        )
    idle = kpis.add(
        slug="idle-resources",
        name="Idle resources",
        unit="%",
        baseline=Decimal(41),
        target=Decimal(20),
        note="Machines and disks that nobody used, from the monthly bill.",
        by=sofia,
        now=now - 200 * _DAY,
    )
    for weeks, value in ((24, "41"), (20, "38.5"), (16, "33"), (12, "27.5"), (8, "24"), (4, "21"), (0, "19")):
        day = (now - weeks * 7 * _DAY).date()
        kpis.push(idle, date=day, value=Decimal(value), source="monthly bill", by=sofia, now=now)
