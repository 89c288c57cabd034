"""Counts what goes to PostgreSQL, on the wire: the gate's statements do not pass Django's cursor."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from psycopg import pq

_ASKS = {"Query", "Execute"}


@contextmanager
def statements() -> Iterator[list[str]]:
    """A list that holds, afterwards, one entry for each statement that was run: "Query" or "Execute"."""
    seen: list[str] = []
    connection.ensure_connection()
    wire = connection.connection.pgconn
    with tempfile.NamedTemporaryFile() as file:
        wire.trace(file.fileno())
        wire.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield seen
        finally:
            wire.untrace()
        for line in Path(file.name).read_text(errors="replace").splitlines():
            sender, _length, kind, *_rest = [*line.split("\t"), "", "", ""]
            if sender == "F" and kind in _ASKS:
                seen.append(kind)
