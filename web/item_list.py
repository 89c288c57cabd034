"""The list of remediation items: its tabs and filters, its pages, its export."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET

from postmortem import sla
from remediation import items
from remediation.models import RemediationItem, VerificationCheck
from web import history
from web.exports import csv_response
from web.forms.filters import ItemFilters
from web.paging import page_of

EXPORTED_UP_TO = 10_000
State = RemediationItem.State
SETTLED = (State.VERIFIED, State.WONT_DO)

_HEADER = (
    "id", "title", "state", "standing", "due_at", "agreed_at", "first_verified_at", "owner", "owner_email",
    "team", "service", "severity", "category", "kind", "review",
)  # fmt: skip


def late(now: datetime) -> Q:
    """Items whose deadline passed, that were not verified in time and still want to be."""
    return (
        Q(due_at__lt=now)
        & ~Q(state__in=SETTLED)
        & (Q(first_verified_at=None) | Q(first_verified_at__gt=F("due_at")))
    )


def standing(item: RemediationItem, now: datetime) -> str:
    """How the item's promise stands; "" for one that was declined."""
    if item.state == State.WONT_DO:
        return ""
    return sla.standing(
        promised_at=item.agreed_at, due_at=item.due_at, met_at=item.first_verified_at, as_of=now
    ).value


def shown(rows: Iterable[RemediationItem], now: datetime) -> list[RemediationItem]:
    """Rows from `with_checks`, each with its standing and its checks' marks: what items/_table.html shows."""
    found = list(rows)
    for row in found:
        row.standing = standing(row, now)
        row.is_late = row.standing == sla.Standing.BREACHED and row.state not in SETTLED
        row.checks = list(row.verification_checks.all())
        for check in row.checks:
            check.marks = history.marks(check)
    return found


def with_checks(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Read what the table part shows: two statements, however many rows."""
    checks = history.with_recent(VerificationCheck.objects.order_by("pk"))
    return rows.select_related("owner", "team", "service", "severity").prefetch_related(
        Prefetch("verification_checks", queryset=checks)
    )


@dataclass(frozen=True)
class Tab:
    """One tab above the list; `count` is None where nobody needs the number."""

    label: str | Promise
    state: str
    overdue: str
    is_current: bool
    count: int | None = None
    tone: str = ""


@login_required
@require_GET
def item_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = ItemFilters(request.GET)
    rows = _chosen(request, filters, now)
    # Open work is read from the most urgent on, what is settled from the newest back.
    page = page_of(with_checks(rows), request.GET, by="due_at", is_descending=_is_about_the_past(filters))
    context = {
        "now": now,
        "filters": filters,
        "tabs": _tabs(request, filters, now),
        "items": shown(page.rows, now),
        "page": page,
        "is_narrowed": any(filters.value(name) for name in ("q", "service", "team", "owner", "mine")),
        "may_agree": request.user.is_at_least("member"),
    }
    return render(request, "items/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as it is filtered, as a CSV file."""
    now = timezone.now()
    rows = _chosen(request, ItemFilters(request.GET), now)
    rows = rows.select_related("owner", "team", "service", "severity", "review").order_by("due_at", "pk")
    return csv_response("items.csv", _HEADER, _lines(rows[:EXPORTED_UP_TO], now))


def _is_about_the_past(filters: ItemFilters) -> bool:
    return filters.value("state") in {*SETTLED, ItemFilters.ALL}


def _tabs(request: HttpRequest, filters: ItemFilters, now: datetime) -> list[Tab]:
    """The tabs, with counts of what wants somebody; one statement over open work only."""
    open_work = items.visible_to(request.user).exclude(state__in=SETTLED)
    counts = open_work.aggregate(
        active=Count("pk"),
        overdue=Count("pk", filter=late(now)),
        regressed=Count("pk", filter=Q(state=State.REGRESSED)),
    )
    state, is_overdue = filters.value("state"), bool(filters.value("overdue"))
    return [
        Tab(pgettext_lazy("tab of a list", "Active"), "", "", not state and not is_overdue, counts["active"]),
        Tab(
            _("Overdue"),
            "",
            "1",
            not state and is_overdue,
            counts["overdue"],
            "bad" if counts["overdue"] else "",
        ),
        Tab(
            _("Regressed"),
            State.REGRESSED,
            "",
            state == State.REGRESSED,
            counts["regressed"],
            "bad" if counts["regressed"] else "",
        ),
        Tab(_("Verified"), State.VERIFIED, "", state == State.VERIFIED),
        Tab(_("Won't do"), State.WONT_DO, "", state == State.WONT_DO),
        Tab(pgettext_lazy("tab of a list", "All"), ItemFilters.ALL, "", state == ItemFilters.ALL),
    ]


def _chosen(request: HttpRequest, filters: ItemFilters, now: datetime) -> QuerySet[RemediationItem]:
    """What the filters leave of what this person may see; without a state, the work that is not settled."""
    rows = items.visible_to(request.user)
    state = filters.value("state")
    if not state:
        rows = rows.exclude(state__in=SETTLED)
    elif state != ItemFilters.ALL:
        rows = rows.filter(state=state)
    if text := filters.value("q"):
        rows = rows.filter(Q(title__icontains=text) | Q(public_id__icontains=text))
    for name, column in (("service", "service__slug"), ("team", "team__slug"), ("owner", "owner")):
        if value := filters.value(name):
            rows = rows.filter(**{column: value})
    if filters.value("mine"):
        rows = rows.filter(owner=request.user)
    if filters.value("overdue"):
        rows = rows.filter(late(now))
    return rows


def _lines(rows: QuerySet[RemediationItem], now: datetime) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=500):
        moments = [_written(moment) for moment in (row.due_at, row.agreed_at, row.first_verified_at)]
        yield (
            row.public_id, row.title, row.state, standing(row, now), *moments,
            row.owner.name, row.owner.email,
            row.team.slug, row.service.slug, row.severity.code, row.category, row.kind,
            row.review.public_id if row.review else "",
        )  # fmt: skip


def _written(moment: datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""
