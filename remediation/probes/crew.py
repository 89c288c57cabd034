"""A crew that asks many Prometheus queries at once, over kept connections, and keeps its sources apart."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

from remediation.probes import combined
from remediation.probes.http import Client
from remediation.probes.prometheus import (
    DOWN_AT,
    SLOW_WEIGHT,
    Key,
    Query,
    ask,
    client_of,
    harmless,
    weight_of,
)
from remediation.probes.result import ProbeResult, failed

IN_FLIGHT = 64
IN_FLIGHT_PER_SOURCE = 16

Ticket = TypeVar("Ticket")


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
        combines: bool = False,
    ) -> None:
        """Nothing is asked yet.

        Args:
            enough: how many answers `finished` gathers before it returns early.
            doubt: where a query was not answered in time, makes the ticket of a harmless one, which is sent
                at once: is the source dead, or the query heavy? None: the source is taken for dead sooner.
            combines: whether several expressions may be asked as one query, where that is exact.
        """
        self._allow_loopback = allow_loopback
        self._enough = enough
        self._doubt = doubt
        self._combines = combines
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
        group = combined.MOST if self._combines and not is_trial and combined.is_combinable(query) else 1
        waiting = _Waiting(ticket, query, time.monotonic() + start_within, is_trial, group)
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
            if len(batch := source.take()) > 1:
                await self._ask_together(source, batch)
                continue
            [(ticket, query, start_before, is_trial, _group)] = batch
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
                self._note(source, batch[0], result)
            source.trials -= is_trial
            self._finish(ticket, result)

    async def _ask_together(self, source: _Source[Ticket], batch: list[_Waiting[Ticket]]) -> None:
        """Ask them as one query; those without an exact result wait again, to be asked by fewer at a time."""
        source.in_flight += 1
        began = time.monotonic()
        try:
            found = await combined.ask(source.client, [one.query for one in batch])
        except Exception:  # noqa: BLE001
            # A defect here must lose none of them: each is asked alone.
            found = [None] * len(batch)
        finally:
            source.in_flight -= 1
        # There is no time for many attempts: what took long is asked alone from now on.
        is_slow = time.monotonic() - began > combined.SLOW_SECONDS
        if isinstance(found, ProbeResult):
            self._note(source, batch[0], found)
            found, is_slow = [None] * len(batch), True
        else:
            source.note(ProbeResult("pass"), is_trial=False)
        group = 1 if is_slow else combined.next_group(len(batch), is_whole=not any(found))
        again = []
        for one, result in zip(batch, found, strict=True):
            if result is not None:
                self._finish(one.ticket, result)
                continue
            again.append(one._replace(group=group))
            if group == 1:
                combined.remember_alone(one.query)
        source.waiting.extendleft(reversed(again))

    def _note(self, source: _Source[Ticket], asked: _Waiting[Ticket], result: ProbeResult) -> None:
        source.note(result, is_trial=asked.is_trial)
        if self._doubt and source.trouble and result.error_code == "timeout" and not source.trials:
            trial = harmless(asked.query.base_url, asked.query.access)
            within = trial.timeout_seconds
            self.submit(self._doubt(asked.ticket), trial, start_within=within, is_trial=True)

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
    # How many at most may be asked together with it.
    group: int


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
        chances = (DOWN_AT - self.trouble) // SLOW_WEIGHT
        return self.in_flight < (self.most if self.has_answered else min(self.most, max(1, chances)))

    def take(self) -> list[_Waiting[Ticket]]:
        """The next one, or several that may be asked together; of a source that has answered only."""
        first = self.waiting.popleft()
        batch, now = [first], time.monotonic()
        if self.has_answered and first.start_before > now:
            while self.waiting and len(batch) < min(first.group, self.waiting[0].group):
                if self.waiting[0].start_before < now:
                    break
                batch.append(self.waiting.popleft())
        return batch

    def note(self, result: ProbeResult, *, is_trial: bool) -> None:
        weight = weight_of(result)
        self.trouble = self.trouble + (DOWN_AT if is_trial else weight) if weight else 0
        self.has_answered = not weight
