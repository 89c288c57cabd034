"""Instant queries against Prometheus: many at once, over kept connections, to guarded addresses.

Bodies are asked for uncompressed: packing a tiny answer costs Prometheus three times the query itself.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlsplit

from remediation.probes import addresses, reasons
from remediation.probes.access import OPEN, Access
from remediation.probes.http import MAX_BODY_BYTES, BadAddress, Broken, Client, Origin, TooLarge
from remediation.probes.result import (
    Expectation,
    ProbeResult,
    Series,
    failed,
    judge,
    kept,
    kept_warnings,
)

_PATH = "/api/v1/query"
# Longer ones are posted: proxies cut addresses at about 8 kB.
_LONGEST_GET = 2_000
# When these add up to the limit with no answer in between, a source counts as down: 3 refused connections,
# or 4 times no answer in time. Until it has answered no more are in flight than it takes to find that out: a
# dead source shall hold few places, and one that has just come back shall not be overrun.
_WEIGHT = {"unreachable": 6, "address_refused": 6, "timeout": 4}
SLOW_WEIGHT = _WEIGHT["timeout"]
DOWN_AT = 16
HARMLESS_SECONDS = 3.0
_ERROR_TYPES = {"bad_data", "execution", "timeout", "canceled", "internal", "unavailable", "not_found"}
_COMPLAINT = re.compile(r"(?P<position>\d+:\d+): parse error: (?P<reason>.+)", re.DOTALL)

Key = tuple[str, Access]


class Query(NamedTuple):
    """One instant query. `base_url` may have a path, and names the source that the query belongs to."""

    base_url: str
    promql: str
    expectation: Expectation
    timeout_seconds: float
    access: Access = OPEN

    @property
    def key(self) -> Key:
        """What one crew takes for one source."""
        return self.base_url, self.access


def ask_once(query: Query, *, allow_loopback: bool) -> ProbeResult:
    """Ask one query and wait; at most `query.timeout_seconds`."""
    # In a thread of its own: the caller's may have an event loop already, and that allows no second one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_ask_once, query, allow_loopback=allow_loopback).result()


def _ask_once(query: Query, *, allow_loopback: bool) -> ProbeResult:
    async def ask_alone() -> ProbeResult:
        client = client_of(query.base_url, access=query.access, allow_loopback=allow_loopback)
        try:
            return await ask(client, query)
        finally:
            if client is not None:
                client.close()

    return asyncio.run(ask_alone())


def harmless(base_url: str, access: Access) -> Query:
    """A query that every Prometheus answers at once, if it answers at all."""
    return Query(base_url, "vector(1)", Expectation("all", "==", 1.0), HARMLESS_SECONDS, access)


def weight_of(result: ProbeResult) -> int:
    """How much a result speaks for a source that is down; 0 when anything was heard of it."""
    return _WEIGHT.get(result.error_code, 0) if result.is_silence else 0


def complaint(error: str) -> tuple[str, str]:
    """What Prometheus finds wrong with an expression, without preamble, and where: "line:column" or ""."""
    found = _COMPLAINT.search(error)
    return (found["reason"], found["position"]) if found else (error, "")


async def ask(client: Client | None, query: Query) -> ProbeResult:
    """Send one query and judge the answer; whatever goes wrong outside is a result, not an exception."""
    answer = await exchange(client, query)
    return answer if isinstance(answer, ProbeResult) else read(*answer, query)


@functools.lru_cache(maxsize=20_000)
def quoted(promql: str) -> str:
    """An expression as a form has it. The same ones are asked for ever, and to quote takes long."""
    return quote_plus(promql)


async def exchange(
    client: Client | None, query: Query, *, expression: str = ""
) -> tuple[int, bytes] | ProbeResult:
    """Send one query; status and body of the answer, or the result of having heard nothing.

    Args:
        expression: what to ask instead of the query's own, quoted.
    """
    try:
        if client is None:
            raise BadAddress(query.base_url)
        form = f"query={expression or quoted(query.promql)}&timeout={query.timeout_seconds:g}s"
        async with asyncio.timeout(query.timeout_seconds):
            return await client.ask(_PATH, form=form, is_post=len(form) > _LONGEST_GET)
    except (OSError, TooLarge, ValueError) as problem:
        code, message = trouble(problem, base_url=query.base_url, timeout_seconds=query.timeout_seconds)
        return failed(code, message, expression=query.promql)._replace(is_silence=True)


def trouble(problem: Exception, *, base_url: str, timeout_seconds: float) -> tuple[str, str]:
    """What went wrong on the way to a source: a stable code, and a sentence.

    Args:
        problem: an OSError (a TimeoutError is one), `TooLarge` or a ValueError about the address.
        base_url: of the source, whose host and port the sentence names as they were written.
    """
    if isinstance(problem, TimeoutError):
        return "timeout", f"No answer within {timeout_seconds:g} s."
    if isinstance(problem, TooLarge):
        return "too_large", f"The answer is larger than {MAX_BODY_BYTES // 1024 // 1024} MB."
    if isinstance(problem, BadAddress | UnicodeError):
        return "bad_address", "The data source's address is not one of a web server."
    if isinstance(problem, addresses.AddressRefused):
        return "address_refused", f"{problem}."
    if isinstance(problem, Broken):
        return "unreachable", f"{problem}."
    if isinstance(problem, OSError):
        return "unreachable", f"{urlsplit(base_url).netloc}: {reasons.words(problem)}"
    raise problem


def read(status: int, body: bytes, query: Query) -> ProbeResult:
    """Judge an HTTP answer of /api/v1/query.

    A vector and a scalar are judged; anything else is an error: `bad_data` and the like carry the message
    of Prometheus, `http_status` and `bad_answer` mean that something else answered.
    """
    if 300 <= status < 400:
        message = f"The server answered HTTP {status}; redirects are not followed."
        return failed("redirect", message, expression=query.promql)
    try:
        answer = json.loads(body)
        if answer["status"] == "success":
            return _judged(answer, query)
        code, message = error_of(answer)
        return failed(code, message, expression=query.promql)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    if status != 200:
        return failed("http_status", f"The server answered HTTP {status}.", expression=query.promql)
    return failed("bad_answer", "The answer is not one of Prometheus.", expression=query.promql)


def _judged(answer: dict[str, Any], query: Query) -> ProbeResult:
    kind, result = answer["data"]["resultType"], answer["data"]["result"]
    if kind == "vector":
        if any("value" not in sample for sample in result):
            message = "The expression gives histograms; a check needs numbers."
            return failed("result_type", message, expression=query.promql)
        vector = [Series(sample["metric"], sample["value"][1]) for sample in result]
    elif kind == "scalar":
        vector = [Series({}, result[1])]
    else:
        message = f"The expression gives a {kind}; a check needs an instant vector or a scalar."
        return failed("result_type", message, expression=query.promql)
    said: Sequence[str] = [*(answer.get("warnings") or ()), *(answer.get("infos") or ())]
    return judged_vector(vector, query, said)


def judged_vector(vector: Sequence[Series], query: Query, said: Sequence[str] = ()) -> ProbeResult:
    """The result of an instant vector; `said` are the server's warnings."""
    outcome, value = judge(vector, query.expectation)
    return ProbeResult(
        outcome, value=value, series=kept(vector), warnings=kept_warnings(said), expression=query.promql
    )


def client_of(base_url: str, *, access: Access = OPEN, allow_loopback: bool) -> Client | None:
    """A client that connects to guarded addresses only; None when none can be made of what is stored."""
    check = partial(access.check_address, allow_loopback=allow_loopback)
    try:
        return Client(Origin.of(base_url), check_address=check, access=access)
    except (BadAddress, ssl.SSLError, UnicodeError):
        return None


def error_of(answer: dict[str, Any]) -> tuple[str, str]:
    """The code and the message of an answer of Prometheus that is an error; KeyError when it is none."""
    code = answer["errorType"] if answer["errorType"] in _ERROR_TYPES else "prometheus_error"
    return code, str(answer["error"])
