"""Django's PostgreSQL backend, with moments read by psycopg's own loader.

Django reads every `timestamptz` in Python, to put its own UTC in place of psycopg's; that takes ten times as
long. Connections speak UTC already (`USE_TZ`), so that psycopg's loader, which is in C, gives the same
moments: aware, and in UTC.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, adapters
from psycopg.postgres import types
from psycopg.pq import Format

_TIMESTAMPTZ = types["timestamptz"].oid
_LOADER: Any = adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own but for the loader of moments."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.adapters.register_loader(_TIMESTAMPTZ, _LOADER)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        # Django's own would give every cursor its loader again.
        if name is None:
            return self.connection.cursor()
        return base.ServerSideCursor(
            self.connection, name=name, scrollable=False, withhold=self.connection.autocommit
        )
