"""Reads the rule packs beside it; a pack is one kind of rule in one language.

A rule needs an id, a level, why, suggestion, patterns, and a bad and a good example, which a test holds it
to. Patterns are regular expressions; English ones begin and end at the edge of a word. The texts of a rule
are translated: `texts.py` lists them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


class Kind(StrEnum):
    """What a rule is about."""

    HEDGING = "hedging"
    ACTION = "action"
    BLAME = "blame"


@dataclass(frozen=True)
class Rule:
    """One rule of a pack.

    Attributes:
        blocks: it stops the signature of a step; otherwise it is a hint.
        where: for actions only: "head", "clause" or "whole" (see `actions`).
        redeemed_by: for actions only: which marks of an outcome make up for the words.
    """

    id: str
    kind: Kind
    language: str
    blocks: bool
    why: str
    suggestion: str
    bad: str
    good: str
    pattern: re.Pattern[str]
    allow: re.Pattern[str] | None
    where: str
    redeemed_by: tuple[str, ...]


@dataclass(frozen=True)
class Pack:
    """The rules of one kind in one language, and what they share."""

    kind: Kind
    language: str
    rules: tuple[Rule, ...]
    marks: dict[str, re.Pattern[str]]


@cache
def packs(kind: Kind) -> tuple[Pack, ...]:
    """The packs of a kind, one per language."""
    return tuple(_read(path) for path in sorted(_FOLDER.glob(f"{_FILES[kind]}.*.toml")))


def rules() -> tuple[Rule, ...]:
    """Every rule there is, by kind and language."""
    return tuple(rule for kind in Kind for pack in packs(kind) for rule in pack.rules)


_FILES = {Kind.HEDGING: "hedging", Kind.ACTION: "actions", Kind.BLAME: "blame"}
# Marks of an action pack: one expression or a list of them.
_MARKS = ("lead", "purpose", "verbs", "measures", "means", "products")


def _read(path: Path) -> Pack:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    kind, language = Kind(data["kind"]), data["language"]
    return Pack(
        kind,
        language,
        tuple(_rule(rule, kind, language, data.get("allow", [])) for rule in data["rules"]),
        {name: _compiled(_listed(data[name]), "") for name in _MARKS if name in data},
    )


def _rule(rule: dict[str, Any], kind: Kind, language: str, shared: list[str]) -> Rule:
    allow = [*shared, *rule.get("allow", [])]
    return Rule(
        id=rule["id"],
        kind=kind,
        language=language,
        blocks={"blocks": True, "advises": False}[rule["level"]],
        why=rule["why"],
        suggestion=rule["suggestion"],
        bad=rule["bad"],
        good=rule["good"],
        pattern=_compiled(rule["patterns"], language),
        allow=_compiled(allow, language) if allow else None,
        where=rule.get("where", ""),
        redeemed_by=tuple(rule.get("redeemed_by", ())),
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _compiled(patterns: list[str], language: str) -> re.Pattern[str]:
    joined = "|".join(patterns)
    # Chinese has no edges of words.
    return re.compile(rf"\b(?:{joined})(?!\w)" if language == "en" else joined, re.IGNORECASE)
