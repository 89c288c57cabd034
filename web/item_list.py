"""The list of remediation items: its tabs and filters, its order, its pages, its export."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET

from accounts.models import Team, User
from postmortem import sla
from remediation import items
from remediation.items import selecting
from remediation.models import RemediationItem, VerificationCheck, WontDoRequest
from web import counting, history, item_choices
from web.asked import NOW, Asked, kept, reader
from web.exports import csv_response
from web.forms.filters import ItemFilters
from web.paging import Key, Page, sorted_page

EXPORTED_UP_TO = 10_000
State = RemediationItem.State

# Reading fifty rows costs by the column.
_SHOWN = (
    "public_id", "title", "state", "due_at", "agreed_at", "first_verified_at", "service__slug",
    "severity__code", "owner__name", "owner__email", "owner__is_active",
)  # fmt: skip
# By the words of `?sort=`: the columns, as they run at the first press on the header.
_ORDERS: dict[str, tuple[Key, ...]] = {
    "due": (Key("due_at", datetime),),
    "severity": (Key("severity__rank", int), Key("due_at", datetime)),
}
_HEADER = (
    "id", "title", "state", "standing", "due_at", "agreed_at", "first_verified_at", "owner", "owner_email",
    "is_ownerless", "team", "service", "severity", "category", "kind", "origin", "review", "tracker_url",
    "fix_url",
)  # fmt: skip


# Of the home page and of services too.
late = selecting.late


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
        row.is_late = row.standing == sla.Standing.BREACHED and row.state not in items.SETTLED
        row.checks = list(row.verification_checks.all())
        for check in row.checks:
            check.marks = history.marks(check)
    return found


def with_checks(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Read what the table part shows: two statements, however many rows."""
    checks = history.with_recent(VerificationCheck.objects.order_by("pk").only("item", "is_paused"))
    asked = WontDoRequest.objects.filter(item=OuterRef("pk"), answer="")
    return (
        rows.select_related("owner", "service", "severity")
        .only(*_SHOWN)
        .prefetch_related(Prefetch("verification_checks", queryset=checks))
        .annotate(is_asked=Exists(asked))
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
    filters, filters_html = item_choices.filters(request)
    page = _page(chosen(request, filters, now), filters, request.GET)
    context = {
        "now": now,
        "filters_html": filters_html,
        "tabs": _tabs(request, filters, now),
        "items": shown(page.rows, now),
        "page": page,
        "is_narrowed": filters.is_narrowed,
        "is_beyond": bool(request.GET.get("after") or request.GET.get("before")),
        "default_sort": _default_sort(filters),
        "may_agree": request.user.is_at_least("member"),
        "bulk_url": reverse("web:items_bulk"),
    }
    return render(request, "items/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as it is filtered, as a CSV file."""
    now = timezone.now()
    rows = chosen(request, item_choices.asked(request), now)
    rows = rows.select_related("owner", "team", "service", "severity", "review").order_by("due_at", "pk")
    return csv_response("items.csv", _HEADER, _lines(rows[:EXPORTED_UP_TO], now))


def _default_sort(filters: ItemFilters) -> str:
    """Open work is read from the most urgent on, what is settled from the newest back."""
    return "-due" if filters.value("state") in {*items.SETTLED, ItemFilters.ALL} else "due"


def _page(found: QuerySet[RemediationItem], filters: ItemFilters, query: Any) -> Page:
    """One page in the order that the address asks for: its place in one statement, its rows in two."""
    sort = query.get("sort") or ""
    if sort.removeprefix("-") not in _ORDERS:
        sort = _default_sort(filters)
    order = _ORDERS[sort.removeprefix("-")]
    places = found.values("pk", *(key.name for key in order))
    page = sorted_page(places, query, order, flip=sort.startswith("-"))
    keys = [row["pk"] for row in page.rows]
    if not keys:
        return page
    rows = with_checks(RemediationItem.objects.filter(pk__in=keys)).in_bulk()
    return replace(page, rows=[rows[key] for key in keys if key in rows])


def _tabs(request: HttpRequest, filters: ItemFilters, now: datetime) -> list[Tab]:
    """The tabs, with counts of what wants somebody."""
    counted = kept(("tabs of items", reader(request.user)), lambda: _counted(request.user))
    (counts,) = counted.rows({id(NOW): now})
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


def _counted(user: User) -> Asked:
    visible = items.visible_to(user)
    return counting.statement(
        active=visible.filter(state__in=items.UNFINISHED),
        overdue=visible.filter(late(NOW)),
        regressed=visible.filter(state=State.REGRESSED),
    )


def chosen(
    request: HttpRequest, filters: ItemFilters, now: datetime, *, state: str | None = None
) -> QuerySet[RemediationItem]:
    """What the filters leave of what this person may see; without a state, the work that is not settled.

    Args:
        state: instead of the filter's.
    """
    wanted = filters.chosen()
    if state is not None:
        wanted["state"] = state
    wanted["state"] = wanted.get("state") or ItemFilters.ACTIVE
    rows = items.visible_to(request.user)
    if filters.value("mine"):
        rows = rows.filter(owner=request.user)
    if filters.value("ours"):
        rows = rows.filter(team__in=teams_of(request.user))
    return items.narrowed(rows, now=now, **wanted)


def teams_of(user: User) -> QuerySet[Team]:
    """The teams a person belongs to or manages."""
    return Team.objects.filter(Q(manager=user) | Q(memberships__user=user))


def _lines(rows: QuerySet[RemediationItem], now: datetime) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=500):
        moments = [_written(moment) for moment in (row.due_at, row.agreed_at, row.first_verified_at)]
        yield (
            row.public_id, row.title, row.state, standing(row, now), *moments,
            row.owner.name, row.owner.email, "yes" if row.is_ownerless else "no",
            row.team.slug, row.service.slug, row.severity.code, row.category, row.kind, row.origin,
            row.review.public_id if row.review else "", row.tracker_url, row.fix_url,
        )  # fmt: skip


def _written(moment: datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""
