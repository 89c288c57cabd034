"""Sessions in the database, read without an object of each: every page asks for its own."""

from typing import Any

from django.contrib.sessions.backends import db
from django.db import connection

_SESSION = """
    SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > statement_timestamp()
"""


class SessionStore(db.SessionStore):
    """As Django's own, but for how it is read."""

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing where it is unknown or over, and then it gets another key."""
        with connection.prepared() as cursor:  # type: ignore[attr-defined]
            cursor.execute(_SESSION, [self.session_key])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        found: dict[str, Any] = self.decode(row[0])
        return found
