"""Goals G1 to G4 in a large database: 100,000 incidents, 1,000,000 items, 10,000,000 check runs.

    python -m benchmarks.gate [--rounds 5] [--seconds 3] [--plan]

The audit of a sound service with 250 items and the judgement of a change that names an archived postmortem
(`POST /api/v1/gate/changes`, with the repository's services found), both as shipped, against a Django view
that answers JSON and does nothing, on the same server in the same run. A service with findings, the sound one
as of yesterday and a change that is blocked are measured too, without a goal. Filling takes some minutes and
9 GB of disk. `--plan` shows how PostgreSQL goes about the two statements.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.audit import APPLICATIONS
from benchmarks.loads import Side, await_verdict, load, of_answer, report, take_turns
from benchmarks.servers import ROOMY, Pids, database, granians

BLOCKED = {"failing", "blocked"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--plan", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database(Path(folder), options=ROOMY) as postgres:
            token = _fill()
            if options.plan:
                _show_plans(token)
            with _sides(Path(folder), postgres, token) as sides:
                take_turns(sides, rounds=options.rounds, seconds=options.seconds)
    audit, bare, plain, change = sides[:4]
    goals = [
        *of_answer(audit, bare, plain, what="audit"),
        *of_answer(change, bare, None, what="change"),
    ]
    return report(sides, goals)


def _fill() -> str:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from benchmarks import multitude

    call_command("migrate", verbosity=0)
    token = multitude.fill(timezone.now())
    connection.close()
    return token


@contextmanager
def _sides(folder: Path, postgres: Pids, token: str) -> Iterator[list[Side]]:
    from django.utils import timezone

    from governance import audit

    yesterday = audit.today(timezone.now()) - timedelta(days=1)
    with granians(folder, APPLICATIONS, postgres) as servers:
        ours = servers["audit"]
        asked = {
            "audit": (f"{ours.url}/sre/audit?service=service-0", None),
            "bare": (f"{servers['bare'].url}/bare", None),
            "plain": (f"{servers['plain'].url}/?service=service-0", None),
            "change": (f"{ours.url}/api/v1/gate/changes", _change("Postmortem: PM-2024-00000")),
            "blocked": (f"{ours.url}/api/v1/gate/changes", _change("Postmortem: PM-2024-99999")),
            "failing": (f"{ours.url}/sre/audit?service=service-7", None),
            "yesterday": (f"{ours.url}/sre/audit?service=service-0&date={yesterday}", None),
        }
        sides = [
            Side(name, url, servers.get(name, ours).pids, token, body) for name, (url, body) in asked.items()
        ]
        for side in sides:
            await_verdict(side, "FAIL" if side.name in BLOCKED else "PASS")
            load(side, 16, 2)  # connections, plans and code are warm in both worker processes
        yield sides


def _change(trailer: str) -> str:
    return json.dumps(
        {
            "repository": "shop/order",
            "target_branch": "main",
            "change_id": "!42",
            "title": "Raise the pool limit",
            "description": "Because of the sale.",
            "commits": [{"sha": "0123abcd", "message": f"Raise the pool limit\n\n{trailer}\n"}],
            "paths": ["pool.py"],
            "labels": ["database"],
        }
    )


def _show_plans(token: str) -> None:
    """How the statements of both answers run, with what they are asked here."""
    import re

    from django.db import connection

    from governance import facts

    now = "now()"
    values = {
        "key_id": f"'{token[4:16]}'",
        "address": "'127.0.0.1'",
        "slug": "'service-0'",
        "now": now,
        "as_of": now,
        "repository": "'shop/order'",
        "change": "'!42'",
        "named": "'[\"PM-2024-00000\"]'",
        "services": "'[]'",
    }
    for statement, scope in ((facts._ASKED_SOUND, "audit"), (facts._ASKED_CHANGE, "gate")):
        known = values | {"scope": f"'{scope}'"}
        written = re.sub(
            r"\$(\d+)",
            lambda place, one=statement, all_=known: all_[one.parameters[int(place[1]) - 1]],
            statement.text.decode(),
        )
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {written}")
            print("\n".join(line for (line,) in cursor.fetchall()))
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
