"""Rows as they stood at a past moment."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Model

from accounts.models import Team
from governance.past import Edits
from postmortem.models import Service, Severity

# Severity, service, team and category.
Labels = tuple[str, str, str, str]


class Then:
    """Takes later edits back from what the present columns hold."""

    def __init__(self, edits: Edits) -> None:
        self.items = edits["remediation_remediationitem"]
        self.severities = edits["postmortem_severity"]
        self.people = edits["accounts_user"]
        self.exams = edits["remediation_exam"]
        self._services = edits["postmortem_service"]

    def edited_items(self, column: str) -> list[int]:
        """The items in which a column was edited since."""
        return [pk for pk, was in self.items.items() if column in was]

    def due_at(self, item: int, present: datetime) -> datetime:
        was = self.items.get(item, {}).get("due_at")
        return present if was is None else datetime.fromisoformat(was)

    def of_item(self, item: int, column: str, present: Any) -> Any:
        """A plain column of an item."""
        return self.items.get(item, {}).get(column, present)

    def labels(self, item: int, severity: str, service: str, team: str, category: str) -> Labels:
        """The labels of an item, of which `severity` and so on are the present ones."""
        was = self.items.get(item)
        if was is None:
            return severity, service, team, category
        return (
            self._code.get(was.get("severity_id"), severity),
            self._slug.get(was.get("service_id"), service),
            self._team.get(was.get("team_id"), team),
            was.get("category", category),
        )

    def team_of_service(self, service: int, slug: str) -> str:
        return self._team.get(self._services.get(service, {}).get("team_id"), slug)

    def counts(self, severity: int, present: bool) -> bool:
        """Whether incidents of a severity counted in figures."""
        return bool(self.severities.get(severity, {}).get("counts_in_figures", present))

    @cached_property
    def _code(self) -> dict[Any, str]:
        return self._named(Severity, "code", "severity_id")

    @cached_property
    def _slug(self) -> dict[Any, str]:
        return self._named(Service, "slug", "service_id")

    @cached_property
    def _team(self) -> dict[Any, str]:
        return self._named(Team, "slug", "team_id")

    def _named(self, model: type[Model], name: str, column: str) -> dict[Any, str]:
        edited = [*self.items.values(), *self._services.values()]
        keys = {was[column] for was in edited if column in was}
        return dict(model._default_manager.filter(pk__in=keys).values_list("pk", name)) if keys else {}
