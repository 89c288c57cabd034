"""The charts of a month's report; each stands beside a table with the same counts."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance import metrics
from governance.reports import Report
from postmortem.durations import duration_words
from web import charts
from web.columns import Group, Series, columns


def restoring(found: Report) -> dict[str, Any]:
    """How long incidents took, in bands: the chart and its rows."""
    rows = [(_band(end), count) for end, count in metrics.bands(found.rows.resolved)]
    chart = columns(
        [Group(words, [count]) for words, count in rows],
        [Series(_("Incidents"), "info")],
        label=_("Incidents by time to restore"),
    )
    return {"chart": chart, "rows": rows}


def ageing(bands: list[tuple[str, int]]) -> Any:
    """Overdue items by how long they have been overdue."""
    return columns(
        [Group(words, [count]) for words, count in bands],
        [Series(_("Overdue items"), "bad")],
        label=_("Overdue items by age"),
    )


def gate(found: Report) -> dict[str, Any] | None:
    """What became of the changes about which CI asked; None where it asked about none.

    "waived" are those that passed with a finding excused; one that did not pass in spite of a waiver is not.
    """
    asked = found.rows.gate
    if not asked:
        return None
    blocked = sum(one.verdict != "PASS" for one in asked)
    waived = sum(one.verdict == "PASS" and one.is_waived for one in asked)
    rows = [
        (_("Passed"), len(asked) - blocked - waived, "good", "gate-blocks"),
        (_("Passed by a waiver"), waived, "warn", "gate-waivers"),
        (_("Not passed"), blocked, "bad", "gate-blocks"),
    ]
    bar = charts.shares(
        [charts.Share(words, count, tone) for words, count, tone, _figure in rows],
        label=_("What became of the changes about which CI asked"),
    )
    return {"bar": bar, "rows": rows, "n": len(asked)}


def _band(end: timedelta | None) -> str:
    if end is None:
        return _("longer")
    return f"≤ {duration_words(end)}"
