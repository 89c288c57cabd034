"""Findings of audits and gate decisions for people: what each means, what to do, where to do it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from governance import records
from postmortem import access
from remediation import items
from web import finding_words

Words = str | Promise


@dataclass(frozen=True)
class Rule:
    """One rule in words: what is wrong when it is broken, and what heals it."""

    tone: str
    icon: str
    title: Words
    remedy: Words


RULES: dict[str, Rule] = {
    "REVIEW_OVERDUE": Rule(
        "bad", "alarm", _("A review is overdue"), _("Finish its four steps and archive it.")
    ),
    "POSTMORTEM_MISSING": Rule(
        "bad", "alarm", _("An incident has no review"), _("Start its review from the incident's page.")
    ),
    "ITEM_OVERDUE": Rule(
        "bad",
        "clock",
        _("A remediation item is overdue"),
        _("Make the fix and claim it: its checks verify it, late as it is."),
    ),
    "ITEM_REGRESSED": Rule(
        "bad",
        "reopened",
        _("A fix no longer holds"),
        _("Reopen the item, repair the fix and claim it: only passing checks heal this."),
    ),
    "ITEM_OWNERLESS": Rule(
        "bad", "user", _("A remediation item has no active owner"), _("Hand it over to somebody who is here.")
    ),
    "CHECK_STALE": Rule(
        "odd",
        "dashed",
        _("Nobody knows whether a fix holds"),
        _("Find out why its check neither passes nor fails: data source, query or worker."),
    ),
    "WAIVER_EXPIRED": Rule(
        "bad", "clock", _("A waiver has expired"), _("Do what it put off, or ask for another one.")
    ),
    "POSTMORTEM_NOT_NAMED": Rule(
        "bad",
        "postmortem",
        _("The change names no postmortem"),
        _("Add a line “Postmortem: PM-…” to the description or as a commit trailer."),
    ),
    "PM_UNKNOWN": Rule("bad", "help", _("There is no such postmortem"), _("Correct the id.")),
    "PM_NOT_ARCHIVED": Rule(
        "bad", "archive", _("The postmortem is not archived"), _("Archive it first, or name another one.")
    ),
    "PM_NOT_APPLICABLE": Rule(
        "bad",
        "service",
        _("The postmortem is about other services"),
        _("Name one that shares a service with this change."),
    ),
    "SERVICES_UNKNOWN": Rule(
        "odd",
        "help",
        _("Nobody knows which services the change touches"),
        _("Say its services, or have an administrator enter this repository at a service."),
    ),
    "FROZEN": Rule(
        "bad",
        "lock",
        _("A P0 item is overdue, so changes wait"),
        _("Get that item verified, or ask for a waiver."),
    ),
    "PM_OVERUSED": Rule(
        "bad",
        "copy",
        _("The postmortem was named too often"),
        _("Name the one this change really follows from."),
    ),
}
_UNKNOWN = Rule("bad", "alarm", "", "")


@dataclass(frozen=True)
class Shown:
    """One finding with its words; `url` is "" where the reader may not see the object.

    `counts`: the policy lets it count. `waived_by`: the waiver that excuses it, or "".
    """

    code: str
    object: str
    detail: str
    since: datetime | None
    rule: Rule
    url: str
    counts: bool = True
    waived_by: str = ""

    @property
    def tone(self) -> str:
        """What does not decide about the verdict is shown quietly."""
        return self.rule.tone if self.counts and not self.waived_by else "mute"

    @property
    def waiver(self) -> int | None:
        """The number of the waiver, for its page; None for what was kept and is none."""
        return records.waiver_number(self.waived_by)


def shown(findings: Iterable[Any], *, viewer: User) -> list[Shown]:
    """Findings as rows of a page; links only to what the viewer may see, in at most four statements.

    Args:
        findings: `governance.policy.Finding`s, or the dictionaries a decision keeps.
    """
    rows = [row if isinstance(row, Mapping) else _mapping(row) for row in findings]
    urls = urls_of({str(row.get("object") or "") for row in rows}, viewer=viewer)
    return [
        Shown(
            code=str(row.get("code") or ""),
            object=str(row.get("object") or ""),
            detail=finding_words.translated(str(row.get("detail") or "")),
            since=_moment(row.get("since")),
            rule=RULES.get(str(row.get("code")), _UNKNOWN),
            url=urls.get(str(row.get("object") or ""), ""),
            counts=row.get("counts") is not False,
            waived_by=str(row.get("waived_by") or ""),
        )
        for row in rows
    ]


def urls_of(public_ids: Iterable[str], *, viewer: User) -> dict[str, str]:
    """Where each public id leads; ids that the viewer may not see, or that are none, are left out."""
    wanted = {"INC": set(), "PM": set(), "RI": set(), "waiver": set()}  # type: dict[str, set[str]]
    for public_id in public_ids:
        wanted.get(public_id.partition("-")[0], set()).add(public_id)
    sources = (
        ("INC", "web:incident", access.incidents(viewer)),
        ("PM", "web:review", access.reviews(viewer)),
        ("RI", "web:item", items.visible_to(viewer)),
    )
    urls: dict[str, str] = {}
    for prefix, name, rows in sources:
        if wanted[prefix]:
            found = rows.filter(public_id__in=wanted[prefix]).values_list("public_id", flat=True)
            urls |= {public_id: reverse(name, args=[public_id]) for public_id in found}
    if wanted["waiver"]:
        for pk in records.waivers_named(wanted["waiver"], viewer=viewer).values_list("pk", flat=True):
            urls[f"waiver-{pk}"] = reverse("web:gate_waiver", args=[pk])
    return urls


def _mapping(finding: Any) -> dict[str, Any]:
    names = ("code", "object", "detail", "since", "counts", "waived_by")
    return {name: getattr(finding, name, None) for name in names}


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            return parse_datetime(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None
