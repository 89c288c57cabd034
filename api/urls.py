"""Every address of the API in one table, below /api/v1/."""

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from api import errors
from api.approvals import Approvals
from api.archive import Addenda, Revisions
from api.backlogs import Backlogs
from api.causes import CauseClasses, Causes, Recurrences
from api.checklists import Checklist, ChecklistRuns
from api.checks import CheckDays, CheckRuns, Checks, ItemChecks, Runs
from api.data_sources import DataSources
from api.deliveries import Deliveries, NoticeSettings
from api.deploys import Deploys, IncidentDeploys
from api.dossiers import Dossiers
from api.escalation import EscalationSteps
from api.event_sources import EventSources, SourceEvents
from api.evidence import EntryEvidence, Evidence, IncidentEvidence, StepEvidence
from api.exams import ExamAttempts, Processes
from api.figures import Figures, Goals
from api.gate_policies import GatePolicies
from api.gate_waivers import GateWaivers
from api.guides import Guides, ReviewTemplates
from api.imports import Imports
from api.incidents import Incidents
from api.items import Items, Proposals
from api.kpis import Kpis, KpiValues
from api.merged import MergedTimelines, ReviewMergedTimelines
from api.notices import Notices
from api.participants import Participants
from api.people import Teams, Users
from api.probe_secrets import ProbeSecrets
from api.probes import Probes
from api.reports import Reports
from api.reviews import LessonPoints, Reviews, Steps
from api.schema import schema
from api.self_heals import SelfHeals
from api.services import Services, Severities
from api.sla import SlaPolicies, WorkingCalendars
from api.step_evidence import Changes, ChangeSearches, Measurements
from api.team_channels import ChannelMessages, TeamChannels
from api.timelines import TimelineEntries, TimelinePastes, Timelines
from api.tokens import ServiceAccounts, Tokens
from api.versions import Versions
from api.wording import Terms, Wording


class IncidentId(StringConverter):
    regex = "INC-[0-9]{4}-[0-9]{4,9}"


class ReviewId(StringConverter):
    regex = "PM-[0-9]{4}-[0-9]{4,9}"


class ItemId(StringConverter):
    regex = "RI-[0-9]{4}-[0-9]{4,9}"


class ImportId(StringConverter):
    regex = "IMP-[0-9]{4}-[0-9]{4,9}"


class StepKind(StringConverter):
    regex = "phenomenon|metric_anomaly|change_correlation|root_cause"


class Month(StringConverter):
    regex = "[0-9]{4}-[0-9]{2}"


class QuarterName(StringConverter):
    regex = "[0-9]{4}-Q[1-4]"


