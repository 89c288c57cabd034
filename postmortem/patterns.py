"""Pure: patterns that mean the same to Python and to `grep -E`, so that a page and a script agree.

Both find the same lines as long as a pattern keeps to characters, `.`, classes in brackets, groups, `|`,
`^`, `$` and the repetitions `*`, `+`, `?` and `{2,5}`. What only one of them knows is refused.
"""

from __future__ import annotations

import re
import warnings

from postmortem.errors import Invalid

_PIECE = re.compile(
    r"""
    \\(?P<escaped>.)
    | \[\^?\]?[^\]]*\]
    | (?P<repeated>[*+?]|\{[0-9]+(?:,[0-9]*)?\})
    | (?P<odd>\(\?|[{}])
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPABLE = frozenset(".[]{}()*+?^$|\\")


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


def check(pattern: str, *, field: str) -> None:
    """Refuse a pattern that Python and `grep -E` read differently, or that is none.

    Raises:
        Invalid: the message names what is not allowed.
    """
    if not pattern.isprintable():
        raise Invalid.of(_("A pattern is searched in one line at a time."), field=field)
    is_after_repetition = True  # a repetition needs something before it
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        is_strange = (
            (match["escaped"] is not None and match["escaped"] not in _ESCAPABLE)
            or match["odd"] is not None
            or (piece.startswith("[") and ("\\" in piece or re.search(r"\[[:.=]|--|&&|\|\||~~", piece[1:])))
            or (match["repeated"] is not None and is_after_repetition)
        )
        if is_strange:
            raise Invalid.of(
                _("“%(piece)s” does not mean the same to every program: keep to what grep -E knows."),
                field=field,
                piece=piece,
            )
        is_after_repetition = match["repeated"] is not None or piece in {"(", "|", "^"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        reason = str(error)
        raise Invalid.of(
            _("This is not a regular expression: %(reason)s."), field=field, reason=reason
        ) from None
