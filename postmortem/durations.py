"""Durations in words: short, translated, at most two units."""

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# In the order of `parts_of`; only the one that is shown is translated.
_UNITS = (
    gettext_noop("%(count)d d"), gettext_noop("%(count)d h"), gettext_noop("%(count)d min"),
    gettext_noop("%(count)d s"),
)  # fmt: skip


def duration_words(value: timedelta | None) -> str:
    """“47 s”, “17 min”, “5 min 12 s”, “1 d 4 h”; “–” for None. A negative duration has a minus sign."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    sign = "−" if seconds < 0 else ""
    seconds = abs(seconds)
    if 0 < seconds < 1:
        return sign + _("%(count)d ms") % {"count": max(1, round(seconds * 1000))}
    parts = parts_of(round(seconds))
    first = next((index for index, count in enumerate(parts) if count), len(parts) - 1)
    kept = [
        unit_words(index, parts[index]) for index in range(first, min(first + 2, len(parts))) if parts[index]
    ]
    return sign + " ".join(kept or [unit_words(len(parts) - 1, 0)])


def parts_of(seconds: int) -> list[int]:
    """Days, hours, minutes and seconds."""
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return [days, hours, minutes, rest]


def unit_words(index: int, count: int) -> str:
    """“5 min”; `index` as in `parts_of`."""
    return _(_UNITS[index]) % {"count": count}
