"""Pure: reads values out of what others send, and says which one is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

# What goes on behind the microseconds is cut off: Go writes nine digits.
_EXCESS = re.compile(r"(\.\d{6})\d+")
_FIRST = datetime(1, 1, 2, tzinfo=UTC)


class Unreadable(ValueError):
    """A payload is not what its sender's schema says; the message names the field."""


def read(body: bytes) -> Mapping[str, Any]:
    """A body as a JSON object.

    Raises:
        Unreadable: it is none, or holds what cannot be stored.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except RecursionError:
        raise Unreadable("The body is nested too deeply.") from None
    except ValueError as error:
        if body.startswith(b"payload="):
            # The same JSON as a field of a form, as GitHub sends it and reads it.
            raise Unreadable(
                "The body is a form: set the content type to application/json where it is sent."
            ) from None
        raise Unreadable(f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable("The body is not a JSON object.")
    return value


def text(of: Mapping[str, Any], name: str, *, default: str | None = None, where: str = "") -> str:
    """A text; null and absent give the default where there is one."""
    value = of.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Unreadable(f"{where}{name} must be a text.")
    return _storable(value, f"{where}{name}")


def number(of: Mapping[str, Any], name: str, *, default: int | None = None, where: str = "") -> int:
    """A whole number from 0 that fits a column."""
    value = of.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Unreadable(f"{where}{name} must be a whole number.")
    return value


def inner(of: Mapping[str, Any], name: str, *, is_needed: bool = True, where: str = "") -> Mapping[str, Any]:
    """An object inside another; {} for null where it is not needed."""
    value = of.get(name)
    if value is None and not is_needed:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{where}{name} must be an object.")
    return value


def texts(of: Mapping[str, Any], name: str, *, where: str = "") -> dict[str, str]:
    """An object of texts, such as labels; {} when absent."""
    found = inner(of, name, is_needed=False, where=where)
    return {_storable(key, f"{where}{name}"): text(found, key, where=f"{where}{name}.") for key in found}


def moment(of: Mapping[str, Any], name: str, *, where: str = "") -> datetime | None:
    """A moment; None when absent, null or Go's zero time.

    Raises:
        Unreadable: it is no moment with its offset from UTC.
    """
    value = of.get(name)
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(_EXCESS.sub(r"\1", value.replace(" UTC", "Z")))
    except (AttributeError, ValueError):
        raise Unreadable(f"{where}{name} must be a moment such as 2026-11-20T14:03:00Z.") from None
    if found.tzinfo is None:
        raise Unreadable(f"{where}{name} must say its offset from UTC.")
    # The zero time cannot be moved to another zone, so it is compared before anything else is done with it.
    return None if found.year == 1 and found < _FIRST else found


def _storable(value: str, name: str) -> str:
    if "\x00" in value:
        raise Unreadable(f"{name} holds a NUL character.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"{name} holds half of a surrogate pair.") from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
