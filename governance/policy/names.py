"""Pure: how branches, repositories, labels and paths are written, so that one thing has one name.

A policy compares names. A branch or a repository that is written another way would be one that no row knows,
and what no row knows may pass: so whatever is not written in its one way is refused by name, not guessed at.
"""

from __future__ import annotations

import re
import unicodedata

_HEADS = "refs/heads/"
# What a clone calls the branches of others, and the short forms that git makes of ambiguous names.
_NO_BRANCH = ("refs/", "remotes/", "heads/", "origin/")
# Source: git-check-ref-format(1). The wildcards of our patterns are among them.
_WILDCARDS = "*?"
_NOT_IN_BRANCHES = re.compile(r"\.\.|@\{|[ ~^:\[\\]|//|/\.|\.lock(/|$)|\.$|^[-./]|/$")


def gettext_noop(sentence: str) -> str:
    """The sentence itself; it is found for translation by this name, and translated where people read it."""
    return sentence


OUTER_SPACE = gettext_noop("White space at the beginning or end is not part of a name.")
UNPRINTABLE = gettext_noop("A name has no line breaks and no other characters that nobody can see.")
TRACKING = gettext_noop(
    "Write the branch as its repository calls it, such as main: neither origin/main nor another ref."
)
NO_BRANCH = gettext_noop("git has no branch of such a name.")
NO_REPOSITORY = gettext_noop(
    "Write the repository as its path alone, such as shop/order: no address, no “.git”, no slash at an end."
)
NO_PATH = gettext_noop(
    "Write paths from the top of the repository, as git does: no “..”, no slash at an end."
)


def branch(text: str) -> str:
    """The name of a branch without `refs/heads/`, by which git means the same branch."""
    return text.removeprefix(_HEADS)


def fault_of_branch(text: str, *, is_pattern: bool = False) -> str:
    """What is wrong with the name of a branch, or ""; `refs/heads/` before it is not.

    Upper and lower case are two branches, as in git. A remote-tracking name (origin/main) names no branch of
    the repository that is asked about, and nobody can tell from it alone which one is meant.
    """
    if fault := _fault_of_text(text):
        return fault
    name = branch(text)
    if name.startswith(_NO_BRANCH):
        return TRACKING
    has_wildcard = not is_pattern and any(sign in name for sign in _WILDCARDS)
    if name in {"", "@", "HEAD"} or has_wildcard or _NOT_IN_BRANCHES.search(name):
        return NO_BRANCH
    return ""


def fault_of_repository(text: str) -> str:
    """What is wrong with the path of a repository, or with a pattern for some, or ""."""
    if fault := _fault_of_text(text):
        return fault
    is_other = ":" in text or "\\" in text or text.lower().endswith(".git")
    return NO_REPOSITORY if is_other or _has_odd_parts(text) else ""


def fault_of_label(text: str) -> str:
    """What is wrong with a label, or ""; emoji may hold characters that nobody can see."""
    if text != text.strip():
        return OUTER_SPACE
    return UNPRINTABLE if any(unicodedata.category(sign) == "Cc" for sign in text) else ""


def fault_of_path(text: str) -> str:
    """What is wrong with a path, or ""; a name in it may hold any character."""
    return NO_PATH if _has_odd_parts(text) else ""


def _fault_of_text(text: str) -> str:
    if text != text.strip():
        return OUTER_SPACE
    return "" if text.isprintable() else UNPRINTABLE


def _has_odd_parts(path: str) -> bool:
    return any(part in {"", ".", ".."} for part in path.split("/"))
