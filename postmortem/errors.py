"""The refusals of the domain: each has a stable code, the same on every face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.utils.translation import gettext


class DomainError(Exception):
    """An act was refused; nothing was written.

    Attributes:
        code: stable and machine-readable; clients switch on it.
        message: one sentence for people, already translated.
        details: more for programs, JSON-serialisable, for example the missing names.
        field: the input the refusal is about, or "".
    """

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, field: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = dict(details or {})

    @classmethod
    def of(cls, message: str, *, field: str = "", **parameters: object) -> Self:
        """A refusal from an untranslated message with %(name)s places, for modules that know no Django."""
        return cls(gettext(message) % parameters, field=field)


class NotAllowed(DomainError):
    """This person may not do this; the faces answer 403."""

    code = "not_allowed"


class Invalid(DomainError):
    """A value breaks a rule; `field` names it; the faces answer 400."""

    code = "invalid"


class TooLarge(Invalid):
    """What was sent is larger than what is kept; the API answers 413."""

    code = "too_large"


class EditConflict(DomainError):
    """Someone saved a newer version meanwhile; details hold both texts: `mine`, `theirs`, `version`."""

    code = "edit_conflict"


class Archived(DomainError):
    """The review is archived: it and what it stands on are read-only."""

    code = "archived"
