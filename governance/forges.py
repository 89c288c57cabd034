"""Pure: what every forge has in common: a change as it stands, a verdict to report, how it is asked.

A forge is a place where code is merged: GitHub, GitLab. It is spoken to through the guarded client that
probes use; what it answers is read like anything that comes from outside.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from remediation.probes import reasons
from remediation.probes.access import Access, bearer
from remediation.probes.addresses import AddressRefused
from remediation.probes.http import BadAddress, Client, Origin, TooLarge

TIMEOUT_SECONDS = 20
# The name under which a verdict stands at a forge.
NAME = "closeloop"
_LONGEST_ANSWER = 200

Found = TypeVar("Found")


class NoAnswer(Exception):
    """The forge cannot be reached, answers with a fault of its own, or asks for patience: try again later."""


class Refused(Exception):
    """The forge refuses: the token may not do this, or there is no such change."""


@dataclass(frozen=True, slots=True)
class Named:
    """The change that an event is about.

    Attributes:
        head: the commit that the event knew as its last.
        is_asked: whether somebody asks for a verdict once more, although nothing was changed.
        is_queued: whether `head` is a commit that a merge queue made, which waits for a verdict of its own.
    """

    repository: str
    number: int
    head: str
    is_asked: bool = False
    is_queued: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change as the forge has it now.

    Attributes:
        head: its last commit, on which the verdict is reported.
        commits: {"sha", "message"} of each, oldest first.
        paths: that it changes, as far as the forge lists them.
        is_open: whether it can still be merged.
        project: what the forge's API calls the repository.
    """

    repository: str
    number: int
    head: str
    target_branch: str
    title: str
    description: str
    commits: Sequence[Mapping[str, str]]
    paths: Sequence[str]
    labels: Sequence[str]
    is_open: bool
    url: str
    project: str


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict as it is reported.

    Attributes:
        verdict: PASS, FAIL or UNKNOWN.
        is_binding: whether anything but PASS must stop the change: so in the mode strict.
        title: one line.
        summary: Markdown: the findings, without anything that is restricted.
        details_url: the decision's page.
        decision: its id.
    """

    verdict: str
    is_binding: bool
    title: str
    summary: str
    details_url: str
    decision: str

    @property
    def is_passed(self) -> bool:
        return self.verdict == "PASS"


@dataclass(frozen=True, slots=True)
class Api:
    """Where a forge answers, and with which token and in which networks."""

    url: str
    token: str
    networks: tuple[str, ...] = ()
    reports_check: bool = False
    external_check: int | None = None


def ask(api: Api, question: Callable[[Connection], Awaitable[Found]]) -> Found:
    """Ask a forge several things over one connection, within `TIMEOUT_SECONDS` altogether.

    Raises:
        NoAnswer, Refused: see there.
    """

    async def within() -> Found:
        connection = Connection(api)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await question(connection)
        finally:
            connection.close()

    try:
        return asyncio.run(within())
    except (AddressRefused, BadAddress) as problem:
        raise Refused(f"The address of the API cannot be asked: {problem}") from None
    except TooLarge:
        raise Refused("The forge answers more than we read.") from None
    except TimeoutError:
        raise NoAnswer(f"The forge did not answer within {TIMEOUT_SECONDS} s.") from None
    except OSError as problem:
        raise NoAnswer(f"The forge cannot be reached: {reasons.words(problem)}") from None


class Connection:
    """One conversation with a forge."""

    def __init__(self, api: Api) -> None:
        access = Access(authorization=bearer(api.token) if api.token else "", networks=api.networks)

        def check(address: str) -> None:
            access.check_address(address, allow_loopback=False)

        self.api = api
        self._origin = Origin.of(api.url)
        self._client = Client(self._origin, check_address=check, access=access)

    def close(self) -> None:
        self._client.close()

    async def get(self, path: str, **query: object) -> Any:
        """The JSON at a path below the API's address."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return self._read(*await self._client.ask(path, form=words))

    async def get_all(self, path: str, *, most: int) -> list[Any]:
        """All rows of a list that comes in pages of a hundred, up to `most`."""
        rows: list[Any] = []
        while len(rows) < most:
            page = await self.get(path, per_page=100, page=len(rows) // 100 + 1)
            if not isinstance(page, list):
                raise Refused("The forge answers no list.")
            rows += page
            if len(page) < 100:
                break
        return rows[:most]

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON; never a second time by itself."""
        answer = await self._client.post(
            f"{self._origin.prefix}{path}",
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        return self._read(answer.status, answer.body)

    def _read(self, status: int, body: bytes) -> Any:
        if status >= 500 or status in {408, 429}:
            raise NoAnswer(f"The forge answers with {status}.")
        try:
            said = json.loads(body) if body else None
        except (ValueError, RecursionError):
            said = None
        if status >= 300:
            words = said.get("message") or said.get("error") if isinstance(said, dict) else ""
            raise Refused(f"The forge answers with {status}: {str(words)[:_LONGEST_ANSWER]}".rstrip(": "))
        return said
