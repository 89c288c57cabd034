"""Settings of governors: what each severity promises, and what reviews ask."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from postmortem import access, guides, severities
from postmortem.errors import Invalid
from postmortem.models import ReviewStep, ReviewTemplate, Severity
from web import policy_trails
from web.asking import ask
from web.forms import show_refusal
from web.forms.policies import SeverityForm, TemplateForm, blank


@login_required
@require_GET
def severity_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    rows = list(Severity.objects.order_by("rank"))
    for row in rows:
        row.approver_words = User.Role(row.approver_role).label
    context = {"severities": rows, "history": policy_trails.of(Severity), "section": "severities"}
    return render(request, "settings/severities.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def severity_edit(request: HttpRequest, code: str) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    severity = get_object_or_404(Severity, code=code)
    form = SeverityForm(request.POST if request.method == "POST" else None, instance=severity)
    if form.is_valid():
        try:
            severities.edit(severity, by=request.user, now=timezone.now(), **form.cleaned_data)
        except Invalid as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Saved. It holds from now on, for open incidents too."))
            return redirect("web:severities")
    context = {"form": form, "severity": severity, "section": "severities"}
    return render(request, "settings/severity.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
def review_templates(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    rows = ReviewTemplate.objects.prefetch_related("severity_links__severity").annotate(asked=Count("steps"))
    labels = dict(ReviewStep.Kind.choices)
    shipped = [(labels[kind], guide.questions) for kind, guide in guides.shipped().items()]
    context = {
        "templates": rows,
        "shipped": shipped,
        "history": policy_trails.of(ReviewTemplate),
        "section": "review_templates",
    }
    return render(request, "settings/review_templates.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def review_template_new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@login_required
@require_http_methods(["GET", "POST"])
def review_template_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    return _edit(request, get_object_or_404(ReviewTemplate, pk=pk))


@login_required
@require_http_methods(["GET", "POST"])
def review_template_remove(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    template = get_object_or_404(ReviewTemplate, pk=pk)
    return ask(
        request,
        title=_("Remove “%(name)s”?") % {"name": template},
        text=_("Reviews that have begun keep their texts; new ones ask what else fits their severity."),
        submit=_("Remove"),
        done=_("The template is removed."),
        back=reverse("web:review_templates"),
        act=lambda _data: guides.remove(template, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _edit(request: HttpRequest, template: ReviewTemplate | None) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    initial = {}
    if template is not None:
        links = template.severity_links.values_list("severity", flat=True)
        initial = {"name": template.name, "is_active": template.is_active, "severities": list(links)}
    form = TemplateForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        asked=guides.written(template) if template else blank(),
    )
    if form.is_valid():
        try:
            guides.save(template, by=request.user, now=timezone.now(), **form.facts())
        except Invalid as refusal:
            form.show_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("web:review_templates")
    context = {"form": form, "template": template, "section": "review_templates"}
    return render(request, "settings/review_template.html", context, status=422 if form.errors else 200)


urlpatterns = [
    path("settings/severities/", severity_list, name="severities"),
    path("settings/severities/<slug:code>/", severity_edit, name="severity_edit"),
    path("settings/review-templates/", review_templates, name="review_templates"),
    path("settings/review-templates/new", review_template_new, name="review_template_new"),
    path("settings/review-templates/<int:pk>/", review_template_edit, name="review_template_edit"),
    path("settings/review-templates/<int:pk>/remove", review_template_remove, name="review_template_remove"),
]
