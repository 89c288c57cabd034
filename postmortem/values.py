"""Check the values an act was given, so that every face refuses the same ones and names the field."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from postmortem.errors import EditConflict, Invalid
from postmortem.models import EARLIEST, MAX_TEXT

# Clocks differ a little; a moment this far ahead still counts as past.
CLOCK_SKEW = timedelta(minutes=5)
# A promise further off than this is a typing error.
FURTHEST = timedelta(days=10 * 366)


def text(value: object, *, field: str, longest: int = MAX_TEXT, is_required: bool = False) -> str:
    """The value, when it is a text that can be stored.

    Args:
        longest: in characters.
        is_required: refuse what is empty or only white space.

    Raises:
        Invalid: no text, too long, empty though required, or with characters no database takes.
    """
    if not isinstance(value, str):
        raise Invalid(_("This must be a text."), field=field)
    if "\x00" in value:
        raise Invalid(_("This holds a NUL character, which cannot be stored."), field=field)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            _("This holds half of a surrogate pair, which cannot be stored."), field=field
        ) from error
    if len(value) > longest:
        raise Invalid(
            _("This has %(count)d characters; %(longest)d is the most.")
            % {"count": len(value), "longest": longest},
            field=field,
        )
    if is_required and not value.strip():
        raise Invalid(_("This is needed."), field=field)
    return value


def past(value: object, *, field: str, now: datetime) -> datetime:
    """The value, when it is a moment that has been: from the year 2000 until now, five minutes for clocks.

    Raises:
        Invalid: no aware moment, or outside those bounds.
    """
    moment = _moment(value, field=field)
    if moment > now + CLOCK_SKEW:
        raise Invalid(_("This lies in the future."), field=field)
    return moment


def ahead(value: object, *, field: str, now: datetime) -> datetime:
    """The value, when it is a moment to come, within ten years.

    Raises:
        Invalid: no aware moment, not after `now`, or absurdly far.
    """
    moment = _moment(value, field=field)
    if moment <= now:
        raise Invalid(_("This must lie in the future."), field=field)
    if moment > now + FURTHEST:
        raise Invalid(_("This is more than ten years away."), field=field)
    return moment


def _moment(value: object, *, field: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None or value.utcoffset() is None:
        raise Invalid(_("This must be a moment with a time zone."), field=field)
    if value < EARLIEST:
        raise Invalid(_("This lies before the year 2000."), field=field)
    return value


def choice(value: object, choices: type[models.TextChoices], *, field: str) -> str:
    """The value, when it is one of the choices.

    Raises:
        Invalid: it is none of them; the message lists them.
    """
    if not isinstance(value, str) or value not in choices.values:
        raise Invalid(_("Choose one of: %(choices)s.") % {"choices": ", ".join(choices.values)}, field=field)
    return str(value)


def check(record: models.Model) -> None:
    """Check every column of a record by what its model says: type, length, choices, validators.

    Foreign keys are left out: acts are given records. So are moments' bounds: see `past` and `ahead`.

    Raises:
        Invalid: `field` is the first column that breaks a rule; details["errors"] has them all.
    """
    columns = [column for column in record._meta.concrete_fields if not column.primary_key]
    for column in columns:
        value = getattr(record, column.attname)
        if isinstance(column, (models.CharField, models.TextField)) and value is not None:
            text(
                value,
                field=column.name,
                longest=column.max_length or MAX_TEXT * 16,
                is_required=not column.blank,
            )
        elif isinstance(column, models.IntegerField) and isinstance(value, (bool, float)):
            # Django would cut the fraction off without a word.
            raise Invalid(_("This must be a whole number."), field=column.name)
    try:
        record.clean_fields(exclude={column.name for column in columns if column.is_relation})
    except ValidationError as error:
        raise _translated(error) from error


def _translated(error: ValidationError) -> Invalid:
    problems: dict[str, list[str]] = {
        name: [str(message) for message in messages] for name, messages in error.message_dict.items()
    }
    field, messages = next(iter(problems.items()))
    return Invalid(" ".join(messages), field=field, details={"errors": problems})


def refuse_older(record: Any, mine: dict[str, Any], version: int | None) -> None:
    """Refuse a save over a version that its writer has not read.

    Args:
        record: locked, with a `version`.
        mine: what is to be stored, by column.
        version: of the record as the writer read it; None from a program that does not ask.

    Raises:
        EditConflict: somebody saved meanwhile, and something else than this.
    """
    theirs = {name: getattr(record, name) for name in mine}
    if version is not None and version != record.version and mine != theirs:
        raise newer(mine, theirs, version=record.version)


def newer(mine: dict[str, Any], theirs: dict[str, Any], *, version: int) -> EditConflict:
    """The refusal of a save over a newer version, with both as JSON."""
    return EditConflict(
        _("Somebody saved a newer version meanwhile."),
        details={
            "mine": {name: _plain(value) for name, value in mine.items()},
            "theirs": {name: _plain(value) for name, value in theirs.items()},
            "version": version,
        },
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, list)) else str(value)


def fill(record: models.Model, fields: dict[str, Any], *, allowed: frozenset[str]) -> None:
    """Set the named columns of a record.

    Raises:
        TypeError: a name that is not `allowed`: the caller's mistake, not the user's.
    """
    if unknown := sorted(fields.keys() - allowed):
        raise TypeError(f"unknown fields: {', '.join(unknown)}")
    for name, value in fields.items():
        setattr(record, name, value)
