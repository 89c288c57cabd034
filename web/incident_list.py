"""The list of incidents: its filters, its order, its pages, its export."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db.models import (
    Exists,
    Func,
    IntegerField,
    OuterRef,
    QuerySet,
    TextField,
)
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from accounts.models import User
from postmortem import access, incidents, selecting
from postmortem.models import Incident
from postmortem.sla import Standing
from web import incident_choices, incident_rows
from web.asked import NOW, Asked, kept, reader
from web.counting import COUNTED_UP_TO
from web.exports import csv_response
from web.forms.incident_filters import IncidentFilters
from web.incident_orders import DEFAULT_SORT, Order
from web.paging import Page, Reading, reading

EXPORTED_UP_TO = 10_000

# A page asks for no more than it shows: reading fifty rows costs by the column.
_SHOWN = (
    "pk", "public_id", "title", "severity__code", "severity__review_hours", "severity__requires_postmortem",
    "is_drill", "is_restricted", "started_at", "mitigated_at", "resolved_at", "closed_at", "dismissed_as",
    "tags", "review__first_archived_at",
)  # fmt: skip
_EXPORTED = (
    "detected_at", "acknowledged_at", "declared_at", "environment", "review__public_id", "phase",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "capacity_limit", "capacity_demand", "source", "dedup_key",
)  # fmt: skip
_HEADER = (
    "id", "title", "severity", "state", "origin_services", "affected_services", "environment", "phase",
    "is_drill", "is_restricted", "is_late_entry", "tags",
    "started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at", "closed_at", "declared_at",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "capacity_limit", "capacity_demand", "source", "dedup_key",
    "review", "review_due_at", "review_standing",
)  # fmt: skip


@login_required
@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    names, views = incident_choices.of_reader(request.user)
    default = next((view.query for view in views if view.is_default), "")
    if default and not request.GET:
        return redirect(f"{request.path}?{default}")
    chosen, filters_html = incident_choices.filters(request.GET, names)
    page = _page(request.user, chosen, request.GET, now)
    count = page.rows[0]["count"] if page.rows else 0
    page = replace(page, rows=incident_rows.shown(page.rows, now))
    here = _query_of(request)
    context = {
        "filters_html": filters_html,
        "chosen": chosen,
        "views": views,
        "here": here,
        "current_view": next((view for view in views if view.query == here and here), None),
        "page": page,
        "rows_html": SafeString("".join(row.html for row in page.rows)),
        "count": count,
        "default_sort": DEFAULT_SORT,
        "is_beyond": bool(request.GET.get("after") or request.GET.get("before")),
        "is_many": count > COUNTED_UP_TO,
        "counted_up_to": COUNTED_UP_TO,
        "now": now,
        "may_declare": request.user.is_at_least("member"),
    }
    return render(request, "incidents/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    names, _views = incident_choices.of_reader(request.user)
    chosen, _html = incident_choices.filters(request.GET, names)
    found = _with_services(selecting.narrowed(access.incidents(request.user), now=now, **chosen))
    rows = found.order_by("-started_at", "-id").values(*_SHOWN, *_EXPORTED, "parts")
    # The rows are sent after the reader's preferences are gone.
    lines = _lines(rows[:EXPORTED_UP_TO], now, timezone.get_current_timezone())
    return csv_response("incidents.csv", _HEADER, lines)


def review_standing(incident: Incident, now: datetime) -> Standing | None:
    """How the promise to have the review archived in time stands; None where none was made (R8)."""
    return incidents.review_standing(incident, as_of=now)


def knowing_their_review(rows: QuerySet[Incident], user: User) -> QuerySet[Incident]:
    """Give each row `shows_review`: whether this person may see its review.

    They may not where the review is about a second incident too, one that is restricted.
    """
    return rows.annotate(shows_review=Exists(access.reviews(user).filter(pk=OuterRef("review"))))


def _page(user: User, chosen: dict[str, Any], query: QueryDict, now: datetime) -> Page:
    """One page in the order that the address asks for, with what a row shows: one statement."""
    order = Order(query.get("sort") or DEFAULT_SORT)
    page = reading(query, order.keys, flip=order.flip)
    shape = (order.word, order.flip, page.is_backward, page.place is not None, order.begins_last(page))
    key = ("incidents", reader(user), tuple(sorted(chosen.items())), shape)
    asked = kept(key, lambda: _put_together(user, chosen, order, page))
    return page.page(asked.rows({id(NOW): now} | page.filled, is_prepared=True))


# What was found is looked at twice: for its page, and to be counted, no further than matters. What takes time
# to find is kept in between; else a page is read in the order of an index, and ends when it is full.
_STATEMENT = """
    WITH found AS {kept} ({found}),
        counted AS (SELECT count(*) AS number FROM (SELECT FROM found LIMIT {counted_up_to} + 1) AS few),
        place AS ({place})
    {shown}
