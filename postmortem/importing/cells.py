"""Pure: how texts stand in an exported document, so that reading gives them back."""

from __future__ import annotations

import html
import re

END_OF_TEXT = "<!-- /text -->"
LOOKS_LIKE_MARK = re.compile(r"^\\*<!-- /?(?:text|timeline)\b")
_PUNCTUATION = re.compile(r"([\\`*_\[\]#!~|{}()])")


def cell(text: str) -> str:
    """A text on one line that Markdown shows as it is; `uncell` is its inverse.

    >>> cell("a | b")
    'a \\\\| b'
    """
    escaped = _PUNCTUATION.sub(r"\\\1", html.escape(text, quote=False))
    lines = [
        re.sub(r"^\s|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029]", _numbered, line) for line in escaped.split("\n")
    ]
    return "<br>".join(lines)


def _numbered(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


_ESCAPED = re.compile(r"\\(.)|<br>|&(amp|lt|gt|#\d{1,7});", re.DOTALL)


def uncell(text: str) -> str:
    """The text that `cell` was given."""

    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        if match[2] is None:
            return "\n"
        return chr(int(match[2][1:])) if match[2].startswith("#") else html.unescape(match[0])

    return _ESCAPED.sub(plain, text)
