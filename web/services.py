"""A service: how it stands today, and what CI asks about it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from governance import audit, badges, gatewaivers
from postmortem import access, trail
from remediation import items
from web import findings, item_list
from web.forms.services import ServiceForm

INCIDENTS_SHOWN = 10
ITEMS_SHOWN = 20


@login_required
@require_GET
def service(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    record = get_object_or_404(access.services(request.user).select_related("team__manager"), slug=slug)
    active = items.visible_to(request.user).filter(service=record, state__in=items.UNFINISHED)
    incidents = access.incidents(request.user).filter(pk__in=record.incident_links.values("incident"))
    judgement = audit.look(slug, now=now)
    context = {
        "now": now,
        "service": record,
        "verdict": judgement.verdict,
        "findings": findings.shown(judgement.findings, viewer=request.user),
        "items": item_list.shown(item_list.with_checks(active).order_by("due_at", "pk")[:ITEMS_SHOWN], now),
        "incidents": incidents.select_related("severity").order_by("-started_at")[:INCIDENTS_SHOWN],
        "ci_line": ci_line(record.slug),
        "badge": badge_address(record.slug),
        "waivers": gatewaivers.visible_to(request.user).filter(
            gatewaivers.state_q("in_force", now=now), service=record
        )[:10],
        "may_edit": request.user.is_at_least("administrator"),
    }
    return render(request, "services/detail.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def service_new(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "administrator")
    form = ServiceForm(request.POST if request.method == "POST" else None)
    return _stored(request, form, act="services.add", back=reverse("web:services"))


@login_required
@require_http_methods(["GET", "POST"])
def service_edit(request: HttpRequest, slug: str) -> HttpResponse:
    access.need(request.user, "administrator")
    record = get_object_or_404(access.services(request.user), slug=slug)
    form = ServiceForm(request.POST if request.method == "POST" else None, instance=record)
    return _stored(request, form, act="services.edit", back=reverse("web:service", args=[slug]))


def ci_line(slug: str) -> str:
    """One line for a shell that ends with 0 for PASS and for nothing else, not even for an error."""
    address = f"{settings.PUBLIC_URL}/sre/audit?service={slug}"
    ask = f'curl -fsS -H "Authorization: Bearer $CLOSELOOP_TOKEN" "{address}"'
    return f'test "$({ask} | jq -r .status)" = PASS'


def badge_address(slug: str) -> str:
    """Where the picture of its standing is; "" where this installation shows none."""
    if settings.SERVICE_BADGES == "off":
        return ""
    key = f"?key={badges.key_of(slug)}" if settings.SERVICE_BADGES == "key" else ""
    return f"{settings.PUBLIC_URL}/badges/{slug}.svg{key}"


def _stored(request: HttpRequest, form: ServiceForm, *, act: str, back: str) -> HttpResponse:
    if form.is_valid():
        with trail.act(act, by=request.user):
            saved = form.save()
        messages.success(request, _("Saved."))
        return redirect("web:service", saved.slug)
    context = {"form": form, "service": form.instance if form.instance.pk else None, "back": back}
    return render(request, "services/form.html", context, status=422 if form.errors else 200)


urlpatterns = [
    path("services/new", service_new, name="service_new"),
    path("services/<slug:slug>/", service, name="service"),
    path("services/<slug:slug>/edit", service_edit, name="service_edit"),
]
