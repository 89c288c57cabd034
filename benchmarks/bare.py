"""The floor of G1 and G2: a Django view that answers JSON and does nothing, without any middleware."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    SECRET_KEY="only-for-this-benchmark", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[]
)


def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "PASS"})


urlpatterns = [path("bare", bare)]
application = get_wsgi_application()
