"""The monthly report as a document to take away: its outline, and the outline as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Team, User
from governance import corrections, figure_words, figures, records, report_counts
from governance.metrics import CATALOGUE, Definition, Outcome, OverdueItem
from governance.report_counts import Count
from governance.reports import Report
from postmortem.durations import duration_words

# A document is read; who needs every row takes the table.
MOST_ROWS = 200

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the columns from `numbers` on hold numbers.

    Attributes:
        counts: drawn as a bar behind each row, where there are any; written without pictures it is a table.
    """

    head: Row
    rows: Sequence[Row]
    numbers: int = 99
    note: str = ""
    counts: Sequence[Count] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    title: str
    texts: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole document."""

    title: str
    facts: Sequence[str]
    sections: Sequence[Section]


def outline(found: Report, *, viewer: User) -> Outline:
    """What a report says to a reader, in the present language.

    Its moments are in the installation's time zone, in which the month begins and ends: files of one report
    must not differ by who took them.
    """
    with timezone.override(settings.TIME_ZONE):
        return _outline(found, viewer)


def _outline(found: Report, viewer: User) -> Outline:
    names = dict(Team.objects.values_list("slug", "name"))
    own = managed(viewer)
    sections = [
        _figures(found),
        *_own_teams(found, own, names),
        *_closure(found),
        *_times(found),
        *_overdue(found),
        *_gate(found),
        *_waivers(found),
        *_teams(found, own, names),
        *_corrections(found, viewer),
        _formulas(found),
    ]
    return Outline(
        title=_("Governance report, %(month)s") % {"month": date_format(found.month, _("F Y"))},
        facts=list(_facts(found)),
        sections=sections,
    )


def markdown(document: Outline) -> str:
    """The document as Markdown; nothing in it is taken for markup."""
    lines = [f"# {_escaped(document.title)}", ""]
    lines += [f"- {_escaped(fact)}" for fact in document.facts]
    for section in document.sections:
        lines += ["", f"## {_escaped(section.title)}", ""]
        lines += [_escaped(text) for text in section.texts]
        for table in section.tables:
            if lines[-1]:
                lines.append("")
            lines.append("| " + " | ".join(_escaped(cell) for cell in table.head) + " |")
            marks = ["---:" if index >= table.numbers else "---" for index in range(len(table.head))]
            lines.append("| " + " | ".join(marks) + " |")
            lines += ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in table.rows]
            if table.note:
                lines += ["", _escaped(table.note)]
    return "\n".join(lines) + "\n"


def brief(found: Report) -> list[Row]:
    """The figures in a few words, for a mail: name, value, what it is made of, and the target or ""."""
    rows: list[Row] = []
    for key, definition in found.catalogue.items():
        value = found.figures["all"][key]
        rows.append(
            [
                str(figure_words.FIGURES[key].name),
                figure_words.shown(definition, value),
                figure_words.made_of(definition, value),
                figure_words.aim(definition, value, "target") if value.get("target") else "",
            ]
        )
    return rows


def _facts(found: Report) -> Iterator[str]:
    yield _("Period: %(start)s to %(end)s (%(zone)s)") % {
        "start": _moment(found.starts_at),
        "end": _moment(found.as_of),
        "zone": timezone.get_current_timezone_name(),
    }
    if found.published is None:
        yield _("Draft: it is computed anew each time it is opened.")
    else:
        by = found.published.published_by
        words = {"name": by, "at": _moment(found.published.published_at)}
        yield (
            _("Published by %(name)s, %(at)s") % words
            if by is not None
            else _("Published by schedule, %(at)s") % words
        )
        yield f"SHA-256: {found.published.content_hash}"
    if found.is_partial:
        yield _("Restricted incidents that you may not see, and what comes from them, are left out.")
    yield f"{settings.PUBLIC_URL}/report/{found.month:%Y-%m}/"


def _figures(found: Report) -> Section:
    rows = []
    for key, definition in found.catalogue.items():
        value = found.figures["all"][key]
        rows.append(
            [
                str(figure_words.FIGURES[key].name),
                figure_words.shown(definition, value),
                figure_words.made_of(definition, value),
                figure_words.before(definition, value, "previous"),
                figure_words.before(definition, value, "year_before"),
                _aimed(definition, value),
            ]
        )
    head = [_("Figure"), _("Value"), _("Made of"), _("Month before"), _("A year before"), _("Target")]
    return Section(_("Figures"), tables=[Table(head, rows, numbers=1)])


def _aimed(definition: Definition, value: dict[str, Any]) -> str:
    """The target, and whether it is met."""
    words = figure_words.aim(definition, value, "target")
    is_met = figures.judged(definition, value)[0]
    if is_met is None:
        return words
    return _("%(target)s, met") % {"target": words} if is_met else _("%(target)s, missed") % {"target": words}


def _formulas(found: Report) -> Section:
    """At the end: who reads the figures every month knows how they are computed."""
    words = [figure_words.FIGURES[key] for key in found.catalogue]
    rows = [[str(told.name), str(told.formula), str(told.cohort)] for told in words]
    return Section(
        _("How the figures are computed"), tables=[Table([_("Figure"), _("Formula"), _("Cohort")], rows)]
    )


def _closure(found: Report) -> Iterator[Section]:
    if not found.rows.due:
        return
    missed = [row for row in found.rows.due if row.outcome is not Outcome.IN_TIME]
    shown = missed[:MOST_ROWS]
    names = found.names(row.public_id for row in shown)
    rows = [
        [
            row.public_id,
            names.titles.get(row.public_id, ""),
            figure_words.detail(row.outcome.value),
            _moment(row.due_at),
            row.service,
            names.owners.get(row.public_id, ""),
        ]
        for row in shown
    ]
    head = [_("Item"), _("Title"), _("Outcome"), _("Due"), _("Service"), _("Owner")]
    drawn = _drawn(report_counts.outcomes(found), _("Outcome"), _("Items"))
    yield Section(_("What became of the items that were due"), tables=[drawn])
    yield Section(
        _("Items not closed in time"),
        texts=[] if rows else [_("Every item due was verified in time.")],
        tables=[Table(head, rows, note=_cut(len(missed)))] if rows else [],
    )


def _times(found: Report) -> Iterator[Section]:
    if not found.rows.resolved:
        return
    rows = []
    for times in found.figures["times"][1:] + found.figures["times"][:1]:
        cells = [times["severity"] or _("All")]
        for name in ("ttr", "ttd", "tta", "ttm"):
            spread = times[name]
            words = (_duration(spread["median_seconds"]), _duration(spread["p90_seconds"]))
            cells.append(f"{words[0]} / {words[1]}" if spread["n"] else "–")
        rows.append([*cells, str(times["ttr"]["n"])])
    head = [_("Severity"), *(f"{name} ({_('median')} / P90)" for name in ("TTR", "TTD", "TTA", "TTM")), "n"]
    drawn = _drawn(report_counts.restoring(found), _("Time to restore"), _("Incidents"))
    yield Section(_("How long it took"), tables=[Table(head, rows, numbers=1), drawn])


def _overdue(found: Report) -> Iterator[Section]:
    if found.rows.overdue:
        drawn = _drawn(report_counts.ageing(found), _("Overdue"), _("Items"))
        yield Section(_("Overdue items"), tables=[drawn, _overdue_table(found, found.rows.overdue)])


def _gate(found: Report) -> Iterator[Section]:
    if found.rows.gate:
        drawn = _drawn(report_counts.gate(found), _("Changes about which CI asked"), "n")
        yield Section(_("The gate"), tables=[drawn])


def _waivers(found: Report) -> Iterator[Section]:
    """Who let changes through, and why (R14)."""
    used = found.rows.waivers
    if not used:
        return
    people = records.people(key for row in used for key in (row.asked_by, row.granted_by))
    rows = []
    for row in used[:MOST_ROWS]:
        granted_by = people.get(row.granted_by, "–")
        if row.is_alone:
            granted_by = _("%(name)s, alone") % {"name": granted_by}
        about = " ".join([*row.findings, row.object]).strip()
        asked_by, until = people.get(row.asked_by, "–"), _moment(row.expires_at)
        rows.append(
            [row.public_id, row.scope, about, row.reason, asked_by, granted_by, until, str(row.changes)]
        )
    head = [
        _("Waiver"), _("For"), _("Findings"), _("Reason"), _("Asked by"), _("Granted by"), _("Until"),
        _("Changes"),
    ]  # fmt: skip
    table = Table(head, rows, numbers=7, note=_cut(len(used)))
    yield Section(_("Waivers used at the gate"), tables=[table])


def _drawn(counts: Sequence[Count], what: str, of: str) -> Table:
    rows = [[count.words, str(count.number)] for count in counts]
    return Table([what, of], rows, numbers=1, counts=counts)


def _overdue_table(found: Report, overdue: Sequence[OverdueItem]) -> Table:
    shown = overdue[:MOST_ROWS]
    names = found.names(row.public_id for row in shown)
    rows = [
        [
            row.public_id,
            names.titles.get(row.public_id, ""),
            duration_words_of_days(row.overdue_days),
            _moment(row.due_at),
            row.service,
            names.owners.get(row.public_id, ""),
        ]
        for row in shown
    ]
    head = [_("Item"), _("Title"), _("Overdue"), _("Due"), _("Service"), _("Owner")]
    return Table(head, rows, note=_cut(len(overdue)))


def managed(viewer: User) -> list[str]:
    """The slugs of the teams that somebody manages, in the order of their names."""
    return list(viewer.managed_teams.order_by("name").values_list("slug", flat=True))


def of_team(found: Report, slug: str) -> list[Row]:
    """The figures of one team that has any rows in them: name, value, what it is made of."""
    return [
        [
            str(figure_words.FIGURES[key].name),
            figure_words.shown(definition, group),
            figure_words.made_of(definition, group),
        ]
        for key, definition in found.catalogue.items()
        for group in found.figures["all"][key]["by"].get("team", [])
        if group["name"] == slug
    ]


def _own_teams(found: Report, own: Sequence[str], names: dict[str, str]) -> Iterator[Section]:
    """For a manager, before all that is about everybody: the figures of their team, and what it owes."""
    for slug in own:
        tables = [Table([_("Figure"), _("Value"), _("Made of")], of_team(found, slug), numbers=1)]
        overdue = [row for row in found.rows.overdue if row.team == slug]
        if overdue:
            tables.append(_overdue_table(found, overdue))
        if tables[0].rows or overdue:
            title = _("Your team: %(name)s") % {"name": names.get(slug, slug)}
            texts = [] if overdue else [_("Nothing of your team is overdue.")]
            yield Section(title, texts=texts, tables=tables)


def _teams(found: Report, own: Sequence[str], names: dict[str, str]) -> Iterator[Section]:
    slugs = {
        group["name"]
        for key in found.catalogue
        for group in found.figures["all"][key]["by"].get("team", [])
        if group["name"]
    }
    head = [_("Figure"), _("Value"), _("Made of")]
    for slug in sorted(slugs - set(own), key=lambda slug: names.get(slug, slug)):
        title = _("Team %(name)s") % {"name": names.get(slug, slug)}
        yield Section(title, tables=[Table(head, of_team(found, slug), numbers=1)])


def _corrections(found: Report, viewer: User) -> Iterator[Section]:
    lines = corrections.of(found, viewer=viewer)
    if not lines:
        return
    rows = []
    for line in lines:
        definition = CATALOGUE[line.figure]
        rows.append(
            [
                _moment(line.noticed_at),
                str(figure_words.FIGURES[line.figure].name),
                "–" if line.was is None else figure_words.shown(definition, line.was),
                "–" if line.now is None else figure_words.shown(definition, line.now),
                " ".join([*line.added, *line.removed, *line.changed]),
            ]
        )
    head = [_("Noticed"), _("Figure"), _("As published"), _("By now"), _("Rows")]
    text = _("What changed after the month was frozen. The figures above stay as they were published.")
    yield Section(_("Corrections"), texts=[text], tables=[Table(head, rows)])


def duration_words_of_days(days: int) -> str:
    """Whole days in words."""
    return _("%(count)d d") % {"count": days}


def _cut(count: int) -> str:
    left = count - MOST_ROWS
    return _("%(count)d more are in the table of rows.") % {"count": left} if left > 0 else ""


def _duration(seconds: int | None) -> str:
    return duration_words(None if seconds is None else timedelta(seconds=seconds))


def _moment(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y, H:i"))


def _escaped(text: str) -> str:
    """A text inside Markdown, in a table or not."""
    plain = " ".join(text.split())
    return "".join(f"\\{one}" if one in r"\`*_[]<>|#~" else one for one in plain)
