"""Probe templates: what each runs or asks, filled with samples; administrators write and retire them."""

import json
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from postmortem import access
from postmortem.errors import Invalid, NotAllowed
from remediation import catalogue
from remediation.models import ProbeTemplate
from remediation.probes import templates
from remediation.probes.shipped import SHIPPED
from remediation.probes.templates import Template, Wrong
from web.asking import ask
from web.forms.probe_templates import TYPES, ParameterFormSet, ProbeTemplateForm, rows_of


@login_required
@require_GET
def template_list(request: HttpRequest) -> HttpResponse:
    """All templates that may be used; administrators see those that were retired too."""
    may_write = request.user.is_at_least("administrator")
    offered = catalogue.offered()
    slugs = {template.slug for template in offered}
    retired = [row for row in catalogue.own_rows() if row.slug not in slugs] if may_write else []
    context = {
        "section": "probe_templates",
        "shipped": [template for template in offered if template.slug in SHIPPED],
        "own": [template for template in offered if template.slug not in SHIPPED],
        "retired": [(row, catalogue.read(row)) for row in retired],
        "may_write": may_write,
    }
    return render(request, "probes/list.html", context)


@login_required
@require_GET
def template_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """What a template does, the values it takes, and the check it makes of those in the address."""
    template, row = _find(request, slug)
    may_write = request.user.is_at_least("administrator")
    context = preview(template, {name: values[-1] for name, values in request.GET.lists()}) | {
        "template": template,
        "row": row,
        "is_retired": row is not None and not row.is_enabled,
        "may_write": may_write and row is not None,
        "examples": _examples(template),
    }
    return render(request, "probes/detail.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def template_new(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "administrator")
    return _write(request, None)


@login_required
@require_http_methods(["GET", "POST"])
def template_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a template anew, which makes a new version; a retired one is offered again."""
    access.need(request.user, "administrator")
    template, row = _find(request, slug)
    if row is None:
        raise Http404
    return _write(request, template)


@login_required
@require_http_methods(["GET", "POST"])
def template_retire(request: HttpRequest, slug: str) -> HttpResponse:
    access.need(request.user, "administrator")
    template, row = _find(request, slug)
    if row is None:
        raise Http404
    return ask(
        request,
        title=_("Retire “%(template)s”?") % {"template": template.title},
        text=_("No new check can be made of it. Checks that were made of it keep the command they have."),
        submit=_("Retire the template"),
        done=_("The template is retired."),
        back=reverse("web:probe_templates"),
        act=lambda _data: catalogue.withdraw(row, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _find(request: HttpRequest, slug: str) -> tuple[Template, ProbeTemplate | None]:
    """A template and its row; what Closeloop brings has none, what is retired is there for administrators."""
    if slug in SHIPPED:
        return SHIPPED[slug], None
    row = catalogue.find_row(slug)
    template = catalogue.read(row) if row else None
    is_seen = row is not None and (row.is_enabled or request.user.is_at_least("administrator"))
    if template is None or not is_seen:
        raise Http404
    return template, row


def _write(request: HttpRequest, template: Template | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = ProbeTemplateForm(data, template=template)
    initial = rows_of(template.parameters) if template else None
    rows = ParameterFormSet(data, prefix="value", initial=initial)
    shown: dict[str, Any] = {}
    if data is not None and form.is_valid() & rows.is_valid():
        slug = template.slug if template else form.cleaned_data["slug"]
        body = form.body(rows.parameters())
        try:
            if request.POST.get("intent") == "try":
                shown = _shown(catalogue.draft(slug=slug, body=body))
            else:
                over = form.cleaned_data["version"] or 0
                catalogue.write(slug=slug, body=body, by=request.user, now=timezone.now(), over=over)
                messages.success(request, _("The template is there; checks can be made of it."))
                return redirect("web:probe_template", slug)
        except NotAllowed:
            raise
        except Invalid as refusal:
            form.show_refusal(refusal)
    is_refused = bool(form.errors) or (data is not None and not rows.is_valid())
    context = {"form": form, "rows": rows, "template": template, "is_retired": False} | shown
    return render(request, "probes/form.html", context, status=422 if is_refused else 200)


def _shown(template: Template) -> dict[str, Any]:
    return preview(template, {}) | {"tried": template, "examples": _examples(template)}


def preview(template: Template, given: dict[str, str]) -> dict[str, Any]:
    """The check that a template makes of these values, samples where one is missing; what is wrong else."""
    known = {parameter.name for parameter in template.parameters}
    values = templates.samples(template) | {
        name: value for name, value in given.items() if name in known and value
    }
    asked = [
        {
            "parameter": parameter,
            "type": dict(TYPES)[parameter.kind],
            "value": values.get(parameter.name, ""),
            "error": "",
        }
        for parameter in template.parameters
    ]
    try:
        columns = templates.render(template, values).columns
    except Wrong as problem:
        for row in asked:
            if row["parameter"].name == problem.name:
                row["error"] = catalogue.said(problem)
        return {"asked": asked, "lines": []}
    return {"asked": asked, "lines": _lines(columns)}


def _lines(columns: Any) -> list[str]:
    """A filled-in check, a fact a line; commands as lists, so that nothing hides in quotes."""
    if columns["kind"] == "prometheus":
        return [columns["promql"], f"{columns['comparator']} {columns['threshold']:g}"]
    lines = [
        f"{number}. {json.dumps(argv, ensure_ascii=False)}"
        for number, argv in enumerate(columns["pipeline"], 1)
    ]
    lines += [f"reads: {columns['reads']}"] if columns["reads"] else []
    lines += [f"network: {columns['network']}"] if columns["network"] != "none" else []
    lines += [f"{name}: {reference}" for name, reference in columns["env"].items()]
    lines += [f"expectation: {columns['shell_expectation']}"]
    return lines + ([f"pattern: {columns['pattern']}"] if columns["pattern"] else [])


def _examples(template: Template) -> list[dict[str, Any]]:
    """Each example with what comes of it now."""
    found = []
    for example in template.examples:
        try:
            outcome = templates.judged(template, example)
        except Wrong:
            outcome = "error"
        found.append({"example": replace(example, prints=example.prints[:400]), "outcome": outcome})
    return found


urlpatterns = [
    path("probes/templates/", template_list, name="probe_templates"),
    path("probes/templates/new", template_new, name="probe_template_new"),
    path("probes/templates/<slug:slug>/", template_detail, name="probe_template"),
    path("probes/templates/<slug:slug>/edit", template_edit, name="probe_template_edit"),
    path("probes/templates/<slug:slug>/retire", template_retire, name="probe_template_retire"),
]
