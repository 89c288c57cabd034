"""Forms about causes: what one says, its class, its chain of whys; and about the catalogue of classes."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem import cause_classes, causes
from postmortem.models import MAX_TEXT, CauseClass, Review, RootCause
from web.forms import ProseField
from web.forms.versioned import VersionField

_INDENT = "\u2003"  # wider than a space, which a list of choices would fold


def class_choices(
    *, offered_only: bool, also: CauseClass | None = None, without: CauseClass | None = None
) -> list[tuple[str, str]]:
    """The catalogue as choices, those below a class moved to the right.

    Args:
        also: a class that is offered although it is retired, because somebody has it.
        without: a class that is left out with all below it.
    """
    found: list[tuple[str, str]] = []
    hidden: set[int] = set()
    for node in cause_classes.tree():
        row = node.cause_class
        if (without is not None and row.pk == without.pk) or row.parent_id in hidden:
            hidden.add(row.pk)
        elif node.is_offered or not offered_only or row == also:
            found.append((row.slug, f"{_INDENT * (node.level - 1)}{row.words}"))
    return found


class ClassField(forms.ChoiceField):
    """A class of the catalogue by its slug; cleaned to the row, or None."""

    def __init__(self, *, empty: Any, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.empty = empty

    def offer(self, choices: list[tuple[str, str]]) -> None:
        self.choices = [("", self.empty), *choices]

    def clean(self, value: Any) -> CauseClass | None:
        slug = super().clean(value)
        return CauseClass.objects.get(slug=slug) if slug else None


class CauseForm(forms.Form):
    """What had to be so, what set it off, or what made it worse."""

    statement = ProseField(
        label=_("Statement"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One sentence about a system or a process; never about a person."),
    )
    part = forms.ChoiceField(
        label=_("Part it played"),
        choices=RootCause.Part.choices,
        widget=forms.RadioSelect,
        initial=RootCause.Part.ROOT,
    )
    cause_class = ClassField(
        label=_("Class"),
        empty=_("Not known yet"),
        help_text=_("Causes of one class are found again when one comes back."),
    )

    version = VersionField(required=False)

    # The view says whose lists of wording hold.
    hints: ClassVar = {"statement": "cause"}
    hint_review: Review | None = None

    def __init__(self, *args: Any, cause: RootCause | None = None, **kwargs: Any) -> None:
        has = cause.cause_class if cause is not None else None
        if cause is not None:
            kwargs["initial"] = {
                "statement": cause.statement,
                "part": cause.part,
                "cause_class": has.slug if has is not None else "",
                "version": cause.version,
            }
        super().__init__(*args, **kwargs)
        if cause is None:
            del self.fields["version"]
        self.fields["cause_class"].offer(class_choices(offered_only=True, also=has))  # type: ignore[attr-defined]


class NewCauseForm(CauseForm):
    """A new cause may at once be the primary one."""

    is_primary = forms.BooleanField(
        label=_("This is the primary root cause"),
        required=False,
        help_text=_("Every review has exactly one; it must be a root cause."),
    )


class SettleForm(forms.Form):
    """Whether a hypothesis held, and what showed it."""

    state = forms.ChoiceField(label=_("It is"), choices=RootCause.State.choices, widget=forms.RadioSelect)
    evidence = ProseField(
        label=_("Evidence"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": _("What was tried or read, and what came out.")}
        ),
        help_text=_("Needed for everything but a hypothesis."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, required=False)


class WhysForm(forms.Form):
    """The chain of whys as so many rows; a row without a sentence is left out."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, cause: RootCause, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"version": cause.version})
        super().__init__(*args, **kwargs)
        self.shown = max(5, len(cause.whys) + 1)
        for number in range(causes.MAX_WHYS):
            link = cause.whys[number] if number < len(cause.whys) else {"why": "", "evidence": ""}
            self.fields[f"{number}-why"] = ProseField(
                label=_("Why? (%(number)d)") % {"number": number + 1},
                required=False,
                max_length=causes.MAX_WHY,
                initial=link["why"],
                widget=forms.Textarea(attrs={"rows": 2}),
            )
            self.fields[f"{number}-evidence"] = ProseField(
                label=_("What shows it"),
                required=False,
                max_length=causes.MAX_WHY_EVIDENCE,
                initial=link["evidence"],
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for number in range(causes.MAX_WHYS):
            if values.get(f"{number}-evidence", "").strip() and not values.get(f"{number}-why", "").strip():
                self.add_error(f"{number}-why", _("Say what this shows, or empty both."))
        return values

    def chain(self) -> list[dict[str, str]]:
        """The rows that say something, in order; of a valid form."""
        rows = [
            {"why": self.cleaned_data[f"{number}-why"], "evidence": self.cleaned_data[f"{number}-evidence"]}
            for number in range(causes.MAX_WHYS)
        ]
        return [row for row in rows if row["why"].strip()]

    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """Those that are shown at once: five, or one more than there are."""
        return self._rows()[: self.shown]

    def more_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return self._rows()[self.shown :]

    def _rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"{number}-why"], self[f"{number}-evidence"]) for number in range(causes.MAX_WHYS)]


class ClassForm(forms.Form):
    """A class of causes: what it is called, and where it stands."""

    name = forms.CharField(label=_("Name"), max_length=80)
    parent = ClassField(label=_("Below"), empty=_("At the top"))
    description = forms.CharField(
        label=_("Description"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, cause_class: CauseClass | None = None, **kwargs: Any) -> None:
        if cause_class is not None:
            parent = cause_class.parent
            kwargs["initial"] = {
                "name": cause_class.name,
                "description": cause_class.description,
                "parent": parent.slug if parent is not None else "",
                "is_retired": cause_class.is_retired,
            }
        super().__init__(*args, **kwargs)
        self.fields["parent"].offer(class_choices(offered_only=False, without=cause_class))  # type: ignore[attr-defined]


class NewClassForm(ClassForm):
    """The slug is given once: programs know the class by it."""

    slug = forms.SlugField(
        label=_("Slug"),
        max_length=60,
        help_text=_("The name programs use, for example “capacity-pool”; it stays."),
    )
    field_order = ("name", "slug", "parent", "description")


class EditClassForm(ClassForm):
    """A class that is not wanted any more is retired: causes keep it."""

    is_retired = forms.BooleanField(
        label=_("Retired"),
        required=False,
        help_text=_("Causes keep it; no other cause is given it any more."),
    )
