"""The catalogue of cause classes: a tree of at most four levels, kept by governors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import CauseClass

MAX_LEVELS = 4
FACTS = frozenset({"name", "description", "parent", "is_retired"})


class ClassInUse(DomainError):
    """Causes have this class, or classes stand below it; details count both: `causes`, `children`."""

    code = "class_in_use"


@dataclass(frozen=True)
class Node:
    """A class with its place in the tree.

    Attributes:
        path: the names from the top down to its own, in the reader's language.
        is_offered: neither it nor a class above it is retired.
    """

    cause_class: CauseClass
    path: tuple[str, ...]
    is_offered: bool

    @property
    def level(self) -> int:
        return len(self.path)

    @property
    def words(self) -> str:
        return " › ".join(self.path)


def tree() -> list[Node]:
    """All classes, each before those below it, siblings in the order in which they were added."""
    below: dict[int | None, list[CauseClass]] = {}
    for one in CauseClass.objects.order_by("pk"):
        below.setdefault(one.parent_id, []).append(one)
    return list(_walk(below, None, (), is_offered=True))


def _walk(
    below: dict[int | None, list[CauseClass]], top: int | None, path: tuple[str, ...], *, is_offered: bool
) -> Iterator[Node]:
    for one in below.get(top, []):
        node = Node(one, (*path, one.words), is_offered and not one.is_retired)
        yield node
        yield from _walk(below, one.pk, node.path, is_offered=node.is_offered)


def add(
    *,
    slug: str,
    name: str,
    by: User,
    now: datetime,
    description: str = "",
    parent: CauseClass | None = None,
) -> CauseClass:
    """Add a class below another, or at the top.

    Raises:
        Invalid: a value breaks a rule, the slug or the name beside it is taken; nothing was written.
        NotAllowed: not a governor.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("cause_classes.add", by=by):
        _lock()
        row = CauseClass(slug=values.text(slug, field="slug", longest=60, is_required=True).strip())
        if CauseClass.objects.filter(slug=row.slug).exists():
            raise Invalid(_("There is a class with this slug already."), field="slug")
        return _store(row, {"name": name, "description": description, "parent": parent})


def edit(cause_class: CauseClass, *, by: User, now: datetime, **fields: Any) -> CauseClass:
    """Rename, describe, move or retire a class.

    Args:
        fields: any of name, description, parent (None for the top) and is_retired.

    Raises:
        Invalid: a value breaks a rule, or it would stand below itself; nothing was written.
        NotAllowed: not a governor.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("cause_classes.edit", by=by):
        _lock()
        return _store(CauseClass.objects.get(pk=cause_class.pk), fields)


def remove(cause_class: CauseClass, *, by: User, now: datetime) -> None:
    """Delete a class that no cause ever kept; retire the others.

    Raises:
        ClassInUse: causes have it, or classes stand below it; nothing was written.
        NotAllowed: not a governor.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("cause_classes.remove", by=by):
        _lock()
        row = CauseClass.objects.select_for_update().get(pk=cause_class.pk)
        causes, children = row.causes.count(), row.children.count()
        if causes or children:
            raise ClassInUse(
                _("“%(name)s” is in use: retire it instead.") % {"name": row.words},
                details={"causes": causes, "children": children},
            )
        row.delete()


def refuse_unfit(cause_class: CauseClass | None) -> None:
    """Refuse a class that is not offered any more, for a cause that does not have it yet.

    Raises:
        Invalid: it, or one above it, is retired; or it is no class at all.
    """
    if cause_class is None:
        return
    if not isinstance(cause_class, CauseClass):
        raise Invalid(_("This is not a class of causes."), field="cause_class")
    offered = {node.cause_class.pk for node in tree() if node.is_offered}
    if cause_class.pk not in offered:
        raise Invalid(
            _("“%(name)s” is retired: choose another class.") % {"name": cause_class.words},
            field="cause_class",
        )


def _lock() -> None:
    # The tree is small and changes rarely: whoever changes it holds all of it.
    list(CauseClass.objects.select_for_update().order_by("pk").values_list("pk"))


def _store(row: CauseClass, fields: dict[str, Any]) -> CauseClass:
    if not isinstance(fields.get("parent"), CauseClass | None):
        raise Invalid(_("This is not a class of causes."), field="parent")
    values.fill(row, fields, allowed=FACTS)
    row.name, row.description = (
        value.strip() if isinstance(value, str) else value for value in (row.name, row.description)
    )
    values.check(row)
    _check_place(row)
    siblings = CauseClass.objects.filter(parent=row.parent).exclude(pk=row.pk)
    if siblings.filter(name=row.name).exists():
        raise Invalid(_("There is a class of this name beside it already."), field="name")
    row.save()
    return row


def _check_place(row: CauseClass) -> None:
    above = [] if row.parent is None else _above(row.parent)
    if row.pk is not None and row.pk in above:
        raise Invalid(_("A class cannot stand below itself."), field="parent")
    if len(above) + _height(row) > MAX_LEVELS:
        raise Invalid(_("The tree has at most %(most)d levels.") % {"most": MAX_LEVELS}, field="parent")


def _above(parent: CauseClass) -> list[int]:
    """The class and those above it."""
    parents = dict(CauseClass.objects.values_list("pk", "parent"))
    found: list[int] = []
    at: int | None = parent.pk
    while at is not None and at not in found:
        found.append(at)
        at = parents.get(at)
    return found


def _height(row: CauseClass) -> int:
    """How many levels it and those below it take."""
    below: dict[int, list[int]] = {}
    for pk, parent in CauseClass.objects.values_list("pk", "parent"):
        below.setdefault(parent or 0, []).append(pk)
    level, levels = [row.pk] if row.pk else [], 1
    while level := [child for one in level for child in below.get(one, [])]:
        levels += 1
        if levels > MAX_LEVELS:
            break
    return levels
