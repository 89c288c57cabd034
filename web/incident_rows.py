"""The rows of the list of incidents: what each shows, and its HTML."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from postmortem.models import Incident
from postmortem.sla import Standing, standing
from web.moments import duration_words, moment_html
from web.templatetags.closeloop import badge

# A template takes six times as long for a row, and a page has fifty: it would be most of the page.
_ROW = """<tr>
<th scope="row" class="title"><a class="row-link" href="{url}">{title}</a><span class="hint">\
<span class="id">{public_id}</span>{marks}</span></th>
<td data-label="{a_severity}">{severity}</td>
<td data-label="{a_state}">{state}</td>
<td data-label="{a_services}"><span class="row">{services}</span></td>
<td data-label="{a_started}">{started}</td>
<td class="num" data-label="{a_duration}">{lasted}</td>
<td data-label="{a_review}">{review}</td>
</tr>
"""
_NONE = mark_safe('<span class="none">–</span>')

# What a row shows, and so what tells one rendering from another: what changes any of it makes another key.
_LOOKS = (
    "public_id", "title", "is_drill", "is_restricted", "severity__code", "state", "started_at", "resolved_at",
    "review_standing",
)  # fmt: skip
_looks = attrgetter(*_LOOKS)


def row(values: dict[str, Any], now: datetime) -> SimpleNamespace:
    """One row of the list's statement, with its state, its standing and how long it lasted."""
    known = SimpleNamespace(**values)
    known.state = Incident.state.fget(known)  # type: ignore[attr-defined]
    known.review_standing = _standing(known, now)
    known.lasted = (known.resolved_at or now) - known.started_at
    return known


def slugs(parts: Sequence[str], kind: str) -> list[str]:
    """Of the services of a row ("origin order", "affected cart") those of one kind."""
    return [slug for part, _space, slug in (part.partition(" ") for part in parts) if part == kind]


def shown(rows: Sequence[dict[str, Any]], now: datetime) -> list[SimpleNamespace]:
    """Rows with their `html`, which is kept for those who come back."""
    language, zone = get_language(), timezone.get_current_timezone_name()
    found = []
    for values in rows:
        known = row(values, now)
        lasted = known.lasted if known.resolved_at else _lasting(int(known.lasted.total_seconds()), language)
        known.html = _rendered(_looks(known), tuple(known.tags), tuple(known.parts), lasted, language, zone)
        found.append(known)
    return found


def _standing(known: SimpleNamespace, now: datetime) -> Standing | None:
    if not known.severity__requires_postmortem or known.is_drill or known.dismissed_as:
        return None
    return standing(
        promised_at=known.started_at,
        due_at=known.started_at + timedelta(hours=known.severity__review_hours),
        met_at=known.review__first_archived_at,
        as_of=now,
    )


@lru_cache(maxsize=4096)
def _lasting(seconds: int, _language: str | None) -> str:
    """What still goes on, to the minute: its row is rendered once a minute."""
    return duration_words(timedelta(seconds=seconds - seconds % 60 if seconds > 60 else seconds))


@lru_cache(maxsize=8)
def _headings(_language: str | None) -> dict[str, SafeString]:
    """The names of the columns, which stand beside each value on a narrow page."""
    named = {
        "a_severity": _("Severity"),
        "a_state": _("State"),
        "a_services": _("Services"),
        "a_started": _("Started"),
        "a_duration": _("Duration"),
        "a_review": _("Review"),
    }
    return {name: conditional_escape(words) for name, words in named.items()}


@lru_cache(maxsize=4096)
def _rendered(
    looks: tuple[Any, ...],
    tags: tuple[str, ...],
    parts: tuple[str, ...],
    lasted: timedelta | str,
    language: str | None,
    _zone: str,
) -> SafeString:
    """The HTML of a row; language and zone are those in force, named so that they are part of the key."""
    incident = SimpleNamespace(**dict(zip(_LOOKS, looks, strict=True)))
    kept = incident.review_standing
    return format_html(
        _ROW,
        url=_address().replace(_ANY, incident.public_id),
        title=incident.title,
        public_id=incident.public_id,
        marks=_marks(incident, tags),
        severity=badge("severity", incident.severity__code),
        state=badge("incident_state", incident.state, style="plain"),
        services=_services(parts, language),
        started=moment_html(incident.started_at, "kept"),
        lasted=_lasted(incident, lasted),
        review=badge("standing", kept, style="plain") if kept else _NONE,
        **_headings(language),
    )


_ANY = "INC-0"


@lru_cache(maxsize=1)
def _address() -> str:
    """The address of an incident, with `_ANY` in the place of its id: Django takes long to find it."""
    return reverse("web:incident", args=[_ANY])


def _marks(incident: SimpleNamespace, tags: Sequence[str]) -> SafeString:
    """What stands behind the id: flags, then tags."""
    flags = [name for name in ("drill", "restricted") if getattr(incident, f"is_{name}")]
    return format_html(
        "{}{}",
        format_html_join("", " {}", ((badge("flag", name, style="plain"),) for name in flags)),
        format_html_join("", ' <span class="faint">#{}</span>', ((tag,) for tag in tags)),
    )


@lru_cache(maxsize=4096)
def _services(parts: tuple[str, ...], _language: str | None) -> SafeString:
    """The services it came from by name, and how many others it hurt."""
    origins, affected = slugs(parts, "origin"), slugs(parts, "affected")
    title = _("Origin")
    named = format_html_join(
        "", '<span class="tag" title="{}">{}</span>', ((title, slug) for slug in origins)
    )
    if not affected:
        return named
    words = ngettext("+%(n)s affected", "+%(n)s affected", len(affected)) % {"n": len(affected)}
    whole = '{}<span class="faint case-small" title="{}">{}</span>'
    return format_html(whole, named, ", ".join(affected), words)


def _lasted(incident: SimpleNamespace, lasted: timedelta | str) -> SafeString:
    if incident.state == "dismissed":
        return _NONE
    words = duration_words(lasted) if isinstance(lasted, timedelta) else lasted
    so_far = "" if incident.resolved_at else format_html(' <span class="hint">{}</span>', _("so far"))
    return format_html("{}{}", words, so_far)
