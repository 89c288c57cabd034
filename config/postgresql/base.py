"""Django's PostgreSQL backend, with moments read by psycopg's own loader, and with statements to prepare.

Django reads every `timestamptz` in Python, to put its own UTC in place of psycopg's; that takes ten times as
long. Connections speak UTC already (`USE_TZ`), so that psycopg's loader, which is in C, gives the same
moments: aware, and in UTC.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, adapters
from psycopg._preparing import PrepareManager
from psycopg._queries import PostgresQuery
from psycopg.postgres import types
from psycopg.pq import Format

_TIMESTAMPTZ = types["timestamptz"].oid
_LOADER: Any = adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)


class _Statements(PrepareManager):
    """Keeps what is prepared when a transaction is rolled back, as PostgreSQL does.

    psycopg would forget it then, and have the server forget all that is prepared on the connection, by
    `governance.statements` too.
    """

    def clear(self) -> bool:
        """Nothing is forgotten."""
        return False


class _Prepared(Cursor[Any]):
    """Has the server keep the plan of each statement that it executes; values are sent beside the text."""

    def execute(self, *args: Any, **options: Any) -> "_Prepared":
        super().execute(*args, **options, prepare=True)
        return self

    def _send_query_prepared(self, name: bytes, pgq: PostgresQuery, *, binary: bool | None = None) -> None:
        # psycopg remembers only what it sends as text, and Django asks for it where statements are watched.
        self._query = pgq
        super()._send_query_prepared(name, pgq, binary=binary)


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own but for the loader of moments, and `prepared`."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.adapters.register_loader(_TIMESTAMPTZ, _LOADER)
        # Only cursors of `prepared` ask for it: Django's own put the values into the text.
        connection._prepared = _Statements()
        connection.prepare_threshold = 0
        return connection

    def prepared(self) -> Any:
        """A cursor for statements that come again and again, and take longer to plan than to answer.

        The plan that is kept fits any values. Where a good plan depends on them, use `cursor`.
        """
        # As for any other cursor: one that died since the last request is made anew.
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(_Prepared(self.connection))

    def create_cursor(self, name: str | None = None) -> Any:
        # Django's own would give every cursor its loader again.
        if name is None:
            return self.connection.cursor()
        return base.ServerSideCursor(
            self.connection, name=name, scrollable=False, withhold=self.connection.autocommit
        )
