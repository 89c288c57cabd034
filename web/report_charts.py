"""The charts of a month's report; each stands beside a table with the same counts."""

from typing import Any

from django.utils.translation import gettext as _

from governance import report_counts
from governance.report_counts import Count
from governance.reports import Report
from web import charts
from web.columns import Group, Series, columns


def restoring(found: Report) -> dict[str, Any]:
    """How long incidents took, in bands: the chart and its rows."""
    rows = report_counts.restoring(found)
    return {"chart": _columns(rows, _("Incidents"), label=_("Incidents by time to restore")), "rows": rows}


def ageing(found: Report) -> dict[str, Any]:
    """Overdue items by how long they have been overdue: the chart and its rows."""
    rows = report_counts.ageing(found)
    return {"chart": _columns(rows, _("Overdue items"), label=_("Overdue items by age")), "rows": rows}


def outcomes(found: Report) -> dict[str, Any]:
    """What became of the items that were due: the bar and its rows."""
    rows = report_counts.outcomes(found)
    return {"bar": _bar(rows, label=_("What became of the items that were due")), "rows": rows}


def gate(found: Report) -> dict[str, Any] | None:
    """What became of changes about which CI asked, each with its figure; None where it asked about none."""
    if not found.rows.gate:
        return None
    rows = report_counts.gate(found)
    named = ("gate-blocks", "gate-waivers", "gate-blocks")
    return {
        "bar": _bar(rows, label=_("What became of the changes about which CI asked")),
        "rows": [(*row, figure) for row, figure in zip(rows, named, strict=True)],
        "n": sum(row.number for row in rows),
    }


def _columns(rows: list[Count], name: str, *, label: str) -> Any:
    groups = [Group(row.words, [row.number]) for row in rows]
    return columns(groups, [Series(name, rows[0].tone)], label=label)


def _bar(rows: list[Count], *, label: str) -> Any:
    return charts.shares([charts.Share(*row) for row in rows], label=label)
