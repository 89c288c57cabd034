"""Log in and out, by e-mail address; who guesses passwords has to wait."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from accounts import attempts
from web import errors, sessions_ended
from web.forms.login import LoginForm


class Login(LoginView):
    """Django's own; who is logged in already goes on to where they were going."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # What lacks one of the two is no attempt: nothing is looked up for it.
        if not (request.POST.get("username", "").strip() and request.POST.get("password")):
            return super().post(request, *args, **kwargs)
        who = {
            "account": request.POST["username"].strip().lower(),
            "address": attempts.address_of(request.META),
        }
        wait: timedelta | None = attempts.begin(**who, now=timezone.now())
        if wait is not None:
            return errors.too_many(request, wait)
        response = super().post(request, *args, **kwargs)
        if request.user.is_authenticated:
            attempts.succeeded(**who)
        else:
            attempts.failed(**who)
        return response

    def get_success_url(self) -> str:
        """Back to the form that the end of a session kept from being saved, if one waits."""
        return sessions_ended.restore(self.request) or super().get_success_url()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # A wrong password must not lose it.
        carried = self.request.POST.get(sessions_ended.CARRIED, "")
        return super().get_context_data(carried=carried, **kwargs)


urlpatterns = [
    path("login", Login.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
