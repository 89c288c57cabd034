"""One range query against Prometheus: what a metric did over a window, whole and within bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from remediation.probes import prometheus
from remediation.probes.access import OPEN, Access
from remediation.probes.http import BadAddress, TooLarge
from remediation.probes.result import MAX_ERROR, Series, kept, kept_warnings, storable

MAX_SERIES = 20
MAX_POINTS = 500
_MAX_VALUE_TEXT = 40
_PATH = "/api/v1/query_range"
_LONGEST_GET = 2_000


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """A window in seconds since 1970, asked every `step_seconds`."""

    base_url: str
    promql: str
    start: int
    end: int
    step_seconds: int
    timeout_seconds: float
    access: Access = OPEN


@dataclass(frozen=True, slots=True)
class RangeResult:
    """What came of it. Texts are safe to store.

    Attributes:
        series: (labels, points) of up to 20 series, each with up to 500 points (seconds, value as answered).
        hidden_series: how many more were answered.
        error_code: "" or one of those of `prometheus.read` and `prometheus.trouble`; then nothing else is.
    """

    series: Sequence[tuple[dict[str, str], Sequence[tuple[float, str]]]] = ()
    hidden_series: int = 0
    warnings: Sequence[str] = ()
    error_code: str = ""
    error: str = ""


def ask_once(query: RangeQuery, *, allow_loopback: bool) -> RangeResult:
    """Ask and wait; at most `query.timeout_seconds`. What goes wrong outside is a result."""
    # In a thread of its own: the caller's may have an event loop already, and that allows no second one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _ask(query, allow_loopback=allow_loopback)).result()


async def _ask(query: RangeQuery, *, allow_loopback: bool) -> RangeResult:
    client = prometheus.client_of(query.base_url, access=query.access, allow_loopback=allow_loopback)
    try:
        if client is None:
            raise BadAddress(query.base_url)
        form = (
            f"query={quote_plus(query.promql)}&start={query.start}&end={query.end}&step={query.step_seconds}"
            f"&timeout={query.timeout_seconds:g}s"
        )
        async with asyncio.timeout(query.timeout_seconds):
            status, body = await client.ask(_PATH, form=form, is_post=len(form) > _LONGEST_GET)
    except (OSError, TooLarge, ValueError) as problem:
        return _failed(
            *prometheus.trouble(problem, base_url=query.base_url, timeout_seconds=query.timeout_seconds)
        )
    finally:
        if client is not None:
            client.close()
    return read(status, body)


def read(status: int, body: bytes) -> RangeResult:
    """Read an HTTP answer of /api/v1/query_range."""
    if 300 <= status < 400:
        return _failed("redirect", f"The server answered HTTP {status}; redirects are not followed.")
    try:
        answer = json.loads(body)
        if answer["status"] == "success":
            return _matrix(answer)
        return _failed(*prometheus.error_of(answer))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    if status != 200:
        return _failed("http_status", f"The server answered HTTP {status}.")
    return _failed("bad_answer", "The answer is not one of Prometheus.")


def _matrix(answer: dict[str, Any]) -> RangeResult:
    kind, found = answer["data"]["resultType"], answer["data"]["result"]
    if kind != "matrix":
        return _failed("result_type", f"The expression gives a {kind}, which has no course over time.")
    if any("values" not in one for one in found):
        return _failed("result_type", "The expression gives histograms; a chart needs numbers.")
    lines = []
    for one in found[:MAX_SERIES]:
        points = [(float(at), str(value)[:_MAX_VALUE_TEXT]) for at, value in one["values"][:MAX_POINTS]]
        for _at, value in points:
            float(value)  # what is no number at all is no answer of Prometheus
        (bounded,) = kept([Series(one["metric"], "")])
        lines.append((dict(bounded.labels), points))
    said = [*(answer.get("warnings") or ()), *(answer.get("infos") or ())]
    return RangeResult(lines, max(0, len(found) - MAX_SERIES), kept_warnings(said))


def _failed(code: str, message: str) -> RangeResult:
    return RangeResult(error_code=code, error=storable(message, MAX_ERROR))
