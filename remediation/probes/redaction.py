"""Pure: takes secrets out of what commands print, as they are and as the usual programs write them."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

MARK = "[secret]"
# A shorter piece could be any word.
_SHORTEST = 6


class Redaction:
    """Knows the secrets of one command, and takes them out of texts."""

    def __init__(self, secrets: Collection[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
        # The longer first: one may be part of another.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    @property
    def longest(self) -> int:
        """The length of the longest text that is taken out."""
        return len(self._forms[0]) if self._forms else 0

    def __call__(self, text: str) -> str:
        """The text with a mark in place of each secret."""
        for form in self._forms:
            text = text.replace(form, MARK)
        return text


def _forms(secret: str) -> Iterator[str]:
    """A secret, its lines, and either as base64 (wherever it stands in it), in addresses, JSON and hex."""
    pieces = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    for piece in pieces:
        raw = piece.encode()
        yield piece
        yield from (quote(piece, safe=""), quote(piece), quote_plus(piece))
        yield from (json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1])
        yield from (raw.hex(), raw.hex().upper())
        for before in range(3):
            yield from _base64(raw, before)


def _base64(raw: bytes, before: int) -> Iterator[str]:
    """The part of the base64 of some text with `raw` in it that depends on nothing around `raw`."""
    whole = base64.b64encode(b"\0" * before + raw).decode()
    start, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
    yield whole[start:end]
    yield whole[start:end].translate(str.maketrans("+/", "-_"))
