"""Pure: GitLab: what its events say of merge requests, and how a verdict is reported to it.

Source: GitLab's documentation of merge request events, of the merge requests, commits and external status
checks API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from governance import payloads
from governance.forges import NAME, Change, Connection, Named, Refused, Report
from governance.payloads import Unreadable

# "update" tells of the commits, the title, the description, the target and the labels.
JUDGED = frozenset({"open", "update", "reopen"})
MOST_COMMITS = 1000
MOST_FILES = 3000
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_SHA = re.compile(r"[0-9a-f]{40,64}")
_LONGEST_DESCRIPTION = 255


def named_in(_event_type: str, body: bytes) -> Named | None:
    """The merge request that an event asks about; None for an event that changes no answer.

    Raises:
        Unreadable: the event is not what its schema says.
    """
    said = payloads.read(body)
    # Not by X-Gitlab-Event: system hooks say "System Hook" for these too.
    if payloads.text(said, "object_kind", default="") != "merge_request":
        return None
    request = payloads.inner(said, "object_attributes")
    action = payloads.text(request, "action", default="", where="object_attributes.")
    if action not in JUDGED:
        return None
    project = payloads.text(payloads.inner(said, "project"), "path_with_namespace", where="project.")
    if not _PROJECT.fullmatch(project):
        raise Unreadable("project.path_with_namespace must be “group/name”.")
    if request.get("last_commit") is None:
        # Its branch has no commit yet.
        return None
    where = "object_attributes.last_commit."
    head = payloads.text(
        payloads.inner(request, "last_commit", where="object_attributes."), "id", where=where
    )
    if not _SHA.fullmatch(head):
        raise Unreadable(f"{where}id must be a commit's id.")
    number = payloads.number(request, "iid", where="object_attributes.")
    return Named(project, number, head, is_asked=action == "reopen")


async def change(forge: Connection, named: Named) -> Change:
    """The merge request as it is now, with its commits: whatever the event said may be old.

    Raises:
        forges.NoAnswer, forges.Refused.
    """
    project = quote(named.repository, safe="")
    path = f"/projects/{project}/merge_requests/{named.number}"
    request = _object(await forge.get(path))
    commits = await forge.get_all(f"{path}/commits", most=MOST_COMMITS)
    files = await forge.get_all(f"{path}/diffs", most=MOST_FILES)
    try:
        head = payloads.text(request, "sha", default="")
        return Change(
            repository=named.repository,
            number=named.number,
            head=head if _SHA.fullmatch(head) else named.head,
            target_branch=payloads.text(request, "target_branch"),
            title=payloads.text(request, "title"),
            description=payloads.text(request, "description", default=""),
            # GitLab lists the newest first.
            commits=[_commit(one) for one in reversed(commits)],
            paths=[name for one in files for name in _names(one)],
            labels=[one for one in request.get("labels") or [] if isinstance(one, str)],
            is_open=request.get("state") in {"opened", "locked"},
            url=payloads.text(request, "web_url", default=""),
            project=project,
        )
    except Unreadable as problem:
        raise Refused(f"The forge's answer cannot be read: {problem}") from None


async def report(forge: Connection, change: Change, verdict: Report) -> None:
    """Say the verdict on the change's last commit, as an external status check or as a commit status.

    Raises:
        forges.NoAnswer, forges.Refused.
    """
    lets_pass = verdict.is_passed or not verdict.is_binding
    if forge.api.reports_check:
        await forge.post(
            f"/projects/{change.project}/merge_requests/{change.number}/status_check_responses",
            {
                "sha": change.head,
                "external_status_check_id": forge.api.external_check,
                "status": "passed" if lets_pass else "failed",
            },
        )
        return
    try:
        await forge.post(
            f"/projects/{change.project}/statuses/{change.head}",
            {
                "state": "success" if lets_pass else "failed",
                "name": NAME,
                "target_url": verdict.details_url,
                "description": verdict.title[:_LONGEST_DESCRIPTION],
            },
        )
    except Refused as refusal:
        # GitLab refuses to say again what stands there already.
        if "Cannot transition status" not in str(refusal):
            raise


def _commit(said: Any) -> Mapping[str, str]:
    one = _object(said)
    return {"sha": payloads.text(one, "id"), "message": payloads.text(one, "message")}


def _names(said: Any) -> list[str]:
    one = _object(said)
    found = [name for key in ("new_path", "old_path") if isinstance(name := one.get(key), str)]
    return list(dict.fromkeys(found))


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Refused("The forge answers no object.")
    return said
