"""One event as a line, and a paste that becomes many."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from postmortem.models import MAX_TEXT, Entry
from postmortem.pasting import Piece
from web.forms import ProseField, zone_names
from web.uploads import FileField

# So many events are shown at once to be looked through.
MOST_ROWS = 200
_ROW_FIELDS = ("at", "kind", "text")


class LineForm(forms.Form):
    """One event: its moment at the beginning of the line, then what happened."""

    line = ProseField(
        label=_("What happened, beginning with when"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(
            attrs={"rows": 2, "placeholder": _("14:03 restarted order-api"), "autocomplete": "off"}
        ),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Entry.Kind.choices, initial=Entry.Kind.NOTE)
    marker = forms.ChoiceField(
        label=_("Marks"), choices=[("", _("nothing special")), *Entry.Marker.choices[1:]], required=False
    )
    milestone = forms.ChoiceField(
        label=_("Milestone"), choices=[("", _("none")), *Entry.Milestone.choices[1:]], required=False
    )
    is_starred = forms.BooleanField(label=_("Star"), required=False)
    file = FileField(label=_("Screenshot or file"), required=False)


class PasteForm(forms.Form):
    """A history, a log or a list of notes, and how to read the times in it."""

    text = ProseField(
        label=_("Paste it here"),
        max_length=MAX_TEXT * 8,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
    )
    zone = forms.ChoiceField(label=_("Times without a zone are in"), required=False)
    day = forms.DateField(
        label=_("Times without a day are of"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = timezone.get_current_timezone_name()
        first = [own, "UTC"] if own != "UTC" else ["UTC"]
        names = [*first, *(name for name in zone_names() if name not in first)]
        self.fields["zone"].choices = [(name, name) for name in names]

    def clean_zone(self) -> str:
        return self.cleaned_data["zone"] or timezone.get_current_timezone_name()


class Row:
    """One event of a paste, as it is shown to be kept, changed or left out."""

    def __init__(self, number: int, data: dict[str, str], *, is_kept: bool, problem: str = "") -> None:
        self.number = number
        self.at, self.kind, self.text = (data.get(name, "") for name in _ROW_FIELDS)
        self.is_kept = is_kept
        self.problem = problem
        self.error = ""

    @property
    def height(self) -> int:
        return min(8, self.text.count("\n") + 1 + len(self.text) // 110)


def rows_of(pieces: list[Piece], zone: ZoneInfo) -> list[Row]:
    """The pieces with something in them, those with a certain moment ticked."""
    found = []
    for piece in pieces:
        if piece.text.strip():
            data = {"at": written(piece, zone), "kind": piece.kind, "text": piece.text}
            found.append(Row(len(found), data, is_kept=piece.at is not None, problem=piece.problem))
    return found


def rows_posted(data: Any) -> list[Row]:
    """The rows as they were sent; a number of rows that makes no sense is none."""
    count = data.get("rows", "")
    if not (count.isdecimal() and count.isascii() and len(count) < 5):
        return []
    return [
        Row(
            number,
            {name: data.get(f"row-{number}-{name}", "").replace("\r\n", "\n") for name in _ROW_FIELDS},
            is_kept=f"row-{number}-keep" in data,
        )
        for number in range(min(int(count), MOST_ROWS))
    ]


def written(piece: Piece, zone: ZoneInfo) -> str:
    """A moment so that it is read again as the same, in the zone that the text named or the chosen one."""
    if piece.at is None:
        return ""
    own = ZoneInfo(piece.zone) if piece.zone else zone
    local = piece.at.astimezone(own)
    fraction = f".{local.microsecond:06d}".rstrip("0") if local.microsecond else ""
    is_clear = _is_shown_once(local)
    name = f" {piece.zone}" if piece.zone and is_clear else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction}{name if is_clear else f'{local:%z}'}"


def _is_shown_once(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
