"""Pure: what messages about a group of alerts add up to, in whatever order and however often they come.

Of each alert the latest episode counts, known by its start. A message about an earlier one is old; of the
same one the end is the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.alertmanager import Alert

# A group that fires again this soon after its end goes on; later it is something new.
GOES_ON_WITHIN = timedelta(minutes=30)
# Alertmanager tries a message again for minutes at most. One that says "firing" this long after we heard of
# the end is no late message: the alert fires again under its old start, as after a gap in the evaluation.
LATE_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Episode:
    """The latest episode of one alert.

    Attributes:
        ends_at: None while it fires.
        heard_at: when the message came that says so.
    """

    starts_at: datetime
    ends_at: datetime | None
    heard_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "heard_at": self.heard_at.isoformat(),
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Episode:
        ends_at = kept["ends_at"]
        return cls(
            datetime.fromisoformat(kept["starts_at"]),
            datetime.fromisoformat(ends_at) if ends_at else None,
            datetime.fromisoformat(kept["heard_at"]),
        )


def after(known: Mapping[str, Episode], alerts: Sequence[Alert], *, heard_at: datetime) -> dict[str, Episode]:
    """What is known once these alerts of one message are.

    Args:
        known: by fingerprint.
        heard_at: when the message came, not when it is read.
    """
    found = dict(known)
    for alert in alerts:
        episode = _episode(found.get(alert.fingerprint), alert, heard_at)
        if episode is not None:
            found[alert.fingerprint] = episode
    return found


def _episode(known: Episode | None, alert: Alert, heard_at: datetime) -> Episode | None:
    """The episode that an alert tells of, or None when that is no news."""
    told = Episode(
        alert.starts_at,
        None if alert.is_firing else (alert.ends_at or max(heard_at, alert.starts_at)),
        heard_at,
    )
    if known is None or told.starts_at > known.starts_at:
        return told
    if told.starts_at < known.starts_at:
        return None
    if known.ends_at is None:
        return None if alert.is_firing else told
    if alert.is_firing and heard_at - known.heard_at > LATE_WITHIN:
        return told
    return None


def ended_at(episodes: Mapping[str, Episode]) -> datetime | None:
    """When the last of them ended; None while one fires."""
    ends = [one.ends_at for one in episodes.values()]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def goes_on(episodes: Mapping[str, Episode], starts_at: datetime) -> bool:
    """Whether something that starts then belongs to these episodes, or is something new."""
    end = ended_at(episodes)
    return bool(episodes) and (end is None or starts_at <= end + GOES_ON_WITHIN)
