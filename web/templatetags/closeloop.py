"""Tags and filters of our templates; a builtin library, so no page loads it.

All of them answer something harmless for missing values: a page never fails over a detail.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32

from django import template
from django.http import QueryDict
from django.template import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from postmortem import markup
from remediation import texts
from web import counting, event_words, finding_words, findings, hints
from web import settings_map as settings_pages
from web.badges import look
from web.context import Place, places
from web.icons import ICONS
from web.moments import duration_words, moment_html

register = template.Library()

AVATAR_HUES = 8


@register.simple_tag
def icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """One icon, hidden from screen readers unless it has a label of its own."""
    return _icon(name, str(label), classes)


@lru_cache(maxsize=1024)
def _icon(name: str, label: str, classes: str) -> SafeString:
    drawing = mark_safe(ICONS.get(name, ICONS["ring"]))  # noqa: S308 - our own constants
    css = f"icon {classes}".strip()
    if label:
        whole = '<svg class="{}" viewBox="0 0 16 16" role="img"><title>{}</title>{}</svg>'
        return format_html(whole, css, label, drawing)
    return format_html('<svg class="{}" viewBox="0 0 16 16" aria-hidden="true">{}</svg>', css, drawing)


@register.simple_tag
def kept(template_name: str, **given: object) -> SafeString:
    """A part of the frame, rendered once for each language and for what it is `given`.

    The template may use nothing else: no request, no person, no moment. The frame of a page would
    otherwise take as long to render as its content.
    """
    return _kept(template_name, get_language(), tuple(sorted(given.items())))


@lru_cache(maxsize=1024)
def _kept(template_name: str, language: str | None, given: tuple[tuple[str, object], ...]) -> SafeString:
    return mark_safe(get_template(template_name).render(dict(given)))  # noqa: S308 - our own template


@register.simple_tag(name="places")
def places_tag(here: str) -> list[Place]:
    """The entries of the navigation: `{% places here as shown %}`."""
    return places(here)


@register.simple_tag
def badge(kind: str, value: object, label: str = "", title: str = "", style: str = "") -> SafeString:
    """A state as shape, colour and word.

    Args:
        kind: a family of `web.badges.LOOKS`: severity, item_state, outcome, standing, verdict, ...
        value: the stored value; one that is not in the table is shown as written.
        label: other words instead of the usual ones.
        title: a sentence for the tooltip.
        style: "plain" for dense tables (no chip around it), "glyph" for the shape alone (its word stays
            there for screen readers and as tooltip), "large".
    """
    shown_as = "" if value is None else str(value)
    return _badge(kind, shown_as, str(label), str(title), style, get_language())


# The words are the language's, so it is part of the key.
@lru_cache(maxsize=2048)
def _badge(kind: str, value: str, label: str, title: str, style: str, language: str | None) -> SafeString:
    shown = look(kind, value)
    words = label or str(shown.word)
    classes = " ".join(filter(None, ["badge", f"tone-{shown.tone}", "loud" if shown.is_loud else "", style]))
    if style == "glyph":
        shape = icon(shown.icon, words)
        return format_html('<span class="{}" title="{}">{}</span>', classes, title or words, shape)
    hint = format_html(' title="{}"', title) if title else ""
    return format_html('<span class="{}"{}>{}<span>{}</span></span>', classes, hint, icon(shown.icon), words)


@register.simple_tag(takes_context=True)
def moment(context: Context, value: datetime | date | None, style: str = "relative") -> SafeString:
    """A moment in the reader's zone, exact to the second in its tooltip.

    Args:
        value: an aware datetime, a date, or None (shown as “–”).
        style: relative ("2 h ago"), exact ("23 Nov 2026, 17:20"), both, time ("17:20:05"), day, stamp (to the
            second, with the zone).

    The page may put `now` into its context, so that all of its figures speak of the same moment.
    """
    now = context.get("now")
    return moment_html(value, style, now if isinstance(now, datetime) else None)


@register.simple_tag(name="duration")
def duration_tag(value: timedelta | int | float | None) -> str:
    """A timedelta, or a number of seconds, in at most two units."""
    return duration(value)


@register.filter
def duration(value: timedelta | int | float | None) -> str:
    """As the tag, for use inside other tags: `{% blocktranslate with time=ttr|duration %}`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = timedelta(seconds=value)
    return duration_words(value if isinstance(value, timedelta) else None)


@register.filter
def on_another_day(value: datetime | None, other: datetime | None) -> bool:
    """Whether two moments lie on different days in the reader's zone."""
    return bool(value and other and timezone.localtime(value).date() != timezone.localtime(other).date())


@register.filter
def counted(count: int) -> str:
    """A count of `web.counting`: the number, or "1000+"."""
    return counting.words(count)


