"""How far off a moment is, in words: short and translated. Durations stand in `postmortem.durations`."""

from datetime import datetime

from django.utils.translation import gettext as _

from postmortem.durations import duration_words, parts_of, unit_words

__all__ = ["distance_words", "duration_words"]


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
