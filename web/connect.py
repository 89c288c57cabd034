"""How a pipeline asks the gate: choose product, repository and service, and copy the piece."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from postmortem import access
from web import clients, snippets


@login_required
@require_GET
def connect(request: HttpRequest) -> HttpResponse:
    product = snippets.PRODUCTS.get(request.GET.get("product", ""), snippets.PRODUCTS["gitlab"])
    services = dict(access.services(request.user).values_list("slug", "repositories"))
    slug = request.GET.get("service", "")
    chosen = slug if slug in services else next(iter(services), "order")
    typed = request.GET.get("repository", "").strip()
    known = next((one for one in services.get(chosen, []) if snippets.is_repository(one)), "group/project")
    repository = typed if snippets.is_repository(typed) else known
    context = {
        "products": snippets.PRODUCTS.values(),
        "product": product,
        "text": snippets.of(product, public_url=settings.PUBLIC_URL, service=chosen, repository=repository),
        "files": clients.every_file(settings.PUBLIC_URL),
        "public_url": settings.PUBLIC_URL,
        "services": services,
        "chosen": chosen,
        "repository": repository,
        "is_known": any(repository in repositories for repositories in services.values()),
        "is_wrong": bool(typed) and typed != repository,
    }
    return render(request, "connect/page.html", context)


urlpatterns = [path("gate/connect", connect, name="connect")]
