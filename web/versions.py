"""The versions of a text: read them, compare two, bring one back."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from postmortem import access, differences
from postmortem.models import (
    Change,
    ChangeSearch,
    ChecklistEntry,
    Entry,
    Incident,
    LessonPoint,
    Review,
    ReviewStep,
    RootCause,
)
from remediation import texts
from remediation.models import RemediationItem
from web.asking import ask
from web.review_page import review_url

PAGE_SIZE = 50


class RestoreForm(forms.Form):
    """The newest version that was shown beside the one to bring back."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


@login_required
@require_GET
def versions(request: HttpRequest, name: str) -> HttpResponse:
    """The list of versions, and what changed between two of them: `?from=2&to=4`, else the last change."""
    text = find_text(request, name)
    found = text.versions()
    newest = found.first()
    last = newest.number if newest is not None else 0
    after = _number(request.GET.get("after"), at_most=last + 1)
    rows = list((found.filter(number__lt=after) if after else found)[: PAGE_SIZE + 1])
    to = _number(request.GET.get("to"), at_most=last) or last
    since = _number(request.GET.get("from"), at_most=last) or to - 1
    since, to = min(since, to), max(since, to)
    shown = {row.number: row for row in found.filter(number__in=[since, to])}
    said = text.read(shown.values())
    before, now_said = (said.get(shown[one].pk, "") if one in shown else "" for one in (since, to))
    may_restore = text.may_restore() and text.is_open()
    # Of the two the newer one, but for the newest, which stands: then the one before it.
    wanted = to if to < last else since
    context = {
        "text": text,
        "title": title(text),
        "of": subject(text.record),
        "place": place(text.record, request.user),
        "rows": rows[:PAGE_SIZE],
        "next_after": rows[PAGE_SIZE - 1].number if len(rows) > PAGE_SIZE else None,
        "is_first_page": not after,
        "before": shown.get(since) if since != to else None,
        "after": shown.get(to),
        "newest": last,
        "pieces": differences.words(before, now_said) if since in shown and since != to else None,
        "whole": now_said,
        "previous": to - 1 if to > 1 else None,
        "next": to + 1 if to < last else None,
        "restored": wanted if may_restore and 0 < wanted < last and said.get(shown[wanted].pk) else None,
    }
    return render(request, "versions/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def version_restore(request: HttpRequest, name: str, number: int) -> HttpResponse:
    text = find_text(request, name)
    found = text.versions()
    wanted, newest = get_object_or_404(found, number=number), found.first()
    said = text.read([wanted, newest])
    form = RestoreForm(request.POST if request.method == "POST" else None, initial={"version": newest.number})

    def restore(data: dict[str, Any]) -> None:
        texts.restore(text, number=number, latest=data["version"], by=request.user, now=timezone.now())

    return ask(
        request,
        title=_("Restore version %(number)d?") % {"number": number},
        submit=_("Restore this version"),
        done=_("Version %(number)d is restored, as a new version.") % {"number": number},
        back=place(text.record, request.user)[1],
        form=form,
        act=restore,
        is_allowed=text.may_restore(),
        template="versions/restore.html",
        record=text,
        text_title=title(text),
        of=subject(text.record),
        wanted=wanted,
        newest=newest,
        pieces=differences.words(said[newest.pk], said[wanted.pk]),
    )


def find_text(request: HttpRequest, name: str) -> texts.Text:
    """The text, if this reader may see its record."""
    found = texts.find(name, viewer=request.user)
    if found is None:
        raise Http404
    return found


def title(text: texts.Text) -> str:
    """What a column is called."""
    label = text.record._meta.get_field(text.column.name).verbose_name
    return str(capfirst(str(label)))


def subject(record: Any) -> str:
    """The record in a few words."""
    match record:
        case ReviewStep():
            return _("Step %(number)d: %(title)s") % {
                "number": record.position,
                "title": record.get_kind_display(),
            }
        case Incident() | Review() | RemediationItem():
            words = record.title
        case RootCause():
            words = record.statement
        case ChangeSearch():
            return _("No change was found that explains it")
        case Change() | ChecklistEntry():
            words = record.title
        case Entry():
            words = f"{timezone.localtime(record.happened_at):%H:%M} {record.text}"
        case _:
            words = record.text
    return Truncator(" ".join(words.split())).chars(80)


def place(record: Any, user: User) -> tuple[str, str]:
    """What the record is found in, by its public id, and the address."""
    match record:
        case Incident():
            return record.public_id, reverse("web:incident", args=[record.public_id])
        case Review():
            return record.public_id, f"{review_url(record)}#lessons"
        case RemediationItem():
            return record.public_id, reverse("web:item", args=[record.public_id])
        case ReviewStep():
            return record.review.public_id, review_url(record.review, record.kind)
        case ChangeSearch():
            return record.step.review.public_id, review_url(record.step.review, record.step.kind)
        case Change():
            return _place_of_change(record, user)
        case Entry():
            incident = record.timeline.participant.incident
            is_own = record.timeline.participant.user_id == user.pk
            url = reverse("web:timeline" if is_own else "web:incident", args=[incident.public_id])
            return incident.public_id, f"{url}#entry-{record.pk}"
    anchor = {
        RootCause: f"cause-{record.pk}",
        LessonPoint: f"lesson-{record.pk}",
        ChecklistEntry: "checklist",
    }[type(record)]
    return record.review.public_id, f"{review_url(record.review)}#{anchor}"


def _place_of_change(change: Change, user: User) -> tuple[str, str]:
    # The review of an open incident may be hidden, when it is about another one as well.
    review = access.reviews(user).filter(incidents=change.incident_id).first()
    if review is None:
        incident = change.incident.public_id
        return incident, reverse("web:incident", args=[incident])
    return review.public_id, review_url(review, ReviewStep.Kind.CHANGE_CORRELATION)


def _number(value: str | None, *, at_most: int) -> int | None:
    """A number of a query, where it is one that makes sense."""
    if value is None or not (value.isascii() and value.isdecimal() and len(value) < 10):
        return None
    return int(value) if 0 < int(value) <= at_most else None


urlpatterns = [
    path("texts/<str:name>/versions/", versions, name="versions"),
    path("texts/<str:name>/versions/<int:number>/restore", version_restore, name="version_restore"),
]
