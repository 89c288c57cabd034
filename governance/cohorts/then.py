"""Rows as they stood at a past moment."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

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

    def labels(self, item: int, severity: int, service: int, team: int, category: str) -> Labels:
        """The labels of an item, of which `severity` and so on are the present ones, by their keys."""
        now = self._code[severity], self._slug[service], self._team[team], category
        was = self.items.get(item)
        if was is None:
            return now
        return (
            self._code.get(was.get("severity_id"), now[0]),
            self._slug.get(was.get("service_id"), now[1]),
            self._team.get(was.get("team_id"), now[2]),
            was.get("category", category),
        )

    def team_of_service(self, service: int, slug: str) -> str:
        return self._team.get(self._services.get(service, {}).get("team_id"), slug)

    def counts(self, severity: int, present: bool) -> bool:
        """Whether incidents of a severity counted in figures."""
        return bool(self.severities.get(severity, {}).get("counts_in_figures", present))

    # All of them once: to join them to every row takes longer.
    @cached_property
    def _code(self) -> dict[Any, str]:
        return dict(Severity.objects.values_list("pk", "code"))

    @cached_property
    def _slug(self) -> dict[Any, str]:
        return dict(Service.objects.values_list("pk", "slug"))

    @cached_property
    def _team(self) -> dict[Any, str]:
        return dict(Team.objects.values_list("pk", "slug"))
