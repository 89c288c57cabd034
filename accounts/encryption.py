"""Secrets that must be read again, such as the password of a data source: encrypted in the database.

`FIELD_KEYS` holds keys with ids: the first encrypts, all of them decrypt. They are no part of SECRET_KEY, so
that changing that one loses nothing, and they never lie beside the data. docs/adr/0022. What another
process than the usual ones must read has keys of its own: a column names the setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _Field = models.Field[Any, Any]
else:
    _Field = models.Field

_FORM = "f1"
_HIDDEN = "••••••"
FIELD_KEYS = "FIELD_KEYS"


class NoKey(Exception):
    """Nothing can be encrypted, or this cannot be decrypted: the setting with the keys lacks this one."""


class Unreadable(NoKey):
    """This is not what was stored here: changed, or encrypted for another column."""


def new_key(key_id: str) -> str:
    """A line for `FIELD_KEYS`, or another setting that holds keys."""
    return f"{key_id}:{Fernet.generate_key().decode()}"


def has_keys(keys: str = FIELD_KEYS) -> bool:
    return bool(getattr(settings, keys))


class Secret:
    """A secret as it is stored: hidden wherever it is shown, false when there is none."""

    __slots__ = ("_keys", "_purpose", "stored")

    def __init__(self, stored: str, *, purpose: str, keys: str = FIELD_KEYS) -> None:
        self.stored = stored
        self._purpose = purpose
        self._keys = keys

    def reveal(self) -> str:
        """The secret itself; "" when there is none. Only for whoever sends it where it belongs.

        Raises:
            NoKey, Unreadable: see there; the message names the key's id and never the secret.
        """
        if not self.stored:
            return ""
        form, key_id, token = [*self.stored.split(":", 2), "", ""][:3]
        if form != _FORM:
            raise Unreadable("This is no secret that Closeloop stored.")
        keys = getattr(settings, self._keys)
        if key_id not in keys:
            raise NoKey(f"{self._keys} has no key {key_id!r}.")
        try:
            said = Fernet(keys[key_id]).decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeDecodeError):
            raise Unreadable(f"A secret under key {key_id!r} was changed.") from None
        purpose, _, secret = said.partition("\0")
        if purpose != self._purpose:
            raise Unreadable("A secret was stored for another purpose.")
        return secret

    @property
    def key_id(self) -> str:
        return self.stored.split(":", 2)[1] if self.stored else ""

    def __bool__(self) -> bool:
        return bool(self.stored)

    def __str__(self) -> str:
        return _HIDDEN if self.stored else ""

    def __repr__(self) -> str:
        return f"<Secret {self}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.stored == self.stored

    def __hash__(self) -> int:
        return hash(self.stored)


def seal(secret: str, *, purpose: str, keys: str = FIELD_KEYS) -> Secret:
    """Encrypt under the first key.

    Args:
        purpose: what may reveal it, as "table.column"; a copy in another column cannot be read.
        keys: the setting that holds the keys.

    Raises:
        NoKey: there is none.
    """
    if not secret:
        return Secret("", purpose=purpose, keys=keys)
    known = getattr(settings, keys)
    if not known:
        raise NoKey(f"{keys} is not set.")
    key_id, key = next(iter(known.items()))
    token = Fernet(key).encrypt(f"{purpose}\0{secret}".encode()).decode()
    return Secret(f"{_FORM}:{key_id}:{token}", purpose=purpose, keys=keys)


class SecretField(_Field):
    """A column that holds a `Secret`; a text that is assigned is encrypted when it is stored.

    Give its table `recorded(hidden=[...])`, or the trail keeps what is encrypted here.
    """

    def __init__(self, *args: Any, keys: str = FIELD_KEYS, **options: Any) -> None:
        super().__init__(*args, **options | {"blank": True, "default": "", "editable": False})
        self.keys = keys

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        for fixed in ("blank", "default", "editable"):
            options.pop(fixed, None)
        if self.keys != FIELD_KEYS:
            options["keys"] = self.keys
        return name, path, args, options

    def get_internal_type(self) -> str:
        return "TextField"

    @property
    def purpose(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def from_db_value(self, value: str | None, _expression: Any, _connection: BaseDatabaseWrapper) -> Secret:
        return Secret(value or "", purpose=self.purpose, keys=self.keys)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str:
        if isinstance(value, Secret):
            return value.stored
        return seal(str(value or ""), purpose=self.purpose, keys=self.keys).stored

    def value_to_string(self, _record: models.Model) -> str:
        """What a dump of the data shows: never a secret."""
        return ""


def secret_columns() -> list[SecretField]:
    """Every column of this kind, for the rotation of keys."""
    columns = [column for model in apps.get_models() for column in model._meta.concrete_fields]
    return [column for column in columns if isinstance(column, SecretField)]
