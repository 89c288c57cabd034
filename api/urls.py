"""Every address of the API in one table, below /api/v1/."""

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from api import errors
from api.causes import Causes
from api.checks import CheckRuns, Checks, ItemChecks, Runs
from api.data_sources import DataSources
from api.incidents import Incidents
from api.items import Items
from api.people import Teams, Users
from api.reports import Reports
from api.reviews import Checklist, Reviews, Steps
from api.schema import schema
from api.services import Services, Severities
from api.timelines import Participants, TimelineEntries, Timelines


class IncidentId(StringConverter):
    regex = "INC-[0-9]{4}-[0-9]{4,9}"


class ReviewId(StringConverter):
    regex = "PM-[0-9]{4}-[0-9]{4,9}"


class ItemId(StringConverter):
    regex = "RI-[0-9]{4}-[0-9]{4,9}"


class StepKind(StringConverter):
    regex = "phenomenon|metric_anomaly|change_correlation|root_cause"


class Month(StringConverter):
    regex = "[0-9]{4}-[0-9]{2}"


class RowId(StringConverter):
    """A whole number that fits a column of ids."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:  # type: ignore[override]
        return int(value)


for converter, name in [
    (IncidentId, "inc"),
    (ReviewId, "pm"),
    (ItemId, "ri"),
    (StepKind, "step"),
    (Month, "month"),
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
    path("incidents", Incidents.as_view({"get": "list", "post": "create"})),
    path(_incident, Incidents.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_incident}/mark", Incidents.as_view({"post": "mark"})),
    path(f"{_incident}/close", Incidents.as_view({"post": "close"})),
    path(f"{_incident}/dismiss", Incidents.as_view({"post": "dismiss"})),
    path(f"{_incident}/participants", Incidents.as_view({"post": "invite"})),
    path(f"{_incident}/participants/<id:participant>/excuse", Participants.as_view({"post": "excuse"})),
    path(f"{_incident}/merged-timeline", Timelines.as_view({"get": "merged"})),
    path(_mine, Timelines.as_view({"get": "retrieve"})),
    path(f"{_mine}/file", Timelines.as_view({"post": "file"})),
    path(f"{_mine}/entries", TimelineEntries.as_view({"post": "create"})),
    path(f"{_mine}/entries/<id:entry>", TimelineEntries.as_view({"patch": "edit", "delete": "remove"})),
    path("reviews", Reviews.as_view({"get": "list", "post": "create"})),
    path(_review, Reviews.as_view({"get": "retrieve"})),
    path(f"{_review}/open", Reviews.as_view({"post": "open"})),
    path(f"{_review}/lessons", Reviews.as_view({"put": "lessons"})),
    path(f"{_review}/gaps", Reviews.as_view({"get": "gaps"})),
    path(f"{_review}/archive", Reviews.as_view({"post": "archive"})),
    path(f"{_review}/steps/<step:step>", Steps.as_view({"put": "write"})),
    path(f"{_review}/steps/<step:step>/sign", Steps.as_view({"post": "sign"})),
    path(f"{_review}/steps/<step:step>/reopen", Steps.as_view({"post": "reopen"})),
    path(f"{_review}/causes", Causes.as_view({"post": "record"})),
    path(f"{_review}/causes/<id:cause>", Causes.as_view({"put": "edit", "delete": "remove"})),
    path(f"{_review}/causes/<id:cause>/settle", Causes.as_view({"post": "settle"})),
    path(f"{_review}/causes/<id:cause>/make-primary", Causes.as_view({"post": "make_primary"})),
    path(f"{_review}/checklist", Checklist.as_view({"post": "add"})),
    path(f"{_review}/checklist/<id:entry>", Checklist.as_view({"delete": "remove"})),
    path("items", Items.as_view({"get": "list", "post": "create"})),
    path(_item, Items.as_view({"get": "retrieve", "patch": "edit"})),
    path(f"{_item}/assign", Items.as_view({"post": "assign"})),
    path(f"{_item}/start", Items.as_view({"post": "start"})),
    path(f"{_item}/claim-fix", Items.as_view({"post": "claim_fix"})),
    path(f"{_item}/withdraw", Items.as_view({"post": "withdraw"})),
    path(f"{_item}/decline", Items.as_view({"post": "decline"})),
    path(f"{_item}/reopen", Items.as_view({"post": "reopen"})),
    path(f"{_item}/checks", ItemChecks.as_view({"post": "add"})),
    path("checks/try", Checks.as_view({"post": "trial"})),
    path(_check, Checks.as_view({"get": "retrieve", "put": "edit"})),
    path(f"{_check}/pause", Checks.as_view({"post": "pause"})),
    path(f"{_check}/runs", CheckRuns.as_view({"get": "list", "post": "create"})),
    path("runs/<id:run>", Runs.as_view({"get": "retrieve"})),
    path("data-sources", DataSources.as_view({"get": "list", "post": "create"})),
    path("data-sources/<id:source>", DataSources.as_view({"get": "retrieve", "patch": "edit"})),
    path("reports", Reports.as_view({"get": "list"})),
    path("reports/<month:month>", Reports.as_view({"get": "retrieve"})),
    # Last: what leads nowhere is answered as a problem, never as a page.
    re_path("^(?P<path>.*)$", errors.not_found),
]
