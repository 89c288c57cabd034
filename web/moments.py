"""Moments: how far off one is, in words, and its HTML. Durations stand in `postmortem.durations`."""

from datetime import UTC, date, datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from postmortem.durations import duration_words, parts_of, unit_words

__all__ = ["distance_words", "duration_words", "moment_html"]


def moment_html(
    value: datetime | date | None, style: str = "relative", now: datetime | None = None
) -> SafeString:
    """A moment in the reader's zone, exact to the second in its tooltip; None is shown as “–”.

    Args:
        style: as the tag `moment` has them.
        now: what "2 h ago" is counted from; without it, the clock.
    """
    if value is None or value == "":
        return mark_safe('<span class="none">–</span>')
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), date_format(value, _("j M Y")))
    aware = value if timezone.is_aware(value) else value.replace(tzinfo=UTC)
    if style in {"kept", "stamp"}:
        return _kept(aware, style, get_language(), timezone.get_current_timezone_name())
    machine, full, words = _written(aware, style, get_language(), timezone.get_current_timezone_name())
    relative = distance_words(aware, now or timezone.now())
    if style in {"exact", "time", "day"}:
        return format_html(_TIME, machine, f"{full} · {relative}", words)
    return format_html(_TIME, machine, full, f"{words} · {relative}" if style == "both" else relative)


_TIME = '<time datetime="{}" title="{}">{}</time>'


@lru_cache(maxsize=16384)
def _kept(aware: datetime, style: str, language: str | None, zone: str) -> SafeString:
    return format_html(_TIME, *_written(aware, style, language, zone))


# A page has hundreds of moments, and mostly the same as the page before.
@lru_cache(maxsize=16384)
def _written(aware: datetime, style: str, _language: str | None, _zone: str) -> tuple[str, str, str]:
    """A moment for machines, in full, and in the words of a style; language and zone are those in force."""
    local = timezone.localtime(aware)
    # The patterns are translated too: a language chooses its own order of day, month and year.
    # Not within the f-string: there gettext would not find it.
    pattern = _("j M Y, H:i:s")
    full = f"{_in(pattern, local)} {_zone_words(local)}"
    words = full
    if style == "time":
        words = _in("H:i:s", local)
    elif style == "day":
        words = _in(_("j M Y"), local)
    elif style in {"exact", "kept", "both"}:
        words = _in(_("j M Y, H:i"), local)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), full, words


def _in(pattern: str, local: datetime) -> str:
    """A moment in one of our patterns; days repeat, and their words take long."""
    words = _of_day(pattern, local.date(), get_language())
    for place, number in zip(_CLOCK.values(), (local.hour, local.minute, local.second), strict=True):
        words = words.replace(place, f"{number:02}")
    return words


# Parts of the clock in a pattern, and what stands for them in the words of a day: no text has such letters.
_CLOCK = {"H": "\ue000", "i": "\ue001", "s": "\ue002"}


@lru_cache(maxsize=4096)
def _of_day(pattern: str, day: date, _language: str | None) -> str:
    for letter, place in _CLOCK.items():
        pattern = pattern.replace(letter, place)
    return date_format(day, pattern)


def distance_words(moment: datetime, now: datetime) -> str:
    """“just now”, “2 h ago”, “in 3 d”: one unit, rounded down, so that nothing is older than it says."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 45:
        return _("just now")
    amount = _largest_unit(abs(seconds))
    if seconds > 0:
        return _("%(amount)s ago") % {"amount": amount}
    return _("in %(amount)s") % {"amount": amount}


def _largest_unit(seconds: int) -> str:
    days = seconds // 86400
    if days >= 730:
        return _("%(count)d y") % {"count": days // 365}
    if days >= 90:
        return _("%(count)d mo") % {"count": days // 30}
    parts = parts_of(max(seconds, 60))
    first = next(index for index, count in enumerate(parts) if count)
    return unit_words(first, parts[first])


def _zone_words(local: datetime) -> str:
    offset = local.strftime("%z")
    name = local.tzname() or ""
    plain = f"UTC{offset[:3]}:{offset[3:5]}" if offset and offset != "+0000" else "UTC"
    return plain if not name or name[0] in "+-" or name == "UTC" else f"{name} ({plain})"
