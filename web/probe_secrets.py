"""Secrets of commands: which there are by name, set one, forget one. What they hold is shown to nobody."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import Team
from postmortem.errors import DomainError, NotAllowed
from remediation import probe_secrets
from web.asking import ask

_FIELD_OF_COLUMN = {"name": "slug", "value": "secret_value"}


class SecretForm(forms.Form):
    """A name in a team, and what it holds from now on."""

    team = forms.ModelChoiceField(Team.objects.none(), label=gettext_lazy("Team"), empty_label=None)
    slug = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Checks refer to it as secret://name. A known name gets the new value."),
    )
    # Never rendered again, not even after a refusal.
    secret_value = forms.CharField(
        label=gettext_lazy("Secret"),
        max_length=probe_secrets.LENGTHS[1],
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(label=gettext_lazy("What it opens"), max_length=200, required=False)


@sensitive_post_parameters("secret_value")
@login_required
@require_http_methods(["GET", "POST"])
def secret_list(request: HttpRequest) -> HttpResponse:
    """The secrets that one looks after, and the form that sets one."""
    _need(request)
    form = SecretForm(request.POST if request.method == "POST" else None)
    form.fields["team"].queryset = probe_secrets.teams(request.user).order_by("name")  # type: ignore[attr-defined]
    if form.is_valid() and _is_put(request, form):
        messages.success(request, _("The secret is set; commands have it from their next start on."))
        return redirect("web:probe_secrets")
    secrets = [
        {"row": row, "checks": probe_secrets.users_of(row).count()}
        for row in probe_secrets.visible_to(request.user)
    ]
    context = {"form": form, "secrets": secrets, "section": "probe_secrets"}
    return render(request, "settings/probe_secrets.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def secret_remove(request: HttpRequest, pk: int) -> HttpResponse:
    _need(request)
    row = get_object_or_404(probe_secrets.visible_to(request.user), pk=pk)
    return ask(
        request,
        title=_("Forget “%(secret)s” of %(team)s?") % {"secret": row, "team": row.team},
        text=_("Only a secret that no check refers to can be forgotten."),
        submit=_("Forget the secret"),
        done=_("The secret is forgotten."),
        back=reverse("web:probe_secrets"),
        act=lambda _data: probe_secrets.remove(row, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _need(request: HttpRequest) -> None:
    if not probe_secrets.is_any(request.user):
        raise NotAllowed(_("Administrators and managers of teams look after secrets."))


def _is_put(request: HttpRequest, form: SecretForm) -> bool:
    values = form.cleaned_data
    try:
        probe_secrets.put(
            team=values["team"],
            name=values["slug"],
            value=values["secret_value"],
            description=values["description"],
            by=request.user,
            now=timezone.now(),
        )
    except NotAllowed:
        raise
    except DomainError as refusal:
        name = _FIELD_OF_COLUMN.get(refusal.field, refusal.field)
        form.add_error(name if name in form.fields else None, refusal.message)
        return False
    return True


urlpatterns = [
    path("settings/probe-secrets/", secret_list, name="probe_secrets"),
    path("settings/probe-secrets/<int:pk>/remove", secret_remove, name="probe_secret_remove"),
]
