"""Every address that people can reach, read from the resolver, and a small world to fill it with.

A new page is found by itself: it only needs a record here when its address has a part that no other has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from django.urls import get_resolver
from django.utils import timezone

from accounts.models import User
from governance.models import GateDecision
from tests import factories

# A part of an address, and the word before it, which says whose id it is: "reviews/<slug:public_id>".
_PART = re.compile(r"([\w-]+)/<(\w+):\w+>")


@dataclass(frozen=True)
class Place:
    """One pattern of the resolver: its name, and its route such as "checks/<int:pk>/run"."""

    name: str
    route: str

    @property
    def parts(self) -> list[str]:
        """The words before its parts, for example ["reviews", "steps"]."""
        return [match[1] for match in _PART.finditer(self.route)]

    def filled(self, parts: dict[str, str]) -> str:
        """The path with each part in its place; they must be quoted already."""
        return "/" + _PART.sub(lambda match: f"{match[1]}/{parts[match[1]]}", self.route)


@cache
def pages() -> list[Place]:
    """Everything of `web`, and the two addresses for probes; the API has tests of its own."""
    ours = {"healthz", "version"}
    return [
        Place(name, route)
        for space, name, route in _walk(get_resolver().url_patterns)
        if space == "web" or (not space and name in ours)
    ]


@cache
def admin_pages() -> list[Place]:
    """The admin site, the last pattern (which catches everything else) left out."""
    return [
        Place(name, route)
        for space, name, route in _walk(get_resolver().url_patterns)
        if space == "admin" and "(?P" not in route
    ]


def _walk(patterns, space="", before="") -> Iterator[tuple[str, str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, pattern.namespace or space, route)
        else:
            yield space, pattern.name or "", route


@dataclass
class World:
    """Records that hang together, one at least for each part of an address.

    Attributes:
        parts: by the word before it in an address: what a path names unless its page wants something else.
        of_page: by name of a page: the parts that make it do something.
    """

    people: dict[str, User]
    parts: dict[str, str]
    of_page: dict[str, dict[str, str]]

    def path(self, place: Place) -> str:
        return place.filled(self.parts | self.of_page.get(place.name, {}))


def build(word: str = "", *, is_restricted: bool = False) -> World:
    """An open review in which the administrator took part, with everything around it in every state.

    Args:
        word: stands in every text, so that a leak of any of them is found by it.
    """
    now = timezone.now()
    day = timedelta(days=1)
    slug = f"order{word.lower()}"
    people = {role: factories.user(f"{role.title()} {word}", role=role) for role in User.Role.values}
    boss, member = people["administrator"], people["member"]
    manager = people["manager"] = factories.user(f"Manager {word}")
    service = factories.service(slug, team=factories.team(manager=manager))
    common = {"services": [service], "is_restricted": is_restricted, "summary": f"Much of it {word}"}
    told = factories.resolved_incident(
        f"Orders fail {word}", started_at=now - 4 * day, participants=[boss, member], **common
    )
    facilitator = people["leader"] = factories.user(f"Leader {word}")
    review = factories.review(
        f"Orders failed {word}",
        incidents=[told],
        is_open=True,
        owner=member,
        facilitator=facilitator,
        went_badly=f"Nobody looked {word}",
    )
    mine, theirs = told.participants.order_by("id")
    entry = factories.entry(factories.timeline(mine), f"Restarted it {word}", happened_at=now - 4 * day)
    factories.filed_timeline(theirs, text=f"Called the team {word}")
    # The second step is written and waits for its signature; the third would be too early.
    first, second, *_others = review.steps.order_by("position")
    factories.signed(factories.written(first, finding=f"All of them {word}."), by=member)
    factories.written(second)
    cause = factories.verified_cause(review, f"The pool has no timeout {word}.")
    supposed = factories.cause(review, f"The load test ran {word}.")
    checklist = factories.checklist_entry(review, title=f"No pod hangs {word}")
    running = factories.incident(
        f"Checkout is slow {word}", started_at=now - timedelta(hours=2), participants=[boss, member], **common
    )
    reviewed = factories.resolved_incident(f"Stock is wrong {word}", **common)
    archived = factories.archived_review(incidents=[reviewed], title=f"Stock was wrong {word}")
    items = {
        state: factories.item(
            f"Set a timeout {word} {state}",
            review=review,
            causes=[cause],
            service=service,
            owner=member,
            checks=2,
            state=state,
        )
        for state in ("open", "in_progress", "verifying", "verified", "regressed", "wont_do")
    }
    check, paused = items["open"].verification_checks.order_by("pk")
    for one in (check, paused):
        one.next_run_at = now + day
        one.save()
    waiting = factories.resolved_incident(f"Search fails {word}", **common)
    unopened = factories.review(f"Search failed {word}", incidents=[waiting], facilitator=facilitator)
    finished = factories.complete_review(
        incidents=[factories.resolved_incident(f"Mail fails {word}", **common)], title=f"Mail failed {word}"
    )
    type(paused).objects.filter(pk=paused.pk).update(is_paused=True)
    factories.check_run(check, slot=now - timedelta(hours=1), outcome="fail", error=f"It said {word}")
    token = factories.api_token(boss, now=now)[0]
    decision = GateDecision.objects.create(
        kind="audit",
        decided_at=now,
        token=token,
        verdict="FAIL",
        findings=[
            {
                "code": "REVIEW_OVERDUE",
                "object": told.public_id,
                "since": "2026-11-20T00:00:00Z",
                "detail": "",
            }
        ],
        policy_version="2026-11-1",
        service=service,
        date=date(2026, 11, 20),
    )
    parts = {
        "incidents": running.public_id,
        "people": str(running.participants.get(user=member).pk),
        "entries": str(entry.pk),
        "reviews": review.public_id,
        "steps": "metric_anomaly",
        "causes": str(supposed.pk),
        "checklist": str(checklist.pk),
        "items": items["open"].public_id,
        "checks": str(check.pk),
        "services": slug,
        "gate": str(decision.pk),
        "report": "2026-05",
        "tokens": str(token.pk),
        "data-sources": str(check.data_source_id),
    }
    of_page = {
        "incident": {"incidents": told.public_id},
        "timeline_file": {"incidents": told.public_id},
        "incident_close": {"incidents": reviewed.public_id},
        "review_document": {"reviews": archived.public_id},
        "review_open": {"reviews": unopened.public_id},
        "review_archive": {"reviews": finished.public_id},
        "step_reopen": {"steps": "phenomenon"},
        "item_withdraw": {"items": items["verifying"].public_id},
        "item_reopen": {"items": items["regressed"].public_id},
        "check_pause": {"checks": str(items["verified"].verification_checks.first().pk)},
        "check_resume": {"checks": str(paused.pk)},
    }
    return World(people, parts, of_page)
