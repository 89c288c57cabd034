"""Django's system checks of what this package needs."""

from __future__ import annotations

from typing import Any

from django.core import checks

from accounts import encryption


@checks.register(deploy=True)
def field_keys_are_set(**_options: Any) -> list[checks.CheckMessage]:
    """Without keys nothing can be stored that has to be encrypted."""
    if encryption.has_keys():
        return []
    message = "FIELD_KEYS is not set: no credentials can be stored."
    hint = "manage.py rotate_field_keys --new first prints a key; name its file in FIELD_KEYS_FILE."
    return [checks.Warning(message, hint=hint, id="accounts.W001")]
