"""The first page: what needs me, what is late or broken, whether verification works, how the month goes."""

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.db.models import Max, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import attempts
from accounts.models import User
from governance import trends
from postmortem import access, selecting
from postmortem.models import Incident, Participant, Review, ReviewStep
from remediation import items, verification
from remediation.models import DataSource, RemediationItem
from web import counting, incident_list, item_list

SHOWN = 8
# Checks that wait longer than this make a banner: what is shown of items may be out of date.
LATE_SECONDS = 300


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    user = request.user
    lag = verification.lag(now, most=counting.COUNTED_UP_TO)
    visible = items.visible_to(user)
    open_work = visible.filter(state__in=items.UNFINISHED)
    others = visible.filter(item_list.late(now) | Q(state="regressed")).exclude(owner=user)
    context = {
        "now": now,
        "mine": item_list.shown(_read(open_work.filter(owner=user)), now),
        "late": item_list.shown(_read(others), now),
        # R4: whoever manages a team hears at once that nobody answers for something of theirs.
        "ownerless": list(
            items.ownerless_for(user).select_related("owner", "team").order_by("due_at", "pk")[:SHOWN]
        ),
        "counts": counting.up_to(
            late=visible.filter(item_list.late(now)), regressed=visible.filter(state="regressed")
        ),
        "closure": trends.so_far(user, now=now),
        "timelines": _unfiled(user),
        "signatures": _unsigned(user),
        "incidents": _unresolved(user),
        "reviews": _overdue_reviews(user, now),
        "lag": lag,
        "is_lagging": (lag.oldest_seconds or 0) > LATE_SECONDS,
        "silent_sources": list(
            DataSource.objects.filter(is_enabled=True, health__opened_at__isnull=False)
            .select_related("health")
            .order_by("health__opened_at")[:SHOWN]
        ),
        "held_logins": attempts.held(now)[:SHOWN] if user.is_at_least("administrator") else [],
        "is_administrator": user.is_at_least("administrator"),
        "may_declare": user.is_at_least("member"),
        "is_new": not Incident.objects.exists() and not RemediationItem.objects.exists(),
    }
    return render(request, "home.html", context)


def _read(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    return item_list.with_checks(rows).order_by("due_at", "pk")[:SHOWN]


def _unfiled(user: User) -> list[Participant]:
    """Where this person took part and has neither filed nor been excused, and somebody still waits for it."""
    waiting = (
        access.incidents(user)
        .filter(closed_at=None, dismissed_as="")
        .filter(Q(review=None) | Q(review__archived_at=None))
    )
    mine = (
        Participant.objects.filter(user=user, incident__in=waiting)
        .select_related("incident__severity", "timeline")
        .annotate(reminded_at=Max("reminders__sent_at"))
    )
    return list(
        mine.filter(Q(timeline=None) | Q(timeline__filed_at=None, timeline__excused_at=None)).order_by(
            "-incident__started_at"
        )[:SHOWN]
    )


def _unsigned(user: User) -> list[Review]:
    """Open reviews this person leads or took part in; `next_step` is the first that is not signed."""
    concerned = Q(owner=user) | Q(facilitator=user) | Q(incidents__people=user)
    steps = Prefetch("steps", queryset=ReviewStep.objects.order_by("position"))
    rows = (
        access.reviews(user)
        .filter(concerned, opened_at__isnull=False, archived_at=None)
        .distinct()
        .prefetch_related(steps)
    )
    found = []
    for review in rows[:SHOWN]:
        review.next_step = next((step for step in review.steps.all() if not step.is_signed), None)
        found.append(review)
    return found


def _unresolved(user: User) -> list[Incident]:
    rows = (
        access.incidents(user)
        .filter(resolved_at=None, closed_at=None, dismissed_as="")
        .select_related("severity")
    )
    return list(rows.order_by("severity__rank", "-started_at")[:SHOWN])


def _overdue_reviews(user: User, now: datetime) -> list[Incident]:
    """Incidents that need a postmortem, have none, and whose time for it is over (R8)."""
    going = Review.objects.filter(archived_at=None).values("pk")
    rows = access.incidents(user).filter(selecting.PROMISED).filter(Q(review=None) | Q(review__in=going))
    rows = rows.alias(due_at=selecting.DUE_AT).filter(due_at__lt=now).select_related("severity", "review")
    return list(incident_list.knowing_their_review(rows, user).order_by("started_at")[:SHOWN])


urlpatterns = [path("", home, name="home")]
