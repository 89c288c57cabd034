"""Pure: how moments are written: the patterns, the names of days, and what a zone or a span of time says."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from postmortem.errors import Invalid


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


_DIGITS = r"(?<![0-9])"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_NTH = r"(?:st|nd|rd|th)?"
_PART = r"(?P<part>凌晨|清晨|清早|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|夜间|半夜|早|晚)?"
_CLOCK = (
    rf"(?:北京时间\s*)?{_PART}\s*"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\b\.?)?"
    r"|(?P<hour_of_half>\d{1,2})\s*(?P<half_alone>[ap])\.?m\b\.?"
    r"|(?P<zh_hour>\d{1,2})[点點时時](?:(?P<zh_minute>\d{1,2})分?(?:(?P<zh_second>\d{1,2})秒)?"
    r"|(?P<zh_quarter>半|一刻|三刻|整|钟)?))"
)
_OFFSET = r"[+-](?:0\d|1[0-4])(?::?(?:00|15|30|45))?(?!\d)"
# "09:00-10:00" is from nine to ten; only behind seconds, or in "T09:00-10:00", is it an offset.
_RANGE = re.compile(r"\s*-\d{1,2}:\d{2}")
# In capital letters only: "est" and "met" are words.
_ABBREVIATIONS = {
    "UTC": 0, "GMT": 0, "Z": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "HKT": 8, "SGT": 8,
    "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
# China or Chicago, India, Israel or Ireland, Britain or Bangladesh.
_AMBIGUOUS = ("CST", "IST", "BST")
_SHORT = "|".join(sorted([*_ABBREVIATIONS, *_AMBIGUOUS], key=len, reverse=True))
_ZONE = re.compile(
    rf"\s*\(?(?:(?:UTC|GMT)(?P<from_utc>[+-]\d{{1,2}}(?::?\d{{2}})?)(?!\d)|(?P<offset>{_OFFSET})"
    rf"|(?P<name>[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?)"
    rf"|(?P<short>{_SHORT})(?![A-Za-z0-9_]))\)?"
)
YEAR_BEHIND = re.compile(r"\s+(?P<year>\d{4})(?![0-9:.-])")
# A moment ends where no letter or number goes on; "14:03-14:05" begins with one.
END = re.compile(r"(?![A-Za-z0-9_%°/]|[.:]\d)")

_BETWEEN = r"(?:\s*,?\s+(?:at\s+|@\s*)?|\s*t\s*|:|\s*)"
_DATES = (
    r"(?P<year>\d{4})(?P<dash>[-/.])(?P<month>\d{1,2})(?P=dash)(?P<day>\d{1,2})",
    r"(?:(?P<year>\d{4})年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号號]",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}}){_NTH}[\s/-]+{_MONTH.format('name')}(?:[,\s/-]+(?P<year>\d{{4}}))?",
    rf"{_WEEKDAY}{_MONTH.format('name')}\s+(?P<day>\d{{1,2}}){_NTH}(?:,?\s+(?P<year>\d{{4}})(?!:))?",
    r"(?P<first>\d{1,2})/(?P<other>\d{1,2})(?:/(?P<year>\d{4}))?",
    r"(?P<month>\d{1,2})-(?P<day>\d{1,2})",
)
WEEKDAYS = dict(zip("一二三四五六日", range(7), strict=True)) | {"天": 6}
WEEKDAYS |= dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), range(7), strict=True))
DAY_WORDS = {
    "大前天": 3, "前天": 2, "前日": 2, "昨天": 1, "昨日": 1, "昨": 1, "今天": 0, "今日": 0, "今": 0,
    "the day before yesterday": 2, "yesterday": 1, "today": 0,
}  # fmt: skip
DATED = tuple(re.compile(rf"{_DIGITS}{one}(?P<between>{_BETWEEN}){_CLOCK}", re.IGNORECASE) for one in _DATES)
DATE_ALONE = tuple(re.compile(rf"{_DIGITS}{one}(?![\d:])", re.IGNORECASE) for one in _DATES[:4])
DAY_WORD = re.compile(rf"(?P<word>{'|'.join(DAY_WORDS)})[\s,]*(?:at\s+)?{_CLOCK}", re.IGNORECASE)
_WEEKDAYS = (
    r"(?P<en>mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?",
    r"(?:周|週|星期|礼拜|禮拜)(?P<zh>[一二三四五六日天])",
)
# "last Friday 14:03", "上周五 23:10"; 上上周 is two weeks back.
WEEKDAY = tuple(
    re.compile(rf"{which}{weekday}{between}{_CLOCK}", re.IGNORECASE)
    for which, weekday, between in (
        (r"(?:on\s+)?(?:(?P<which>last|this)\s+)?", _WEEKDAYS[0], r"\s*(?:at\s+|@\s*|,\s*|\s)"),
        (r"(?P<which>上上个?|上个?|这个?|這個?|本)?", _WEEKDAYS[1], r"[\s,]*"),
    )
)
CLOCK_ALONE = re.compile(rf"(?:at\s+)?{_CLOCK}", re.IGNORECASE)

_UNITS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "秒": 1, "秒钟": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60, "分": 60, "分钟": 60,
    "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600, "时": 3600, "小时": 3600, "个小时": 3600,
    "钟头": 3600, "个钟头": 3600, "d": 86400, "day": 86400, "days": 86400, "天": 86400,
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10, "half an": 0.5}
_NUMBERS |= {"半": 0.5, "两": 2, "十": 10} | {
    zh: count for count, zh in enumerate("一二三四五六七八九", start=1)
}
_NUMBER = r"\d{1,5}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))
_SPAN = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})(?![a-z])", re.IGNORECASE)
_ONE_SPAN = rf"(?:{_NUMBER})\s*(?:{_UNIT})(?![a-z])"
_SPANS = rf"{_ONE_SPAN}(?:\s*{_ONE_SPAN}){{0,3}}"
SIGNED = re.compile(rf"(?P<sign>[+-])(?P<spans>{_SPANS})", re.IGNORECASE)
SIGNED_ALONE = re.compile(rf"(?P<sign>[+-])\s*(?:(?P<bare>\d{{1,5}})|(?P<spans>{_SPANS}))\s*$", re.IGNORECASE)
LATER = re.compile(
    rf"(?:又?过了?\s*)?(?P<spans>{_SPANS})\s*(?P<way>later|以后|之后|过后|后|ago|earlier|以前|之前|前)",
    re.IGNORECASE,
)
NOW = re.compile(r"(?:right\s+)?now(?![a-z])|现在|此刻", re.IGNORECASE)


def zone_behind(text: str, clock: re.Match[str], zone: tzinfo) -> tuple[tzinfo, str, int]:
    """The zone that follows a clock time, its IANA name where it has one, and where it ends."""
    end, given = clock.end(), clock.groupdict()
    match = _ZONE.match(text, end)
    is_exact = given.get("second") or (given.get("between") or "").strip().lower() == "t"
    if match is None or (_RANGE.match(text, end) and not is_exact):
        return zone, "", end
    if match["short"] in _AMBIGUOUS:
        raise Invalid.of(
            _("“%(zone)s” is the name of several zones: write the offset instead, such as +08:00."),
            field="happened_at",
            zone=match["short"],
        )
    if match["short"]:
        hours = _ABBREVIATIONS[match["short"]]
        return timezone(timedelta(hours=hours)), "UTC" if hours == 0 else "", match.end()
    if match["name"]:
        try:
            return ZoneInfo(match["name"]), match["name"], match.end()
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return zone, "", end
    written = (match["offset"] or match["from_utc"]).replace(":", "")
    hours, minutes = int(written[1:3]), int(written[3:5] or 0)
    return (
        timezone((-1 if written[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)),
        "",
        match.end(),
    )


def seconds_of(spans: str) -> float:
    """How long “1h30m” or “半小时” is."""
    total = 0.0
    for match in _SPAN.finditer(spans):
        number = match["number"].lower()
        total += (float(number) if number.isdecimal() else _NUMBERS[number]) * _UNITS[match["unit"].lower()]
    return total
