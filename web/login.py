"""Log in and out, by e-mail address."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from web.forms.login import LoginForm


class Login(LoginView):
    """Django's own; who is logged in already goes on to where they were going."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


urlpatterns = [
    path("login", Login.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