class RowId(StringConverter):
    """A whole number that fits a column of ids."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:  # type: ignore[override]
        return int(value)


for converter, name in [
    (IncidentId, "inc"),
    (ReviewId, "pm"),
    (ItemId, "ri"),
    (ImportId, "imp"),
    (StepKind, "step"),
    (Month, "month"),
    (QuarterName, "quarter"),
    (RowId, "id"),
]:
    register_converter(converter, name)

_incident, _review, _item, _check = (
    "incidents/<inc:incident>",
    "reviews/<pm:review>",
    "items/<ri:item>",
    "checks/<id:check>",
)
_mine = f"{_incident}/timeline"
_sender = "event-sources/<id:event_source>"

app_name = "api"
urlpatterns = [
    path("schema", schema, name="schema"),
    path("users", Users.as_view({"get": "list"})),
    path("users/me", Users.as_view({"get": "me"})),
    path("users/<id:user>", Users.as_view({"get": "retrieve"})),
    path("teams", Teams.as_view({"get": "list"})),
    path("teams/<slug:team>", Teams.as_view({"get": "retrieve"})),
    path("services", Services.as_view({"get": "list"})),
    path("services/<slug:service>", Services.as_view({"get": "retrieve"})),
    path("severities", Severities.as_view({"get": "list"})),
    path("cause-classes", CauseClasses.as_view({"get": "list", "post": "create"})),
    path(
        "cause-classes/<slug:cause_class>",
        CauseClasses.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("severities/<slug:severity>", Severities.as_view({"patch": "edit"})),
    path("sla-policies", SlaPolicies.as_view({"get": "list", "post": "create"})),
    path("sla-policies/explain", SlaPolicies.as_view({"post": "explain"})),
    path(
        "sla-policies/<id:policy>",
        SlaPolicies.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("sla-policies/<id:policy>/move", SlaPolicies.as_view({"post": "move"})),
    path("working-calendars", WorkingCalendars.as_view({"get": "list", "post": "create"})),
    path(
        "working-calendars/<id:calendar>",
        WorkingCalendars.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("gate-policies", GatePolicies.as_view({"get": "list", "post": "create"})),
    path(
        "gate-policies/<id:gate_policy>",
        GatePolicies.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("gate-policies/<id:gate_policy>/move", GatePolicies.as_view({"post": "move"})),
    path("gate-policies/<id:gate_policy>/versions", GatePolicies.as_view({"get": "versions"})),
    path("gate-waivers", GateWaivers.as_view({"get": "list", "post": "create"})),
    path("gate-waivers/<id:waiver>", GateWaivers.as_view({"get": "retrieve"})),
    path("gate-waivers/<id:waiver>/grant", GateWaivers.as_view({"post": "grant"})),
    path("gate-waivers/<id:waiver>/refuse", GateWaivers.as_view({"post": "refuse"})),
    path("gate-waivers/<id:waiver>/withdraw", GateWaivers.as_view({"post": "withdraw"})),
    path("gate-waivers/<id:waiver>/end", GateWaivers.as_view({"post": "end"})),
    path("review-templates", ReviewTemplates.as_view({"get": "list", "post": "create"})),
    path("review-templates/<id:template>", ReviewTemplates.as_view({"put": "edit", "delete": "remove"})),
    path("incidents", Incidents.as_view({"get": "list", "post": "create"})),
    path(_incident, Incidents.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_incident}/mark", Incidents.as_view({"post": "mark"})),
    path(f"{_incident}/close", Incidents.as_view({"post": "close"})),
    path(f"{_incident}/dismiss", Incidents.as_view({"post": "dismiss"})),
    path(f"{_incident}/participants", Incidents.as_view({"post": "invite"})),
    path(f"{_incident}/participants/<id:participant>/remind", Participants.as_view({"post": "remind"})),
    path(f"{_incident}/participants/<id:participant>/excuse", Participants.as_view({"post": "excuse"})),
    path(f"{_incident}/changes", Changes.as_view({"get": "list", "post": "report"})),
    path(f"{_incident}/changes/<id:change>", Changes.as_view({"patch": "edit", "delete": "remove"})),
    path(f"{_incident}/changes/<id:change>/judge", Changes.as_view({"post": "judge"})),
    path(f"{_incident}/deploys", IncidentDeploys.as_view({"get": "list"})),
    path(f"{_incident}/deploys/<id:deploy>/add", IncidentDeploys.as_view({"post": "add"})),
    path(
        f"{_incident}/participants/<id:participant>",
        Participants.as_view({"patch": "change_role", "delete": "remove"}),
    ),
    path(f"{_incident}/merged-timeline", MergedTimelines.as_view({"get": "retrieve"})),
    path(f"{_incident}/merged-timeline.csv", MergedTimelines.as_view({"get": "table"})),
    path(f"{_incident}/merged-timeline.md", MergedTimelines.as_view({"get": "document"})),
    path(_mine, Timelines.as_view({"get": "retrieve"})),
    path(f"{_mine}/file", Timelines.as_view({"post": "file"})),
    path(f"{_mine}/entries", TimelineEntries.as_view({"post": "create"})),
    path(f"{_mine}/lines", TimelineEntries.as_view({"post": "line"})),
    path(f"{_mine}/split", TimelinePastes.as_view({"post": "split"})),
    path(f"{_mine}/batch", TimelinePastes.as_view({"post": "store"})),
    path(f"{_mine}/entries/<id:entry>", TimelineEntries.as_view({"patch": "edit", "delete": "remove"})),
    path(f"{_mine}/entries/<id:entry>/evidence", EntryEvidence.as_view({"post": "attach"})),
    path(f"{_incident}/evidence", IncidentEvidence.as_view({"get": "list", "post": "attach"})),
    path("evidence/<id:file>", Evidence.as_view({"get": "retrieve", "delete": "remove"})),
    path("evidence/<id:file>/content", Evidence.as_view({"get": "content"})),
    path("reviews", Reviews.as_view({"get": "list", "post": "create"})),
    path(_review, Reviews.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_review}/incidents", Reviews.as_view({"put": "cover"})),
    path(f"{_review}/approvals", Approvals.as_view({"get": "retrieve", "post": "approve"})),
    path(f"{_review}/guide", Guides.as_view({"get": "retrieve"})),
    path(f"{_review}/open", Reviews.as_view({"post": "open"})),
    path(f"{_review}/lessons", Reviews.as_view({"put": "lessons"})),
    path(f"{_review}/lesson-points/<id:point>/answer", LessonPoints.as_view({"post": "map"})),
    path(f"{_review}/gaps", Reviews.as_view({"get": "gaps"})),
    path(f"{_review}/export", Dossiers.as_view({"get": "export"})),
    path(f"{_review}/export.md", Dossiers.as_view({"get": "markdown"})),
    path(f"{_review}/archive", Reviews.as_view({"post": "archive"})),
    path(f"{_review}/reopen", Reviews.as_view({"post": "reopen"})),
    path(f"{_review}/revisions", Revisions.as_view({"get": "list"})),
    path(f"{_review}/revisions/<id:revision>", Revisions.as_view({"get": "retrieve"})),
    path(f"{_review}/addenda", Addenda.as_view({"get": "list", "post": "create"})),
    path(f"{_review}/steps/<step:step>", Steps.as_view({"put": "write"})),
    path(f"{_review}/steps/<step:step>/sign", Steps.as_view({"post": "sign"})),
    path(f"{_review}/steps/<step:step>/reopen", Steps.as_view({"post": "reopen"})),
    path(f"{_review}/measurements", Measurements.as_view({"get": "list", "post": "state"})),
    path(f"{_review}/measurements/fetch", Measurements.as_view({"post": "take"})),
    path(f"{_review}/measurements/<id:measurement>", Measurements.as_view({"delete": "remove"})),
    path(
        f"{_review}/change-search",
        ChangeSearches.as_view({"get": "retrieve", "post": "state", "delete": "withdraw"}),
    ),
    path(f"{_review}/steps/<step:step>/evidence", StepEvidence.as_view({"post": "attach"})),
    path(f"{_review}/merged-timeline", ReviewMergedTimelines.as_view({"get": "retrieve"})),
    path(f"{_review}/merged-timeline.csv", ReviewMergedTimelines.as_view({"get": "table"})),
    path(f"{_review}/merged-timeline.md", ReviewMergedTimelines.as_view({"get": "document"})),
    path(f"{_review}/causes", Causes.as_view({"post": "record"})),
    path(f"{_review}/causes/<id:cause>", Causes.as_view({"put": "edit", "delete": "remove"})),
    path(f"{_review}/causes/<id:cause>/whys", Causes.as_view({"put": "explain"})),
    path(f"{_review}/causes/<id:cause>/earlier", Recurrences.as_view({"get": "suggest"})),
    path(f"{_review}/causes/<id:cause>/recurrences", Recurrences.as_view({"get": "list", "post": "judge"})),
    path(f"{_review}/causes/<id:cause>/settle", Causes.as_view({"post": "settle"})),
    path(f"{_review}/causes/<id:cause>/make-primary", Causes.as_view({"post": "make_primary"})),
    path(f"{_review}/checklist", Checklist.as_view({"post": "add"})),
    path(f"{_review}/checklist/export", Checklist.as_view({"get": "export"})),
    path(f"{_review}/checklist/runs", ChecklistRuns.as_view({"get": "list", "post": "create_all"})),
    path(f"{_review}/checklist/<id:checklist_entry>", Checklist.as_view({"put": "edit", "delete": "remove"})),
    path(f"{_review}/checklist/<id:checklist_entry>/command", Checklist.as_view({"get": "command"})),
    path(f"{_review}/checklist/<id:checklist_entry>/approval", Checklist.as_view({"post": "approve"})),
    path(f"{_review}/checklist/<id:checklist_entry>/move", Checklist.as_view({"post": "move"})),
    path(f"{_review}/checklist/<id:checklist_entry>/runs", ChecklistRuns.as_view({"post": "create"})),
    path("texts/<str:text>/versions", Versions.as_view({"get": "list"})),
    path("texts/<str:text>/versions/<id:version>", Versions.as_view({"get": "retrieve"})),
    path("texts/<str:text>/versions/<id:version>/restore", Versions.as_view({"post": "restore"})),
    path("imports", Imports.as_view({"get": "list", "post": "create"})),
    path("imports/<imp:import>", Imports.as_view({"get": "retrieve", "delete": "remove"})),
    path("imports/<imp:import>/accept", Imports.as_view({"post": "accept"})),
    path("items", Items.as_view({"get": "list", "post": "create"})),
    path("backlogs/<quarter:quarter>", Backlogs.as_view({"get": "retrieve"})),
    path("proposals", Proposals.as_view({"post": "create"})),
    path("items/bulk", Items.as_view({"post": "change_many"}, pagination_class=None)),
    path(_item, Items.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_item}/assign", Items.as_view({"post": "assign"})),
    path(f"{_item}/team", Items.as_view({"post": "hand_to_team"})),
    path(f"{_item}/take-over", Items.as_view({"post": "take_over"})),
    path(f"{_item}/causes", Items.as_view({"put": "answer_causes"})),
    path(f"{_item}/more-time", Items.as_view({"post": "ask_more_time"})),
    path(f"{_item}/more-time/grant", Items.as_view({"post": "grant_more_time"})),
    path(f"{_item}/more-time/refuse", Items.as_view({"post": "refuse_more_time"})),
    path(f"{_item}/more-time/withdraw", Items.as_view({"post": "withdraw_more_time"})),
    path(f"{_item}/wont-do", Items.as_view({"post": "ask_wont_do"})),
    path(f"{_item}/wont-do/grant", Items.as_view({"post": "grant_wont_do"})),
    path(f"{_item}/wont-do/refuse", Items.as_view({"post": "refuse_wont_do"})),
    path(f"{_item}/wont-do/withdraw", Items.as_view({"post": "withdraw_wont_do"})),
    path(f"{_item}/start", Items.as_view({"post": "start"})),
    path(f"{_item}/claim-fix", Items.as_view({"post": "claim_fix"})),
    path(f"{_item}/withdraw", Items.as_view({"post": "withdraw"})),
    path(f"{_item}/decline", Items.as_view({"post": "decline"})),
    path(f"{_item}/reopen", Items.as_view({"post": "reopen"})),
    path(f"{_item}/process", Processes.as_view({"get": "retrieve"})),
    path(f"{_item}/sop-revisions", Processes.as_view({"post": "record"})),
    path(f"{_item}/exam", Processes.as_view({"put": "write"})),
    path(f"{_item}/exam/grants", Processes.as_view({"post": "grant"})),
    path(f"{_item}/exam/attempts", ExamAttempts.as_view({"get": "list", "post": "sit"})),
    path(f"{_item}/checks", ItemChecks.as_view({"post": "add"})),
    path("checks/try", Checks.as_view({"post": "trial"})),
    path(_check, Checks.as_view({"get": "retrieve", "put": "edit"})),
    path(f"{_check}/command", Checks.as_view({"get": "command"})),
    path(f"{_check}/approval", Checks.as_view({"post": "approve"})),
    path(f"{_check}/pause", Checks.as_view({"post": "pause"})),
    path(f"{_check}/runs", CheckRuns.as_view({"get": "list", "post": "create"})),
    path(f"{_check}/days", CheckDays.as_view({"get": "list"})),
    path("runs/<id:run>", Runs.as_view({"get": "retrieve"})),
    path("probes/waiting", Probes.as_view({"get": "waiting"})),
    path("probes/templates", Probes.as_view({"get": "templates", "post": "write_template"})),
    path("probe-secrets", ProbeSecrets.as_view({"get": "list", "post": "store"})),
    path("probe-secrets/<id:secret>", ProbeSecrets.as_view({"delete": "remove"})),
    path("probes/switch", Probes.as_view({"post": "switch"})),
    path("data-sources", DataSources.as_view({"get": "list", "post": "create"})),
    path(
        "data-sources/<id:source>",
        DataSources.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("data-sources/<id:source>/test", DataSources.as_view({"post": "test"})),
    path("deploys", Deploys.as_view({"get": "list", "post": "report"})),
    path("deploys/failure-rate", Deploys.as_view({"get": "failure_rate"})),
    path("self-heals", SelfHeals.as_view({"get": "list", "post": "report"})),
    path("self-heals/recovery", SelfHeals.as_view({"get": "recovery"})),
    path("wording", Wording.as_view({"post": "check"})),
    path("wording-terms", Terms.as_view({"get": "list", "post": "create"})),
    path("wording-terms/<id:term>", Terms.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"})),
    path("tokens", Tokens.as_view({"get": "list", "post": "create"})),
    path("tokens/<id:token>", Tokens.as_view({"get": "retrieve"})),
    path("tokens/<id:token>/rotate", Tokens.as_view({"post": "rotate"})),
    path("tokens/<id:token>/revoke", Tokens.as_view({"post": "revoke"})),
    path("service-accounts", ServiceAccounts.as_view({"get": "list", "post": "create"})),
    path("service-accounts/<id:account>", ServiceAccounts.as_view({"get": "retrieve"})),
    path("service-accounts/<id:account>/end", ServiceAccounts.as_view({"post": "end"})),
    path("event-sources", EventSources.as_view({"get": "list", "post": "create"})),
    path(_sender, EventSources.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_sender}/secrets", EventSources.as_view({"post": "issue"})),
    path(f"{_sender}/secrets/<id:event_secret>/retire", EventSources.as_view({"post": "retire"})),
    path(f"{_sender}/events", SourceEvents.as_view({"get": "list"})),
    path(f"{_sender}/events/<id:event>", SourceEvents.as_view({"get": "retrieve"})),
    path(f"{_sender}/events/<id:event>/replay", SourceEvents.as_view({"post": "replay"})),
    path("notices", Notices.as_view({"get": "list"})),
    path("notices/<id:notice>", Notices.as_view({"get": "retrieve"})),
    path("notices/<id:notice>/read", Notices.as_view({"post": "mark_read"})),
    path("notice-settings", NoticeSettings.as_view({"get": "retrieve", "patch": "edit"})),
    path("deliveries", Deliveries.as_view({"get": "list"})),
    path("deliveries/<id:delivery>/send-again", Deliveries.as_view({"post": "send_again"})),
    path("escalation-steps", EscalationSteps.as_view({"get": "list", "post": "create"})),
    path(
        "escalation-steps/<id:escalation_step>",
        EscalationSteps.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("team-channels", TeamChannels.as_view({"get": "list", "post": "create"})),
    path(
        "team-channels/<id:channel>",
        TeamChannels.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"}),
    ),
    path("team-channels/<id:channel>/test", TeamChannels.as_view({"post": "test"})),
    path("team-channels/<id:channel>/resume", TeamChannels.as_view({"post": "resume"})),
    path("team-channels/<id:channel>/messages", ChannelMessages.as_view({"get": "list"})),
    path(
        "team-channels/<id:channel>/messages/<id:message>/send-again",
        ChannelMessages.as_view({"post": "send_again"}),
    ),
    path("reports", Reports.as_view({"get": "list"})),
    path("reports/<month:month>", Reports.as_view({"get": "retrieve"})),
    path("reports/<month:month>/publish", Reports.as_view({"get": "progress", "post": "publish"})),
    path("reports/<month:month>/corrections", Reports.as_view({"get": "corrections"})),
    path("reports/<month:month>/figures/<slug:figure>", Figures.as_view({"get": "retrieve"})),
    path("kpis", Kpis.as_view({"get": "list", "post": "create"})),
    path("kpis/<slug:kpi>", Kpis.as_view({"get": "retrieve", "patch": "edit", "delete": "remove"})),
    path("kpis/<slug:kpi>/values", KpiValues.as_view({"post": "push"})),
    path("goals", Goals.as_view({"get": "list"})),
    path("goals/<slug:figure>", Goals.as_view({"put": "write"})),
    # Last: what leads nowhere is answered as a problem, never as a page.
    re_path("^(?P<path>.*)$", errors.not_found),
]
