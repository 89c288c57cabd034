"""The admin site for what was promised: policy and data sources; items and runs are there to be looked up."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import ReadOnly
from accounts.models import User
from remediation import items
from remediation.models import CheckRun, DataSource, RemediationItem, SlaPolicy


@admin.register(SlaPolicy)
class SlaPolicyAdmin(ReadOnly, admin.ModelAdmin):
    """Looked up here, changed under Settings: the order has rules that this site does not know."""

    needed_role = User.Role.GOVERNOR
    list_display = ("position", "severity", "category", "service", "team", "days", "calendar", "version")
    list_select_related = ("severity", "service", "team", "calendar")


@admin.register(DataSource)
class DataSourceAdmin(ReadOnly, admin.ModelAdmin):
    """Changed on the settings pages, where a credential never follows a new address."""

    needed_role = User.Role.ADMINISTRATOR
    list_display = ("name", "base_url", "is_enabled", "auth", "created_at")
    fields = (
        "name",
        "base_url",
        "is_enabled",
        "auth",
        "username",
        "is_tls_verified",
        "networks",
        "queries_at_once",
    )
    search_fields = ("name",)


@admin.register(RemediationItem)
class RemediationItemAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("public_id", "title", "owner", "team", "service", "state", "due_at")
    list_select_related = ("owner", "team", "service")
    list_filter = ("state", "category")
    search_fields = ("public_id", "title")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RemediationItem]:
        return (
            items.visible_to(request.user)
            if isinstance(request.user, User)
            else RemediationItem.objects.none()
        )


@admin.register(CheckRun)
class CheckRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("slot", "verification_check", "outcome", "started_at", "finished_at", "error_code")
    list_select_related = ("verification_check",)
    list_filter = ("kind", "outcome")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[CheckRun]:
        runs = super().get_queryset(request)
        if not isinstance(request.user, User):
            return runs.none()
        return runs.filter(item__in=items.visible_to(request.user))
