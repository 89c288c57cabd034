"""Where each address leads."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path

from accounts.admin import may_enter
from api.audit import audit
from api.badges import badge
from api.events import receive
from api.gate import gate_changes
from ops import health, metrics
from web.favicon import favicon

# One login page, so that what guards it guards the admin site too.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]
admin.site.has_permission = may_enter  # type: ignore[method-assign,assignment]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("version", health.version, name="version"),
    path("favicon.ico", favicon, name="favicon"),
    path("metrics", metrics.metrics, name="metrics"),
    # config.fastpath answers these three before any other middleware runs; here they have names.
    path("sre/audit", audit, name="sre_audit"),
    path("api/v1/audit", audit, name="audit"),
    path("api/v1/gate/changes", gate_changes, name="gate_changes"),
    path("badges/<slug:slug>.svg", badge, name="badge"),
    # For other systems, which bear no token of ours.
    path("api/v1/events/<slug:key>", receive, name="receive_event"),
    path("api/v1/", include("api.urls")),
    path("admin/", admin.site.urls),
    path("", include("web.urls")),
]

handler400 = "web.errors.bad_request"
handler403 = "web.errors.permission_denied"
handler404 = "web.errors.not_found"
handler500 = "web.errors.server_error"
