"""Moments and durations in words: short, translated, at most two units."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration_words(value: timedelta | None) -> str:
    """“47 s”, “17 min”, “5 min 12 s”, “1 d 4 h”; “–” for None. A negative duration has a minus sign."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    sign = "−" if seconds < 0 else ""
    seconds = abs(seconds)
    if 0 < seconds < 1:
        return sign + _("%(count)d ms") % {"count": max(1, round(seconds * 1000))}
    parts = _split(round(seconds))
    first = next((index for index, count in enumerate(parts) if count), len(parts) - 1)
    kept = [_unit(index, parts[index]) for index in range(first, min(first + 2, len(parts))) if parts[index]]
    return sign + " ".join(kept or [_unit(len(parts) - 1, 0)])


def distance_words(moment: datetime, now: datetime) -> str:
    """“just now”, “2 h ago”, “in 3 d”: one unit, rounded down, so that nothing is older than it says."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 45:
        return _("just now")
    amount = _largest_unit(abs(seconds))
    if seconds > 0:
        return _("%(amount)s ago") % {"amount": amount}
    return _("in %(amount)s") % {"amount": amount}


def _split(seconds: int) -> list[int]:
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return [days, hours, minutes, rest]


def _unit(index: int, count: int) -> str:
    words = (_("%(count)d d"), _("%(count)d h"), _("%(count)d min"), _("%(count)d s"))
    return words[index] % {"count": count}


def _largest_unit(seconds: int) -> str:
    days = seconds // _DAY
    if days >= 730:
        return _("%(count)d y") % {"count": days // 365}
    if days >= 90:
        return _("%(count)d mo") % {"count": days // 30}
    parts = _split(max(seconds, _MINUTE))
    first = next(index for index, count in enumerate(parts) if count)
    return _unit(first, parts[first])
