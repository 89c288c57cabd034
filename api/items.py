"""Remediation items: agree, find, assign, start, claim the fix; only check runs bring them further."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from api.checks import sound
from api.item_shapes import (
    Answered,
    Assignment,
    BulkChange,
    Claim,
    ItemCorrection,
    ItemDetail,
    ItemQuery,
    ItemReason,
    ItemSummary,
    MoreTime,
    OptionalComment,
    OptionalReason,
    Promise,
    Proposal,
    TeamChange,
)
from api.resource import Resource, act, checked, creation, detail, listing, refuse_query
from remediation import items, waivers
from remediation.checkspec import CheckSpec
from remediation.models import RemediationItem, VerificationCheck

# Checks are tried one after the other while the caller waits; a slow source may not hold them longer.
PATIENCE_SECONDS = 15.0


def _found(view: Resource, **filters: Any) -> QuerySet[RemediationItem]:
    return items.narrowed(view.visible(), now=timezone.now(), **filters)


def _agree(*, checks: list[dict[str, Any]], by: User, now: datetime, **values: Any) -> RemediationItem:
    review = values.get("review")
    given = {
        "team": values["service"].team,
        "causes": [],
        "origin": RemediationItem.Origin.REVIEW if review else RemediationItem.Origin.PROACTIVE,
    }
    return items.agree(checks=_sound(checks), by=by, now=now, **given | values)


def _sound(checks: list[dict[str, Any]]) -> list[CheckSpec]:
    """The checks, each tried once as far as the caller's patience lasts."""
    stop_at = time.monotonic() + PATIENCE_SECONDS
    return [
        sound(check, place=f"checks.{number}.", is_asked=time.monotonic() < stop_at)
        for number, check in enumerate(checks)
    ]


class Items(Resource):
    ordering = ("due_at", "id")

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user)

    def whole(self, rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
        rows = rows.select_related("owner", "team", "service", "severity", "review")
        if self.action == "list":
            return rows
        return rows.select_related("agreed_by", "fix_claimed_by", "wont_do_approved_by").prefetch_related(
            "causes",
            "lessons",
            Prefetch(
                "verification_checks", VerificationCheck.objects.select_related("data_source", "standing")
            ),
            "transitions__by",
            "wont_do_requests__asked_by",
            "deadline_waivers__asked_by",
            "deadline_waivers__answered_by",
            "deadline_marks",
            "wont_do_requests__answered_by",
        )

    @extend_schema(
        description="Give several items another owner, team or tracker link: all of them, or none. "
        "The refusals of single items are listed in `refusals`.",
        request=BulkChange,
        responses=ItemSummary(many=True),
    )
    def change_many(self, request: Request) -> Response:
        refuse_query(request)
        body = checked(BulkChange, request.data, context=self.get_serializer_context())
        names = body.pop("items")
        changed = items.change_many(names, wanted=items.Wanted(**body), by=request.user, now=timezone.now())
        self.action = "list"
        rows = self.whole(RemediationItem.objects.filter(pk__in=[item.pk for item in changed]))
        return Response(ItemSummary(rows, many=True, context=self.get_serializer_context()).data)

    list = listing(
        "The items you may see, the most urgent first.", gives=ItemSummary, takes=ItemQuery, rows=_found
    )
    create = creation(
        "Agree an item with its owner, deadline and checks. Each Prometheus check is tried once first.",
        _agree,
        takes=Promise,
        gives=ItemDetail,
    )
    retrieve = detail("One item with its checks and the moves it made.", gives=ItemDetail)
    edit = act(
        "Correct what an item says and how it is sorted.",
        items.edit,
        takes=ItemCorrection,
        gives=ItemDetail,
        partial=True,
    )
    assign = act("Give an item to another owner.", items.assign, takes=Assignment, gives=ItemDetail)
    hand_to_team = act(
        "Give an item to another team.", items.hand_to_team, takes=TeamChange, gives=ItemDetail
    )
    take_over = act(
        "Become the owner of an item whose owner was deactivated: the team's manager, or a governor.",
        items.take_over,
        gives=ItemDetail,
    )
    answer_causes = act(
        "Say which causes an item removes. The plan of an archived postmortem may grow, it never shrinks.",
        items.answer_causes,
        takes=Answered,
        gives=ItemDetail,
    )
    start = act("Start work on an item.", items.start, gives=ItemDetail)
    claim_fix = act(
        "Say that the fix is made. From here on only check runs decide: passes in a row verify it.",
        items.claim_fix,
        takes=Claim,
        gives=ItemDetail,
    )
    withdraw = act("Withdraw the claim.", items.withdraw_claim, takes=OptionalReason, gives=ItemDetail)
    decline = act(
        "Decide that an item will not be done: a governor who does not own it.",
        items.decline,
        takes=ItemReason,
        gives=ItemDetail,
    )
    ask_wont_do = act(
        "Ask that an item be not done. It stays where it is until a governor answers.",
        items.ask_wont_do,
        takes=ItemReason,
        gives=ItemDetail,
    )
    grant_wont_do = act(
        "Grant the request: a governor who neither asked nor owns the item.",
        items.grant_wont_do,
        takes=OptionalComment,
        gives=ItemDetail,
    )
    refuse_wont_do = act(
        "Refuse the request; the item stays in its state.",
        items.refuse_wont_do,
        takes=ItemReason,
        gives=ItemDetail,
    )
    ask_more_time = act(
        "Ask for a later deadline. The present one holds until a governor grants it.",
        waivers.ask,
        takes=MoreTime,
        gives=ItemDetail,
    )
    grant_more_time = act(
        "Grant the later deadline before the present one passes: a governor who neither asked nor owns it.",
        waivers.grant,
        takes=OptionalComment,
        gives=ItemDetail,
    )
    refuse_more_time = act(
        "Refuse the later deadline; the present one stays.",
        waivers.refuse,
        takes=ItemReason,
        gives=ItemDetail,
    )
    withdraw_more_time = act(
        "Take back that you asked for a later deadline.", waivers.withdraw, gives=ItemDetail
    )
    withdraw_wont_do = act("Take your own request back.", items.withdraw_wont_do, gives=ItemDetail)
    reopen = act(
        "Take up a declined or regressed item again.", items.reopen, takes=OptionalReason, gives=ItemDetail
    )


def _propose(*, checks: list[dict[str, Any]], by: User, now: datetime, **values: Any) -> RemediationItem:
    given = {"team": values["service"].team}
    return items.propose(checks=_sound(checks), by=by, now=now, **given | values)


def _is_new(item: RemediationItem, now: datetime) -> bool:
    return item.agreed_at == now


class Proposals(Resource):
    """Items that programs file; a token with the scope `propose` may do this and nothing else."""

    tag = "items"
    narrow_scope = ApiToken.Scope.PROPOSE

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user)

    def whole(self, rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
        return rows.select_related("owner", "team", "service", "severity", "review")

    create = creation(
        "File an item before anything happened. The same external_key with the same contents again is the "
        "same item (200), whatever people did with it meanwhile; with other contents it is refused "
        "(external_key_taken, which names the item).",
        _propose,
        takes=Proposal,
        gives=ItemSummary,
        is_new=_is_new,
    )
