"""The admin site for people and teams: administrators only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, Membership, Team, User


def may_enter(request: HttpRequest) -> bool:
    """Whether the admin site lets this request in; the default asks for `is_staff`, which no role sets."""
    return isinstance(request.user, User) and request.user.enters_admin_site


class ByRole:
    """Who may use a page of the admin site follows from the role, not from Django's permissions."""

    needed_role: ClassVar[str] = User.Role.ADMINISTRATOR

    def _may(self, request: HttpRequest) -> bool:
        user = request.user
        return (
            isinstance(user, User)
            and user.is_active
            and (user.is_superuser or user.is_at_least(self.needed_role))
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)


class ReadOnly(ByRole):
    """Facts: seen here, changed nowhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _LowerCaseAddress(forms.ModelForm):
    """The address is the login: written in any case, kept in lower case."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.exclude(pk=self.instance.pk).filter(email=email).exists():
            raise forms.ValidationError(_("Somebody has this address already."))
        return email


class NewUserForm(_LowerCaseAddress, BaseUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name", "role")


class EditUserForm(_LowerCaseAddress, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007 (the fieldsets of the page decide)
        help_texts: ClassVar[dict[str, Any]] = {"is_staff": _("Administrators may in any case.")}


@admin.register(User)
class PersonAdmin(ByRole, UserAdmin):
    """People are deactivated, never deleted: what they signed keeps its name."""

    form = EditUserForm
    add_form = NewUserForm
    list_display = ("email", "name", "role", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("name", "email")
    readonly_fields = ("joined_at", "last_login")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password", "name")}),
        (_("What this person may do"), {"fields": ("role", "is_active", "is_staff")}),
        (_("How pages look to them"), {"fields": ("language", "time_zone", "theme")}),
        (_("Moments"), {"fields": ("joined_at", "last_login")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "name", "role", "password1", "password2")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who could set the password or the address of a superuser would be one."""
        is_out_of_reach = isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not is_out_of_reach

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(ByRole, admin.TabularInline):
    model = Membership
    extra = 1
    autocomplete_fields = ("user",)


@admin.register(Team)
class TeamAdmin(ByRole, admin.ModelAdmin):
    list_display = ("name", "slug", "manager")
    list_select_related = ("manager",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("manager",)
    prepopulated_fields: ClassVar[dict[str, Sequence[str]]] = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Postmortems say which teams were present, and stay as they were archived."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):
    """What tokens there are; nobody reads a secret here, for none is kept."""

    list_display = ("name", "key_id", "owner", "scopes", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "key_id", "owner__email")
    exclude = ("secret_digest", "previous_digest")
