"""Service accounts, for administrators: which there are, make one, end one."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import service_accounts
from accounts.models import User
from postmortem import trail
from web import trails
from web.asking import ask
from web.forms.tokens import AccountForm

ACCOUNTS_SHOWN = 200
HISTORY_SHOWN = 60


@login_required
@require_http_methods(["GET", "POST"])
def account_list(request: HttpRequest) -> HttpResponse:
    _refuse_others(request.user)
    form = AccountForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with trail.act("service_accounts.create", by=request.user):
                service_accounts.create(**form.cleaned_data)
        except ValueError as problem:
            form.add_error(str(problem), _("This value is not possible here."))
        else:
            return redirect("web:service_accounts")
    alive = Q(api_tokens__revoked_at=None, api_tokens__expires_at__gt=timezone.now())
    accounts = (
        _accounts().annotate(tokens=Count("api_tokens", filter=alive)).order_by("-is_active", "name", "pk")
    )
    context = {
        "form": form,
        "accounts": accounts[:ACCOUNTS_SHOWN],
        "history": trails.of_accounts(_accounts(), limit=HISTORY_SHOWN),
        "section": "service_accounts",
    }
    return render(request, "settings/service_accounts.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def account_end(request: HttpRequest, pk: int) -> HttpResponse:
    _refuse_others(request.user)
    account = get_object_or_404(_accounts(), pk=pk)
    return ask(
        request,
        title=_("End the service account “%(name)s”?") % {"name": account.name},
        text=_("All its tokens are revoked. Programs that use them are refused from now on.")
        + " "
        + _("This cannot be undone."),
        submit=_("End the account"),
        done=_("The service account has ended."),
        back=reverse("web:service_accounts"),
        act=lambda _data: _end(account, by=request.user),
        is_allowed=True,
        is_danger=True,
    )


def _end(account: User, *, by: User) -> None:
    with trail.act("service_accounts.end", by=by):
        service_accounts.end(account, now=timezone.now())


def _refuse_others(user: User) -> None:
    if not user.is_at_least(User.Role.ADMINISTRATOR):
        raise PermissionDenied


def _accounts() -> QuerySet[User]:
    return User.objects.filter(is_service=True)


urlpatterns = [
    path("settings/service-accounts/", account_list, name="service_accounts"),
    path("settings/service-accounts/<int:pk>/end", account_end, name="service_account_end"),
]
