"""Shares of data sources: how many queries a task may send, so that all together keep a source's limit.

A source has two shares, each half of its `queries_at_once`, held under a lease by the database's clock. A
task begins with one, so that a second worker finds another; one that has a backlog may take both.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

# A holder renews in time or is taken for dead; nobody is kept waiting longer than this by a killed worker.
LEASE_SECONDS = 10
_TAKE = """
    INSERT INTO remediation_sourceshare AS held (source_id, number, holder, until)
    SELECT DISTINCT ON (s.id) s.id, n.number, %(holder)s, clock_timestamp() + make_interval(secs => %(lease)s)
    FROM remediation_datasource s CROSS JOIN (VALUES (0), (1)) AS n (number)
    WHERE s.id = ANY(%(sources)s) AND (n.number = 0 OR s.queries_at_once > 1)
      AND NOT EXISTS (
          SELECT FROM remediation_sourceshare t
          WHERE t.source_id = s.id AND t.number = n.number AND t.until > clock_timestamp()
      )
    ORDER BY s.id, n.number
    ON CONFLICT (source_id, number) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE held.until <= clock_timestamp()
    RETURNING source_id, number
"""


class Shares:
    """The shares that one task holds."""

    def __init__(self) -> None:
        self.holder: UUID = uuid4()
        self._held: dict[int, set[int]] = {}

    def take(self, sources: Collection[int]) -> None:
        """Take one more share of each of these sources, where one is free."""
        missing = set(sources)
        # Whoever loses a race for the first share finds the second at the next look.
        for _ in range(2):
            if missing:
                for source_id, number in self._run(_TAKE, sources=sorted(missing), lease=LEASE_SECONDS):
                    self._held.setdefault(source_id, set()).add(number)
                    missing.discard(source_id)

    def renew(self) -> None:
        """Hold on to them; what was lost meanwhile is ours no more."""
        if self._held:
            query = (
                "UPDATE remediation_sourceshare"
                " SET until = clock_timestamp() + make_interval(secs => %(lease)s)"
                " WHERE holder = %(holder)s RETURNING source_id, number"
            )
            self._held = {}
            for source_id, number in self._run(query, lease=LEASE_SECONDS):
                self._held.setdefault(source_id, set()).add(number)

    def release(self) -> None:
        """Let all of them go."""
        if self._held:
            query = (
                "UPDATE remediation_sourceshare SET until = clock_timestamp()"
                " WHERE holder = %(holder)s RETURNING source_id, number"
            )
            self._run(query)
            self._held = {}

    def size(self, source_id: int, queries_at_once: int) -> int:
        """How many queries this task may have on their way to a source; 0 without a share."""
        numbers = self._held.get(source_id, ())
        return sum((queries_at_once + 1 - number) // 2 for number in numbers)

    def _run(self, query: str, **values: Any) -> list[tuple[int, int]]:
        with connection.cursor() as cursor:
            cursor.execute(query, values | {"holder": self.holder})
            return [(source_id, number) for source_id, number in cursor.fetchall()]