@register.filter
def finding_title(code: str) -> str:
    """The rule behind the code of a finding, in words: `{{ code|finding_title }}`."""
    rule = findings.RULES.get(str(code))
    return str(rule.title) if rule else str(code)


# What is kept in English, in the reader's language: {{ event.outcome|outcome_words }}.
register.filter("finding_words_of", finding_words.translated)
register.filter("outcome_words", event_words.outcome)
register.filter("note_words", event_words.note)


@register.filter
def prose(record: Any, field: str) -> SafeString:
    """A Markdown column as HTML, rendered when it was stored: `{{ incident|prose:"summary" }}`."""
    return markup.shown(getattr(record, field, "") or "", getattr(record, f"{field}_html", "") or "")


@register.simple_tag(takes_context=True)
def settings_map(context: Context, section: Any = "") -> dict[str, Any]:
    """The groups and pages of the settings that the reader is shown: {% settings_map section as map %}."""
    return settings_pages.shown(context["user"], str(section or ""))


@register.simple_tag
def meter(
    value: float | None,
    maximum: float = 100,
    label: str = "",
    tone: str = "info",
    target: float | None = None,
) -> SafeString:
    """A bar of `value` out of `maximum`, with an optional mark at `target`.

    An SVG, for its widths are attributes: the content security policy allows no style attributes.
    """
    whole = float(maximum or 0)
    share = _share(value, whole)
    words = label or f"{share:.0f} %"
    mark = ""
    if target is not None:
        place = f"{min(_share(target, whole), 99):.2f}"
        mark = format_html('<rect class="meter-target" x="{}" y="0" width="1" height="8"/>', place)
    return format_html(
        '<svg class="meter tone-{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img">'
        '<title>{}</title><rect class="meter-track" y="1" width="100" height="6"/>'
        '<rect class="meter-fill" y="1" width="{}" height="6"/>{}</svg>',
        tone,
        words,
        f"{share:.2f}",
        mark,
    )


@register.simple_tag(takes_context=True)
def query_with(context: Context, **changes: Any) -> str:
    """The query of this page with some keys changed; None or "" takes a key away.

    `{% query_with state="open" after=None %}` keeps every other filter: "?owner=7&state=open".
    """
    request = context.get("request")
    changed = tuple((key, "" if value is None else str(value)) for key, value in changes.items())
    return _query_with(request.GET.urlencode() if request is not None else "", changed)


@lru_cache(maxsize=4096)
def _query_with(query: str, changes: tuple[tuple[str, str], ...]) -> str:
    changed = QueryDict(query, mutable=True)
    for key, value in changes:
        if value:
            changed[key] = value
        else:
            changed.pop(key, None)
    encoded = changed.urlencode()
    return f"?{encoded}" if encoded else "?"


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, classes: str = "", default: str = "") -> SafeString:
    """A column header that sorts by `?sort=key` and, pressed again, by `?sort=-key`.

    `default` is the order the page uses when the query names none. Reading starts anew: `after` and
    `before`, the places of keyset pages, are dropped.
    """
    request = context.get("request")
    current = (request.GET.get("sort") if request is not None else None) or default
    order, following, shape = "none", key, "sort"
    if current == key:
        order, following, shape = "ascending", f"-{key}", "up"
    elif current == f"-{key}":
        order, following, shape = "descending", key, "down"
    address = query_with(context, sort=following, after=None, before=None)
    return _sort_header(str(label), classes, order, address, shape)


@lru_cache(maxsize=1024)
def _sort_header(label: str, classes: str, order: str, address: str, shape: str) -> SafeString:
    whole = '<th scope="col" class="{}" aria-sort="{}"><a class="sort" href="{}">{}{}</a></th>'
    return format_html(whole, classes, order, address, label, icon(shape))


@register.simple_tag
def versions_link(record: Any, column: str, label: str = "") -> SafeString:
    """A quiet link to the versions of a text, where there is more than one; `web.versions.counted` says so.

    Args:
        label: what it is a text of, where the place does not tell.
    """
    counts = getattr(record, "version_counts", None)
    name = texts.name_of(record, column) if counts else ""
    if not counts or (count := counts.get(name, 0)) < 2:
        return mark_safe("")
    words = ngettext("%(count)d version", "%(count)d versions", count) % {"count": count}
    return format_html(
        '<a class="versions" href="{}">{}{}</a>',
        reverse("web:versions", args=[name]),
        icon("clock"),
        f"{label}: {words}" if label else words,
    )


@register.simple_tag
def avatar(person: Any) -> SafeString:
    """The initials of a person in a disc; the same person has the same tint everywhere."""
    name = str(person or "?")
    return _avatar(str(getattr(person, "pk", None) or name), name)


@lru_cache(maxsize=4096)
def _avatar(key: str, name: str) -> SafeString:
    hue = crc32(key.encode()) % AVATAR_HUES
    return format_html('<span class="avatar hue-{}" aria-hidden="true">{}</span>', hue, _initials(name))


