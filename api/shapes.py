"""The base of all bodies and query strings, and the fields they share.

A serializer checks shape; the domain checks rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import Team, User
from postmortem import access
from postmortem.models import EARLIEST, Incident, Service, Severity

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# The largest whole number a column of ours holds.
MOST = 2_147_483_647
# How many rows one request may name, so that a small body cannot ask for a great deal of work.
MOST_NAMES = 50


class Strict(serializers.Serializer):
    """A body that may hold the declared fields and no others: a misspelt name must not pass in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown: dict[str, Any] = {}
        if isinstance(data, Mapping):
            message = _("There is no such field, or it cannot be set here.")
            unknown = {
                str(name): [ErrorDetail(message, code="unknown")] for name in data if name not in self.fields
            }
            fields = [(name, field) for name, field in self.fields.items() if name in data]
            unknown |= {name: wrong for name, field in fields if (wrong := _no_text(field, data[name]))}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(_both(error.detail, unknown)) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


def _both(found: Any, others: Any) -> Any:
    """What is wrong by one look and by another, of places inside one another as well."""
    if not isinstance(found, Mapping) or not isinstance(others, Mapping):
        return others
    return {**found, **{name: _both(found.get(name), wrong) for name, wrong in others.items()}}


def _no_text(field: serializers.Field, value: Any) -> Any:
    """What is wrong with a number where a text belongs: DRF would write 1.5 as "1.5". None for nothing."""
    if isinstance(field, serializers.CharField) and isinstance(value, int | float):
        return [ErrorDetail(field.error_messages["invalid"], code="invalid")]
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        found = {place: wrong for place, one in enumerate(value) if (wrong := _no_text(field.child, one))}
        return found or None
    return None


class Empty(Strict):
    """An act that needs no more than its name."""


VERSION = "The version you read; with it, a save over a newer one is refused with both texts."


class Page(Strict):
    """The query of every list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=200, required=False, help_text="Rows on a page, 50 unless told."
    )
    after = serializers.CharField(
        max_length=1000, required=False, help_text="A place in the list: part of “next”; take it from there."
    )


class Moment(serializers.DateTimeField):
    """A moment with its offset, such as 2026-11-20T14:03:00+08:00; answers are in UTC."""

    default_error_messages = {
        "invalid": _("Write the moment like 2026-11-20T14:03:00Z."),
        "naive": _("The moment lacks its offset from UTC: end it with Z or, for example, +08:00."),
        "range": _("The moment is out of range: it must lie in the years 2000 to 2099."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid")
        moment: datetime = super().to_internal_value(value)
        if not EARLIEST <= moment < LATEST:
            self.fail("range")
        return moment


class Figure(serializers.FloatField):
    """A finite number; what a source measured as NaN or infinite is answered as null."""

    default_error_messages = {"finite": _("A finite number is needed.")}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            value: float = super().to_internal_value(data)
        except OverflowError:
            self.fail("finite")
        if not math.isfinite(value):
            self.fail("finite")
        return value

    def to_representation(self, value: Any) -> float | None:
        number = float(value)
        return number if math.isfinite(number) else None


class Count(serializers.IntegerField):
    """A whole number from 0 (or `min_value`) that fits its column."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 0, "max_value": MOST} | kwargs)


@extend_schema_field({"type": "string"})
class ByName(serializers.SlugRelatedField):
    """A row named by its slug, code or public id."""

    default_error_messages = {"does_not_exist": _("There is none of this name.")}

    def to_internal_value(self, data: Any) -> Any:
        # PostgreSQL and UTF-8 cannot carry these, so no row is named so.
        if not isinstance(data, str):
            self.fail("invalid")
        if "\x00" in data or not data.isprintable():
            self.fail("does_not_exist")
        return super().to_internal_value(data)


class NameOf(ByName):
    """The name of a row that there is, as it stands: a list narrowed by a typing error would be empty."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data)
        return data


class VisibleIncident(ByName):
    """An incident that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"slug_field": "public_id", "queryset": Incident.objects.none()} | kwargs)

    def get_queryset(self) -> models.QuerySet[Incident]:
        return access.incidents(self.context["request"].user)


class ById(serializers.PrimaryKeyRelatedField):
    """A row named by its number."""

    default_error_messages = {"does_not_exist": _("There is none with this id.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data < 2**63:
            self.fail("does_not_exist")
        return super().to_internal_value(data)


class IdOf(serializers.IntegerField):
    """The number of a row that there is, as it stands in a query: to narrow a list by."""

    default_error_messages = {"does_not_exist": _("There is none with this id.")}

    def __init__(self, *, queryset: models.QuerySet[Any], **kwargs: Any) -> None:
        self.queryset = queryset
        super().__init__(min_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        number: int = super().to_internal_value(data)
        if number >= 2**63 or not self.queryset.filter(pk=number).exists():
            self.fail("does_not_exist")
        return number


def service_field(**kwargs: Any) -> ByName:
    return ByName(
        slug_field="slug", queryset=Service.objects.all(), help_text="The service's slug.", **kwargs
    )


def team_field(**kwargs: Any) -> ByName:
    return ByName(slug_field="slug", queryset=Team.objects.all(), help_text="The team's slug.", **kwargs)


def severity_field(**kwargs: Any) -> ByName:
    return ByName(
        slug_field="code",
        queryset=Severity.objects.all(),
        help_text="The severity's code, such as P1.",
        **kwargs,
    )


def service_name(help_text: str) -> NameOf:
    """To narrow a list by."""
    return NameOf(slug_field="slug", queryset=Service.objects.all(), required=False, help_text=help_text)


def team_name(help_text: str) -> NameOf:
    """To narrow a list by."""
    return NameOf(slug_field="slug", queryset=Team.objects.all(), required=False, help_text=help_text)


def severity_name(help_text: str) -> NameOf:
    """To narrow a list by."""
    return NameOf(slug_field="code", queryset=Severity.objects.all(), required=False, help_text=help_text)


def person_id(help_text: str) -> IdOf:
    """To narrow a list by."""
    return IdOf(queryset=User.objects.all(), required=False, help_text=help_text)


def person_field(**kwargs: Any) -> ById:
    return ById(queryset=User.objects.all(), **{"help_text": "The person's id."} | kwargs)


class Answer(serializers.ModelSerializer):
    """What is shown of a record; nothing is read from it, so every field is always there."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.DateTimeField: Moment,
        models.FloatField: Figure,
    }

    def get_fields(self) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = super().get_fields()
        for field in fields.values():
            field.read_only, field.required = True, False
        return fields


class Person(Answer):
    """Whom an answer names."""

    name = serializers.CharField(source="__str__")

    class Meta:
        model = User
        fields = ("id", "name", "is_active")
