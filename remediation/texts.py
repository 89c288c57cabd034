"""Every text whose versions can be read, compared and restored, by a name that pages and API share.

The name is what names the record, a dot, and the column: "PM-2026-0001.went_badly", "cause-7.statement".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import trail, values, versions
from postmortem.errors import Invalid
from remediation.textkinds import KINDS, Column, Kind


@dataclass(frozen=True)
class Text:
    """One text of one record that somebody may see."""

    kind: Kind
    column: Column
    record: Any
    viewer: User

    @property
    def name(self) -> str:
        return name_of(self.record, self.column.name)

    def say(self, value: Any) -> str:
        """A stored value as a text."""
        return self.column.words(value) if value else ""

    def versions(self) -> QuerySet[Any]:
        """Its versions, newest first: see `versions.of`."""
        return versions.of(self.record, self.column.name, viewer=self.viewer)

    def read(self, found: Iterable[Any]) -> dict[int, str]:
        """What it said in some versions, by the id of the version's row."""
        return {pk: self.say(value) for pk, value in versions.values(found, self.column.name).items()}

    def may_restore(self) -> bool:
        """Whether the viewer's role lets them write it."""
        return (self.column.may or self.kind.may)(self.record, self.viewer)

    def is_open(self) -> bool:
        """Whether anybody can write it as things stand; the act decides again."""
        fits = self.column.fits is None or self.column.fits(self.record)
        return fits and (self.column.is_open or self.kind.is_open)(self.record)


def find(name: str, *, viewer: User) -> Text | None:
    """The text of this name; None where there is none that the viewer may see."""
    of, _dot, wanted = name.rpartition(".")
    for kind in KINDS:
        if (match := re.fullmatch(kind.pattern, of)) is None:
            continue
        column = next((column for column in kind.columns if column.name == wanted), None)
        record = kind.visible(viewer).filter(**match.groupdict()).first() if column else None
        if column is not None and record is not None:
            return Text(kind, column, record, viewer)
    return None


def name_of(record: Model, column: str) -> str:
    """The name of a text, by which `find` finds it."""
    return f"{_kind_of(record).named(record)}.{column}"


def _kind_of(record: Model) -> Kind:
    return next(kind for kind in KINDS if kind.model is type(record))


def count(records: Iterable[Model]) -> dict[str, int]:
    """How many versions the texts of some records have, by the text's name, in one statement.

    Args:
        records: of entries only the reader's own, for of others' a part is sealed for ever.
    """
    wanted = {record: [column.name for column in _kind_of(record).columns] for record in records}
    found = versions.count(wanted)
    return {
        name_of(record, column): number
        for record, columns in wanted.items()
        for column in columns
        if (number := found.get((record._meta.db_table, record.pk, column), 0))
    }


def restore(text: Text, *, number: int, latest: int, by: User, now: datetime) -> None:
    """Save what a version said as a new one, through the act by which the text is edited.

    Args:
        number: the version.
        latest: the number of the newest version that `by` has read.

    Raises:
        EditConflict: there is a newer one; nothing was written.
        Invalid: no such version, or the text says this now; `field` is "number".
        What the act raises: archived, signed, not allowed and so on.
    """
    found = text.versions()
    wanted, newest = found.filter(number=number).first(), found.first()
    if wanted is None or newest is None:
        raise Invalid(_("There is no such version."), field="number")
    kept = versions.values([wanted, newest], text.column.name)
    mine, theirs = kept[wanted.pk], kept[newest.pk]
    if newest.number != latest:
        raise values.newer({text.column.name: mine}, {text.column.name: theirs}, version=newest.number)
    if mine == theirs:
        raise Invalid(_("It says this already."), field="number")
    if text.column.try_first is not None:
        text.column.try_first(text.record, mine)
    with trail.act("texts.restore", by=by):
        text.column.write(text.record, mine, {"by": by, "now": now})
        # Not every act asks which version its writer read; under its locks, what came between shows.
        after = text.versions()[:2]
        if len(after) == 2 and after[0].number > latest + 1:
            raise values.newer(
                {text.column.name: mine},
                {text.column.name: versions.values(after[1:], text.column.name)[after[1].pk]},
                version=after[1].number,
            )
