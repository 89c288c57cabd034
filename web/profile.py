"""Settings: oneself, one's password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import User
from postmortem import trail
from web.forms.profile import ProfileForm


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    # A copy: a refused form must not change how this very page greets its reader.
    person = User.objects.get(pk=request.user.pk)
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=person)
    if form.is_valid():
        with trail.act("people.edit", by=request.user):
            form.save()
        # It is read on the next page, which speaks the language just chosen.
        with translation.override(person.language):
            messages.success(request, _("Saved."))
        return redirect("web:settings")
    context = {"form": form, "section": "settings", "teams": list(person.teams.all())}
    return render(request, "settings/profile.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with trail.act("people.change_password", by=request.user):
            form.save()
        # The other sessions of this person end; this one goes on.
        update_session_auth_hash(request, form.user)
        messages.success(request, _("The password is changed. Other browsers are logged out."))
        return redirect("web:settings")
    context = {"form": form, "section": "password"}
    return render(request, "settings/password.html", context, status=422 if form.errors else 200)


urlpatterns = [
    path("settings/", settings, name="settings"),
    path("settings/password", password, name="password"),
]
