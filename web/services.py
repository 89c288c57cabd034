"""Services: how each stands today, and what CI asks about it."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from governance import audit, badges, gatewaivers
from postmortem import access, trail
from remediation import items
from web import findings, item_list
from web.forms.services import ServiceForm

INCIDENTS_SHOWN = 10
ITEMS_SHOWN = 20


@login_required
@require_GET
def service_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    services = list(access.services(request.user).select_related("team"))
    work, incidents, verdicts = _work(request.user, now), _unresolved(request.user), audit.look_at_all(now)
    for service in services:
        service.verdict = verdicts.get(service.slug)
        service.work = work.get(service.pk, {})
        service.open_incidents = incidents.get(service.pk, 0)
    context = {"now": now, "services": services, "may_add": request.user.is_at_least("administrator")}
    return render(request, "services/list.html", context)


@login_required
@require_GET
def service(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    record = get_object_or_404(access.services(request.user).select_related("team__manager"), slug=slug)
    active = items.visible_to(request.user).filter(service=record).exclude(state__in=item_list.SETTLED)
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


def _work(user: User, now: datetime) -> dict[int, dict[str, int]]:
    """Counts of unsettled items by service, of what this person may see."""
    rows = items.visible_to(user).exclude(state__in=item_list.SETTLED).order_by().values("service")
    counted = rows.annotate(
        active=Count("pk"),
        overdue=Count("pk", filter=item_list.late(now)),
        regressed=Count("pk", filter=Q(state="regressed")),
    )
    return {row["service"]: row for row in counted}


def _unresolved(user: User) -> dict[int, int]:
    """Counts of incidents that are not over, by service that they came from or hurt."""
    rows = access.incidents(user).filter(resolved_at=None, closed_at=None, dismissed_as="").order_by()
    counted = rows.values(of=F("service_links__service")).annotate(count=Count("pk"))
    return {row["of"]: row["count"] for row in counted}


urlpatterns = [
    path("services/", service_list, name="services"),
    path("services/new", service_new, name="service_new"),
    path("services/<slug:slug>/", service, name="service"),
    path("services/<slug:slug>/edit", service_edit, name="service_edit"),
]
