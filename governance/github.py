"""Pure: GitHub: what its events say of pull requests, and how a verdict is reported to it.

Source: GitHub's documentation of the webhook events pull_request, merge_group, check_run and check_suite, and
of the REST API (pulls, commit statuses, check runs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from governance import payloads
from governance.forges import NAME, Change, Connection, Named, Refused, Report
from governance.payloads import Unreadable

# What changes the answer: commits, title, description, labels. "edited" tells of the target as well.
JUDGED = frozenset(
    {"opened", "edited", "synchronize", "reopened", "ready_for_review", "labeled", "unlabeled"}
)
# GitHub lists no more commits of a pull request than these.
MOST_COMMITS = 250
MOST_FILES = 3000
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40,64}")
_LONGEST_DESCRIPTION = 140
# The branch that a merge queue tries: of the last pull request in the group.
_QUEUED = re.compile(r"(?:refs/heads/)?gh-readonly-queue/.+/pr-([0-9]{1,9})-[0-9a-f]{40,64}")
# GitHub's own choice for a new webhook is a form with the JSON in its one field.
_FORM = b"payload="


def named_in(event_type: str, body: bytes) -> Named | None:
    """The pull request that an event asks about; None for an event that changes no answer.

    Raises:
        Unreadable: the event is not what its schema says.
    """
    said = payloads.read(_of_form(body) if body.startswith(_FORM) else body)
    if event_type == "check_run":
        return _asked_again(said, "check_run") if _is_ours(said) else None
    if event_type == "check_suite":
        return _asked_again(said, "check_suite")
    if event_type == "merge_group":
        return _queued(said)
    if event_type != "pull_request":
        return None
    action = payloads.text(said, "action")
    if action not in JUDGED:
        return None
    pull = payloads.inner(said, "pull_request")
    repository = _repository(said)
    head = _head(payloads.inner(pull, "head", where="pull_request."), "sha", "pull_request.head.")
    number = payloads.number(pull, "number", where="pull_request.")
    return Named(repository, number, head, is_asked=action == "reopened")


def _of_form(body: bytes) -> bytes:
    try:
        return parse_qs(body.decode(), strict_parsing=True, max_num_fields=1)["payload"][0].encode()
    except (ValueError, KeyError):
        raise Unreadable("The body is a form, and not one with a payload.") from None


def _is_ours(said: Mapping[str, Any]) -> bool:
    return payloads.inner(said, "check_run").get("name") == NAME


def _asked_again(said: Mapping[str, Any], what: str) -> Named | None:
    """Somebody pressed “Re-run” beside our check run, or beside all of them."""
    asked = payloads.inner(said, what)
    pulls = asked.get("pull_requests")
    if said.get("action") != "rerequested" or not isinstance(pulls, list):
        return None
    # Empty for a pull request from a fork: of that nobody can say which it was.
    for pull in pulls:
        if isinstance(pull, dict):
            number = payloads.number(pull, "number", where=f"{what}.pull_requests.0.")
            return Named(_repository(said), number, _head(asked, "head_sha", f"{what}."), is_asked=True)
    return None


def _queued(said: Mapping[str, Any]) -> Named | None:
    """A merge queue waits for the verdict on the commit that it made of the pull request."""
    if said.get("action") != "checks_requested":
        return None
    group = payloads.inner(said, "merge_group")
    branch = _QUEUED.fullmatch(payloads.text(group, "head_ref", where="merge_group."))
    if branch is None:
        return None
    head = _head(group, "head_sha", "merge_group.")
    return Named(_repository(said), int(branch[1]), head, is_asked=True, is_queued=True)


def _repository(said: Mapping[str, Any]) -> str:
    repository = payloads.text(payloads.inner(said, "repository"), "full_name", where="repository.")
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise Unreadable("repository.full_name must be “owner/name”.")
    return repository


def _head(of: Mapping[str, Any], name: str, where: str) -> str:
    head = payloads.text(of, name, where=where)
    if not _SHA.fullmatch(head):
        raise Unreadable(f"{where}{name} must be a commit's id.")
    return head


async def change(forge: Connection, named: Named) -> Change:
    """The pull request as it is now, with its commits: whatever the event said may be old.

    Raises:
        forges.NoAnswer, forges.Refused.
    """
    path = f"/repos/{named.repository}/pulls/{named.number}"
    pull = _object(await forge.get(path))
    commits = await forge.get_all(f"{path}/commits", most=MOST_COMMITS)
    files = await forge.get_all(f"{path}/files", most=MOST_FILES)
    try:
        head = payloads.text(payloads.inner(pull, "head"), "sha", where="head.")
        base = payloads.text(payloads.inner(pull, "base"), "ref", where="base.")
        return Change(
            repository=named.repository,
            number=named.number,
            head=named.head if named.is_queued or not _SHA.fullmatch(head) else head,
            target_branch=base,
            title=payloads.text(pull, "title"),
            description=payloads.text(pull, "body", default=""),
            commits=[_commit(one) for one in commits],
            paths=[name for one in files for name in _names(one)],
            labels=[str(one.get("name", "")) for one in pull.get("labels") or [] if isinstance(one, dict)],
            is_open=pull.get("state") == "open",
            url=payloads.text(pull, "html_url", default=""),
            project=named.repository,
        )
    except Unreadable as problem:
        raise Refused(f"The forge's answer cannot be read: {problem}") from None


async def report(forge: Connection, change: Change, verdict: Report) -> None:
    """Say the verdict on the change's last commit, as a check run or as a commit status.

    Raises:
        forges.NoAnswer, forges.Refused.
    """
    if forge.api.reports_check:
        # “neutral” lets a required check pass, so it never stands for a verdict that binds.
        otherwise = "failure" if verdict.is_binding else "neutral"
        await forge.post(
            f"/repos/{change.project}/check-runs",
            {
                "name": NAME,
                "head_sha": change.head,
                "status": "completed",
                "conclusion": "success" if verdict.is_passed else otherwise,
                "details_url": verdict.details_url,
                "external_id": verdict.decision,
                "output": {"title": verdict.title, "summary": verdict.summary},
            },
        )
        return
    await forge.post(
        f"/repos/{change.project}/statuses/{change.head}",
        {
            "state": "success" if verdict.is_passed or not verdict.is_binding else "failure",
            "target_url": verdict.details_url,
            "description": verdict.title[:_LONGEST_DESCRIPTION],
            "context": NAME,
        },
    )


def _commit(said: Any) -> Mapping[str, str]:
    one = _object(said)
    return {
        "sha": payloads.text(one, "sha"),
        "message": payloads.text(payloads.inner(one, "commit"), "message", where="commit."),
    }


def _names(said: Any) -> list[str]:
    one = _object(said)
    return [name for key in ("filename", "previous_filename") if isinstance(name := one.get(key), str)]


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Refused("The forge answers no object.")
    return said
