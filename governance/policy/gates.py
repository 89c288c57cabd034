"""The policy of the gate as a value: of which changes it asks what, and what CI does with the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from governance.policy import globs, names
from governance.policy.verdicts import POLICY_VERSION


class Mode(StrEnum):
    """What CI does with a verdict; none of them changes it."""

    OFF = "off"
    WARN = "warn"
    DRY_RUN = "dry-run"
    STRICT = "strict"


class Freeze(StrEnum):
    """Whose overdue P0 items block a change."""

    NEVER = "never"
    SERVICES = "services"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class GateRules:
    """One version of one row of the gate's policy.

    Attributes:
        key, version: of the row; 0 is what holds where there is no row.
        repositories: exact names or patterns (`globs`); none: every repository.
        branches: the target branches that it covers; none: all.
        covered_paths, covered_labels: a change without any of them is excused; none: every change is covered.
            Labels cover in upper and lower case alike.
        excused_paths: a change of nothing else is excused.
        excused_labels: a change with one of them is excused.
        not_counting: codes of findings that are shown and do not count.
        asks_audit: whether the findings about the services that a change touches are findings of the change.
        most_uses: of one postmortem, by changes that passed; None: any number.
        fails_open: what a client does when it gets no verdict; it is told, and decides itself.
        waivers_alone: whether one governor may grant their own waiver, which tells all others.
    """

    key: int = 0
    version: int = 0
    name: str = ""
    repositories: Sequence[str] = ()
    mode: Mode = Mode.STRICT
    branches: Sequence[str] = ()
    covered_paths: Sequence[str] = ()
    excused_paths: Sequence[str] = ()
    covered_labels: Sequence[str] = ()
    excused_labels: Sequence[str] = ()
    not_counting: frozenset[str] = frozenset()
    asks_audit: bool = False
    freeze: Freeze = Freeze.NEVER
    most_uses: int | None = None
    fails_open: bool = False
    waivers_alone: bool = False
    # The primary key of the stored version; None of what is not stored.
    id: int | None = None

    def __str__(self) -> str:
        return f"gate-{self.key}v{self.version}"

    @property
    def version_text(self) -> str:
        """What a decision keeps: the version of the rules, and of this row."""
        return f"{POLICY_VERSION}/{self}" if self.key else POLICY_VERSION

    @property
    def on_error(self) -> str:
        """What a client that gets no verdict is to do."""
        return "open" if self.fails_open else "closed"


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a policy asks nothing of a change: `rule` is label, branch or path."""

    rule: str
    detail: str


# What holds where no row does: everything is asked for.
BUILT_IN = GateRules()


def deciding(repository: str, rows: Iterable[GateRules]) -> GateRules:
    """The first row, in their order, that fits a repository, in upper and lower case alike.

    Forges know a repository in either case, so another case must not find another row.
    """
    for row in rows:
        if not row.repositories or _fits_in_any_case(repository, row.repositories):
            return row
    return BUILT_IN


def excuse_of(
    rules: GateRules, *, branch: str, paths: Sequence[str], labels: Sequence[str] | None
) -> Excuse | None:
    """Why the policy asks nothing of a change, or None when it is judged.

    What CI did not say excuses nothing: no branch, no paths, no list of labels. Where it may be doubted
    whether two names are the same, the change is judged: a label excuses by its exact name and covers in
    any case.

    Args:
        labels: those of the change; None when CI sent no list of them.
    """
    if label := next((label for label in labels or () if globs.fits(label, rules.excused_labels)), ""):
        return Excuse("label", f"{rules} excuses changes with the label “{label}”.")
    branch = names.branch(branch)
    # Rows that were saved long ago may say refs/heads/ too.
    if rules.branches and branch and not globs.fits(branch, [names.branch(one) for one in rules.branches]):
        return Excuse("branch", f"{rules} covers other target branches than “{branch}”.")
    if paths and rules.excused_paths and all(globs.fits_path(path, rules.excused_paths) for path in paths):
        return Excuse("path", f"{rules} excuses every path that this change touches.")
    if (
        paths
        and rules.covered_paths
        and not any(globs.fits_path(path, rules.covered_paths) for path in paths)
    ):
        return Excuse("path", f"{rules} covers none of the paths that this change touches.")
    if (
        labels is not None
        and rules.covered_labels
        and not any(_fits_in_any_case(label, rules.covered_labels) for label in labels)
    ):
        return Excuse("label", f"{rules} covers only changes with a label that this one lacks.")
    return None


def _fits_in_any_case(text: str, patterns: Sequence[str]) -> bool:
    return globs.fits(text.casefold(), [pattern.casefold() for pattern in patterns])
