"""What every endpoint does: find what the caller may see, check the body, call the domain once, answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ValidationError
from rest_framework.viewsets import GenericViewSet

from api.shapes import Empty, Page, Strict
from postmortem.errors import Invalid

Handler = Callable[..., Response]


class Resource(GenericViewSet):
    """A kind of record; a subclass says which rows there are, and its endpoints what may be done with them.

    Attributes:
        ordering: of its list: see `api.pagination.Keyset`.
        key: the field by which the URL names a record.
    """

    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    ordering: ClassVar[Sequence[str]] = ("-id",)
    key: ClassVar[str] = "public_id"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Django would serve such an endpoint at every path of the resource, whatever the table of paths says.
        if named := [name for name in cls.http_method_names if name in vars(cls)]:
            raise TypeError(f"{cls.__name__} has endpoints named like HTTP methods: {', '.join(named)}")

    def visible(self) -> QuerySet[Any]:
        """The rows this caller may see; every look-up starts here."""
        raise NotImplementedError

    def whole(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The same rows with everything an answer shows of them, in a constant number of queries."""
        return rows

    def find(self, **url: Any) -> Any:
        """The record the URL names; 404 when there is none that this caller may see."""
        (name,) = url.values()
        return one(self.visible(), **{self.key: name})

    def again(self, record: Any) -> Any:
        """A record as it is after an act, whole; the caller has seen it, so visibility is not asked again."""
        return self.whole(type(record)._base_manager.all()).get(pk=record.pk)

    def read(self, **url: Any) -> Any:
        """The record the URL names, whole; 404 as for `find`."""
        # Who finds in a way of their own looks among other rows than `visible`.
        if type(self).find is not Resource.find:
            return self.again(self.find(**url))
        (name,) = url.values()
        return one(self.whole(self.visible()), **{self.key: name})

    def answer(self, gives: type[BaseSerializer[Any]], record: Any, status: int = 200) -> Response:
        (shown,) = _written(gives, [record], self.get_serializer_context())
        return Response(shown, status)


def listing(
    says: str,
    *,
    gives: type[BaseSerializer[Any]],
    takes: type[Page] = Page,
    rows: Callable[..., QuerySet[Any]] | None = None,
) -> Handler:
    """An endpoint that lists rows, page by page.

    Args:
        takes: the query string's shape; its values beyond `limit` and `after` go to `rows`.
        rows: called with the view, the URL's parts and the query's values; the visible rows unless given.
    """

    @extend_schema(description=says, parameters=[takes], responses=gives(many=True))
    def handler(view: Resource, request: Request, **url: Any) -> Response:
        filters = read_query(takes, request, context=_context(view, []))
        filters.pop("limit", None)
        filters.pop("after", None)
        found = rows(view, **url, **filters) if rows else view.visible()
        page = view.paginate_queryset(view.whole(found))
        return view.get_paginated_response(_written(gives, page, view.get_serializer_context()))

    return handler


def detail(says: str, *, gives: type[BaseSerializer[Any]], of: Callable[..., Any] | None = None) -> Handler:
    """An endpoint that shows one record, or with `of` what that makes of the view and the URL's parts."""

    @extend_schema(description=says, responses=gives)
    def handler(view: Resource, request: Request, **url: Any) -> Response:
        refuse_query(request)
        return view.answer(gives, of(view, **url) if of else view.read(**url))

    return handler


def creation(
    says: str,
    verb: Callable[..., Any],
    *,
    takes: type[Strict],
    gives: type[BaseSerializer[Any]],
    of: bool = False,
    is_new: Callable[[Any, datetime], bool] | None = None,
) -> Handler:
    """An endpoint that makes a record by `verb(**values, by=, now=)`.

    Args:
        of: the URL names what it is made in: `verb(parent, **values, by=, now=)`.
        is_new: whether a record was made at this moment; one that was there before is answered with 200.
    """
    statuses = [201] if is_new is None else [201, 200]

    @extend_schema(
        description=says,
        request=None if takes is Empty else takes,
        responses=dict.fromkeys(statuses, gives),
    )
    def handler(view: Resource, request: Request, **url: Any) -> Response:
        refuse_query(request)
        parents = [view.find(**url)] if of else []
        values = checked(takes, request.data, context=_context(view, parents))
        now = timezone.now()
        made = verb(*parents, **values, by=request.user, now=now)
        was_there = is_new is not None and not is_new(made, now)
        return view.answer(gives, view.again(made), 200 if was_there else 201)

    return handler


