"""The incidents of the demo as plain values; `tell.py` brings them to life through the domain's acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Told:
    """One incident: when it began, who took part, what each of them filed, what the review found.

    Attributes:
        ago: from the start of the impact to the moment of loading.
        clock: hour and minute (UTC) at which it began, on the day that `ago` leads to; None keeps the time of day.
        marks: seconds after the start, by milestone.
        entries: by person: (seconds after the start, kind, marker, is_starred, text).
        excused: by person: the reason.
        steps: finding and evidence of each step that is signed, in order.
        causes: (part, is_primary, statement, evidence); without evidence it stays a hypothesis.
        explained: by part of a cause: its class, and its chain of (why, what shows it).
        reviewed_after: from the start of the impact to the archive; None leaves the review open.
    """

    title: str
    severity: str
    ago: timedelta
    services: list[tuple[str, str]]
    people: list[tuple[str, str]]
    marks: dict[str, int]
    summary: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, list[tuple[int, str, str, bool, str]]] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    facilitator: str = "lin"
    has_review: bool = True
    steps: list[tuple[str, str]] = field(default_factory=list)
    causes: list[tuple[str, bool, str, str]] = field(default_factory=list)
    explained: dict[str, tuple[str, list[tuple[str, str]]]] = field(default_factory=dict)
    lessons: tuple[str, str, str] = ("", "", "")
    checklist: list[tuple[str, str, str]] = field(default_factory=list)
    reviewed_after: timedelta | None = None
    clock: tuple[int, int] | None = None
    dismissed: tuple[str, str] | None = None


POOL = Told(
    title="Order database connection pool exhausted in the load test before the sale",
    severity="P0",
    ago=timedelta(days=33),
    clock=(6, 2),
    services=[("order", "origin"), ("checkout", "affected")],
    people=[("lin", "commander"), ("chen", "responder"), ("wang", "scribe"), ("aiko", "observer")],
    marks={"detected_at": 38, "acknowledged_at": 75, "mitigated_at": 240, "resolved_at": 300},
    summary=(
        "The load test before the sale opened more database connections than MySQL allows. "
        "38 % of order creations failed for five minutes.\n\n"
        "max_connections is 200; the demand at the peak was 247."
    ),
    fields={
        "phase": "load test before a sale",
        "impact_minutes": 5,
        "failure_percent": "38",
        "loss_amount": "1200000",
        "loss_currency": "CNY",
        "loss_is_estimate": True,
        "capacity_limit": 200,
        "capacity_demand": 247,
    },
    entries={
        "lin": [
            (38, "alert", "detection", True, "Pager: order creation success rate 62 %, threshold 99 %."),
            (75, "decision", "", False, "Took command. Load test stays on until we know what breaks."),
            (170, "decision", "repair", True, "Load test stopped; order pods restart one by one."),
            (300, "note", "", False, "Success rate back above 99.9 % for a minute. Resolved."),
        ],
        "chen": [
            (
                95,
                "command",
                "diagnosis",
                True,
                "mysql -e \"SHOW STATUS LIKE 'Threads_connected'\"\nThreads_connected  200",
            ),
            (
                120,
                "log",
                "diagnosis",
                False,
                "ERROR 1040 (08004): Too many connections\nERROR 1040 (08004): Too many connections",
            ),
            (200, "command", "repair", False, "kubectl rollout restart deployment/order -n order"),
            (240, "note", "", False, "Threads_connected falls to 121."),
        ],
        "wang": [
            (60, "note", "", False, "Checkout reports order creation errors, about four in ten."),
            (180, "note", "", False, "客服收到 23 起下单失败的反馈。"),
        ],
    },
    excused={"aiko": "Watched a dashboard only; nothing to add."},
    steps=[
        (
            "From 14:02 to 14:07 UTC+8, **38 %** of order creations failed with HTTP 500. "
            "Reads and payments of existing orders were unaffected.",
            "Success rate by second from the gateway's access log; 23 customer reports.",
        ),
        (
            "`Threads_connected` rose from 90 to the limit of 200 within 40 seconds and stayed there for 160 seconds. "
            "The demand at the peak was 247.",
            '`max(mysql_global_status_threads_connected{service="order"})`, 14:00 to 14:10, peak 200; '
            "refused connections: 47 per second.",
        ),
        (
            "The load test raised concurrency at 14:01:20. No deployment, no schema change and no configuration change "
            "touched the service in the 24 hours before.",
            "Change calendar and `kubectl rollout history deployment/order`: last change 3 days earlier.",
        ),
        (
            "With the pool capped at 180 and a 3 s connection timeout the same load test passes: 0 failures, "
            "queueing time below 80 ms at the 99th percentile. Without the cap it fails again.",
            "Two runs of the load test in staging, same script, same data; results attached to the test plan.",
        ),
    ],
    causes=[
        (
            "root",
            True,
            "The order service opens connections without an upper bound per instance and waits for one without a time limit.",
            "Reproduced in staging with and without the cap.",
        ),
        (
            "trigger",
            False,
            "The load test raised concurrency to 247 within 40 seconds.",
            "Load generator's log.",
        ),
        (
            "contributing",
            False,
            "No alert watches the headroom of the connection pool.",
            "Alert rules of the order service: none on Threads_connected.",
        ),
    ],
    explained={
        "root": (
            "capacity-pool",
            [
                (
                    "Every instance opened up to 50 connections, and five more instances were started.",
                    "`max_open=50` in the settings of order; 247 / 5 instances.",
                ),
                (
                    "A request that got no connection waited for ever instead of failing.",
                    "Stack dump of 06:04.",
                ),
                ("The driver's defaults were taken over when the service was split off.", ""),
                (
                    "No template for new services sets limits and time-outs of pools.",
                    "The service template, read.",
                ),
            ],
        ),
        "trigger": ("capacity-traffic", []),
        "contributing": ("observability-no-alert", []),
    },
    lessons=(
        "The pager fired 38 seconds after the first failure, and the load test could be stopped with one command.",
        "Nobody knew the pool's limit by heart; looking it up took two minutes.",
        "It happened in the load test, not in the sale.",
    ),
    checklist=[
        (
            "No order pod is pending or crashing",
            'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"',
            "no_match",
        ),
        (
            "The database accepts a connection within 3 seconds",
            "mysqladmin --connect-timeout=3 ping",
            "success",
        ),
    ],
    reviewed_after=timedelta(hours=30),
)

TLS = Told(
    title="TLS handshake errors: built with Go 1.21, run with Go 1.19",
    severity="P1",
    ago=timedelta(days=19),
    clock=(2, 13),
    services=[("payment", "origin"), ("gateway", "affected"), ("checkout", "affected")],
    people=[("marco", "commander"), ("priya", "responder"), ("lin", "responder")],
    marks={"detected_at": 150, "acknowledged_at": 260, "mitigated_at": 900, "resolved_at": 1020},
    summary=(
        "TLS handshake errors in the small hours, with 503 for 42 % of the requests, for 17 minutes. "
        "CI built with golang:1.21-alpine; the hosts ran go1.19.2 from the distribution."
    ),
    fields={"phase": "night operation", "impact_minutes": 17, "failure_percent": "42"},
    entries={
        "marco": [
            (150, "alert", "detection", True, "Pager: payment 5xx ratio 0.42 for 2 minutes."),
            (260, "decision", "", False, "Took command; payment callbacks are held in the queue."),
            (900, "decision", "repair", True, "Traffic moved to the blue pool, still on the older build."),
        ],
        "priya": [
            (420, "command", "diagnosis", True, "$ go version\ngo version go1.19.2 linux/amd64"),
            (
                450,
                "command",
                "diagnosis",
                False,
                "$ docker run --rm golang:1.21-alpine go version\ngo version go1.21.0 linux/amd64",
            ),
            (1020, "note", "", False, "5xx ratio below 0.001 for two minutes."),
        ],
        "lin": [
            (
                300,
                "log",
                "diagnosis",
                False,
                "http: TLS handshake error from 10.2.7.14:51734: remote error",
            ),
            (
                600,
                "note",
                "",
                False,
                "Only clients that offer TLS 1.1 at most are refused: the old point-of-sale devices.",
            ),
        ],
    },
    steps=[
        (
            "42 % of payment requests answered 503 for 17 minutes; all refused clients offer TLS 1.1 at most.",
            "Gateway access log by client version; pager record.",
        ),
        (
            "The ratio of 5xx rose from 0.0004 to 0.42 at the moment of the restart and fell with the move to blue.",
            '`sum(rate(http_requests_total{service="payment",code=~"5.."}[1m])) / sum(rate(http_requests_total{service="payment"}[1m]))`',
        ),
        (
            "The nightly restart took a binary built by the new CI image (Go 1.21.0) to hosts that carry go1.19.2. "
            "The change of the image two days earlier is the culprit.",
            "CI history of the base image; build log of the binary; `go version` on three hosts.",
        ),
        (
            "Built with the pinned image, the old devices connect; built with the floating tag, they are refused.",
            "Handshake test with a TLS 1.1 client against both builds.",
        ),
    ],
    causes=[
        (
            "root",
            True,
            "The build image and the runtime are not pinned: CI follows a floating tag, hosts follow the distribution.",
            "Dockerfile and host manifests; both builds tested.",
        ),
        (
            "trigger",
            False,
            "The wrong Go: a binary built with 1.21 replaced one built with 1.19 in the nightly restart.",
            "Build metadata of both binaries.",
        ),
        (
            "contributing",
            False,
            "GOPATH and module mode are mixed, so that two versions of the router were in use.",
            "`go list -m all` on CI and on a developer's machine differ in one line.",
        ),
    ],
    explained={
        "root": (
            "dependency-version",
            [
                ("The nightly restart picked up a binary built by another Go.", "Build metadata."),
                ("The build image is named by a tag that moves.", "`FROM golang:1` in the Dockerfile."),
                ("Nothing compares the versions of build and host before a restart.", ""),
            ],
        ),
        "trigger": ("release-artefact", []),
        "contributing": ("configuration-drift", []),
    },
    lessons=(
        "Blue was still on the older build, so that there was somewhere to go.",
        "Four minutes passed before the first person looked: the page went to a silent channel.",
        "It was night; at noon the loss would have been tenfold.",
    ),
    checklist=[
        ("The runtime is the pinned version", "go version | grep go1.21.0", "match"),
        ("The payment process has its runtime variable", "ps aux | grep GODEBUG", "match"),
    ],
    reviewed_after=timedelta(hours=44),
)


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
