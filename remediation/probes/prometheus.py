"""Instant queries against Prometheus: many at once, over kept connections, to guarded addresses.

Bodies are asked for uncompressed: packing a tiny answer costs Prometheus three times the query itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import quote_plus

from remediation.probes import addresses
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

IN_FLIGHT = 64
IN_FLIGHT_PER_SOURCE = 16
_PATH = "/api/v1/query"
# Longer ones are posted: proxies cut addresses at about 8 kB.
_LONGEST_GET = 2_000
# When these add up to the limit with no answer in between, a source counts as down: 3 refused connections,
# or 4 times no answer in time. Until it has answered no more are in flight than it takes to find that out: a
# dead source shall hold few places, and one that has just come back shall not be overrun.
_WEIGHT = {"unreachable": 6, "address_refused": 6, "timeout": 4}
DOWN_AT = 16
HARMLESS_SECONDS = 3.0
_ERROR_TYPES = {"bad_data", "execution", "timeout", "canceled", "internal", "unavailable", "not_found"}
_COMPLAINT = re.compile(r"(?P<position>\d+:\d+): parse error: (?P<reason>.+)", re.DOTALL)

Ticket = TypeVar("Ticket")
Key = tuple[str, Access]


@dataclass(frozen=True, slots=True)
class Query:
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
    with Crew[None](allow_loopback=allow_loopback) as crew:
        crew.submit(None, query, start_within=query.timeout_seconds)
        while not (answers := crew.finished(within=query.timeout_seconds)):
            pass
    _, result = answers[0]
    return result or failed("timeout", "The query was not begun in time.", expression=query.promql)


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


class Crew(Generic[Ticket]):
    """Workers that ask queries concurrently, driven from synchronous code.

    At most 64 queries are in flight, of one source no more than it was submitted with and few until it has
    answered, so that one slow source cannot hold up the others; a source that looks down is not asked again
    by this crew unless a trial is answered. Between calls nothing runs, but what was sent is on its way.
    Not for several threads.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        enough: int = 128,
        doubt: Callable[[Ticket], Ticket] | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            enough: how many answers `finished` gathers before it returns early.
            doubt: where a query was not answered in time, makes the ticket of a harmless one, which is sent
                at once: is the source dead, or the query heavy? None: the source is taken for dead sooner.
        """
        self._allow_loopback = allow_loopback
        self._enough = enough
        self._doubt = doubt
        self._runner = asyncio.Runner()
        self._sources: dict[Key, _Source[Ticket]] = {}
        self._turns: deque[_Source[Ticket]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._done: list[tuple[Ticket, ProbeResult | None]] = []
        self._pending = 0
        self._wake = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._close())
        finally:
            self._runner.close()

    @property
    def pending(self) -> int:
        """How many tickets have no result yet."""
        return self._pending

    def crowded(self, *, at: int) -> list[Key]:
        """The sources for which at least `at` queries wait to be sent."""
        return [key for key, source in self._sources.items() if len(source.waiting) >= at]

    def submit(
        self,
        ticket: Ticket,
        query: Query,
        *,
        start_within: float,
        is_trial: bool = False,
    ) -> None:
        """Take a query; the next `finished` sends it, unless `start_within` seconds have passed by then.

        Args:
            is_trial: send it next, although its source looks down or has as many in flight as it may. Its
                silence is conclusive, and until it has ended the source does not count as down.
        """
        source = self._source(query)
        source.trials += is_trial
        waiting = _Waiting(ticket, query, time.monotonic() + start_within, is_trial)
        if is_trial:
            source.waiting.appendleft(waiting)
        else:
            source.waiting.append(waiting)
        self._pending += 1

    def limit(self, key: Key, most: int) -> None:
        """From now on at most so many queries of a source are in flight; 0: none."""
        if key in self._sources:
            self._sources[key].most = most

    def withdraw(self, key: Key) -> list[Ticket]:
        """Forget the queries of a source that were not sent yet, trials left out; their tickets."""
        source = self._sources.get(key)
        if source is None:
            return []
        back = [one.ticket for one in source.waiting if not one.is_trial]
        source.waiting = deque(one for one in source.waiting if one.is_trial)
        self._pending -= len(back)
        return back

    def finished(self, *, within: float) -> list[tuple[Ticket, ProbeResult | None]]:
        """Work until enough answers are there, nothing is left, or `within` seconds have passed.

        Returns:
            Tickets with their results, each once; None as the result of one that was never sent.
        """
        if self._pending:
            self._runner.run(self._work(within))
        done, self._done = self._done, []
        return done

    def give_back(self) -> list[Ticket]:
        """The tickets whose queries were not sent yet; the crew forgets them."""
        back = [one.ticket for source in self._sources.values() for one in source.waiting]
        for source in self._sources.values():
            source.trials -= sum(one.is_trial for one in source.waiting)
            source.waiting.clear()
        self._pending -= len(back)
        return back

    def _source(self, query: Query) -> _Source[Ticket]:
        source = self._sources.get(query.key)
        if source is None:
            client = client_of(query.base_url, access=query.access, allow_loopback=self._allow_loopback)
            source = self._sources[query.key] = _Source(client)
            self._turns.append(source)
        return source

    async def _work(self, within: float) -> None:
        self._wake.clear()
        self._expire()
        while len(self._workers) < IN_FLIGHT and any(source.is_ready for source in self._turns):
            worker = asyncio.create_task(self._serve())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
            await asyncio.sleep(0)  # it takes its first query, which counts for the next one's choice
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _serve(self) -> None:
        while (source := self._next_source()) is not None:
            ticket, query, start_before, is_trial = source.waiting.popleft()
            result: ProbeResult | None
            if source.is_down and not is_trial:
                message = "Not asked: this server did not answer the queries before."
                result = failed("source_down", message, expression=query.promql)
            elif time.monotonic() > start_before:
                result = None
            else:
                source.in_flight += 1
                try:
                    result = await ask(source.client, query)
                except Exception as error:  # noqa: BLE001
                    # A defect that one query meets must not lose the others.
                    result = failed("internal", f"{type(error).__name__}: {error}", expression=query.promql)
                finally:
                    source.in_flight -= 1
                source.note(result, is_trial=is_trial)
                if self._doubt and source.trouble and result.error_code == "timeout" and not source.trials:
                    trial = harmless(query.base_url, query.access)
                    within = trial.timeout_seconds
                    self.submit(self._doubt(ticket), trial, start_within=within, is_trial=True)
            source.trials -= is_trial
            self._finish(ticket, result)

    def _expire(self) -> None:
        """End the wait of what was not sent in time, although its source has no room to find that out."""
        now = time.monotonic()
        for source in self._sources.values():
            while source.waiting and source.waiting[0].start_before < now and not source.is_down:
                late = source.waiting.popleft()
                source.trials -= late.is_trial
                self._finish(late.ticket, None)

    def _finish(self, ticket: Ticket, result: ProbeResult | None) -> None:
        self._done.append((ticket, result))
        self._pending -= 1
        if not self._pending or len(self._done) >= self._enough:
            self._wake.set()

    def _next_source(self) -> _Source[Ticket] | None:
        """The next source in turn that has something to send and room for it."""
        for _ in range(len(self._turns)):
            source = self._turns[0]
            self._turns.rotate(-1)
            if source.is_ready:
                return source
        return None

    async def _close(self) -> None:
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for source in self._sources.values():
            if source.client is not None:
                source.client.close()


class _Waiting(NamedTuple, Generic[Ticket]):
    ticket: Ticket
    query: Query
    start_before: float
    is_trial: bool


@dataclass(eq=False, slots=True)
class _Source(Generic[Ticket]):
    """What one data source has waiting and in flight, and how it has behaved.

    Without a client its address is not one of a web server.
    """

    client: Client | None
    waiting: deque[_Waiting[Ticket]] = field(default_factory=deque)
    most: int = IN_FLIGHT_PER_SOURCE
    in_flight: int = 0
    trouble: int = 0
    has_answered: bool = False
    trials: int = 0

    @property
    def is_down(self) -> bool:
        return self.trouble >= DOWN_AT and not self.trials

    @property
    def is_ready(self) -> bool:
        if not self.waiting:
            return False
        # What is not asked, and what may be asked in any case, needs no room.
        if self.is_down or self.waiting[0].is_trial:
            return True
        chances = (DOWN_AT - self.trouble) // _WEIGHT["timeout"]
        return self.in_flight < (self.most if self.has_answered else min(self.most, max(1, chances)))

    def note(self, result: ProbeResult, *, is_trial: bool) -> None:
        weight = weight_of(result)
        self.trouble = self.trouble + (DOWN_AT if is_trial else weight) if weight else 0
        self.has_answered = not weight


async def ask(client: Client | None, query: Query) -> ProbeResult:
    """Send one query and judge the answer; whatever goes wrong outside is a result, not an exception."""
    try:
        if client is None:
            raise BadAddress(query.base_url)
        form = f"query={quote_plus(query.promql)}&timeout={query.timeout_seconds:g}s"
        async with asyncio.timeout(query.timeout_seconds):
            status, body = await client.ask(_PATH, form=form, is_post=len(form) > _LONGEST_GET)
    except (OSError, TooLarge, ValueError) as problem:
        code, message = trouble(problem, timeout_seconds=query.timeout_seconds)
        return replace(failed(code, message, expression=query.promql), is_silence=True)
    return read(status, body, query)


def trouble(problem: Exception, *, timeout_seconds: float) -> tuple[str, str]:
    """What went wrong on the way to a source: a stable code, and a sentence.

    Args:
        problem: an OSError (a TimeoutError is one), `TooLarge` or a ValueError about the address.
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
        return "unreachable", f"No connection: {problem.strerror or type(problem).__name__}."
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
    outcome, value = judge(vector, query.expectation)
    said: Sequence[str] = [*(answer.get("warnings") or ()), *(answer.get("infos") or ())]
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
