"""Mails of one notice, or of a digest; text and HTML, in the language and the zone of their reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User, zone_of
from governance import pdf, report_document, report_html, reports, wordings
from governance.digests import notices_in
from governance.models import Digest, Notice
from postmortem import access
from postmortem.models import Incident
from remediation import items
from remediation.models import RemediationItem

MOST_LINES = 50
MOST_IN_SECTION = 10


def is_due_to(notice: Notice) -> bool:
    """Whether the recipient may still be told."""
    person = notice.recipient
    if not person.is_active:
        return False
    if notice.item is not None:
        return items.visible_to(person).filter(pk=notice.item.pk).exists()
    if notice.waiver is not None:
        return person.is_at_least(User.Role.GOVERNOR)
    return notice.incident is None or access.is_visible(notice.incident, person)


def of_notice(notice: Notice, *, connection: Any = None) -> EmailMultiAlternatives:
    """The mail of one notice."""
    person = notice.recipient
    with _as_read_by(person):
        context: dict[str, Any] = {
            "words": wordings.words(notice),
            "title": wordings.title(notice),
            "subject_id": wordings.subject_id(notice),
            "due_at": _words_of(notice.item.due_at) if notice.item else "",
            "url": settings.PUBLIC_URL + wordings.path(notice),
            "is_bad": notice.kind not in wordings.CALM,
        }
        found = None
        if notice.report is not None:
            found = reports.build(notice.report.month, viewer=person, now=notice.report.published_at)
            context["figures"] = report_document.brief(found)
            context["teams"] = _own_teams(found, person)
        message = _mail(person, f"notice-{notice.pk}", context["words"], "notice", context, connection)
        if found is not None:
            message.attach(*_report_file(found, person))
        return message


def _report_file(found: reports.Report, person: User) -> tuple[str, str | bytes, str]:
    """The report as its reader may see it: name, content and type; PDF where it can be written."""
    text = report_html.page(report_document.outline(found, viewer=person))
    if pdf.is_available():
        return f"report-{found.month:%Y-%m}.pdf", pdf.write(text), "application/pdf"
    return f"report-{found.month:%Y-%m}.html", text, "text/html"


def _own_teams(found: reports.Report, person: User) -> list[tuple[str, Sequence[Sequence[str]]]]:
    """For a manager: the name of each of their teams, and its figures."""
    names = dict(person.managed_teams.values_list("slug", "name"))
    teams = [(names[slug], report_document.of_team(found, slug)) for slug in report_document.managed(person)]
    return [(name, rows) for name, rows in teams if rows]


def of_digest(digest: Digest, *, connection: Any = None) -> EmailMultiAlternatives | None:
    """The mail of a digest; None when there is nothing that its reader may still see."""
    person = digest.recipient
    with _as_read_by(person):
        if digest.kind == Digest.Kind.NOTICES:
            sections = _told(digest)
            subject = _("Your notices until %(day)s") % {"day": _day_of(digest.until)}
            if not sections:
                return None
        else:
            sections = _standing(person, as_of=digest.until)
            subject = _("Open promises on %(day)s") % {"day": _day_of(digest.until)}
        context = {
            "words": subject,
            "sections": sections,
            "url": settings.PUBLIC_URL + "/",
            "is_digest": True,
        }
        return _mail(person, f"digest-{digest.pk}", subject, "digest", context, connection)


def _told(digest: Digest) -> list[dict[str, Any]]:
    rows = notices_in(digest.recipient, digest.since, digest.until).order_by("-created_at", "-pk")
    rows = rows.select_related(
        "recipient", "incident", "item", "by", "team_channel__team", "waiver__service", "report"
    )
    seen = [one for one in rows[: 4 * MOST_LINES] if is_due_to(one)]
    lines = [
        {
            "words": wordings.words(one),
            "title": wordings.title(one),
            "url": settings.PUBLIC_URL + wordings.path(one),
            "note": _words_of(one.created_at),
        }
        for one in seen[:MOST_LINES]
    ]
    return [{"name": "", "count": len(seen), "lines": lines, "more": len(seen) - len(lines)}] if lines else []


def _standing(person: User, *, as_of: datetime) -> list[dict[str, Any]]:
    """How the promises stand: what is overdue, what fails again, what nobody answers for."""
    mine = items.visible_to(person).select_related("owner", "team")
    unfinished = mine.filter(state__in=items.UNFINISHED)
    overdue = unfinished.filter(due_at__lt=as_of, first_verified_at=None)
    reviews = access.incidents(person).filter(
        severity__requires_postmortem=True, is_drill=False, dismissed_as="", review__first_archived_at=None
    )
    late = [
        one for one in reviews.select_related("severity").order_by("started_at") if one.review_due_at < as_of
    ]
    return [
        _section(
            _("Reviews that are overdue"), len(late), [_incident_line(one) for one in late[:MOST_IN_SECTION]]
        ),
        _of_items(_("Items that are overdue"), overdue.order_by("due_at", "pk")),
        _of_items(
            _("Items that fail again"), mine.filter(state=RemediationItem.State.REGRESSED).order_by("pk")
        ),
        _of_items(_("Items without an owner"), unfinished.filter(owner__is_active=False).order_by("pk")),
    ]


def _section(name: str, count: int, lines: Sequence[dict[str, str]]) -> dict[str, Any]:
    return {"name": name, "count": count, "lines": lines, "more": count - len(lines)}


def _of_items(name: str, rows: QuerySet[RemediationItem]) -> dict[str, Any]:
    return _section(name, rows.count(), [_item_line(one) for one in rows[:MOST_IN_SECTION]])


def _item_line(item: RemediationItem) -> dict[str, str]:
    note = f"{_('Due')}: {_words_of(item.due_at)} · {item.owner} · {item.team}"
    return {
        "words": item.public_id,
        "title": item.title,
        "url": f"{settings.PUBLIC_URL}/items/{item.public_id}/",
        "note": note,
    }


def _incident_line(incident: Incident) -> dict[str, str]:
    return {
        "words": incident.public_id,
        "title": incident.title,
        "url": f"{settings.PUBLIC_URL}/incidents/{incident.public_id}/",
        "note": f"{_('Due')}: {_words_of(incident.review_due_at)}",
    }


@contextmanager
def _as_read_by(person: User) -> Iterator[None]:
    with translation.override(person.language), timezone.override(zone_of(person.time_zone)):
        yield


def _mail(
    person: User, name: str, subject: str, template: str, context: dict[str, Any], connection: Any
) -> EmailMultiAlternatives:
    context |= {
        "zone": person.time_zone,
        "settings_url": f"{settings.PUBLIC_URL}/settings/notices",
        "language": "zh-Hans" if person.language == "zh-hans" else "en",
    }
    # Two deliveries of one thing bear one id, so that a mailbox may know the second.
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    message = EmailMultiAlternatives(
        subject=" ".join(str(subject).split()),
        body=render_to_string(f"emails/{template}.txt", context),
        to=[person.email],
        headers={"Message-ID": f"<{name}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    message.attach_alternative(render_to_string(f"emails/{template}.html", context), "text/html")
    return message


def _words_of(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y, H:i"))


def _day_of(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y"))
