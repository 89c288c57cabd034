"""Filters of lists, kept in the address: a value that makes no sense is as good as none."""

import json
from datetime import date
from functools import lru_cache
from typing import Any

from django import forms
from django.db import connection
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Team
from governance.models import GateDecision, Verdict
from governance.policy import CODES
from postmortem.models import Service
from remediation.models import RemediationItem
from web.findings import RULES

Choices = list[tuple[str, Any]]


def _plain(value: str | None) -> str:
    """A typed word as a filter: trimmed, without NUL, of bearable length."""
    return (value or "").replace("\x00", "").strip()[:200]


class Filters(forms.Form):
    """Reads what is valid and forgets the rest."""

    def __init__(self, data: Any, **kwargs: Any) -> None:
        super().__init__(data, auto_id="filter_%s", **kwargs)
        self.offer()
        self.is_valid()

    def offer(self) -> None:
        """Fill in choices that come from the database."""

    def value(self, name: str) -> str:
        """A filter's value, "" where there is none or it makes no sense."""
        return str(getattr(self, "cleaned_data", {}).get(name) or "")

    @property
    def is_narrowed(self) -> bool:
        return any(self.value(name) for name in self.fields)

    def clean_q(self) -> str:
        return _plain(self.cleaned_data.get("q"))


class ItemFilters(Filters):
    """Of the items list and board; `state` is set by the tabs above the list.

    Args:
        names: choices from the database, as `names_of_items` reads them.
    """

    # Choices of several states at once come before the states themselves.
    ACTIVE, ALL = "active", "all"
    # These stand behind “More filters”.
    REST = ("team", "owner", "severity", "category", "kind", "origin")
    FLAGS = ("overdue", "at_risk", "ownerless", "asked")

    q = forms.CharField(
        label=_("Text or id"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    state = forms.ChoiceField(
        required=False, choices=[("active", _("Active")), ("all", _("All")), *RemediationItem.State.choices]
    )
    service = forms.ChoiceField(label=_("Service"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False)
    owner = forms.ChoiceField(label=_("Owner"), required=False)
    severity = forms.ChoiceField(label=_("Severity"), required=False)
    category = forms.ChoiceField(
        label=_("Category"),
        required=False,
        choices=[("", _("Any category")), *RemediationItem.Category.choices],
    )
    kind = forms.ChoiceField(
        label=_("Next time it will"),
        required=False,
        choices=[("", _("Any kind")), *RemediationItem.Kind.choices],
    )
    origin = forms.ChoiceField(
        label=_("Origin"), required=False, choices=[("", _("Any origin")), *RemediationItem.Origin.choices]
    )
    mine = forms.BooleanField(label=_("Mine"), required=False)
    ours = forms.BooleanField(label=_("My teams"), required=False)
    overdue = forms.BooleanField(label=_("Overdue"), required=False)
    at_risk = forms.BooleanField(label=_("At risk"), required=False)
    ownerless = forms.BooleanField(label=_("No active owner"), required=False)
    asked = forms.BooleanField(label=_("Asked not to be done"), required=False)

    def __init__(self, data: Any, names: dict[str, str], **kwargs: Any) -> None:
        self.names = names
        super().__init__(data, **kwargs)

    def offer(self) -> None:
        for name, nothing in (
            ("service", _("Any service")),
            ("team", _("Any team")),
            ("owner", _("Anybody")),
            ("severity", _("Any severity")),
        ):
            known = _sorted(self.names.get(name, "[]"))
            self.fields[name].choices = [("", nothing), *known]  # type: ignore[attr-defined]

    def chosen(self) -> dict[str, Any]:
        """The filters in force, as `items.narrowed` takes them; `mine` and `ours` are the reader's."""
        names = ("q", "state", "service", *self.REST, *self.FLAGS)
        return {name: value for name in names if (value := self.value(name))}

    @property
    def is_narrowed(self) -> bool:
        return any(self.value(name) for name in self.fields if name != "state")

    @property
    def rest(self) -> list[Any]:
        return [self[name] for name in self.REST]

    @property
    def flags(self) -> list[Any]:
        return [self[name] for name in self.FLAGS]

    @property
    def has_rest(self) -> bool:
        return any(self.value(name) for name in (*self.REST, *self.FLAGS))


# What there is to choose from, in one statement: of each kind a list of (value, label) as JSON.
_NAMES = """
    SELECT kind, json_agg(json_build_array(value, label))::text FROM (
        SELECT 'service', slug, slug FROM postmortem_service
        UNION ALL SELECT 'team', slug, name FROM accounts_team
        UNION ALL SELECT 'owner', id::text, COALESCE(NULLIF(name, ''), id::text)
            FROM accounts_user WHERE is_active AND NOT is_service
        UNION ALL SELECT 'severity', code, code FROM postmortem_severity
    ) AS known (kind, value, label) GROUP BY kind
"""


def names_of_items() -> dict[str, str]:
    """Services, teams, people and severities to choose from, by kind, as text for `ItemFilters`."""
    with connection.prepared() as cursor:
        cursor.execute(_NAMES)
        return dict(cursor.fetchall())


# There are thousands, and they are mostly the same as for the page before.
@lru_cache(maxsize=32)
def _sorted(written: str) -> Choices:
    return sorted(((value, label) for value, label in json.loads(written)), key=lambda one: one[1].casefold())


class ReviewFilters(Filters):
    """Of the list of reviews; `show` is set by the tabs above it.

    Args:
        names: choices from the database, as `names_of_items` reads them.
    """

    q = forms.CharField(
        label=_("Text or id"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    show = forms.ChoiceField(required=False, choices=[("going", _("In review")), ("archived", _("Archived"))])
    service = forms.ChoiceField(label=_("Service"), required=False)
    severity = forms.ChoiceField(label=_("Severity"), required=False)
    owner = forms.ChoiceField(label=_("Owner"), required=False)

    def __init__(self, data: Any, names: dict[str, str], **kwargs: Any) -> None:
        self.names = names
        super().__init__(data, **kwargs)

    def offer(self) -> None:
        for name, nothing in (
            ("service", _("Any service")),
            ("severity", _("Any severity")),
            ("owner", _("Anybody")),
        ):
            known = _sorted(self.names.get(name, "[]"))
            self.fields[name].choices = [("", nothing), *known]  # type: ignore[attr-defined]

    @property
    def narrowing(self) -> list[Any]:
        """The fields that stand above the list."""
        return [self[name] for name in ("service", "severity", "owner")]


class ServiceFilters(Filters):
    """Of the list of services."""

    q = forms.CharField(label=_("Name"), required=False, widget=forms.TextInput(attrs={"type": "search"}))
    team = forms.ChoiceField(label=_("Team"), required=False)
    today = forms.ChoiceField(
        label=_("Today"), required=False, choices=[("", _("Any verdict")), *Verdict.choices]
    )

    def offer(self) -> None:
        teams = Team.objects.order_by("name").values_list("slug", "name")
        self.fields["team"].choices = [("", _("Any team")), *teams]  # type: ignore[attr-defined]


class DecisionFilters(Filters):
    """Of the gate's decisions."""

    q = forms.CharField(
        label=_("Repository"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    verdict = forms.ChoiceField(
        label=_("Verdict"), required=False, choices=[("", _("Any verdict")), *Verdict.choices]
    )
    kind = forms.ChoiceField(
        label=_("Asked about"), required=False, choices=[("", _("Anything")), *GateDecision.Kind.choices]
    )
    service = forms.ChoiceField(label=_("Service"), required=False)
    finding = forms.ChoiceField(
        label=pgettext_lazy("of the gate", "Finding"),
        required=False,
        choices=[("", _("Any finding")), *((code, RULES[code].title) for code in CODES)],
    )
    waived = forms.BooleanField(label=_("Waived"), required=False)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def day(self, name: str) -> date | None:
        """A day of the period, or None where there is none or it makes no sense."""
        found = getattr(self, "cleaned_data", {}).get(name)
        return found if isinstance(found, date) and 2000 <= found.year < 2100 else None

    def offer(self) -> None:
        slugs = Service.objects.order_by("slug").values_list("slug", "slug")
        self.fields["service"].choices = [("", _("Any service")), *slugs]  # type: ignore[attr-defined]
