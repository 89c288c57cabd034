"""The document of a month as HTML, of which the PDF is made too."""

from __future__ import annotations

import html
import re

from django.utils import translation

from governance.report_counts import Count
from governance.report_document import Outline, Row, Table

# In light, in dark and on paper alike.
_FILLS = {
    "info": "#3b7dd8",
    "good": "#2f9e63",
    "warn": "#d9930d",
    "odd": "#8b5fbf",
    "mute": "#8a939b",
    "bad": "#d64545",
}

# So many rows of a section stand on one page of paper.
_SHORT = 14
# Between a number and its unit no line ends.
_AND_UNIT = re.compile(r"(?<=\d) (?=[^\W\d]|%)")
_NO_BREAK = "\N{NO-BREAK SPACE}"

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:11pt/1.5 system-ui,'Noto Sans','Noto Sans CJK SC','Noto Sans SC','PingFang SC',"
    "'Microsoft YaHei',sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    ".facts,.note{font-size:.85rem;opacity:.85;padding-left:1.2rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.85rem;margin:.75rem 0}"
    "th,td{border-bottom:1px solid #8888;padding:.3rem .5rem;text-align:start;vertical-align:top}"
    # Not "anywhere": columns would be no wider than a letter when there is little room.
    "td{overflow-wrap:break-word}"
    ".drawn{max-width:34rem;break-inside:avoid}.drawn td:first-child{width:12rem}.drawn .num{width:4rem}"
    ".bar{vertical-align:middle}.bar svg{display:block;width:100%;height:.7rem}"
    "th{font-weight:600;border-bottom-width:2px}.num{text-align:end;font-variant-numeric:tabular-nums}"
    # On a phone a wide table scrolls, not the page.
    "@media screen and (max-width:40rem){table{display:block;overflow-x:auto}}"
    "@page{size:A4;margin:16mm 14mm;@bottom-right{content:counter(page) ' / ' counter(pages);font-size:8pt}}"
    "@media print{body{margin:0;max-width:none;padding:0;font-size:9.5pt}tr{break-inside:avoid}"
    "th,td{padding:.2rem .4rem}"
    "thead{display:table-header-group}h2{break-after:avoid}.short{break-inside:avoid}}"
)


def page(document: Outline) -> str:
    """The document as one HTML file that needs nothing else: it prints well, in light and in dark."""
    language = "zh-Hans" if (translation.get_language() or "").startswith("zh") else "en"
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(document.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(document.title)}</h1><ul class='facts'>",
        *(f"<li>{html.escape(fact)}</li>" for fact in document.facts),
        "</ul>",
    ]
    for section in document.sections:
        is_short = sum(len(table.rows) for table in section.tables) <= _SHORT
        kind = " class=short" if is_short else ""
        parts.append(f"<section{kind}><h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{html.escape(text)}</p>" for text in section.texts]
        parts += [_table(table) for table in section.tables]
        parts.append("</section>")
    return "".join([*parts, "</body></html>\n"])


def _table(table: Table) -> str:
    def cells(row: Row, tag: str) -> str:
        return "".join(
            f"<{tag} class=num>{html.escape(_AND_UNIT.sub(_NO_BREAK, cell))}</{tag}>"
            if index >= table.numbers
            else f"<{tag}>{html.escape(cell)}</{tag}>"
            for index, cell in enumerate(row)
        )

    most = max((count.number for count in table.counts), default=0)
    bars = [_bar(count, most) for count in table.counts] or [""] * len(table.rows)
    body = "".join(f"<tr>{cells(row, 'td')}{bar}</tr>" for row, bar in zip(table.rows, bars, strict=True))
    head = cells(table.head, "th") + ("<td></td>" if table.counts else "")
    note = f"<p class=note>{html.escape(table.note)}</p>" if table.note else ""
    kind = " class=drawn" if table.counts else ""
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _bar(count: Count, most: int) -> str:
    """A bar as long as the count; what it says stands beside it as a number."""
    length = 100 * count.number / most if most else 0
    # Of a few among many there is still something to see.
    length = max(length, 0.5) if count.number else 0
    return (
        '<td class=bar><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{length:.2f}" height="6" fill="{_FILLS[count.tone]}"/></svg></td>'
    )
