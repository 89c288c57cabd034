"""Pure: find secrets in texts that people paste, and mask them before they are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

MASK = "[masked]"


@dataclass(frozen=True, order=True)
class Masked:
    """Where a secret was, and what sort: never the secret itself.

    Attributes:
        line: counted from 1, in the text as it was given.
        kind: private_key, access_key, token, password, or value (what stands after a telling name).
    """

    line: int
    kind: str


# Each pattern has the secret in the group "secret"; what surrounds it stays readable. They run one after
# another over the whole text, and none of them can backtrack over more than a line.
_KEY_BEGIN = r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----\s*"
_NAMES = (
    "password|passwd|pwd|passphrase|secret|secret_?key|secret_?access_?key|api_?key|access_?key"
    "|auth_?token|access_?token|refresh_?token|private_?token|client_?secret"
)
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?s){_KEY_BEGIN}(?P<secret>.{{1,20000}}?)-----END (?:[A-Z0-9]+ ){{0,4}}PRIVATE KEY",
        # A key whose end was not pasted: the base64 lines after its beginning.
        rf"{_KEY_BEGIN}(?P<secret>[A-Za-z0-9+/=]{{16,}}(?:\s+[A-Za-z0-9+/=]{{16,}})*)",
        r"\b(?P<secret>(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16})\b",
        (r"(?P<secret>\bclp_[0-9a-z]{12}\.[0-9A-Za-z_-]{43}|\bclw_[0-9A-Za-z_-]{43}"
         r"|\bwhsec_[0-9A-Za-z+/]{20,100}=*)"),
        r"(?P<secret>\bgh[pousr]_[0-9A-Za-z]{30,255}\b|\bgithub_pat_[0-9A-Za-z_]{30,255}\b)",
        r"(?P<secret>\bglpat-[0-9A-Za-z_-]{20,})",
        r"(?P<secret>\bxox[abeoprs]-[0-9A-Za-z-]{10,250})",
        r"(?P<secret>\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,})",
        r"(?i)\b(?:bearer|token)[ \t]+(?P<secret>[0-9A-Za-z._~+/-]{16,}=*)",
        r"(?i)\bauthorization[\"']?[ \t]*[:=][ \t]*[\"']?basic[ \t]+(?P<secret>[0-9A-Za-z+/]{6,}=*)",
        # A password in an address: scheme://user:secret@host.
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@]{0,100}:(?P<secret>[^\s/@]{1,200})@",
        # name = value, "name": "value", NAME='value': up to the closing quote, or to white space.
        (rf"(?i)(?:\b|_)(?:{_NAMES})[\"']?[ \t]*(?:=>|=|:)[ \t]*"
         r"(?:\"(?P<double>[^\"\n]{1,500})\"|'(?P<single>[^'\n]{1,500})'|(?P<bare>[^\s\"',;&|)}\]<>]{3,500}))"),
        # Options of commands: --password x, --password=x, mysql -px, redis-cli -a x, curl -u user:x.
        (r"(?i)(?<!\S)--(?:password|passwd|token|secret|api-key)(?:=|[ \t]+)[\"']?"
         r"(?P<secret>[^\s\"'-][^\s\"']{0,300})"),
        r"\bmysql(?:dump|admin)?\b[^\n]{0,200}?[ \t]-p(?P<secret>[^\s]{1,200})",
        r"\bredis-cli\b[^\n]{0,200}?[ \t]-a[ \t]+(?P<secret>[^\s]{1,200})",
        r"\bcurl\b[^\n]{0,200}?[ \t](?:-u|--user)[ \t]*[\"']?[^\s:\"']{1,100}:(?P<secret>[^\s\"']{1,200})",
    )
)  # fmt: skip
# What each of the patterns above finds.
_KINDS = (
    *("private_key", "private_key", "access_key", "token", "token", "token", "token", "token", "token"),
    *("password", "password", "value", "password", "password", "password", "password"),
)


def mask(text: str) -> tuple[str, int]:
    """The text with its secrets replaced by `MASK`, and how many there were.

    Masking a masked text changes nothing.

    >>> mask("curl -H 'Authorization: Bearer abcdefghijklmnopqrstuvwxyz'")
    ("curl -H 'Authorization: Bearer [masked]'", 1)
    """
    masked, found = mask_and_tell(text)
    return masked, len(found)


def mask_and_tell(text: str) -> tuple[str, list[Masked]]:
    """The text with its secrets masked, and for each of them the line it stood on and its kind.

    >>> mask_and_tell("host=db\\npassword=hunter2")[1]
    [Masked(line=2, kind='value')]
    """
    found: list[Masked] = []
    # A key of many lines becomes one word: the number that each line had in the text as it was given.
    numbers: list[int] | None = None
    for pattern, kind in zip(_PATTERNS, _KINDS, strict=True):
        before = text
        text, spans = _mask_one(pattern, text)
        found += [Masked(line if numbers is None else numbers[line - 1], kind) for line, _lost in spans]
        if any(lost for _line, lost in spans):
            numbers = numbers or list(range(1, before.count("\n") + 2))
            for line, lost in reversed(spans):
                del numbers[line : line + lost]
    return text, sorted(found)


def _mask_one(pattern: re.Pattern[str], text: str) -> tuple[str, list[tuple[int, int]]]:
    """The masked text; for each secret its line before that, from 1, and how many line breaks were in it."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    end, counted, line = 0, 0, 1
    for match in pattern.finditer(text):
        group = next(name for name, value in match.groupdict().items() if value is not None)
        if text.startswith(MASK, match.start(group)):
            continue
        start, stop = match.span(group)
        line += text.count("\n", counted, start)
        counted = start
        pieces += [text[end:start], MASK]
        spans.append((line, text.count("\n", start, stop)))
        end = stop
    return "".join([*pieces, text[end:]]), spans
