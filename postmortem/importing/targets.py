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
# Headings that say what the field itself is called: to repeat them inside the text would say nothing.
OWN_HEADINGS = {
    "summary": {"summary", "executive summary", "概述", "摘要"},
    "root_cause": {"root cause", "root causes", "root cause(s)", "根因", "根本原因"},
    "went_well": {
        "what went well", "what went right", "went well", "things that went well",
        "做得好的", "做得好的地方", "做得好的方面", "做的好的", "做的好的地方", "哪些做得好", "好的方面",
    },
    "went_badly": {
        "what went badly", "what went wrong", "what went poorly", "what didn't go well",
        "went wrong", "went badly",
        "what did not go well", "things that went wrong", "things that went badly", "things that went poorly",
        "what didn’t go well",
        "做得不好的", "做得不好的地方", "做得不好的方面", "做的不好的", "哪些做得不好", "不足", "不足之处",
    },
    "luck": {
        "where luck played in", "where we got lucky", "what went lucky", "got lucky", "luck",
        "how we got lucky",
        "where were we lucky", "运气", "运气成分", "幸运之处", "侥幸之处",
    },
}  # fmt: skip

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
