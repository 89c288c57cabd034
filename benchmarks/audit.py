"""Goals G1 to G4: the audit call against a bare Django view on the same server.

    python -m benchmarks.audit [--rounds 5] [--seconds 3]

Ours is `GET /sre/audit?service=…` of a sound service with 50 items, out of 20,000, with a token: the whole
answer of the shipped application (one statement, which tests/api/test_audit.py counts). The floor is a Django
view that answers JSON and does nothing (bare.py), and for G3 the same statement behind a WSGI function
without a framework (plain.py). All run on granian as shipped (WSGI, 2 workers, 1 blocking thread each) and
take turns on the same machine; what counts is the ratio of the medians of the rounds, for the figures
themselves are the machine's. A service with findings and the sound one as of yesterday are measured too,
without a goal. `gate` does the same in a large database.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.loads import Side, await_verdict, load, of_answer, report, take_turns
from benchmarks.servers import Pids, database, granians

APPLICATIONS = {
    "audit": "config.wsgi:application",
    "bare": "benchmarks.bare:application",
    "plain": "benchmarks.plain:application",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database(Path(folder)) as postgres, _sides(Path(folder), postgres) as sides:
            take_turns(sides, rounds=options.rounds, seconds=options.seconds)
    return report(sides, of_answer(*sides[:3], what="audit"))


@contextmanager
def _sides(folder: Path, postgres: Pids) -> Iterator[list[Side]]:
    """The servers over a filled database: ours, bare, plain, and what is asked of ours besides."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from benchmarks import population
    from governance import audit

    call_command("migrate", verbosity=0)
    print("filling the database", flush=True)
    token = population.fill(timezone.now())
    connection.close()
    yesterday = audit.today(timezone.now()) - timedelta(days=1)
    with granians(folder, APPLICATIONS, postgres) as servers:
        ours = servers["audit"]
        asked = {
            "audit": f"{ours.url}/sre/audit?service=service-0",
            "bare": f"{servers['bare'].url}/bare",
            "plain": f"{servers['plain'].url}/?service=service-0",
            "failing": f"{ours.url}/sre/audit?service=service-7",
            "yesterday": f"{ours.url}/sre/audit?service=service-0&date={yesterday}",
        }
        sides = [Side(name, url, servers.get(name, ours).pids, token) for name, url in asked.items()]
        for side in sides:
            await_verdict(side, "FAIL" if side.name == "failing" else "PASS")
            load(side, 16, 2)  # connections, plans and code are warm in both worker processes
        yield sides


if __name__ == "__main__":
    sys.exit(main())
