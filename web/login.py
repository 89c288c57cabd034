"""Log in and out, by e-mail address."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from web import sessions_ended
from web.forms.login import LoginForm


class Login(LoginView):
    """Django's own; who is logged in already goes on to where they were going."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

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
