"""The merged timeline on a page of its own: filters, zones, gaps, disagreements, exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET

from postmortem import access, merged, merged_export
from postmortem.merged_export import Shown
from postmortem.models import Entry, Incident, Review
from web.exports import csv_response
from web.incidents import find_incident

ZONES = {
    merged_export.MINE: gettext_lazy("My zone"),
    merged_export.UTC_ZONE: "UTC",
    merged_export.WRITTEN: gettext_lazy("As written"),
}


@dataclass
class Scope:
    """Whose timeline it is: one incident's, or that of all incidents of a review.

    Attributes:
        base: the address of the page; exports lie below it.
        back: the page of the incident or the review.
    """

    name: str
    title: str
    incidents: list[Incident]
    base: str
    back: str
    review: Review | None = None


class FilterForm(forms.Form):
    """Filters in the address; a value that makes no sense filters nothing."""

    person = forms.ChoiceField(label=gettext_lazy("Person"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("All kinds")), *Entry.Kind.choices],
        required=False,
    )
    marker = forms.ChoiceField(
        label=pgettext_lazy("of an entry", "Marked"),
        choices=[("", gettext_lazy("Marked or not")), *Entry.Marker.choices[1:]],
        required=False,
    )
    starred = forms.ChoiceField(
        label=gettext_lazy("Star"),
        choices=[("", gettext_lazy("Starred or not")), ("1", gettext_lazy("Starred only"))],
        required=False,
    )
    zone = forms.ChoiceField(label=gettext_lazy("Times"), choices=list(ZONES.items()), required=False)

    def __init__(self, data: Any, *, people: Sequence[Any]) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.fields["person"].choices = [("", _("Everybody")), *((str(one.pk), str(one)) for one in people)]
        self.is_valid()

    def value(self, name: str) -> str:
        return str(getattr(self, "cleaned_data", {}).get(name) or "")

    @property
    def is_narrowed(self) -> bool:
        return any(self.value(name) for name in ("person", "kind", "marker", "starred"))

    def wanted(self) -> merged.Wanted:
        person = self.value("person")
        return merged.Wanted(
            person=int(person) if person else None,
            kind=self.value("kind"),
            marker=self.value("marker"),
            is_starred=self.value("starred") == "1",
        )


@login_required
@require_GET
def merged_incident(request: HttpRequest, public_id: str) -> HttpResponse:
    return _page(request, _of_incident(request, public_id))


@login_required
@require_GET
def merged_review(request: HttpRequest, public_id: str) -> HttpResponse:
    return _page(request, _of_review(request, public_id))


@login_required
@require_GET
def merged_incident_csv(request: HttpRequest, public_id: str) -> HttpResponseBase:
    return _csv(request, _of_incident(request, public_id))


@login_required
@require_GET
def merged_review_csv(request: HttpRequest, public_id: str) -> HttpResponseBase:
    return _csv(request, _of_review(request, public_id))


@login_required
@require_GET
def merged_incident_markdown(request: HttpRequest, public_id: str) -> HttpResponse:
    return _markdown(request, _of_incident(request, public_id))


@login_required
@require_GET
def merged_review_markdown(request: HttpRequest, public_id: str) -> HttpResponse:
    return _markdown(request, _of_review(request, public_id))


def _of_incident(request: HttpRequest, public_id: str) -> Scope:
    incident = find_incident(request, public_id)
    base, back = (reverse(f"web:{name}", args=[public_id]) for name in ("merged_incident", "incident"))
    return Scope(incident.public_id, incident.title, [incident], base, back)


def _of_review(request: HttpRequest, public_id: str) -> Scope:
    review = get_object_or_404(access.reviews(request.user), public_id=public_id)
    incidents = list(review.incidents.order_by("started_at", "id"))
    base, back = (reverse(f"web:{name}", args=[public_id]) for name in ("merged_review", "review"))
    return Scope(review.public_id, review.title, incidents, base, back, review)


def _page(request: HttpRequest, scope: Scope) -> HttpResponse:
    form, shown = _read(request, scope)
    context = {
        "scope": scope,
        "form": form,
        "events": shown,
        "entry_count": sum(one.event.entry is not None for one in shown),
        "zone_name": _zone_name(form.value("zone")),
        "disagreements": merged.disagreements(scope.incidents, viewer=request.user),
        "is_of_many": len(scope.incidents) > 1,
        "now": timezone.now(),
        "may_mark": request.user.is_at_least("member"),
    }
    return render(request, "timelines/merged.html", context)


def _read(request: HttpRequest, scope: Scope) -> tuple[FilterForm, list[Shown]]:
    form = FilterForm(request.GET, people=merged.people(scope.incidents, viewer=request.user))
    entries = list(merged.of(scope.incidents, viewer=request.user, wanted=form.wanted()))
    events = merged.events(scope.incidents, entries)
    zone = timezone.get_current_timezone()
    return form, list(merged_export.shown(events, zone=form.value("zone"), reader_zone=zone))


def _zone_name(zone: str) -> str:
    return "UTC" if zone == "utc" else timezone.get_current_timezone_name()


def _csv(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    _form, shown = _read(request, scope)
    rows = (merged_export.row(one) for one in shown)
    return csv_response(f"{scope.name}-timeline.csv", merged_export.COLUMNS, rows)


def _markdown(request: HttpRequest, scope: Scope) -> HttpResponse:
    _form, shown = _read(request, scope)
    differ = merged.disagreements(scope.incidents, viewer=request.user)
    title = merged_export.title(scope.name, scope.title)
    text = merged_export.markdown(title, scope.incidents, shown, differ)
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{scope.name}-timeline.md"'
    return response


urlpatterns = [
    path("incidents/<slug:public_id>/merged/", merged_incident, name="merged_incident"),
    path("incidents/<slug:public_id>/merged/export.csv", merged_incident_csv, name="merged_incident_csv"),
    path("incidents/<slug:public_id>/merged/export.md", merged_incident_markdown, name="merged_incident_md"),
    path("reviews/<slug:public_id>/merged/", merged_review, name="merged_review"),
    path("reviews/<slug:public_id>/merged/export.csv", merged_review_csv, name="merged_review_csv"),
    path("reviews/<slug:public_id>/merged/export.md", merged_review_markdown, name="merged_review_md"),
]
