"""The admin site for rows of policy; facts are there to be looked up.

Personal timelines are not here: until they are filed nobody but their author reads them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin import ByRole, PersonAdmin, ReadOnly, TeamAdmin
from accounts.models import Team, User
from postmortem import access, trail
from postmortem.models import (
    Entry,
    EvidenceFile,
    ImportedDocument,
    Incident,
    Review,
    Service,
    Severity,
    TrailEntry,
)


class InTheTrail(ByRole):
    """What is changed here is recorded under the person's name."""

    def changeform_view(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        with trail.act("admin.change", by=_actor(request)):
            response: HttpResponse = super().changeform_view(request, *args, **named)  # type: ignore[misc]
        return response

    def delete_view(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        with trail.act("admin.delete", by=_actor(request)):
            response: HttpResponse = super().delete_view(request, *args, **named)  # type: ignore[misc]
        return response

    def changelist_view(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        with trail.act("admin.change", by=_actor(request)):
            response: HttpResponse = super().changelist_view(request, *args, **named)  # type: ignore[misc]
        return response


def _actor(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


# `accounts` knows no trail, so its own pages could not say who changed a role.
admin.site.unregister([User, Team])


@admin.register(User)
class RecordedPersonAdmin(InTheTrail, PersonAdmin):
    def user_change_password(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        with trail.act("admin.change", by=_actor(request)):
            response: HttpResponse = super().user_change_password(request, *args, **named)
        return response


@admin.register(Team)
class RecordedTeamAdmin(InTheTrail, TeamAdmin):
    pass


@admin.register(Severity)
class SeverityAdmin(InTheTrail, admin.ModelAdmin):
    needed_role = User.Role.GOVERNOR
    list_display = ("code", "name", "requires_postmortem", "review_hours", "counts_in_figures")


@admin.register(Service)
class ServiceAdmin(InTheTrail, admin.ModelAdmin):
    list_display = ("slug", "name", "team", "tier")
    list_select_related = ("team",)
    list_filter = ("tier",)
    search_fields = ("slug", "name")
    autocomplete_fields = ("team",)
    readonly_fields = ("created_at",)


@admin.register(Incident)
class IncidentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("public_id", "title", "severity", "started_at", "resolved_at", "is_restricted")
    list_select_related = ("severity",)
    list_filter = ("severity", "is_drill")
    search_fields = ("public_id", "title")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        actor = _actor(request)
        return access.incidents(actor) if actor else Incident.objects.none()


@admin.register(Review)
class ReviewAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("public_id", "title", "facilitator", "opened_at", "archived_at")
    list_select_related = ("facilitator",)
    search_fields = ("public_id", "title")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        actor = _actor(request)
        return access.reviews(actor) if actor else Review.objects.none()


@admin.register(TrailEntry)
class TrailEntryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("at", "actor", "act", "operation", "model", "object_id")
    list_select_related = ("actor",)
    list_filter = ("model", "operation")
    search_fields = ("act", "object_id")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrailEntry]:
        # The trail holds the words of sealed timelines too, and of what somebody imports.
        sealed = [model._meta.db_table for model in (Entry, EvidenceFile, ImportedDocument)]
        return super().get_queryset(request).exclude(model__in=sealed)
