"""The admin site for what was promised: policy and data sources; items and runs are there to be looked up."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.models import User
from postmortem.admin import InTheTrail
from postmortem.errors import Invalid
from remediation import items, sources
from remediation.models import CheckRun, DataSource, RemediationItem, SlaPolicy


class SlaPolicyForm(forms.ModelForm):
    category = forms.ChoiceField(
        choices=[("", "—"), *RemediationItem.Category.choices],
        required=False,
        label=SlaPolicy._meta.get_field("category").verbose_name,
    )

    class Meta:
        model = SlaPolicy
        fields = ("position", "severity", "category", "days")


@admin.register(SlaPolicy)
class SlaPolicyAdmin(InTheTrail, admin.ModelAdmin):
    """Items keep the version that decided their deadline, so each change is a new version."""

    needed_role = User.Role.GOVERNOR
    form = SlaPolicyForm
    list_display = ("position", "severity", "category", "days", "version")
    list_select_related = ("severity",)
    readonly_fields = ("version",)

    def save_model(self, request: HttpRequest, obj: SlaPolicy, form: Any, change: bool) -> None:
        if change and form.changed_data:
            obj.version += 1
        super().save_model(request, obj, form, change)


class DataSourceForm(forms.ModelForm):
    base_url = forms.URLField(label=_("address"), max_length=500, assume_scheme="https")

    class Meta:
        model = DataSource
        fields = ("name", "base_url")

    def clean_base_url(self) -> str:
        address: str = self.cleaned_data["base_url"].rstrip("/")
        try:
            sources.check_address(address)
        except Invalid as refusal:
            raise forms.ValidationError(refusal.message) from refusal
        return address


@admin.register(DataSource)
class DataSourceAdmin(InTheTrail, admin.ModelAdmin):
    form = DataSourceForm
    list_display = ("name", "base_url", "created_at")
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
