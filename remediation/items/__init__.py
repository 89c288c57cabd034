"""Agree what will be changed, by whom, until when and how it is proven; bring it as far as a hand can.

A person brings an item to "fix claimed"; from there on only check runs move it (`verification`). The acts
stand in modules by subject; everybody else calls them as `items.assign(…)`.
"""

from __future__ import annotations

from remediation.items.agreeing import NeedsWaiver, agree, due_date
from remediation.items.bulk import BulkRefused, Wanted, change_many, fingerprint
from remediation.items.declining import (
    AlreadyAsked,
    NotAsked,
    ask_wont_do,
    decline,
    grant_wont_do,
    may_decide,
    refuse_wont_do,
    withdraw_wont_do,
)
from remediation.items.locking import SETTLED, UNFINISHED, State, WrongState, visible_to
from remediation.items.mapping import Unanswered, answer_causes, unanswered
from remediation.items.moves import (
    RED_FIRST_RANK,
    NeverSeenRed,
    claim_fix,
    move,
    reopen,
    start,
    withdraw_claim,
)
from remediation.items.owners import (
    HasAnOwner,
    assign,
    hand_to_team,
    may_take_over,
    ownerless_for,
    take_over,
)
from remediation.items.proofs import (
    MAX_CHECKS,
    CheckMissing,
    ExamStays,
    LastCheck,
    add_check,
    edit_check,
    pause,
)
from remediation.items.proposing import KeyTaken, propose
from remediation.items.selecting import narrowed
from remediation.items.words import SORTS, WORDS, edit

__all__ = [
    "MAX_CHECKS",
    "RED_FIRST_RANK",
    "SETTLED",
    "SORTS",
    "UNFINISHED",
    "WORDS",
    "AlreadyAsked",
    "BulkRefused",
    "CheckMissing",
    "ExamStays",
    "HasAnOwner",
    "KeyTaken",
    "LastCheck",
    "NeedsWaiver",
    "NeverSeenRed",
    "NotAsked",
    "State",
    "Unanswered",
    "Wanted",
    "WrongState",
    "add_check",
    "agree",
    "answer_causes",
    "ask_wont_do",
    "assign",
    "change_many",
    "claim_fix",
    "decline",
    "due_date",
    "edit",
    "edit_check",
    "fingerprint",
    "grant_wont_do",
    "hand_to_team",
    "may_decide",
    "may_take_over",
    "move",
    "narrowed",
    "ownerless_for",
    "pause",
    "propose",
    "refuse_wont_do",
    "reopen",
    "start",
    "take_over",
    "unanswered",
    "visible_to",
    "withdraw_claim",
    "withdraw_wont_do",
]
