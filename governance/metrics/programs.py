"""Figures of what programs report: deploys, runs that healed, and idle resources."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from governance.metrics.counting import Counted
from governance.metrics.rows import HealedRun, ResolvedIncident, Rows

# The key figure that the idle share is read from.
IDLE = "idle-resources"


def deploy_failure_rows(rows: Rows) -> list[Counted]:
    """Deploy failure rate = deploys whose canary failed / all deploys, in %, with two decimals.

    Cohort: deploys to production in the period, each once as it was reported last. One that no canary judged
    counts among all and not as failed. Source: specification, R15: 1 of 5,000 gives 0.02 %.
    """
    return [
        Counted(
            "deploy", row.public_id, row.deployed_at, row.service, row.team,
            is_hit=row.verdict == "fail", detail=row.verdict,
        )
        for row in rows.deploys
    ]  # fmt: skip


def self_healed_rows(rows: Rows) -> list[Counted]:
    """Self-healed share = recoveries by a playbook / all recoveries, in %.

    Cohort: incidents resolved in the period, and runs that healed what never became an incident and ended in
    it. An incident healed itself when a run healed it. Left out: as for TTR. Source: specification, R17.
    """
    return [
        *(
            _incident(row, is_hit=bool(row.playbook), detail="self_healed" if row.playbook else "by_people")
            for row in (*rows.resolved, *rows.left_out)
        ),
        *(_run(row, is_hit=True, detail="self_healed") for row in rows.healed),
    ]


def healed_time_rows(rows: Rows) -> list[Counted]:
    """Time to recover, self-healed = resolved - started of incidents that a run healed, end - start of runs.

    Cohort: the hits of the self-healed share. Left out: as for TTR. Source: specification, R17: firing and
    resolved 47 s apart give 47 s.
    """
    return [
        *(_incident(row, value=row.ttr) for row in (*rows.resolved, *rows.left_out) if row.playbook),
        *(_run(row, value=row.took) for row in rows.healed),
    ]


def human_time_rows(rows: Rows) -> list[Counted]:
    """Time to recover, by people = resolved - started, of incidents that no run healed.

    Left out: as for TTR. Source: specification, R17.
    """
    return [_incident(row, value=row.ttr) for row in (*rows.resolved, *rows.left_out) if not row.playbook]


def idle_rows(rows: Rows) -> list[Counted]:
    """Idle share = the last value of the key figure "idle-resources" that lies in the period.

    Cohort: the days of the period for which programs stated it, each as it was said last. Source:
    specification, R16: from 41 to 19 %.
    """
    return [
        Counted(
            "value", row.public_id, row.stated_at, value=Decimal(row.value), unit=row.unit, detail=row.source
        )
        for row in rows.idle
    ]


def _incident(
    row: ResolvedIncident, *, is_hit: bool | None = None, value: timedelta | None = None, detail: str = ""
) -> Counted:
    return Counted(
        "incident", row.public_id, row.resolved_at, row.service, row.team, row.category, row.severity,
        is_hit=is_hit, value=_seconds(value), detail=detail, excluded=row.excluded, since=row.started_at,
    )  # fmt: skip


def _run(
    row: HealedRun, *, is_hit: bool | None = None, value: timedelta | None = None, detail: str = ""
) -> Counted:
    return Counted(
        "run", row.public_id, row.ended_at, row.service, row.team,
        is_hit=is_hit, value=_seconds(value), detail=detail, since=row.started_at,
    )  # fmt: skip


def _seconds(duration: timedelta | None) -> Decimal | None:
    return None if duration is None else Decimal(str(duration.total_seconds()))
