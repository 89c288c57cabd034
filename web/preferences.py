"""The switches in the frame of every page: language and theme of a person, or of a browser before login."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.models import User
from web.middleware import LANGUAGE_COOKIE

_YEAR_SECONDS = 365 * 24 * 3600


@require_POST
def set_preferences(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen and go back to the page; values that are no choice are ignored."""
    chosen = {}
    if request.POST.get("language") in dict(settings.LANGUAGES):
        chosen["language"] = request.POST["language"]
    if request.POST.get("theme") in User.Theme.values:
        chosen["theme"] = request.POST["theme"]
    if request.user.is_authenticated and chosen:
        User.objects.filter(pk=request.user.pk).update(**chosen)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    for field, cookie in (("language", LANGUAGE_COOKIE), ("theme", "theme")):
        if field in chosen:
            response.set_cookie(
                cookie,
                chosen[field],
                max_age=_YEAR_SECONDS,
                samesite="Lax",
                httponly=True,
                secure=settings.SESSION_COOKIE_SECURE,
            )
    return response


urlpatterns = [path("preferences", set_preferences, name="preferences")]
