"""Change several items at once: all of them, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail
from postmortem.errors import DomainError, Invalid
from remediation.items.locking import visible_to
from remediation.items.owners import assign, hand_to_team
from remediation.items.words import edit
from remediation.models import RemediationItem

MOST = 200


class BulkRefused(DomainError):
    """Some of the items cannot be changed, so none was; details["refusals"]: item, code, message."""

    code = "bulk_refused"


@dataclass(frozen=True)
class Wanted:
    """What all the items get; None leaves it as it is."""

    owner: User | None = None
    team: Team | None = None
    tracker_url: str | None = None

    def __bool__(self) -> bool:
        return not (self.owner is None and self.team is None and self.tracker_url is None)


def fingerprint(item: RemediationItem) -> str:
    """What a person saw of an item before they confirmed to change it."""
    return f"{item.owner_id}.{item.team_id}.{item.version}"


def change_many(
    public_ids: Sequence[str],
    *,
    wanted: Wanted,
    by: User,
    now: datetime,
    seen: Mapping[str, str] | None = None,
) -> list[RemediationItem]:
    """Give several items another owner, team or tracker link, in one act.

    Args:
        seen: the `fingerprint` of each as it was confirmed; None changes them whatever they are.

    Raises:
        Invalid: nothing is to be changed, no item or too many.
        BulkRefused: some refuse; nothing was written.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    names = list(dict.fromkeys(public_ids))
    if not names:
        raise Invalid(_("Choose at least one item."), field="items")
    if len(names) > MOST:
        raise Invalid(_("%(count)d items are the most at once.") % {"count": MOST}, field="items")
    if not wanted:
        raise Invalid(_("Say what is to change: owner, team or tracker link."), field="owner")
    refusals: list[dict[str, str]] = []
    with trail.act("items.change_many", by=by):
        # In the order of their ids, as everybody locks several.
        rows = visible_to(by).filter(public_id__in=names).order_by("pk").select_for_update(of=("self",))
        found = {item.public_id: item for item in rows}
        for name in names:
            if name not in found:
                refusals.append(_refusal(name, "not_found", _("There is no such item.")))
            elif seen is not None and seen.get(name) != fingerprint(found[name]):
                refusals.append(
                    _refusal(name, "changed_meanwhile", _("Somebody changed it meanwhile: look again."))
                )
            else:
                try:
                    _change(found[name], wanted, by=by, now=now)
                except DomainError as refusal:
                    refusals.append(_refusal(name, refusal.code, refusal.message))
        if refusals:
            raise BulkRefused(
                _("Nothing was changed: %(refused)d of %(count)d items refuse.")
                % {"refused": len(refusals), "count": len(names)},
                details={"refusals": refusals},
            )
    return list(RemediationItem.objects.filter(public_id__in=names).order_by("due_at", "pk"))


def _refusal(name: str, code: str, message: str) -> dict[str, str]:
    return {"item": name, "code": code, "message": message}


def _change(item: RemediationItem, wanted: Wanted, *, by: User, now: datetime) -> None:
    if wanted.owner is not None and wanted.owner.pk != item.owner_id:
        assign(item, to=wanted.owner, by=by, now=now)
    if wanted.team is not None and wanted.team.pk != item.team_id:
        hand_to_team(item, team=wanted.team, by=by, now=now)
    if wanted.tracker_url is not None and wanted.tracker_url != item.tracker_url:
        edit(item, tracker_url=wanted.tracker_url, by=by, now=now)
