"""One sound body for every operation that takes one, by operation id; made for `build_world`."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.api.conftest import World

CHECK = {
    "kind": "prometheus",
    "name": "Pool headroom",
    "promql": "pool_waiting",
    "quantifier": "all",
    "comparator": "<",
    "threshold": 1.5,
    "no_data_rule": "pass",
    "no_data_reason": "The metric is gone once the pool is.",
    "interval_seconds": 300,
    "timeout_seconds": 5,
    "passes_needed": 3,
    "fails_needed": 2,
}
COMMAND = {
    "kind": "shell",
    "name": "No pod hangs",
    "pipeline": [["kubectl", "get", "pods"]],
    "shell_expectation": "no_match",
    "pattern": "Pending|Crash",
}
INCIDENT = {
    "title": "Orders fail",
    "severity": "P1",
    "started_at": "2026-11-20T10:00:00+08:00",
    "detected_at": "2026-11-20T02:01:00Z",
    "acknowledged_at": None,
    "mitigated_at": None,
    "resolved_at": "2026-11-20T02:05:00.123456Z",
    "services": [{"service": "order", "part": "origin"}],
    "summary": "Connections ran out.",
    "environment": "production",
    "phase": "load test before a sale",
    "is_drill": False,
    "is_restricted": False,
    "impact_minutes": 5,
    "failure_percent": "38.00",
    "loss_amount": "1200000.00",
    "loss_currency": "CNY",
    "loss_is_estimate": True,
    "capacity_limit": 200,
    "capacity_demand": 247,
}


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """Body by operation id; acts without a body are left out."""
    check = CHECK | {"data_source": world.parts["source"]}
    people = world.names
    return {
        "incidents_create": INCIDENT
        | {"participants": [{"user": world.parts["user"], "role": "scribe"}], "dedup_key": "alert-7"},
        "incidents_edit": INCIDENT,
        "incidents_mark": {"milestone": "resolved", "at": "2026-11-20T10:00:00Z"},
        "incidents_dismiss": {"as": "duplicate", "reason": "The same as the one before."},
        "incidents_invite": {"user": people["governor"].pk, "role": "observer"},
        "participants_excuse": {"reason": "On leave."},
        "timeline_entries_create": {
            "happened_at": "2026-11-20T10:03:00+08:00",
            "text": "Restarted the service.",
            "zone": "Asia/Shanghai",
            "kind": "command",
            "marker": "repair",
            "is_starred": True,
        },
        "timeline_entries_edit": {
            "text": "Restarted it twice.",
            "happened_at": "2026-11-20T10:03:00Z",
            "marker": "",
            "zone": "UTC",
        },
        "reviews_create": {
            "title": "Checkout was slow",
            "incidents": [people["fresh"].public_id],
            "owner": world.caller.user.pk,
            "facilitator": world.caller.user.pk,
        },
        "reviews_lessons": {
            "went_well": "The alert.",
            "went_badly": "The pager.",
            "luck": "It was night.",
            "version": 1,
        },
        "steps_write": {"finding": "5 % failed.", "evidence": "`rate(...)`", "version": 1},
        "steps_reopen": {"reason": "New logs were found."},
        "causes_record": {"statement": "The pool has no timeout.", "part": "root", "is_primary": False},
        "causes_edit": {"statement": "The pool had no timeout.", "part": "root"},
        "causes_settle": {"state": "verified", "evidence": "Reproduced with 247 clients."},
        "checklist_add": {
            "title": "No pod hangs",
            "pipeline": [["kubectl", "get", "pods"], ["grep", "Pending"]],
            "expectation": "no_match",
        },
        "items_create": {
            "title": "Set a timeout",
            "description": "In the pool's settings.",
            "tracker_url": "https://tracker.example.org/7",
            "owner": world.caller.user.pk,
            "service": "order",
            "team": world.parts["team"],
            "severity": "P1",
            "kind": "prevent",
            "category": "technical_debt",
            "review": world.parts["review"],
            "causes": [world.parts["cause"]],
            "due_at": (timezone.now() + timedelta(days=3)).isoformat(),
            "checks": [check, COMMAND],
        },
        "items_edit": {"title": "Set two timeouts", "description": "", "tracker_url": ""},
        "items_assign": {"to": people["governor"].pk},
        "items_claim_fix": {"fix_url": "https://git.example.org/1", "never_red_reason": "The metric is new."},
        "items_decline": {"reason": "The service ends."},
        "items_withdraw": {"reason": "It did not help."},
        "items_reopen": {"reason": "It does not end."},
        "item_checks_add": check,
        "checks_edit": check,
        "checks_trial": check,
        "checks_pause": {"is_paused": True},
        "data_sources_create": {"name": "Prometheus of the cell", "base_url": "http://127.0.0.1:9"},
        "gate_changes": {
            "repository": "shop/order",
            "target_branch": "main",
            "change_id": "7",
            "title": "Set a timeout",
            "description": f"Postmortem: {world.parts['review']}",
            "commits": [{"sha": "abc", "message": "Set a timeout"}],
            "services": ["order"],
            "paths": ["pool.py"],
            "labels": ["fix"],
        },
        "data_sources_edit": {"name": "Prometheus of old", "base_url": "http://127.0.0.1:9"},
    }
