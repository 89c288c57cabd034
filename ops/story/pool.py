"""The seed's first incident: a pool of database connections runs dry in a load test."""

from __future__ import annotations

from datetime import timedelta

from ops.story.told import Told

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
            (
                130,
                "screenshot",
                "diagnosis",
                True,
                "Threads_connected at its limit of 200, while 247 are asked for.",
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
