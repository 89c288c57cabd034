"""Goals G9 and G10: what a month's report asks of the database, and two years at a glance.

    python -m benchmarks.report [--rounds 5] [--small]

A month of 100,000 incidents, 1,000,000 items and 10,000,000 check runs (multitude.py) is gathered by the
application and by hand-written SQL that gives the same figures, in turns; what counts is the ratio of the
medians, of the time in the database alone. The whole report (rows, figures, groups, HTML) is held against one
sequential scan of the check runs, and so are the trends. The months before are published then, as the
schedule leaves them; "none published" is the report before that, which also gathers the two that it is
compared with. Python looks for garbage as rarely as it does in a worker. The last line is the memory of a
process that does nothing but build and write one report.
`--small`: in a database of a fiftieth of that (population.py), whose scan is short, so that the ratios to it
say little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.loads import Goal
from benchmarks.servers import CHECKOUT, ROOMY, database, peak_megabytes

_BY_HAND = (
    """SELECT count(*), count(*) FILTER (WHERE first_verified_at <= due_at), count(*) FILTER (
           WHERE first_verified_at > due_at AND first_verified_at < %(end)s)
       FROM remediation_remediationitem WHERE due_at >= %(start)s AND due_at < %(end)s""",
    """SELECT v.code, count(*), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
           ORDER BY n.resolved_at - n.started_at)
       FROM postmortem_incident n JOIN postmortem_severity v ON v.id = n.severity_id
       WHERE n.resolved_at >= %(start)s AND n.resolved_at < %(end)s AND NOT n.is_drill
         AND n.dismissed_as = '' AND v.counts_in_figures
       GROUP BY GROUPING SETS ((), (v.code))""",
    """SELECT count(*), max(%(end)s - due_at) FROM remediation_remediationitem i
       WHERE i.agreed_at < %(end)s AND i.due_at < %(end)s
         AND NOT coalesce(i.first_verified_at <= i.due_at, false)
         AND coalesce((
             SELECT m.to_state FROM remediation_itemtransition m
             WHERE m.item_id = i.id AND m.at < %(end)s ORDER BY m.at DESC, m.id DESC LIMIT 1
         ), 'open') NOT IN ('verified', 'wont_do')""",
    """SELECT count(*), count(*) FILTER (WHERE origin = 'proactive') FROM remediation_remediationitem
       WHERE agreed_at >= %(start)s AND agreed_at < %(end)s""",
    """SELECT count(DISTINCT c.review_id) FROM postmortem_rootcause c
       JOIN postmortem_incident n ON n.review_id = c.review_id
       WHERE c.is_primary AND c.state = 'verified'
         AND n.started_at >= %(start)s AND n.started_at < %(end)s""",
    """SELECT count(*), count(*) FILTER (WHERE verdict <> 'PASS') FROM governance_gatedecision
       WHERE kind = 'change' AND decided_at >= %(start)s AND decided_at < %(end)s""",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        return _once()
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database(Path(folder), options=ROOMY):
            _fill(is_small=options.small)
            return _report(_measure(options.rounds))


def _fill(*, is_small: bool) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from benchmarks import multitude, population

    call_command("migrate", verbosity=0)
    (population if is_small else multitude).fill(timezone.now())


def _scene() -> tuple[Any, Any, datetime]:
    """A governor, the last whole month, and now."""
    from django.utils import timezone

    from accounts.models import User
    from governance import periods

    now = timezone.now()
    governor = User.objects.order_by("pk").first()
    assert governor is not None
    User.objects.filter(pk=governor.pk).update(role=User.Role.GOVERNOR)
    governor.refresh_from_db()
    return governor, periods.before(periods.month_of(now)), now


def _once() -> int:
    """Build and write one report in a process of its own; prints the megabytes it needed for that."""
    import django

    django.setup()
    from django.db import connection

    from config.memory import look_less_often

    governor, month, now = _scene()
    look_less_often()
    connection.ensure_connection()
    before = peak_megabytes([os.getpid()])
    html = _page(governor, month, now)
    after = peak_megabytes([os.getpid()])
    print(f"{after - before:.0f} MB over {before:.0f} MB, {len(html) / 1e6:.2f} MB of HTML")
    return 0


def _page(governor: Any, month: Any, now: datetime) -> str:
    from governance import report_document, report_html, reports

    report = reports.build(month, viewer=governor, now=now)
    return report_html.page(report_document.outline(report, viewer=governor))


def _measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each side, by its name."""
    from config.memory import look_less_often
    from governance import cohorts, periods, trends

    governor, month, now = _scene()
    window = periods.window(month, now=now)
    look_less_often()

    sides: dict[str, Callable[[], float]] = {
        "by hand": lambda: _database_time(lambda: _by_hand(window.starts_at, window.as_of)),
        "gathered": lambda: _database_time(lambda: cohorts.gather(window, viewer=None)),
        "scan of the runs": lambda: _database_time(_scan),
        "trends": lambda: _database_time(lambda: trends.of(governor, now=now)),
        "whole report": lambda: _wall_time(lambda: _page(governor, month, now)),
    }
    took: dict[str, list[float]] = {name: [] for name in sides}
    took["none published"] = [sides["whole report"]() for _round in range(2)][1:]
    _publish_others(governor, month, now)
    for number in range(rounds + 1):
        for name, side in sides.items():
            value = side()
            # The first round only warms up.
            if number:
                took[name].append(value)
    return took


def _publish_others(governor: Any, month: Any, now: datetime) -> None:
    """All months before this one that the trends show, and those it is compared with."""
    from governance import periods, reports, trends

    others, other = {periods.year_before(month)}, month
    for _number in range(trends.MONTHS - 2):
        other = periods.before(other)
        others.add(other)
    for other in sorted(others):
        if reports.find(other) is None:
            reports.publish(other, by=governor, now=now)


def _by_hand(start: datetime, end: datetime) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in _BY_HAND:
            cursor.execute(statement, {"start": start, "end": end})
            cursor.fetchall()


def _scan() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM remediation_checkrun WHERE outcome || '' = 'fail'")
        cursor.fetchall()


def _database_time(call: Callable[[], Any]) -> float:
    """Milliseconds between sending a statement and having its answer, summed; fetching is part of it."""
    from django.db import connection

    spent = 0.0

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        nonlocal spent
        begin = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            spent += time.perf_counter() - begin

    with connection.execute_wrapper(watch):
        call()
    return spent * 1000


def _wall_time(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000


def _report(took: dict[str, list[float]]) -> int:
    median = {name: statistics.median(values) for name, values in took.items()}
    for name, value in median.items():
        print(f"{name:18} {value:8.1f} ms")
    scan = median["scan of the runs"]
    goals = [
        Goal("G9", median["gathered"] / median["by hand"], 1.2, True, "database time / hand-written SQL"),
        Goal("G9", median["whole report"] / scan, 0.6, True, "whole HTML report / one scan of the runs"),
        Goal("G10", median["trends"] / scan, 0.1, True, "24 months of trends / one scan of the runs"),
    ]
    for goal in goals:
        print(goal)
    argv = [sys.executable, "-m", "benchmarks.report", "--once"]
    said = subprocess.run(argv, cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, check=True)
    print(f"memory of one report: {said.stdout.strip()}")
    return 0 if all(goal.is_met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
