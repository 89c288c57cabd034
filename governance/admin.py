"""The admin site for records of judgement: looked up, never changed."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnly
from governance.models import GateDecision, GatePolicy, GateWaiver, GovernanceReport


@admin.register(GateDecision)
class GateDecisionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("decided_at", "kind", "verdict", "service", "date", "repository", "change_id")
    list_select_related = ("service",)
    list_filter = ("kind", "verdict")
    search_fields = ("repository", "change_id")
    show_full_result_count = False


@admin.register(GovernanceReport)
class GovernanceReportAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("month", "published_at", "published_by", "policy_version")
    list_select_related = ("published_by",)


@admin.register(GatePolicy)
class GatePolicyAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("name", "key", "version", "mode", "position", "began_at", "began_by", "ended_at")
    list_select_related = ("began_by",)
    list_filter = ("mode",)


@admin.register(GateWaiver)
class GateWaiverAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("service", "repository", "change_id", "answer", "asked_by", "asked_at", "expires_at")
    list_select_related = ("service", "asked_by")
    list_filter = ("answer",)
