"""The whole engine for the benchmarks of checks: PostgreSQL, Valkey, Prometheus and Celery workers."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from benchmarks.servers import Pids, family

# What a check of a small service asks: 24 series, 20 samples each, as five minutes hold at Prometheus' own
# pace of one in 15 s. It costs Prometheus about what the query did with which the goal was set (0.23 to
# 0.25 ms); a cheaper query leaves less to hide behind, a dearer one more.
PROMQL = "sum(rate(http_requests_total[5m])) >= bool 0"
SERIES = [f'http_requests_total{{pod="order-{n // 6}",code="{200 + n % 6}"}}' for n in range(24)]
ENOUGH = "min(count_over_time(http_requests_total[5m])) >= 20"
CONNECTIONS = 16
FLOOR_SECONDS = 4


def fill(url: str, checks: int) -> int:
    """As many checks as asked for, four to an item, of items that are verified."""
    from remediation.models import DataSource, VerificationCheck
    from tests import factories

    source = DataSource.objects.create(name="bench", base_url=url)
    template = factories.item(state="verified")
    owner, service = template.owner, template.service
    for _ in range(max(1, checks // 400)):
        factories.item(state="verified", owner=owner, service=service)
    items = list(type(template).objects.all())
    VerificationCheck.objects.update(data_source=source, promql=PROMQL, threshold=0.0, comparator=">=")
    sample = VerificationCheck.objects.first()
    missing = checks - VerificationCheck.objects.count()
    VerificationCheck.objects.bulk_create(
        [
            VerificationCheck(
                item=items[number % len(items)],
                kind="prometheus",
                data_source=source,
                promql=PROMQL,
                comparator=">=",
                threshold=0.0,
                created_at=sample.created_at,
                interval_seconds=30 * 86400,
            )
            for number in range(missing)
        ],
        batch_size=1000,
    )
    VerificationCheck.objects.update(interval_seconds=30 * 86400)
    return VerificationCheck.objects.count()


@contextmanager
def servers(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Pids]]:
    """PostgreSQL (durable, as in production), Valkey and Prometheus; Django connected to them.

    Yields Prometheus, its address, and the ids of PostgreSQL's processes.
    """
    from ops import embedded, places

    place = places.choose_place(folder / "servers")
    postgres = embedded.PostgreSQL(place, folder / "postgres.log")
    valkey = embedded.Valkey(place, folder / "valkey.log")
    servers = embedded.Servers([postgres, valkey])
    servers.start()
    prometheus, url = _start_prometheus(folder)
    try:
        os.environ |= {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "benchmark-" * 8,
            "PROMETHEUS_ALLOW_LOOPBACK": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "WARNING",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        data = next(place.folder.glob("postgres-*/data"))
        yield prometheus, url, lambda: family(int((data / "postmaster.pid").read_text().split()[0]))
    finally:
        prometheus.kill()
        prometheus.wait()
        servers.stop()


def _start_prometheus(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A Prometheus that has scraped the series often enough, and from then on only answers."""
    from tests.servers import MetricsPage, free_port

    page, port = MetricsPage(), free_port()
    page.samples = dict.fromkeys(SERIES, 1.0)
    url = f"http://127.0.0.1:{port}"
    target = f'[{{"targets": ["127.0.0.1:{page.port}"]}}]'
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: bench, static_configs: {target}}}]\n"
    )
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while not _is_true(f"{url}/api/v1/query?query={quote(ENOUGH)}"):
        if time.monotonic() > deadline:
            process.kill()
            raise SystemExit("Prometheus does not start.")
        time.sleep(0.2)
    page.close()
    return process, url


def _is_true(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as response:
            return b'"value"' in response.read()
    except OSError:
        return False


@contextmanager
def worker(folder: Path, name: str, *, broker: str, combines: bool) -> Iterator[Worker]:
    """A Celery worker as shipped, with a broker of its own: it works when rung for there."""
    words = "-m celery -A config worker -Q checks,default --concurrency 2 --loglevel INFO"
    words += f" --without-gossip --without-mingle --without-heartbeat -n {name}@bench"
    log = folder / f"{name}.log"
    env = os.environ | {"REDIS_URL": broker, "PROMETHEUS_COMBINE_QUERIES": str(int(combines))}
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *words.split()], stdout=output, stderr=output, env=env)
    try:
        while b" ready." not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield Worker(name, broker, lambda: family(process.pid))
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Worker:
    """One of them, by its name."""

    name: str
    broker: str
    pids: Pids

    def tick(self) -> None:
        """Ring for what is due, as beat has it done."""
        from celery import current_app

        from remediation.tasks import tick

        with current_app.connection_for_write(self.broker) as connection:
            tick.apply_async(connection=connection)


def floor(url: str) -> float:
    """Queries a second of the bare load."""
    address = f"{url}/api/v1/query?query={quote(PROMQL)}"
    if shutil.which("wrk"):
        argv = ["wrk", f"-c{CONNECTIONS}", "-t1", f"-d{FLOOR_SECONDS}s", address]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if found is None:
            raise SystemExit(said)
        return float(found[1])
    return asyncio.run(_streams(address))


async def _streams(address: str) -> float:
    """The same load by hand: requests written and answers skipped over asyncio's streams."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    stop_at = time.perf_counter() + FLOOR_SECONDS
    count = 0

    async def ask() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < stop_at:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(found[1]) if found else 0)
            count += 1
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return count / FLOOR_SECONDS


def cpu_of_children() -> float:
    """User and system seconds of this process' children that have ended: wrk's."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
