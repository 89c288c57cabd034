"""Django's system checks of how this installation is set up."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core import checks

from accounts import addresses
from ops import preflight


@checks.register
def names_are_spelt_right(**_options: Any) -> list[checks.CheckMessage]:
    """A variable that nobody reads does nothing, which is hard to see."""
    return [
        checks.Warning(
            f"{name} is set and read by nobody.",
            hint=f"{near} is meant, perhaps.",
            id="ops.W001",
        )
        for name, near in preflight.misspelt(os.environ)
    ]


@checks.register(deploy=True)
def proxies_are_named(**_options: Any) -> list[checks.CheckMessage]:
    """Without their names every request seems to come from the proxy."""
    if not settings.BEHIND_PROXY or addresses.Proxies() != settings.TRUSTED_PROXIES:
        return []
    message = "BEHIND_PROXY is set and TRUSTED_PROXIES is not: nobody can be told by their address."
    hint = "Name the proxy in TRUSTED_PROXIES: until then guessed passwords are not held back."
    return [checks.Warning(message, hint=hint, id="ops.W002")]