def act(
    says: str,
    verb: Callable[..., Any],
    *,
    takes: type[Strict] = Empty,
    gives: type[BaseSerializer[Any]],
    partial: bool = False,
) -> Handler:
    """An endpoint that does `verb(record, **values, by=, now=)` and shows the record afterwards.

    Args:
        partial: only the fields that were sent are passed on (PATCH).
    """

    @extend_schema(description=says, request=None if takes is Empty else takes, responses=gives)
    def handler(view: Resource, request: Request, **url: Any) -> Response:
        refuse_query(request)
        record = view.find(**url)
        values = checked(takes, request.data, partial=partial, context=_context(view, [record]))
        verb(record, **values, by=request.user, now=timezone.now())
        return view.answer(gives, view.again(record))

    return handler


def removal(says: str, verb: Callable[..., Any]) -> Handler:
    """An endpoint that does `verb(record, by=, now=)`, after which there is nothing to show."""

    @extend_schema(description=says, request=None, responses={204: None})
    def handler(view: Resource, request: Request, **url: Any) -> Response:
        refuse_query(request)
        record = view.find(**url)
        checked(Empty, request.data)
        verb(record, by=request.user, now=timezone.now())
        return Response(status=204)

    return handler


def checked(
    takes: type[Strict], data: Any, *, partial: bool = False, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values of a body or query, once their shape is right.

    Raises:
        ValidationError: each wrong field is named with what is wrong.
    """
    serializer = takes(data=data, context=dict(context or {}))
    if partial:
        # DRF's own `partial` would excuse the bodies inside this one as well.
        for field in serializer.fields.values():
            field.required, field.default = False, empty
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@contextmanager
def named_as(**names: str) -> Iterator[None]:
    """A refusal names the field that was sent, where the domain calls it otherwise."""
    try:
        yield
    except Invalid as refusal:
        if refusal.field not in names:
            raise
        raise type(refusal)(refusal.message, field=names[refusal.field], details=refusal.details) from None


def one(rows: QuerySet[Any], **which: Any) -> Any:
    """The one row; 404 when there is none."""
    record: Model | None = rows.filter(**which).first()
    if record is None:
        raise Http404
    return record


# A serializer makes all of its fields anew, which takes longer than to write a record with them.
_serializers = threading.local()


def _written(gives: type[BaseSerializer[Any]], records: Iterable[Any], context: dict[str, Any]) -> list[Any]:
    """Records as answers of a shape, by the serializer of this thread, which forgets afterwards who asked."""
    kept: dict[type[BaseSerializer[Any]], BaseSerializer[Any]] = _serializers.__dict__
    serializer = kept[gives] if gives in kept else kept.setdefault(gives, gives())
    serializer._context = context
    try:
        return [serializer.to_representation(record) for record in records]
    finally:
        serializer._context = {}


def _context(view: Resource, parents: Sequence[Any]) -> dict[str, Any]:
    return {**view.get_serializer_context(), "record": parents[0] if parents else None}


def read_query(
    takes: type[Strict], request: Request, *, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values of a query string; a parameter without a value is refused, for it would narrow nothing."""
    values = _single_values(request.query_params)
    if blank := [name for name, value in values.items() if not value.strip()]:
        raise ValidationError(
            {name: [_("Give it a value, or leave it out.")] for name in blank}, code="blank"
        )
    return checked(takes, values, context=context)


def refuse_query(request: Request) -> None:
    """An endpoint without a query refuses one, so that a misplaced filter cannot pass in silence."""
    if request.query_params:
        checked(Empty, _single_values(request.query_params))


def _single_values(query: QueryDict) -> dict[str, str]:
    """A query string as a body; a parameter given twice is a mistake that no reading makes right."""
    if twice := [name for name, values in query.lists() if len(values) > 1]:
        raise ValidationError({name: [_("Given more than once.")] for name in twice}, code="given_twice")
    return dict(query.items())
