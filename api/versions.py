"""The versions of a text: list them, read one, compare two, restore one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.resource import Resource, act, listing, one, read_query
from api.shapes import Count, Moment, Person, Strict
from postmortem import differences
from remediation import texts


class VersionQuery(Strict):
    against = Count(
        min_value=1,
        required=False,
        help_text="The number of another version: “changes” then leads from that one to this.",
    )


class Restoration(Strict):
    latest = Count(
        min_value=1,
        help_text="The newest version you know; a newer one refuses the act, with both texts.",
    )


class VersionSummary(serializers.Serializer):
    number = serializers.IntegerField(help_text="From 1, in the order in which they were written.")
    at = Moment(source="said_at")
    by = Person(source="actor", allow_null=True, help_text="Null: the system, or somebody at the database.")
    act = serializers.CharField(help_text="Such as “reviews.write”; empty for a statement from elsewhere.")


class PieceOfText(serializers.Serializer):
    """A run of text: the same in both, gone, or new."""

    what = serializers.ChoiceField(["same", "gone", "new"])
    text = serializers.CharField()


class VersionDetail(VersionSummary):
    text = serializers.CharField(allow_blank=True)
    changes = PieceOfText(
        many=True, allow_null=True, help_text="All of both texts, in order; null unless asked for."
    )


@dataclass(frozen=True)
class _Version:
    """One version of a text, with what it said."""

    row: Any
    text: str
    changes: list[differences.Piece] | None = None

    @property
    def number(self) -> int:
        found: int = self.row.number
        return found

    @property
    def said_at(self) -> datetime:
        found: datetime = self.row.said_at
        return found

    @property
    def actor(self) -> User | None:
        found: User | None = self.row.actor
        return found

    @property
    def act(self) -> str:
        return str(self.row.act)


@dataclass(frozen=True)
class _Named:
    """The version that a URL names; it need not be there."""

    text: texts.Text
    number: int


def _restore(named: _Named, *, latest: int, by: User, now: datetime) -> None:
    texts.restore(named.text, number=named.number, latest=latest, by=by, now=now)


def _rows(view: Versions, *, text: str) -> QuerySet[Any]:
    return view.text(text).versions()


class Versions(Resource):
    tag = "versions"
    ordering = ("-number",)

    def text(self, name: str) -> texts.Text:
        found = texts.find(name, viewer=self.request.user)
        if found is None:
            raise Http404
        return found

    def find(self, **url: Any) -> _Named:
        text = self.text(url["text"])
        one(text.versions(), number=url["version"])
        return _Named(text, url["version"])

    def again(self, record: _Named) -> _Version:
        """What the act made: the newest version."""
        return _read(record.text, record.text.versions().first())

    list = listing(
        "The versions of a text, newest first, without what they say.", gives=VersionSummary, rows=_rows
    )
    restore = act(
        "Save what a version said as a new one; it is an edit like any other, with its rules and refusals.",
        _restore,
        takes=Restoration,
        gives=VersionDetail,
    )

    @extend_schema(
        description="One version of a text, and on request how it differs from another.",
        parameters=[VersionQuery],
        responses=VersionDetail,
    )
    def retrieve(self, request: Request, text: str, version: int) -> Response:
        against = read_query(VersionQuery, request).get("against")
        found = self.text(text)
        rows = found.versions()
        row = one(rows, number=version)
        other = one(rows, number=against) if against is not None else None
        return self.answer(VersionDetail, _read(found, row, other))


def _read(text: texts.Text, row: Any, other: Any = None) -> _Version:
    said = text.read([row] if other is None else [row, other])
    pieces = None if other is None else differences.words(said[other.pk], said[row.pk])
    return _Version(row, said[row.pk], pieces)
