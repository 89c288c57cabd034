"""The instance on a machine whose clock is wrong: served as it is shipped, with another moment for "now"."""

import os
from datetime import datetime, timedelta

from django.utils import timezone

_right = timezone.now
_AHEAD = timedelta(seconds=float(os.environ["CLOCK_AHEAD_SECONDS"]))


def _wrong() -> datetime:
    return _right() + _AHEAD


timezone.now = _wrong

from config.wsgi import application  # noqa: E402 # it must find the wrong clock

__all__ = ["application"]
