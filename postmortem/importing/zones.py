"""Pure: the zone that a document states, as an IANA name."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# What an abbreviation or phrase means where it can mean one thing only.
_NAMES = {
    "utc": "UTC", "gmt": "UTC", "z": "UTC", "zulu": "UTC",
    "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
    "pacific": "America/Los_Angeles", "pacific time": "America/Los_Angeles",
    "mst": "America/Denver", "mdt": "America/Denver", "mt": "America/Denver",
    "mountain time": "America/Denver",
    "cdt": "America/Chicago", "central time": "America/Chicago",
    "est": "America/New_York", "edt": "America/New_York", "et": "America/New_York",
    "eastern": "America/New_York", "eastern time": "America/New_York",
    "cet": "Europe/Paris", "cest": "Europe/Paris", "central european time": "Europe/Paris",
    "eet": "Europe/Helsinki", "eest": "Europe/Helsinki", "msk": "Europe/Moscow",
    "wet": "Europe/Lisbon", "west": "Europe/Lisbon",
    "jst": "Asia/Tokyo", "kst": "Asia/Seoul", "hkt": "Asia/Hong_Kong", "sgt": "Asia/Singapore",
    "aest": "Australia/Sydney", "aedt": "Australia/Sydney", "nzst": "Pacific/Auckland",
    "nzdt": "Pacific/Auckland", "北京时间": "Asia/Shanghai", "beijing time": "Asia/Shanghai",
    "东八区": "Asia/Shanghai", "china standard time": "Asia/Shanghai",
}  # fmt: skip
# These mean different zones to different people; a Chinese text settles the first.
_AMBIGUOUS = {"cst", "ist", "bst", "ast"}
_BST = "Europe/London"
_HALF_HOURS = {
    330: "Asia/Kolkata", 345: "Asia/Kathmandu", 210: "Asia/Tehran", 270: "Asia/Kabul",
    390: "Asia/Yangon", 570: "Australia/Darwin", -210: "America/St_Johns",
}  # fmt: skip
_STANDARD_HALVES = {"pst": 0, "mst": 0, "est": 0, "cet": 0, "eet": 0, "pdt": 1, "mdt": 1, "cdt": 1}
_SUMMER = _STANDARD_HALVES | {"edt": 1, "cest": 1, "eest": 1, "aest": 0, "aedt": 1, "nzst": 0, "nzdt": 1}

_WORDS = "|".join(sorted((re.escape(name) for name in {*_NAMES, *_AMBIGUOUS} if name != "z"), key=len)[::-1])
OFFSET = r"(?:UTC|GMT)\s?[+\-−]\s?\d{1,2}(?::?\d{2})?"
TOKEN = re.compile(
    rf"(?P<offset>{OFFSET})(?![\d:])|(?P<bare>[+\-−]\d{{2}}:?\d{{2}})(?![\d:-])"
    rf"|(?P<name>(?<![A-Za-z_/])(?:{_WORDS})(?![A-Za-z_]))"
    r"|(?P<iana>(?<![A-Za-z_/])[A-Z][A-Za-z]{1,12}/[A-Z][A-Za-z_]{1,24}(?:/[A-Z][A-Za-z_]{1,24})?(?![A-Za-z_/]))",
    re.IGNORECASE,
)


@cache
def _known() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def zone_of(token: str, *, is_chinese: bool = False) -> tuple[str, tuple[str, ...]]:
    """The IANA name that a written zone means, and doubts; "" when it means several or none."""
    plain = re.sub(r"\s+", " ", token.strip().lower()).replace("−", "-")
    if plain in _NAMES:
        return _NAMES[plain], ()
    if plain == "cst" and is_chinese:
        return "Asia/Shanghai", ()
    if plain in _AMBIGUOUS:
        return "", ("zone_ambiguous",)
    if plain in _known():
        return _known()[plain], ()
    tail = plain.rsplit("/", 1)[-1]
    if "/" in plain and tail in _NAMES:
        return _NAMES[tail], ()
    if match := re.fullmatch(r"(?:utc|gmt)?\s?([+-])\s?(\d{1,2})(?::?(\d{2}))?", plain):
        return _of_offset(match)
    return "", ("zone_unknown",)


def _of_offset(match: re.Match[str]) -> tuple[str, tuple[str, ...]]:
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if match[1] == "-":
        minutes = -minutes
    if minutes == 0:
        return "UTC", ()
    if minutes % 60:
        name = _HALF_HOURS.get(minutes, "")
        return name, () if name else ("zone_unknown",)
    hours = minutes // 60
    if not -12 <= hours <= 14:
        return "", ("zone_unknown",)
    # The sign of these names is turned round: POSIX counts west of Greenwich.
    return f"Etc/GMT{-hours:+d}", ()


def find(text: str, *, is_chinese: bool = False) -> tuple[str, str, int, int, tuple[str, ...]] | None:
    """The first zone named in a text: (token, IANA name, start, end, doubts).

    A second, different one, such as in "PST (UTC-8)", is not looked for: writers add it to explain the first.
    """
    for match in TOKEN.finditer(text[:2000]):
        if match["bare"] or (match["name"] and _is_word(match[0])):
            continue
        if match["iana"] and "/" in match[0]:
            tail = match[0].lower().rsplit("/", 1)[-1]
            if match[0].lower() not in _known() and tail not in _NAMES:
                continue
        name, doubts = zone_of(match[0], is_chinese=is_chinese)
        return match[0], name, match.start(), match.end(), doubts
    return None


def _is_word(token: str) -> bool:
    """Whether this is rather a word of the language: "et", "west", "Z" in running text."""
    if token.lower() in {"eastern", "pacific"}:
        return False
    return not token.isupper() and token.isascii() and " " not in token and len(token) <= 4


def is_in_force(token: str, zone: str, local: datetime) -> bool:
    """Whether the half of the year that an abbreviation names was in force; "PST" in July was not.

    True for everything that names no half.
    """
    half = _SUMMER.get(token.strip().lower())
    if half is None or not zone:
        return True
    saving = local.replace(tzinfo=ZoneInfo(zone)).dst() or timedelta(0)
    return bool(saving) == bool(half)
