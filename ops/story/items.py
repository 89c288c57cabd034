"""The remediation items of the demo, with the history that their checks have behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ops import shop


@dataclass(frozen=True)
class Promise:
    """One item: what was promised, how it is checked, and how far it came.

    Attributes:
        of: part of the title of the incident whose review it comes from; "" for a proactive item.
        agreed_hours: after the start of that incident, or before the loading for a proactive item.
        check: keywords of a CheckSpec; `data_source` stands for the demo's Prometheus.
        red, green: values that its check shows before and after the fix, for the history.
        fixed_days: days from the agreement to the claimed fix; None when nobody claimed one.
        ends: "" | "mended" | "verifying" | "regressed" | "wont_do" | "ownerless": what became of it after;
            "mended" is in order for some hours, and nobody has claimed it yet.
        live: its check runs from the start; those that ask Prometheus begin when there is one.
    """

    of: str
    title: str
    owner: str
    service: str
    kind: str
    category: str
    check: dict[str, Any]
    severity: str = ""
    description: str = ""
    agreed_hours: float = 28
    red: tuple[float, float] = (0, 0)
    green: tuple[float, float] = (0, 0)
    fixed_days: float | None = None
    ends: str = ""
    live: bool = False
    causes: list[str] = field(default_factory=lambda: ["root"])


def _query(promql: str, comparator: str, threshold: float, **more: Any) -> dict[str, Any]:
    return {
        "kind": "prometheus",
        "promql": promql,
        "comparator": comparator,
        "threshold": threshold,
        "interval_seconds": 3600,
    } | more


def _command(line: str, **more: Any) -> dict[str, Any]:
    return {"kind": "shell", "line": line, "interval_seconds": 3600} | more


def _template(slug: str, parameters: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"kind": "shell", "template": slug, "parameters": parameters, "interval_seconds": 3600} | more


# The one that the demo tells people to claim and to break: each of its runs is a minute apart.
CLAIMABLE = "Second notification path for the pager"


ALL = [
    Promise(
        of="connection pool",
        title="Cap the pool of the order service at 180 and time out after 3 s",
        owner="chen",
        service="order",
        kind="prevent",
        category="technical_debt",
        description="max_connections is 200; 20 stay free for operators.",
        check=_query(
            'max(mysql_global_status_threads_connected{service="order"})',
            "<=",
            180,
            name="Connections in use",
            interval_seconds=60,
        ),
        red=(185, 200),
        green=(92, 148),
        fixed_days=3.2,
    ),
    Promise(
        of="connection pool",
        title="Alert when the pool has less than 10 % headroom",
        owner="lin",
        service="order",
        kind="detect",
        category="missing_tool",
        check=_query(
            'count(ALERTS_FOR_STATE{alertname="PoolHeadroom"}) or vector(0)',
            ">=",
            1,
            name="Alert rule is loaded",
        ),
        red=(0, 0),
        green=(1, 1),
        fixed_days=5,
        ends="regressed",
        causes=["contributing"],
    ),
    Promise(
        of="connection pool",
        title="Circuit breaker in front of the order database",
        owner="wang",
        service="order",
        kind="mitigate",
        category="technical_debt",
        check=_query(
            'sum(rate(breaker_open_total{service="order"}[30d]))', ">", 0, name="Breaker opened in a test"
        ),
        red=(0, 0),
        green=(0.002, 0.004),
        fixed_days=12.5,
        causes=["trigger"],
    ),
    Promise(
        of="TLS handshake",
        title="Pin the build image by digest",
        owner="priya",
        service="payment",
        kind="prevent",
        category="technical_debt",
        description="FROM golang:1.21.0@sha256:…; the check compares what was built with what was pinned.",
        check=_command("test go1.21.0 = go1.21.0", name="Version drift"),
        agreed_hours=40,
        fixed_days=2.1,
        live=True,
    ),
    Promise(
        of="TLS handshake",
        title="CI refuses a changed go.sum that was not committed",
        owner="marco",
        service="payment",
        kind="prevent",
        category="missing_tool",
        check=_command("test v1.8.0 = v1.8.0", name="Module drift", interval_seconds=60),
        agreed_hours=40,
        fixed_days=12,
        ends="verifying",
        live=True,
        causes=["contributing"],
    ),
    Promise(
        of="TLS handshake",
        title="Start template sets GODEBUG; the audit reads it from the running process",
        owner="priya",
        service="payment",
        kind="detect",
        category="process_defect",
        check=_template(
            "runtime-variable",
            {"process": shop.PROCESS, "variable": shop.VARIABLE[0]},
            name="Runtime variable present",
            interval_seconds=300,
        ),
        agreed_hours=40,
        ends="mended",
        live=True,
        causes=["trigger"],
    ),
    Promise(
        of="Ledger export",
        title="The nightly report reads from the replica",
        owner="priya",
        service="ledger",
        kind="prevent",
        category="technical_debt",
        check=_query(
            'max(pg_locks_count{mode="accessexclusivelock",table="ledger"})',
            "==",
            0,
            name="No exclusive lock",
        ),
        agreed_hours=66,
        red=(1, 2),
        green=(0, 0),
        fixed_days=9,
    ),
    Promise(
        of="coupons",
        title="Idempotency key for coupons",
        owner="chen",
        service="checkout",
        kind="prevent",
        category="technical_debt",
        check=_query("sum(increase(coupon_duplicates_total[1d]))", "==", 0, name="Duplicates in a day"),
        agreed_hours=38,
        red=(3, 11),
        green=(0, 0),
        fixed_days=6,
    ),
    Promise(
        of="coupons",
        title="Alert on coupons applied twice",
        owner="tom",
        service="checkout",
        kind="detect",
        category="missing_tool",
        check=_query(
            'count(ALERTS_FOR_STATE{alertname="CouponTwice"}) or vector(0)',
            ">=",
            1,
            name="Alert rule is loaded",
        ),
        agreed_hours=38,
        red=(0, 0),
        ends="ownerless",
    ),
    Promise(
        of="Debug endpoint",
        title="Release builds refuse to start with debug endpoints",
        owner="aiko",
        service="gateway",
        kind="prevent",
        category="process_defect",
        check=_query("max(build_info_debug_endpoints)", "==", 0, name="Hosts with debug endpoints"),
        agreed_hours=18,
        red=(4, 4),
        green=(0, 0),
        fixed_days=4,
    ),
    Promise(
        of="",
        title="Keep 30 % of the inventory disk free",
        owner="wang",
        service="inventory",
        severity="P2",
        kind="prevent",
        category="technical_debt",
        check=_query(
            'min(node_filesystem_avail_bytes{service="inventory"} / node_filesystem_size_bytes)',
            ">",
            0.3,
            name="Disk free",
        ),
        agreed_hours=24 * 26,
        red=(0.17, 0.24),
        green=(0.41, 0.48),
        fixed_days=11,
    ),
    Promise(
        of="",
        title="Retire the old search index",
        owner="aiko",
        service="search",
        severity="P3",
        kind="mitigate",
        category="technical_debt",
        check=_query(
            'count(search_index_info{generation="1"})',
            "==",
            0,
            name="Old generation gone",
            no_data_rule="pass",
            no_data_reason="The metric disappears together with the index.",
        ),
        agreed_hours=24 * 20,
        red=(3, 3),
        ends="wont_do",
    ),
    Promise(
        of="",
        title=CLAIMABLE,
        owner="demo",
        service="gateway",
        severity="P1",
        kind="detect",
        category="missing_tool",
        check=_query(
            "min(pager_paths_up)",
            ">=",
            2,
            name="Paths up",
            interval_seconds=60,
            passes_needed=2,
        ),
        agreed_hours=24 * 12,
        red=(1, 1),
        green=(2, 2),
        ends="mended",
    ),
]
