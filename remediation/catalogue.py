"""The catalogue of probe templates: those that Closeloop brings, and those that administrators wrote."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import Invalid
from remediation import approvals, checkspec
from remediation.checkspec import CheckSpec
from remediation.models import ProbeTemplate
from remediation.probes import templates
from remediation.probes.shipped import SHIPPED
from remediation.probes.templates import Template, Wrong

# Its page has the address that a template of this name would have.
_ADDRESS_OF_NEW = "new"


def offered() -> list[Template]:
    """Every template that may be used, by title; a row that no administrator signed is left out."""
    own = [found for row in ProbeTemplate.objects.filter(is_enabled=True) if (found := _signed(row))]
    return sorted([*SHIPPED.values(), *own], key=lambda template: template.title.casefold())


def find(slug: str) -> Template | None:
    """The template of this name, if it may be used."""
    if slug in SHIPPED:
        return SHIPPED[slug]
    row = ProbeTemplate.objects.filter(slug=slug, is_enabled=True).first()
    return _signed(row) if row else None


def fill(spec: CheckSpec) -> CheckSpec:
    """The definition of a check with what its template makes of its values; without a template as it is.

    Raises:
        Invalid: there is no such template, or a value is not what it asks; `field` is "template" or
            "parameters".
    """
    if not spec.template:
        return spec
    template = find(values.text(spec.template, field="template", longest=60))
    if template is None:
        raise Invalid(_("There is no such template."), field="template")
    try:
        rendered = templates.render(template, spec.parameters or {})
    except Wrong as problem:
        message = _("%(parameter)s: %(problem)s") % {"parameter": problem.name, "problem": said(problem)}
        raise Invalid(message, field="parameters", details={"parameter": problem.name}) from None
    return replace(
        spec, **rendered.columns, parameters=dict(rendered.values), name=spec.name or template.title
    )


def said(problem: Wrong) -> str:
    """What is wrong with a value or a template, in the reader's language."""
    return _(problem.message) % problem.words if problem.words else _(problem.message)


def draft(*, slug: str, body: Mapping[str, Any]) -> Template:
    """The template that `write` would store, checked with its examples; nothing is stored.

    Raises:
        Invalid: `field` names what is wrong.
    """
    # Half a surrogate pair anywhere in it could be neither signed nor stored.
    values.text(json.dumps([slug, body], ensure_ascii=False), field="body", longest=64 * 1024)
    if slug in SHIPPED or slug == _ADDRESS_OF_NEW:
        raise Invalid(_("Closeloop brings a template of this name."), field="slug")
    try:
        template = templates.of_json({**body, "slug": slug, "version": 1})
        templates.check(template)
        checkspec.check_network(template.network)
        # A place stands for a name, which is looked at again when it is filled in.
        checkspec.check_env({one: templates.without_places(said) for one, said in template.env.items()})
    except Wrong as problem:
        raise Invalid(said(problem), field=problem.name) from None
    except TypeError as problem:
        raise Invalid(str(problem), field="body") from None
    return template


def write(
    *, slug: str, body: Mapping[str, Any], by: User, now: datetime, over: int | None = None
) -> ProbeTemplate:
    """Add a template, or write one anew; checks made of it keep the command they have.

    Args:
        body: `Template.as_json` without slug and version.
        over: the version that was read, 0 for a new one; None writes over whatever is there.

    Raises:
        NotAllowed: not an administrator.
        Invalid: `field` names what is wrong; "version" when another version is there than was read.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    template = draft(slug=slug, body=body)
    with trail.act("probes.write_template", by=by):
        row = ProbeTemplate.objects.select_for_update().filter(slug=slug).first()
        row = row or ProbeTemplate(slug=slug, created_at=now)
        version = (row.body or {}).get("version", 0) if row.pk else 0
        if over == 0 and version:
            raise Invalid(_("There is a template of this name."), field="slug")
        if over is not None and over != version:
            message = _("Version %(version)d was written meanwhile. Read it before you write over it.")
            raise Invalid(message % {"version": version}, field="version")
        row.body = replace(template, version=version + 1).as_json()
        row.mac = approvals.sign_template(slug, row.body)
        row.is_enabled = True
        values.check(row)
        row.save()
    return row


def own_rows() -> list[ProbeTemplate]:
    """The templates that administrators wrote, the withdrawn ones too, by name."""
    return list(ProbeTemplate.objects.order_by("slug"))


def find_row(slug: str) -> ProbeTemplate | None:
    """The row of a template that an administrator wrote, withdrawn or not."""
    return ProbeTemplate.objects.filter(slug=slug).first()


def read(row: ProbeTemplate) -> Template | None:
    """The template of a row, withdrawn or not; None where no administrator signed what stands there."""
    return _signed(row)


def withdraw(row: ProbeTemplate, *, by: User, now: datetime) -> ProbeTemplate:
    """Offer a template no longer; checks made of it keep the command they have.

    Raises:
        NotAllowed: not an administrator.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("probes.withdraw_template", by=by):
        row = ProbeTemplate.objects.select_for_update().get(pk=row.pk)
        row.is_enabled = False
        row.save(update_fields=["is_enabled"])
    return row


def _signed(row: ProbeTemplate) -> Template | None:
    if not hmac.compare_digest(row.mac, approvals.sign_template(row.slug, row.body)):
        return None
    try:
        return templates.of_json(row.body)
    except TypeError:
        return None
