"""Questions to the database that Django has no words for."""

from __future__ import annotations

from typing import Any

from django.db.models import Lookup


class AnyOf(Lookup):
    """A column is one of a list of values: `AnyOf(F("id"), [1, 2])`, or of an `ArraySubquery`.

    As one parameter, for a list of a parameter each, as `__in` makes it, takes longer to send and to plan. Of
    what a query finds the rows are then looked up by index, where `__in` may read the whole table to join it.
    """

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        values, of_values = self.process_rhs(compiler, connection)
        return f"{column} = ANY({values})", (*parameters, *of_values)