"""


def _put_together(user: User, chosen: dict[str, Any], order: Order, page: Reading) -> Asked:
    """The statement of all pages that differ only in where they begin."""
    columns = [key.name for key in page.run]
    wide = selecting.leaving_many(chosen)
    is_gathered = selecting.gathers(chosen, wide)
    found = selecting.narrowed(access.incidents(user), now=NOW, wide=wide, **chosen)
    rows = Incident.objects.filter(pk__in=RawSQL("SELECT pk FROM place", ())).annotate(**order.computed)
    count = RawSQL("SELECT number FROM counted", (), output_field=IntegerField())
    shown = _with_services(rows).annotate(count=count).order_by(*page.names)
    found = found.annotate(**order.computed, **order.told).order_by()
    try:
        found_sql, of_found = found.values(*columns, *order.told).query.sql_with_params()
    except EmptyResultSet:
        return Asked("", ())
    place_sql, of_place = order.place(page, is_gathered=is_gathered)
    shown_sql, of_shown = shown.values(
        *dict.fromkeys((*_SHOWN, *columns)), "parts", "count"
    ).query.sql_with_params()
    sql = _STATEMENT.format(
        kept="MATERIALIZED" if is_gathered else "NOT MATERIALIZED",
        found=found_sql,
        counted_up_to=COUNTED_UP_TO,
        place=place_sql,
        shown=shown_sql,
    )
    return Asked(sql, (*of_found, *of_place, *of_shown))


def _with_services(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """With `parts`: the services of each in order, as "origin order" and "affected cart"."""
    return rows.annotate(parts=_Parts("pk"))


class _Parts(Func):
    """The services of an incident: first those it hurt, then those it came from, by their slugs.

    Not an aggregate: that would group every incident there is before the first page is cut off. A subquery of
    Django's takes longer to put together than to ask, and a join reads all services for every row.
    """

    template = """ARRAY(
        SELECT part || ' ' || (SELECT slug FROM postmortem_service WHERE id = link.service_id)
        FROM postmortem_incidentservice AS link WHERE link.incident_id = %(expressions)s ORDER BY 1
    )"""
    output_field = ArrayField(TextField())


def _query_of(request: HttpRequest) -> str:
    """The filters and the order of this page, without its place, for a view to keep."""
    kept = {
        name: value
        for name, value in sorted(request.GET.items())
        if value and (name in IncidentFilters.base_fields or name == "sort")
    }
    return urlencode(kept)


def _lines(found: QuerySet[Any], now: datetime, zone: tzinfo) -> Iterator[tuple[object, ...]]:
    for values in found.iterator(chunk_size=500):
        row = incident_rows.row(values, now)
        kept = row.review_standing
        due_at = row.started_at + timedelta(hours=row.severity__review_hours)
        is_late_entry = row.declared_at - row.started_at > Incident.LATE_AFTER
        moments = [
            _written(values[name], zone) for name in (*Incident.MILESTONES, "closed_at", "declared_at")
        ]
        yield (
            row.public_id, row.title, row.severity__code, row.state,
            " ".join(incident_rows.slugs(row.parts, "origin")),
            " ".join(incident_rows.slugs(row.parts, "affected")),
            row.environment, row.phase,
            _yes(row.is_drill), _yes(row.is_restricted), _yes(is_late_entry), " ".join(row.tags),
            *moments,
            row.impact_minutes, row.failure_percent,
            row.loss_amount, row.loss_currency, _yes(row.loss_is_estimate),
            row.capacity_limit, row.capacity_demand, row.source, row.dedup_key,
            row.review__public_id or "", _written(due_at, zone) if kept else "",
            kept.value if kept else "",
        )  # fmt: skip


def _written(moment: datetime | None, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds") if moment else ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"
