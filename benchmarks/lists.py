"""Goals G11, G12, G14: the list of 100,000 incidents, deep, filtered, sorted and searched; G13's figure.

    python -m benchmarks.lists [--incidents 100000] [--rounds 5]

Every page is asked of the shipped application (granian as shipped, a logged-in reader) in turns with a Django
view that answers JSON and does nothing (bare.py). What counts are ratios of medians of one run: the figures
themselves are the machine's. G14 alone holds milliseconds against those of the faster peer, with 10,000
incidents on another machine (performance notes). Pages without a goal (other orders, common words) are shown
as they are.
A list with filters is answered with the statement that was put together for that reader before, whatever its
page; "another page" is another place each time, "never asked before" another filter.
tests/web/test_incident_list.py counts the statements of a page, tests/web/test_reading.py shows that reading
renders nothing, and the last line says what rendering costs against the bare library.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

from benchmarks import visits
from benchmarks.loads import Goal
from benchmarks.servers import database

_WORDS = (
    *("connection", "pool", "timeout", "gateway", "order", "payment", "latency", "deploy", "rollback"),
    *("config", "cache", "queue", "disk", "node", "kernel"),
)
_CHINESE = (
    "数据库连接池耗尽",
    "网关超时",
    "缓存雪崩",
    "消息队列积压",
    "磁盘写满",
    "发布回滚",
    "证书过期",
    "配置错误",
)

# Milliseconds of the faster peer, and how many times as fast.
_PEERS = {"API, one incident": (60.6, 20), "API, list of 50": (330, 40)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database(Path(folder)):
            reader = _reader(Path(folder), options.incidents)
            paths, headers = _paths(options.incidents), visits.headers(reader)
            with visits.site(Path(folder), headers) as site:
                took = visits.measure(site, paths, rounds=options.rounds)
    return _report(took)


def _report(took: dict[str, list[float]]) -> int:
    median = {name: statistics.median(values) for name, values in took.items()}
    for name, value in median.items():
        print(f"  {name:24} {value:8.2f} ms  {value / median['bare']:6.1f} x bare")
    deep = max(median["page 100"], median["last page"]) / median["page 1"]
    page = median["page 1"] / median["bare"]
    goals = [
        Goal("G11", deep, 1.2, True, "deepest page / page 1"),
        Goal("G12", page, 30, True, "page 1 (50 rows) / bare view"),
        *(
            Goal("G14", peer / median[name], times, False, f"faster peer's {peer:g} ms / {name}")
            for name, (peer, times) in _PEERS.items()
        ),
    ]
    for goal in goals:
        print(goal)
    print(_rendering())
    return 0 if all(goal.is_met for goal in goals) else 1


def _rendering() -> str:
    """20 KB of Markdown: ours against the bare library and nh3."""
    import nh3
    from markdown import Markdown

    from postmortem import markup

    section = "## What happened\n\nThe *pool* of `order` ran dry:\n\n- one\n- two\n\n"
    section += "| a | b |\n|--|--|\n| 1 | 2 |\n\n"
    text = section * (20_000 // len(section))
    ours, floor = [], []
    for _ in range(7):
        begin = time.perf_counter()
        markup.stored(text)
        middle = time.perf_counter()
        nh3.clean(Markdown(extensions=["tables", "fenced_code", "sane_lists", "nl2br"]).convert(text))
        ours.append(middle - begin)
        floor.append(time.perf_counter() - middle)
    ratio = statistics.median(ours) / statistics.median(floor)
    return (
        f"G13: 0 renders while reading; storing 20 KB takes {1e3 * statistics.median(ours):.0f} ms,"
        f" {ratio:.2f} of markdown and nh3 (the goal of 0.1 asks for a renderer in C)"
    )


def _reader(folder: Path, count: int) -> Any:
    from django.db import connection

    visits.prepare(folder)
    print(f"filling the database with {count} incidents", flush=True)
    begin = time.perf_counter()
    reader = _fill(count)
    print(f"filled in {time.perf_counter() - begin:.0f} s", flush=True)
    connection.close()
    return reader


def _paths(count: int) -> dict[str, Iterator[str]]:
    """The addresses of each page, one after the other."""
    from urllib.parse import quote

    from postmortem.models import Incident

    def after(number: int) -> str:
        row = Incident.objects.order_by("-started_at", "-pk")[number]
        return f"/incidents/?after={row.started_at:%Y%m%dT%H%M%S.%f}Z~{row.pk}"

    places = [after(number * (count - 51) // 400) for number in range(1, 400)]
    always = {
        "page 1": "/incidents/",
        "page 100": after(min(4950, count - 51)),
        "last page": after(count - 51),
        "severity P1": "/incidents/?severity=P1",
        "one service": "/incidents/?service=service-7",
        "one tag": "/incidents/?tag=tag-3",
        "overdue reviews": "/incidents/?review=overdue",
        "sorted by severity": "/incidents/?sort=severity",
        "sorted by duration": "/incidents/?sort=-duration",
        "sorted by deadline": "/incidents/?sort=-due",
        "a common word": "/incidents/?q=pool",
        "a rare word": f"/incidents/?q=rare{count // 2}",
        "an id": "/incidents/?q=INC-2024-00077",
        "Chinese": f"/incidents/?q={quote('连接池')}",
        "search, common": "/search?q=pool",
        "search, Chinese": f"/search?q={quote('连接池')}",
        "API, one incident": f"/api/v1/incidents/INC-2024-{count // 2:06d}",
        "API, list of 50": "/api/v1/incidents",
    }
    others = [f"/incidents/?q=rare{number * 7}" for number in range(400)]
    found: dict[str, Iterator[str]] = {name: repeat(path) for name, path in always.items()}
    return found | {"another page": iter(places), "never asked before": iter(others)}


def _fill(count: int) -> Any:
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Team, User
    from postmortem.models import Incident, IncidentService, Participant, Review, Service, Severity

    if (filled := User.objects.filter(email="person0@example.com").first()) is not None:
        return filled
    now = timezone.now()
    people = User.objects.bulk_create(
        User(email=f"person{n}@example.com", name=f"Person {n}", password="!") for n in range(200)
    )
    team = Team.objects.create(slug="core", name="Core")
    services = Service.objects.bulk_create(
        Service(slug=f"service-{n}", name=f"Service {n}", team=team) for n in range(100)
    )
    severities = list(Severity.objects.order_by("rank"))
    for start in range(0, count, 5000):
        numbers = range(start, min(start + 5000, count))
        began = {n: now - timedelta(minutes=15 * n) for n in numbers}
        reviews = Review.objects.bulk_create(
            Review(
                public_id=f"PM-2024-{n:06d}",
                title=f"Review {n}",
                owner=people[n % 200],
                facilitator=people[(n + 1) % 200],
                created_at=began[n],
            )
            for n in numbers
            if n % 4 == 0
        )
        by_number = dict(zip([n for n in numbers if n % 4 == 0], reviews, strict=True))
        incidents = Incident.objects.bulk_create(
            Incident(
                public_id=f"INC-2024-{n:06d}",
                title=f"{_WORDS[n % 15]} {_WORDS[n // 15 % 15]}: {'down' if n % 3 else _CHINESE[n % 8]}",
                summary=f"{' '.join(_WORDS[(n + step) % 15] for step in range(0, 45, 4))} rare{n}",
                severity=severities[n % len(severities)],
                started_at=began[n],
                detected_at=began[n] + timedelta(minutes=1),
                resolved_at=began[n] + timedelta(minutes=5 + n % 300) if n > 20 else None,
                declared_by=people[n % 200],
                declared_at=began[n],
                tags=[f"tag-{n % 40}"],
                review=by_number.get(n),
            )
            for n in numbers
        )
        IncidentService.objects.bulk_create(
            IncidentService(incident=incident, service=services[(n + 7 * far) % 100], part=part)
            for n, incident in zip(numbers, incidents, strict=True)
            for far, part in enumerate(("origin", "affected"))
        )
        Participant.objects.bulk_create(
            Participant(incident=incident, user=people[(n * 3) % 200])
            for n, incident in zip(numbers, incidents, strict=True)
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return people[0]


if __name__ == "__main__":
    sys.exit(main())
