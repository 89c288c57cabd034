"""The board: items by state, as cards that a person may move as far as persons may."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from postmortem import access
from remediation import items
from remediation.models import RemediationItem
from web import counting, item_choices
from web.badges import look
from web.forms.filters import ItemFilters
from web.item_list import chosen, standing
from web.items import find_item

State = RemediationItem.State
# So many cards of a column are drawn; the list has the rest.
SHOWN = 30

# What a person may do from one column to another: the name of the page that does it, and the button's words.
MOVES: dict[tuple[str, str], tuple[str, str | Promise]] = {
    (State.OPEN, State.IN_PROGRESS): ("start", gettext_lazy("Start work")),
    (State.OPEN, State.FIX_CLAIMED): ("claim", gettext_lazy("Claim the fix")),
    (State.IN_PROGRESS, State.FIX_CLAIMED): ("claim", gettext_lazy("Claim the fix")),
    (State.FIX_CLAIMED, State.IN_PROGRESS): ("withdraw", gettext_lazy("Withdraw the claim")),
    (State.VERIFYING, State.IN_PROGRESS): ("withdraw", gettext_lazy("Withdraw the claim")),
    (State.REGRESSED, State.IN_PROGRESS): ("reopen", gettext_lazy("Reopen")),
    (State.WONT_DO, State.OPEN): ("reopen", gettext_lazy("Reopen")),
    **{
        (state, State.WONT_DO): ("ask_wont_do", gettext_lazy("Ask: won't do"))
        for state in (State.OPEN, State.IN_PROGRESS, State.FIX_CLAIMED, State.VERIFYING, State.REGRESSED)
    },
}
# Beside each column that no hand fills.
_BY_RUNS: dict[str, Promise] = {
    State.VERIFYING: gettext_lazy("Check runs bring items here, once the first one passes after the claim."),
    State.VERIFIED: gettext_lazy(
        "Check runs bring items here, after enough passes in a row; a hand never does."
    ),
    State.REGRESSED: gettext_lazy("Check runs bring items here, after enough fails in a row."),
}
_ORDER = (
    State.OPEN, State.IN_PROGRESS, State.FIX_CLAIMED, State.VERIFYING, State.VERIFIED, State.REGRESSED,
    State.WONT_DO,
)  # fmt: skip


@dataclass
class Column:
    """One state with its cards; `note` says who brings items there, where no hand does."""

    state: str
    label: str
    note: str | Promise
    cards: list[RemediationItem] = field(default_factory=list)
    total: int = 0
    url: str = ""

    @property
    def is_open(self) -> bool:
        """A column in which there is nothing to do begins as a narrow strip, so that the others have room."""
        return bool(self.cards) and self.state not in (State.VERIFIED, State.WONT_DO)


@login_required
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters, filters_html = item_choices.filters(request, is_board=True)
    found = chosen(request, filters, now, state=ItemFilters.ALL)
    columns = {
        state: Column(state, str(look("item_state", state).word), _BY_RUNS.get(state, "")) for state in _ORDER
    }
    by_state = {state: found.filter(state=state) for state in _ORDER}
    for state, total in counting.up_to(**by_state).items():
        columns[state].total = total
    for card in _cards(by_state.values()):
        card.standing = standing(card, now) if card.state not in {State.WONT_DO, State.VERIFIED} else ""
        card.moves = _moves(card, request.user)
        columns[card.state].cards.append(card)
    for column in columns.values():
        column.url = f"{reverse('web:items')}?{_query(request, column.state)}"
    context = {
        "now": now,
        "filters_html": filters_html,
        "columns": list(columns.values()),
        "is_empty": not any(column.total for column in columns.values()),
        "is_narrowed": filters.is_narrowed,
        "may_agree": request.user.is_at_least("member"),
        "may_move": request.user.is_at_least("member"),
    }
    return render(request, "items/board.html", context)


def _cards(columns: Iterable[QuerySet[RemediationItem]]) -> list[RemediationItem]:
    """The most urgent of each column, in two statements."""
    first, *others = (
        found.order_by("due_at", "pk").values_list("pk", flat=True)[:SHOWN] for found in columns
    )
    rows = RemediationItem.objects.filter(pk__in=list(first.union(*others, all=True)))
    return list(rows.select_related("owner", "service", "severity", "team").order_by("due_at", "pk"))


def _moves(card: RemediationItem, user: User) -> list[tuple[str, str, str | Promise]]:
    """Where a person may bring it: the state, the address, the words."""
    if not user.is_at_least(User.Role.MEMBER):
        return []
    found = []
    for (from_state, to_state), (name, label) in MOVES.items():
        if from_state != card.state:
            continue
        if name == "ask_wont_do" and items.may_decide(card, user):
            name, label = "decline", _("Won't do")
        found.append((to_state, reverse(f"web:item_{name}", args=[card.public_id]), label))
    return found


def _query(request: HttpRequest, state: str) -> str:
    kept = {name: value for name, value in request.GET.items() if name in ItemFilters.base_fields and value}
    return urlencode(kept | {"state": state})


@login_required
@require_POST
def move(request: HttpRequest, public_id: str) -> HttpResponse:
    """A card was dropped on a column: do what a person may, or say why not.

    What needs no word is done at once; for the others the page that asks is opened.
    """
    item = find_item(request, public_id)
    access.need(request.user, User.Role.MEMBER)
    to_state = request.POST.get("to", "")
    name, _label = MOVES.get((item.state, to_state), ("", ""))
    if name == "start":
        items.start(item, by=request.user, now=timezone.now())
        messages.success(request, _("Work on %(id)s has begun.") % {"id": item})
        return redirect("web:items_board")
    if name:
        if name == "ask_wont_do" and items.may_decide(item, request.user):
            name = "decline"
        return redirect(f"web:item_{name}", public_id)
    if to_state != item.state:
        messages.warning(request, str(_BY_RUNS.get(to_state) or _("No hand moves it there.")))
    return redirect("web:items_board")


urlpatterns = [
    path("items/board", board, name="items_board"),
    path("items/<slug:public_id>/move", move, name="item_move"),
]
