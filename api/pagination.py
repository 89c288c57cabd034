"""Pages by keyset: the next page begins after the last row of this one, however many rows come before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:
    # DRF reads its settings, which name this module, while it imports its views.
    from rest_framework.views import APIView

DEFAULT_SIZE = 50
LARGEST_SIZE = 200


class Keyset(BasePagination):
    """`{"items": […], "next": url or null}`.

    The view says its order in `ordering`: field names, all rising or all falling (with a leading "-"),
    whose last one is unique. Rows that come or go meanwhile shift nothing.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Model], request: Request, view: APIView | None = None
    ) -> list[Model]:
        ordering: Sequence[str] = view.ordering  # type: ignore[union-attr]
        size = int(request.query_params.get("limit") or DEFAULT_SIZE)
        # Signed, so that a cursor is always one of ours, made for this very list.
        signer = signing.Signer(salt=f"api.after.{type(view).__name__}.{getattr(view, 'action', '')}")
        if after := request.query_params.get("after"):
            queryset = queryset.filter(_past(ordering, _opened(signer, after)))
        rows = list(queryset.order_by(*ordering)[: size + 1])
        self._next = None
        if len(rows) > size:
            rows = rows[:size]
            key = [_plain(getattr(rows[-1], name.lstrip("-"))) for name in ordering]
            cursor = signer.sign_object(key)
            self._next = replace_query_param(request.build_absolute_uri(), "after", cursor)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": schema,
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "Where the following rows are; null on the last page.",
                },
            },
        }


def _plain(value: Any) -> int | str:
    return value.isoformat() if isinstance(value, datetime) else value


def _opened(signer: signing.Signer, cursor: str) -> list[Any]:
    try:
        return signer.unsign_object(cursor)
    except (signing.BadSignature, ValueError):
        message = _("This is no place in this list. Take “next” from an answer.")
        raise ValidationError({"after": [message]}, code="invalid") from None


def _past(ordering: Sequence[str], key: Sequence[Any]) -> Q:
    """The rows behind `key`: those past it in the first field, or equal there and past it in the rest."""
    (name, *names), (value, *values) = ordering, key
    side = "lt" if name.startswith("-") else "gt"
    name = name.lstrip("-")
    beyond = Q(**{f"{name}__{side}": value})
    if not names:
        return beyond
    # The first condition is implied by the second; it is what lets an index be used.
    return Q(**{f"{name}__{side}e": value}) & (beyond | _past(names, values))
