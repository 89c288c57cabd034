"""The incidents of the demo as plain values; `tell.py` brings them to life through the domain's acts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ops.story.pool import POOL
from ops.story.tls import TLS
from ops.story.told import Told


def _small(
    title: str, severity: str, ago: timedelta, service: str, minutes: int, who: list[str], **more: Any
) -> Told:
    """A small incident whose times follow from its length."""
    seconds = minutes * 60
    marks = {
        "detected_at": seconds // 10,
        "acknowledged_at": seconds // 6,
        "mitigated_at": seconds * 4 // 5,
        "resolved_at": seconds,
    }
    people = [(who[0], "commander"), *((key, "responder") for key in who[1:])]
    entries = {
        key: [
            (seconds // 10, "note", "detection", False, f"Saw it: {title.lower()}."),
            (seconds * 4 // 5, "decision", "repair", True, "Rolled back to the last good release."),
        ]
        for key in who
    }
    values: dict[str, Any] = {
        "marks": marks,
        "people": people,
        "entries": entries,
        "fields": {"impact_minutes": minutes},
    }
    return Told(title=title, severity=severity, ago=ago, services=[(service, "origin")], **(values | more))


def _done(cause: str, after_hours: int) -> dict[str, Any]:
    """What a small review found, archived so many hours after the start."""
    return {
        "steps": [
            ("Users saw errors; the time and the share are in the summary.", "Access log of the gateway."),
            (
                "Error ratio and latency moved together at the start and at the end.",
                "Dashboard, window of one hour.",
            ),
            ("The last release before the start is the culprit.", "Release list of the service."),
            (
                "Going back to the release before it ended the errors; going forward again in staging brought them back.",
                "Two deployments in staging.",
            ),
        ],
        "causes": [("root", True, cause, "Reproduced in staging.")],
        "checklist": [("The service answers", "curl -fsS http://localhost:8080/healthz", "success")],
        "reviewed_after": timedelta(hours=after_hours),
    }


OTHERS = [
    _small(
        "Ledger export stuck behind a table lock",
        "P2",
        timedelta(days=64),
        "ledger",
        52,
        ["priya", "marco"],
        **_done("A nightly report takes an exclusive lock on the ledger table.", 70),
    ),
    _small(
        "Checkout coupons applied twice",
        "P1",
        timedelta(days=48, hours=6),
        "checkout",
        34,
        ["chen", "wang"],
        **_done("A retried request is not recognised: the coupon service has no idempotency key.", 40),
    ),
    _small(
        "Debug endpoint showed customer data",
        "P1",
        timedelta(days=27),
        "gateway",
        9,
        ["lin", "aiko"],
        **(
            _done("Debug endpoints are compiled into release builds.", 20)
            | {"fields": {"impact_minutes": 9, "is_restricted": True}}
        ),
    ),
    _small(
        "Inventory sync stopped after a certificate expired",
        "P2",
        timedelta(days=13, hours=3),
        "inventory",
        125,
        ["wang", "tom"],
        has_review=False,
    ),
    _small(
        "Failover drill of the payment database",
        "P3",
        timedelta(days=11),
        "payment",
        20,
        ["marco"],
        has_review=False,
        fields={"is_drill": True, "impact_minutes": 0},
    ),
    _small(
        "Search alerts during a network maintenance",
        "P3",
        timedelta(days=8),
        "search",
        15,
        ["aiko"],
        has_review=False,
        dismissed=("false_alarm", "The maintenance window was announced; no user was affected."),
    ),
    _small(
        "Checkout slower than four seconds after a cache eviction",
        "P2",
        timedelta(days=3, hours=5),
        "checkout",
        41,
        ["demo", "chen"],
        steps=[
            (
                "41 minutes of checkout pages slower than 4 s for one user in six.",
                "Browser timings, 95th percentile by minute.",
            ),
            (
                "The hit ratio of the price cache fell from 0.97 to 0.31 in two minutes.",
                '`avg(cache_hit_ratio{cache="price"})`',
            ),
        ],
        causes=[
            (
                "root",
                True,
                "Checkout waits for a database connection without a time limit when the price cache is cold.",
                "",
            )
        ],
        explained={"root": ("capacity-pool", [])},
    ),
    _small(
        "Payment callbacks delayed by twelve minutes",
        "P1",
        timedelta(hours=41),
        "payment",
        47,
        ["priya", "demo", "marco"],
        entries={
            "priya": [
                (240, "alert", "detection", True, "Queue age of payment callbacks above 10 minutes."),
                (
                    2200,
                    "command",
                    "repair",
                    False,
                    "kubectl scale deployment/callbacks --replicas=12 -n payment",
                ),
            ]
        },
    ),
    Told(
        title="Search returns partial results",
        severity="P2",
        ago=timedelta(minutes=35),
        services=[("search", "origin"), ("checkout", "affected")],
        people=[("aiko", "commander"), ("demo", "responder")],
        marks={"detected_at": 240, "acknowledged_at": 420},
        summary="One of three index replicas answers with an old snapshot.",
        has_review=False,
    ),
]

ALL = [*OTHERS[:2], POOL, OTHERS[2], TLS, *OTHERS[3:]]
