"""What a person may do with an item next, and why not: the same words on the button and beside it.

This only decides what a page offers; the acts of `remediation.items` decide what happens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from remediation import items
from remediation.models import ItemTransition, RemediationItem, VerificationCheck
from web.moments import distance_words

State = RemediationItem.State
Words = str | Promise


@dataclass(frozen=True)
class NextStep:
    """One act: the name of its page, the words of its button, and why it is closed ("" when it is open)."""

    name: str
    label: Words
    icon: str
    refusal: str = ""
    is_main: bool = False
    tone: str = ""


# Who can bring an item there, shown while it is still ahead.
_AHEAD: dict[str, Words] = {
    State.OPEN: "",
    State.IN_PROGRESS: gettext_lazy("The owner begins"),
    State.FIX_CLAIMED: gettext_lazy("A person says it is done"),
    State.VERIFYING: gettext_lazy("Check runs only"),
    State.VERIFIED: gettext_lazy("Check runs only"),
}


@dataclass(frozen=True)
class Stage:
    """One place on an item's way, drawn like a step of a review."""

    title: Words
    state: str
    note: Words
    is_current: bool


_UNSETTLED = ("open", "in_progress", "fix_claimed", "verifying", "regressed")
# Act, label, icon, the states it leads from, the state in which it is the main way on, tone.
_ACTS: tuple[tuple[str, Words, str, tuple[str, ...], str, str], ...] = (
    ("start", gettext_lazy("Start work"), "play", ("open",), "open", ""),
    ("claim", gettext_lazy("Claim the fix"), "claimed", ("open", "in_progress"), "in_progress", ""),
    ("withdraw", gettext_lazy("Withdraw the claim"), "left", ("fix_claimed", "verifying"), "", ""),
    ("reopen", gettext_lazy("Reopen"), "reopened", ("regressed", "wont_do"), "regressed", ""),
    ("assign", gettext_lazy("Hand over"), "user", (*_UNSETTLED, "verified"), "", ""),
    ("ask_wont_do", gettext_lazy("Ask: won't do"), "slash", _UNSETTLED, "", ""),
    ("decline", gettext_lazy("Won't do"), "slash", _UNSETTLED, "", "danger"),
)

_WAY = (State.OPEN, State.IN_PROGRESS, State.FIX_CLAIMED, State.VERIFYING, State.VERIFIED)


def of(item: RemediationItem, user: User, *, is_asked: bool = False) -> list[NextStep]:
    """The acts that the item's state allows, each open to this person or with the reason why not.

    Args:
        is_asked: somebody asked that it be not done, so that nobody asks again.
    """
    refusal = (
        ""
        if user.is_at_least(User.Role.MEMBER)
        else _("Viewers only read. Ask an administrator for the role of a member.")
    )
    may_decline = items.may_decide(item, user)
    # One of the two ways not to do it, and none while an answer is awaited.
    left_out = {"decline", "ask_wont_do"}
    if not is_asked:
        left_out.remove("decline" if may_decline else "ask_wont_do")
    return [
        NextStep(name, label, icon, refusal, item.state == main_state, tone)
        for name, label, icon, states, main_state, tone in _ACTS
        if item.state in states and name not in left_out
    ]


def stages(
    item: RemediationItem,
    transitions: Iterable[ItemTransition],
    checks: Sequence[VerificationCheck],
    *,
    now: datetime,
) -> list[Stage]:
    """The item's way as five places: what happened at those behind it, who can bring it to those ahead."""
    reached = {move.to_state: move.at for move in transitions}
    place = _place(item)
    rows = []
    for index, state in enumerate(_WAY):
        is_current = index == place
        if item.state == State.REGRESSED and is_current:
            note = _("Regressed %(time)s") % {"time": distance_words(reached.get(State.REGRESSED, now), now)}
        elif is_current and state == State.VERIFYING:
            note = _progress(checks)
        elif index <= place and state in reached:
            note = distance_words(reached[state], now)
        else:
            note = "" if index <= place else str(_AHEAD[state])
        rows.append(Stage(state.label, _look_of(item, index, place), note or "–", is_current))
    return rows


def _place(item: RemediationItem) -> int:
    """Where on the way the item stands; -1 when it left the way."""
    if item.state == State.WONT_DO:
        return -1
    return _WAY.index(State.VERIFIED if item.state == State.REGRESSED else State(item.state))


def _look_of(item: RemediationItem, index: int, place: int) -> str:
    if item.state == State.REGRESSED and index == place:
        return "stale"
    if index < place or (index == place and item.state == State.VERIFIED):
        return "signed"
    return "ready" if index == place else "waiting"


def _progress(checks: Sequence[VerificationCheck]) -> str:
    """How far the slowest check is, for all of them must get there."""
    watching = [check for check in checks if not check.is_paused]
    if not watching:
        return _("Every check is paused")
    slowest = min(watching, key=lambda check: max(check.standing.streak, 0) / check.passes_needed)
    done = min(max(slowest.standing.streak, 0), slowest.passes_needed)
    return _("%(done)d of %(needed)d passes") % {"done": done, "needed": slowest.passes_needed}
