"""Pure: which field of a postmortem a heading speaks of, in English and Chinese."""

from __future__ import annotations

import re

from postmortem.importing import vocabulary

# The fields, and two that are none: "timeline" and "actions" are read entry by entry; "log" is never read.
FIELDS = (
    "summary",
    "phenomenon",
    "metric_anomaly",
    "change_correlation",
    "root_cause",
    "went_well",
    "went_badly",
    "luck",
)
# Headings in the very words that an export puts above the field. Others stay in its text, though they say the
# same: an export must have every word of the document that was brought in.
OWN_HEADINGS = {
    "summary": {"summary", "概述", "摘要"},
    "went_well": {"what went well"},
    "went_badly": {"what went badly"},
    "luck": {"where luck played in"},
}

_MARKS = re.compile(r"^[\W\d_一二三四五六七八九十]*[.、:)\s]+(?=\S)|[:：\s*_`~]+$|^[*_`~#\s]+")


def plain(heading: str) -> str:
    """A heading in lower case without numbering and marks."""
    text = heading.strip().lower()
    return _MARKS.sub("", _MARKS.sub("", text)).strip()


def target_of(heading: str) -> str:
    """The field a heading speaks of, "" when it is none that is known.

    >>> target_of("3. Root Cause(s)")
    'root_cause'
    """
    if len(heading) > 120:
        return ""
    text = plain(heading)
    return next((target for target, pattern in vocabulary.HEADINGS if pattern.search(text)), "")


def is_placeholder_title(title: str) -> bool:
    """Whether a title is a place to be filled in."""
    return bool(vocabulary.PLACEHOLDER_TITLE.search(title.strip()))
