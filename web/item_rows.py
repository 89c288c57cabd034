"""The rows of tables of items, as HTML; items/_table.html has the head."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from django.urls import reverse
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from remediation.models import RemediationItem
from web.moments import moment_html
from web.templatetags.closeloop import badge, person, strip

# A template takes several times as long for a row, and a page has fifty: it would be most of the page.
_ROW = """<tr>
{pick}<th scope="row" class="title"><a class="row-link" href="{url}">{title}</a><span class="hint">\
<span class="id">{public_id}</span> · {service}{beside}</span></th>
{severity}<td data-label="{a_state}">{state}{asked}</td>
<td data-label="{a_due}"><div>{due}</div>{standing}</td>
<td data-label="{an_owner}">{owner}</td>
<td data-label="{last_runs}"><div class="stack tight">{strips}</div></td>
</tr>
"""
_HINT = '<span class="hint">{}</span>'


def html(item: RemediationItem, now: datetime, *, is_sorted: bool, may_pick: bool) -> SafeString:
    """One row, of `item_list.shown`; it is kept for those who come back.

    Args:
        is_sorted: the severity has a column of its own, by which the table can be sorted.
        may_pick: the row has a box to tick.
    """
    checks = tuple((strip(check.marks, item.title), check.is_paused) for check in item.checks)
    owner = person(item.owner)
    if item.is_ownerless:
        owner = badge("flag", "ownerless", style="plain") + format_html(_HINT, item.owner)
    return _rendered(
        (item.public_id, item.title, item.service.slug, item.severity.code, item.state, item.is_asked),
        moment_html(item.due_at, "relative", now),
        item.standing,
        owner,
        checks,
        (is_sorted, may_pick),
        get_language(),
    )


@lru_cache(maxsize=8)
def _headings(_language: str | None) -> dict[str, SafeString]:
    """The names of the columns, which stand beside each value on a narrow page."""
    named = {"a_state": _("State"), "a_due": _("Due"), "an_owner": _("Owner"), "last_runs": _("Last runs")}
    return {name: conditional_escape(words) for name, words in named.items()}


@lru_cache(maxsize=4096)
def _rendered(
    looks: tuple[str, str, str, str, str, bool],
    due: SafeString,
    standing: str,
    owner: SafeString,
    checks: Sequence[tuple[SafeString, bool]],
    shape: tuple[bool, bool],
    language: str | None,
) -> SafeString:
    """The language is the one in force, named so that it is part of the key."""
    public_id, title, service, code, state, is_asked = looks
    is_sorted, may_pick = shape
    severity = badge("severity", code, style="plain")
    nothing = mark_safe("")
    return format_html(
        _ROW,
        pick=_pick(public_id) if may_pick else nothing,
        url=reverse("web:item", args=[public_id]),
        title=title,
        public_id=public_id,
        service=service,
        beside=nothing if is_sorted else format_html(" · {}", severity),
        severity=format_html('<td data-label="{}">{}</td>\n', _("Severity"), severity)
        if is_sorted
        else nothing,
        state=badge("item_state", state, style="plain"),
        asked=format_html(_HINT, badge("flag", "asked", style="plain")) if is_asked else nothing,
        due=due,
        standing=format_html(_HINT, badge("standing", standing, style="plain"))
        if standing and state != RemediationItem.State.REGRESSED
        else nothing,
        owner=owner,
        strips=format_html_join(
            "",
            '<div class="row runs">{}{}</div>',
            (
                (runs, badge("flag", "paused", style="glyph") if is_paused else "")
                for runs, is_paused in checks
            ),
        ),
        **_headings(language),
    )


def _pick(public_id: str) -> SafeString:
    return format_html(
        '<td class="item-pick"><input type="checkbox" name="item" value="{}" aria-label="{}"></td>\n',
        public_id,
        _("Tick %(id)s") % {"id": public_id},
    )