@register.simple_tag
def person(someone: Any) -> SafeString:
    """Avatar and name; an inactive person is marked, and nobody is a dash."""
    if someone is None:
        return mark_safe('<span class="none">–</span>')
    is_gone = getattr(someone, "is_active", True) is False
    return _person(avatar(someone), str(someone), is_gone, get_language())


@lru_cache(maxsize=4096)
def _person(disc: SafeString, name: str, is_gone: bool, _language: str | None) -> SafeString:
    note = format_html(' <span class="hint">{}</span>', _("(inactive)")) if is_gone else ""
    return format_html('<span class="person">{}<span>{}{}</span></span>', disc, name, note)


@register.simple_tag
def copy_button(text: object, label: str = "") -> SafeString:
    """A button that copies `text`; it is absent where scripts are off."""
    words = label or _("Copy")
    return format_html(
        '<button type="button" class="button quiet small icon-only" data-copy="{}" data-done="{}"'
        ' aria-label="{}" title="{}">{}{}</button>',
        *(text, _("Copied"), words, words, icon("copy"), icon("check")),
    )


@register.simple_tag
def keys(pressed: str) -> SafeString:
    """The keys of a shortcut: `{% keys "g i" %}`."""
    caps = format_html_join(" ", "<kbd>{}</kbd>", ((key,) for key in pressed.split()))
    return format_html('<span class="keys">{}</span>', caps)


@register.simple_tag(takes_context=True)
def item_row(context: Context, item: Any, is_sorted: object = False, may_pick: object = False) -> SafeString:
    """A row of a table of items, as the page's `now` has it."""
    from web import item_rows

    return item_rows.html(item, context["now"], is_sorted=bool(is_sorted), may_pick=bool(may_pick))


@register.simple_tag
def strip(runs: Any, label: str = "", style: str = "") -> SafeString:
    """A history strip: one mark per check run, the newest at the right; shape and height tell outcomes apart.

    Args:
        runs: rows with `outcome` and `finished_at` (or `slot`), oldest first.
        label: what the strip is about, for screen readers.
        style: "" or "large".
    """
    marks = tuple(
        (
            str(getattr(run, "outcome", "") or ""),
            getattr(run, "finished_at", None) or getattr(run, "slot", None),
        )
        for run in runs or ()
    )
    return _strip(marks, str(label), style, get_language(), timezone.get_current_timezone_name())


def _ended(run: Any) -> datetime | None:
    return getattr(run, "finished_at", None) or getattr(run, "slot", None)


@lru_cache(maxsize=2048)
def _strip(
    marks: tuple[tuple[str, datetime | None], ...], label: str, style: str, language: str | None, zone: str
) -> SafeString:
    if not marks:
        return format_html('<span class="none">{}</span>', _("No runs yet"))
    counts = Counter(str(look("outcome", outcome).word) for outcome, _at in marks)
    summary = ", ".join(f"{word} {count}" for word, count in counts.items())
    return format_html(
        '<span class="strip {}" role="img" aria-label="{}">{}</span>',
        style,
        f"{label}: {summary}" if label else summary,
        # Newest first: where a strip has no room for all, the last ones of a line wrap out of sight.
        SafeString("".join(_mark(outcome, at, language, zone) for outcome, at in reversed(marks))),
    )


@lru_cache(maxsize=32768)
def _mark(outcome: str, at: datetime | None, _language: str | None, _zone: str) -> SafeString:
    """One mark of a strip; language and zone are those in force, named so that they are part of the key."""
    word = look("outcome", outcome).word
    when = date_format(timezone.localtime(at), _("j M Y, H:i")) if at else ""
    title = f"{word} · {when}" if when else str(word)
    return format_html('<span class="mark mark-{}" title="{}"></span>', outcome or "waiting", title)


def _share(value: float | None, whole: float) -> float:
    """`value` as a percentage of `whole`, kept between 0 and 100."""
    if value is None or whole <= 0:
        return 0.0
    return max(0.0, min(100.0, 100 * float(value) / whole))


def _initials(name: str) -> str:
    """Two letters of a Latin name; one character of a Chinese one, of the given name, which stands last.

    A name written in both ("Lin Wei 林薇") is read as Latin.
    """
    words = name.split()
    latin = [word for word in words if not "\u4e00" <= word[0] <= "\u9fff"]
    if not latin:
        return words[-1][-1] if words else "?"
    return (latin[0][0] + (latin[-1][0] if len(latin) > 1 else "")).upper()


@register.inclusion_tag("_wording.html")
def wording_hints(field: Any) -> dict[str, Any]:
    """The hints on the wording of a field, where its form asks for some."""
    return hints.of_field(field)
