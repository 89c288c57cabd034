"""What was masked, in words: which line and what sort of secret, never the secret."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from postmortem.secrets import Masked

KINDS = {
    "private_key": gettext_lazy("a private key"),
    "access_key": gettext_lazy("an access key"),
    "token": gettext_lazy("a token"),
    "password": gettext_lazy("a password"),
    "value": gettext_lazy("a secret value"),
}
_TOLD = 5


def sentence(masked: Sequence[Masked]) -> str:
    """“2 secrets were masked before anything was stored: a password in line 3, a token in line 7.”"""
    words = ngettext(
        "%(count)d secret was masked before anything was stored: %(places)s.",
        "%(count)d secrets were masked before anything was stored: %(places)s.",
        len(masked),
    )
    return words % {"count": len(masked), "places": _places(masked)}


def warning(masked: Sequence[Masked]) -> str:
    """The same before it is done."""
    words = ngettext(
        "%(count)d secret will be masked: %(places)s.",
        "%(count)d secrets will be masked: %(places)s.",
        len(masked),
    )
    return words % {"count": len(masked), "places": _places(masked)}


def _places(masked: Sequence[Masked]) -> str:
    told = [
        _("%(kind)s in line %(line)d") % {"kind": KINDS.get(one.kind, KINDS["value"]), "line": one.line}
        for one in masked[:_TOLD]
    ]
    if len(masked) > _TOLD:
        told.append("…")
    return ", ".join(told)


def count(masked: Sequence[Masked]) -> str:
    """As `sentence` for many texts at once: without the lines, which nobody could tell apart."""
    return ngettext(
        "%(count)d secret was masked before anything was stored.",
        "%(count)d secrets were masked before anything was stored.",
        len(masked),
    ) % {"count": len(masked)}
