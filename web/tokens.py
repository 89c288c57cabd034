"""API tokens: issue one (its secret is shown once), see which there are, rotate, revoke."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts import tokens
from accounts.models import ApiToken, User
from postmortem import trail
from web import trails
from web.asking import ask
from web.forms.tokens import RotationForm, TokenForm

TOKENS_SHOWN = 200
HISTORY_SHOWN = 60


@sensitive_variables("secret")
@login_required
@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """One's own tokens; an administrator sees everybody's. A new secret is in this one answer only."""
    now = timezone.now()
    initial = {"scopes": [scope for scope in request.GET.getlist("scope") if scope in ApiToken.Scope.values]}
    form = TokenForm(request.POST if request.method == "POST" else None, initial=initial, user=request.user)
    issued, secret = None, ""
    if form.is_valid():
        owner = form.cleaned_data.get("owner") or request.user
        with trail.act("tokens.issue", by=request.user):
            made = _tried(form, lambda: _issue(form, owner=owner, now=now))
        if made is not None:
            (issued, secret), form = made, TokenForm(user=request.user)
    return _page(request, form, now=now, issued=issued, secret=secret)


@sensitive_variables("secret")
@login_required
@require_http_methods(["GET", "POST"])
def token_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a token a new secret, which is in this one answer only."""
    now = timezone.now()
    token = get_object_or_404(_visible(request.user), pk=pk)
    form = RotationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with trail.act("tokens.rotate", by=request.user):
            made = _tried(
                form, lambda: tokens.rotate(token, keep=form.keep, expires_at=now + form.life, now=now)
            )
        if made is not None:
            return _page(request, TokenForm(user=request.user), now=now, issued=made[0], secret=made[1])
    context = {"form": form, "token": token, "section": "tokens"}
    return render(request, "settings/token_rotate.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(_visible(request.user), pk=pk)
    return ask(
        request,
        title=_("Revoke “%(name)s”?") % {"name": token.name},
        text=_("Programs that use it are refused from now on. This cannot be undone."),
        submit=_("Revoke the token"),
        done=_("The token is revoked."),
        back=reverse("web:tokens"),
        act=lambda _data: _revoke(token, by=request.user),
        is_allowed=True,
        is_danger=True,
    )


def _issue(form: TokenForm, *, owner: User, now: datetime) -> tuple[ApiToken, str]:
    values = form.cleaned_data
    return tokens.issue(
        owner=owner,
        name=values["name"],
        scopes=values["scopes"],
        expires_at=now + form.life,
        limits=tokens.Limits(values["only_repositories"], values["only_services"], values["only_networks"]),
        now=now,
    )


def _revoke(token: ApiToken, *, by: User) -> None:
    with trail.act("tokens.revoke", by=by):
        tokens.revoke(token, now=timezone.now())


def _tried(form: forms.Form, act: Callable[[], Any]) -> Any:
    """What `act` returns; None when it refuses, which the form then says at the field."""
    try:
        return act()
    except ValueError as problem:
        field = str(problem)
        place = next((name for name in (field, f"only_{field}") if name in form.fields), None)
        form.add_error(place, tokens.refusal_words(field))
        return None


def _page(
    request: HttpRequest, form: TokenForm, *, now: datetime, issued: ApiToken | None, secret: str
) -> HttpResponse:
    rows = _visible(request.user).select_related("owner")[:TOKENS_SHOWN]
    context = {
        "now": now,
        "form": form,
        "issued": issued,
        "secret": secret,
        "tokens": [_described(token, now) for token in rows],
        "section": "tokens",
        "history": trails.of_tokens(_visible(request.user), limit=HISTORY_SHOWN),
        "sees_all": request.user.is_at_least("administrator"),
    }
    return render(request, "settings/tokens.html", context, status=422 if form.errors else 200)


def _visible(user: User) -> QuerySet[ApiToken]:
    rows = ApiToken.objects.all()
    return rows if user.is_at_least("administrator") else rows.filter(owner=user)


def _described(token: ApiToken, now: datetime) -> ApiToken:
    """Give a token the state and the words its row shows."""
    token.state = "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "active"
    token.scope_words = [ApiToken.Scope(scope).value for scope in token.scopes]
    token.is_overlapping = token.previous_until is not None and now < token.previous_until
    return token


urlpatterns = [
    path("settings/tokens/", token_list, name="tokens"),
    path("settings/tokens/<int:pk>/rotate", token_rotate, name="token_rotate"),
    path("settings/tokens/<int:pk>/revoke", token_revoke, name="token_revoke"),
]
