#!/usr/bin/env python3
"""Ask the Closeloop gate from CI. One file, Python 3.8 or newer, nothing to install.

    closeloop_gate.py change                    may this change be merged?
    closeloop_gate.py audit --service order     does this service keep its promises?

Exit status: 0 go on, 1 stop, 2 could not ask (bad usage, no answer, or an answer that cannot be trusted).
It is 0 only for the verdict PASS, or when the answer says that the repository's mode does not block.
The token comes from CLOSELOOP_TOKEN or from the file that CLOSELOOP_TOKEN_FILE names, never from the
command line, and it is sent to one address only: a redirect is not followed.

GitLab CI, GitHub Actions, Gitea Actions, Forgejo Actions and Jenkins are recognised by their variables.
Everything they say can be said with an option instead; `closeloop_gate.py change --help` lists them.

It is copied into pipelines, so it stays one file. Its parts, each below a line of dashes, in the order in which
they come into play: what the CI products say, what git says, the question, the call, what is said, the command.
"""

from __future__ import annotations

import sys

# The folder of this file may be the change's own: a json.py in it must not be taken for Python's.
if __name__ == "__main__" and not sys.flags.isolated:
    sys.path = [folder for folder in sys.path[1:] if folder not in ("", ".")]

import argparse
import hashlib
import http.client
import json
import os
import queue
import random
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple, NoReturn
from xml.sax.saxutils import escape, quoteattr

VERSION = "1.0.0"
DEFAULT_URL = ""  # filled in by the instance that serves this file

PASSED, BLOCKED, NOT_ASKED = 0, 1, 2
DEADLINE_SECONDS = 60.0
TRY_SECONDS = 15.0
MOST_TRIES = 5
WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}
# What the server takes of one change; more is said in fewer words (see `_fitting`).
MOST_COMMITS, MOST_PATHS, LONGEST_PATH, MOST_BYTES = 5000, 20000, 4096, 1000 * 1000
LONGEST_ANSWER = 8 * 1024 * 1024
MODES_THAT_LET_PASS = {"off", "warn", "dry-run"}

NEXT_STEPS = {
    "POSTMORTEM_NOT_NAMED": "Add a line 'Postmortem: PM-YYYY-NNNN' as a trailer of a commit or to the description.",
    "PM_UNKNOWN": "Correct the id: there is no such postmortem.",
    "PM_NOT_ARCHIVED": "Finish and archive that review, or name another postmortem.",
    "PM_NOT_APPLICABLE": "Name a postmortem that shares a service with this change.",
    "PM_OVERUSED": "Name the postmortem that this change really follows from.",
    "FROZEN": "Get the overdue P0 item verified, or ask for a waiver.",
    "SERVICES_UNKNOWN": "Say its services, or have an administrator enter this repository at a service.",
    "REVIEW_OVERDUE": "Finish the four steps of the review and archive it.",
    "POSTMORTEM_MISSING": "Start the review of this incident.",
    "ITEM_OVERDUE": "Make the fix and claim it; its checks then verify it.",
    "ITEM_REGRESSED": "Reopen the item, repair the fix and claim it again.",
    "ITEM_OWNERLESS": "Hand the item over to somebody who is active.",
    "CHECK_STALE": "Find out why its check neither passes nor fails: data source, query or worker.",
    "WAIVER_EXPIRED": "Do what the waiver put off, or ask for another one.",
}


class CannotAsk(Exception):
    """Why there is no verdict. `is_outage`: the other side failed, not this pipeline's settings."""

    def __init__(self, message: str, *, is_outage: bool = False) -> None:
        super().__init__(message)
        self.is_outage = is_outage


class Question(NamedTuple):
    """One question: where it goes, and what the answer must repeat to be the answer to it."""

    kind: str
    subject: str
    path: str
    body: dict | None
    echo: dict


class Answer(NamedTuple):
    verdict: str
    mode: str
    content: dict

    @property
    def is_binding(self) -> bool:
        return self.mode not in MODES_THAT_LET_PASS

    @property
    def exit_status(self) -> int:
        return BLOCKED if self.verdict != "PASS" and self.is_binding else PASSED


class Change(NamedTuple):
    """A change as the CI product describes it.

    `base` is a commit, or zeros when there is none; `labels` is None where nobody knows them.
    """

    product: str
    repository: str = ""
    branch: str = ""
    change_id: str = ""
    title: str = ""
    description: str = ""
    labels: tuple | None = None
    base: str = ""
    head: str = "HEAD"
    notes: tuple = ()


# ---------------------------------------------------------------------------------------------------------
# What the CI products say


def described_by(env: dict) -> Change:
    """The change as this CI product describes it; an empty one where none is recognised.

    Raises:
        CannotAsk: the product says that this is no change, or its event file cannot be read.
    """
    if env.get("GITLAB_CI") == "true":
        return _gitlab(env)
    if env.get("GITHUB_ACTIONS") == "true" or "true" in (
        env.get("GITEA_ACTIONS"),
        env.get("FORGEJO_ACTIONS"),
    ):
        return _actions(env)
    if env.get("JENKINS_URL"):
        return _jenkins(env)
    return Change("none")


def _gitlab(env: dict) -> Change:
    if env.get("CI_MERGE_REQUEST_IID"):
        notes = ()
        if env.get("CI_MERGE_REQUEST_DESCRIPTION_IS_TRUNCATED") == "true":
            notes = ("GitLab cut the description short. Name the postmortem near its top, or in a commit.",)
        return Change(
            "GitLab",
            # A merge request from a fork runs in the fork; the change is made to the other project.
            repository=env.get("CI_MERGE_REQUEST_PROJECT_PATH") or env.get("CI_PROJECT_PATH", ""),
            branch=env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
            change_id="!" + env["CI_MERGE_REQUEST_IID"],
            title=env.get("CI_MERGE_REQUEST_TITLE", ""),
            description=env.get("CI_MERGE_REQUEST_DESCRIPTION", ""),
            labels=tuple(name for name in env.get("CI_MERGE_REQUEST_LABELS", "").split(",") if name),
            base=env.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
            head=env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or env.get("CI_COMMIT_SHA", "HEAD"),
            notes=notes,
        )
    return _pushed(
        "GitLab",
        repository=env.get("CI_PROJECT_PATH", ""),
        branch=env.get("CI_COMMIT_BRANCH", ""),
        before=env.get("CI_COMMIT_BEFORE_SHA", ""),
        after=env.get("CI_COMMIT_SHA", ""),
        default_branch=env.get("CI_DEFAULT_BRANCH", ""),
        title=env.get("CI_COMMIT_TITLE", ""),
    )


def _actions(env: dict) -> Change:
    """GitHub Actions; Gitea and Forgejo set the same variables and write the same file."""
    product = "GitHub" if "GITEA_ACTIONS" not in env and "FORGEJO_ACTIONS" not in env else "Gitea"
    event = _event(env.get("GITHUB_EVENT_PATH", ""))
    repository = _inside(event, "repository", "full_name") or env.get("GITHUB_REPOSITORY", "")
    request, group = _inside(event, "pull_request"), _inside(event, "merge_group")
    if isinstance(request, dict):
        labels = request.get("labels")
        return Change(
            product,
            repository=repository,
            branch=_inside(request, "base", "ref") or env.get("GITHUB_BASE_REF", ""),
            change_id="#" + str(request.get("number") or event.get("number") or ""),
            title=str(request.get("title") or ""),
            description=str(request.get("body") or ""),
            labels=tuple(str(label.get("name") or "") for label in labels or () if isinstance(label, dict)),
            base=_inside(request, "base", "sha") or "",
            head=_inside(request, "head", "sha") or "HEAD",
        )
    if isinstance(group, dict):
        number = re.search(r"/pr-(\d+)-", str(group.get("head_ref") or ""))
        return Change(
            product,
            repository=repository,
            branch=_branch(str(group.get("base_ref") or "")),
            change_id="#" + number.group(1) if number else str(group.get("head_sha") or ""),
            title=str(_inside(group, "head_commit", "message") or "").split("\n")[0],
            base=str(group.get("base_sha") or ""),
            head=str(group.get("head_sha") or "HEAD"),
        )
    return _pushed(
        product,
        repository=repository,
        branch=_branch(str(event.get("ref") or "")),
        before=str(event.get("before") or ""),
        after=str(event.get("after") or ""),
        default_branch=_inside(event, "repository", "default_branch") or "",
        title=str(_inside(event, "head_commit", "message") or "").split("\n")[0],
    )


def _jenkins(env: dict) -> Change:
    repository = _path_of(env.get("GIT_URL") or env.get("GIT_URL_1") or "")
    if env.get("CHANGE_ID"):
        return Change(
            "Jenkins",
            repository=repository,
            branch=env.get("CHANGE_TARGET", ""),
            change_id="#" + env["CHANGE_ID"],
            title=env.get("CHANGE_TITLE", ""),
            base="refs/remotes/origin/" + env.get("CHANGE_TARGET", ""),
        )
    branch = env.get("BRANCH_NAME") or env.get("GIT_BRANCH", "")
    return _pushed(
        "Jenkins",
        repository=repository,
        branch=branch[len("origin/") :] if branch.startswith("origin/") else branch,
        before=env.get("GIT_PREVIOUS_SUCCESSFUL_COMMIT") or env.get("GIT_PREVIOUS_COMMIT", ""),
        after=env.get("GIT_COMMIT", ""),
        default_branch="",
        title="",
    )


def _pushed(
    product: str, *, repository: str, branch: str, before: str, after: str, default_branch: str, title: str
) -> Change:
    """A pipeline of a push: what came in since the commit that was there before."""
    base = before if before.strip("0") else ""
    if not base and default_branch and branch != default_branch:
        base = "refs/remotes/origin/" + default_branch
    return Change(
        product,
        repository=repository,
        branch=branch,
        change_id=after,
        title=title,
        base=base,
        head=after or "HEAD",
    )


def _event(path: str) -> dict:
    if not path:
        raise CannotAsk("GITHUB_EVENT_PATH is not set, so nothing is known of the change.")
    try:
        with open(path, encoding="utf-8") as file:
            event = json.load(file)
    except (OSError, ValueError) as problem:
        raise CannotAsk("The event file of this run cannot be read: %s" % problem) from None
    if not isinstance(event, dict):
        raise CannotAsk("The event file of this run holds no object.")
    return event


def _inside(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _branch(ref: str) -> str:
    return ref[len("refs/heads/") :] if ref.startswith("refs/heads/") else ref


def _path_of(address: str) -> str:
    """The path in the address of a git server, or a path: https://git.example.org/shop/order.git -> shop/order."""
    if "://" in address:
        path = urllib.parse.urlsplit(address).path
    else:
        path = address.partition(":")[2] if ":" in address else address
    path = path.strip("/")
    return path[: -len(".git")] if path.endswith(".git") else path


# ---------------------------------------------------------------------------------------------------------
# What git says


def commits_between(base: str, head: str) -> list:
    """The commits that come in, oldest first, as {"sha", "message"}.

    Args:
        base: a commit; or zeros, as a git hook is given for a new branch: then all that no ref holds yet.

    Raises:
        CannotAsk: git cannot tell all of them, and a list with holes could hide one.
    """
    if _git("rev-parse", "--is-shallow-repository").strip() == "true":
        raise CannotAsk(
            "The clone is shallow, so not all commits are here. Fetch all of them (GitLab: GIT_DEPTH: 0;"
            " GitHub: fetch-depth: 0; otherwise: git fetch --unshallow), or say --commits none."
        )
    interval = [_commit(head), "^" + _commit(base)] if base.strip("0") else [_commit(head), "--not", "--all"]
    said = _git(
        "-c", "log.showSignature=false", "log", "--reverse", "--no-color", "--no-notes", "--encoding=UTF-8",
        "--format=%H%x00%B%x00", *interval, "--",
    )  # fmt: skip
    words = said.split("\0")
    return [
        {"sha": sha.strip(), "message": message.rstrip("\n") + "\n"}
        for sha, message in zip(words[0:-1:2], words[1::2])
    ]


def _commit(name: str) -> str:
    """The full id of a commit, whatever names it."""
    try:
        if name.startswith("-"):
            raise CannotAsk("An option is no commit.")
        return _git("rev-parse", "--quiet", "--verify", name + "^{commit}").strip()
    except CannotAsk:
        raise CannotAsk("The commit %s is not in this clone. Fetch the target branch first." % name) from None


def paths_between(base: str, head: str) -> list:
    """The paths that the change touches; none when there is no base or git cannot compare."""
    if not base.strip("0"):
        return []
    try:
        # A file that was moved has two paths, and both are touched.
        said = _git(
            "diff", "--no-renames", "--name-only", "-z", "%s...%s" % (_commit(base), _commit(head)), "--"
        )
    except CannotAsk:
        return []
    return [path for path in said.split("\0") if path]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as problem:
        raise CannotAsk("git cannot be run: %s" % problem) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or "exit status %d" % done.returncode
        raise CannotAsk("git %s failed: %s" % (arguments[0], said))
    return done.stdout.decode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------
# The question


def change_question(options: argparse.Namespace, env: dict) -> tuple:
    """The question about a change, and notes about what could not be told.

    Raises:
        CannotAsk: the repository or the commits cannot be told.
    """
    change = _change_asked(options, env)
    commits, paths = [], []
    if options.commits != "none":
        if not change.base:
            raise CannotAsk(
                "Which commits? This is no pipeline of a change that is known. Say --base COMMIT"
                " (and --head COMMIT), or --commits none."
            )
        commits = commits_between(change.base, change.head)
        paths = paths_between(change.base, change.head)
    elif not change.change_id:
        raise CannotAsk("Which change? Say --change-id.")
    if not change.change_id:
        change = change._replace(change_id=commits[-1]["sha"] if commits else _commit(change.head))
    if not change.title and commits:
        change = change._replace(title=commits[-1]["message"].split("\n")[0])
    services = options.service or _words(env.get("CLOSELOOP_SERVICES", ""))
    body, notes = _fitting(_body_of(change, commits, paths, services))
    question = Question(
        "change",
        "%s of %s" % (change.change_id[:200], change.repository),
        "/api/v1/gate/changes",
        body,
        {"repository": change.repository, "change_id": change.change_id[:200]},
    )
    return question, [*change.notes, *notes]


def _change_asked(options: argparse.Namespace, env: dict) -> Change:
    """The change as this CI product describes it, with what the options say instead."""
    change = described_by(env)
    given = {
        "repository": options.repository or env.get("CLOSELOOP_REPOSITORY"),
        "branch": options.branch,
        "change_id": options.change_id,
        "title": options.title,
        "base": options.base,
        "head": options.head,
    }
    change = change._replace(**{name: value for name, value in given.items() if value})
    if options.description_file:
        change = change._replace(description=_read(options.description_file))
    if options.label:
        change = change._replace(labels=tuple(options.label))
    # The instance refuses every other way to write these two.
    change = change._replace(
        repository=_path_of(change.repository.strip()), branch=_branch(change.branch.strip())
    )
    if not change.repository:
        raise CannotAsk("Which repository? Say --repository or set CLOSELOOP_REPOSITORY.")
    return change


def _body_of(change: Change, commits: list, paths: list, services: list) -> dict:
    """What is asked, without what nobody knows."""
    body = {
        "repository": change.repository,
        "target_branch": change.branch,
        "change_id": change.change_id[:200],
        "title": change.title[:300],
        "description": change.description,
        "commits": commits,
        "services": services,
        "paths": paths,
    }
    body = {name: value for name, value in body.items() if value}
    if change.labels is not None:
        # That there are none is something else than that nobody knows: a policy may be for certain labels alone.
        body["labels"] = list(change.labels)[:200]
    return body


def audit_question(options: argparse.Namespace, env: dict) -> tuple:
    """The question about a service on a date, and no notes.

    Raises:
        CannotAsk: no service is named.
    """
    service = options.service or env.get("CLOSELOOP_SERVICE", "")
    if not service:
        raise CannotAsk("Which service? Say --service or set CLOSELOOP_SERVICE.")
    echo = {"service": service}
    # Without a date the instance's own day is meant: this machine's clock and zone do not matter.
    if options.date:
        echo["date"] = options.date
    subject = service + (" on " + options.date if options.date else "")
    return Question("audit", subject, "/sre/audit?" + urllib.parse.urlencode(echo), None, echo), []


def _fitting(body: dict) -> tuple:
    """The body within what the server takes, and notes about what was left out.

    Only a message with the word "postmortem" can name one, so shortening the others changes no verdict.

    Raises:
        CannotAsk: even so it is too much.
    """
    notes = []
    paths = body.get("paths", [])
    if len(paths) > MOST_PATHS or any(len(path) > LONGEST_PATH for path in paths):
        del body["paths"]
        notes.append("The change touches too many paths to send; none were sent.")
    if "commits" in body and (len(body["commits"]) > MOST_COMMITS or _size(body) > MOST_BYTES):
        naming = [commit for commit in body["commits"] if "postmortem" in commit["message"].lower()]
        notes.append(
            "Of %d commits the %d that mention a postmortem were sent." % (len(body["commits"]), len(naming))
        )
        body["commits"] = naming
    if "paths" in body and _size(body) > MOST_BYTES:
        del body["paths"]
        notes.append("The change touches too many paths to send; none were sent.")
    if len(body.get("commits", [])) > MOST_COMMITS or _size(body) > MOST_BYTES:
        raise CannotAsk(
            "The change is too large to send: its messages and description take over %d bytes." % MOST_BYTES
        )
    return body, notes


def _size(body: dict) -> int:
    return len(json.dumps(body).encode())


def _words(text: str) -> list:
    return [word.strip() for word in text.split(",") if word.strip()]


def _read(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8", "replace")
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError as problem:
        raise CannotAsk("%s cannot be read: %s" % (path, problem.strerror)) from None


# ---------------------------------------------------------------------------------------------------------
# The call


class Server:
    """The instance: its address and the token for it."""

    def __init__(self, options: argparse.Namespace, env: dict) -> None:
        self.url = (options.url or env.get("CLOSELOOP_URL") or DEFAULT_URL).rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
            raise CannotAsk(
                "Which instance? Say --url or set CLOSELOOP_URL, for example https://closeloop.example.org."
            )
        if parts.username or parts.password:
            raise CannotAsk("The address must hold no user name or password.")
        is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and not is_here and not _flag(env, "CLOSELOOP_ALLOW_HTTP"):
            raise CannotAsk(
                "The address is not https, so others could read the token on its way. Set CLOSELOOP_ALLOW_HTTP=1 to send"
                " it all the same."
            )
        self.token = _token(env)
        self.deadline = time.monotonic() + _seconds(options.deadline or env.get("CLOSELOOP_DEADLINE"))
        # None of the handlers that follow redirects or raise for a status: every answer is looked at here.
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=_tls(env)),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    def ask(self, question: Question) -> Answer:
        """The answer, after as many tries as are worth it before the deadline.

        Raises:
            CannotAsk: there is none that can be trusted.
        """
        tries = 0
        while True:
            tries += 1
            wait = None
            try:
                status, headers, body = self._try(question)
            except _NoAnswer as problem:
                reason = "%s does not answer: %s" % (self.url, problem)
                if not problem.is_worth_another_try:
                    raise CannotAsk(reason, is_outage=True) from None
            else:
                if status not in WORTH_ANOTHER_TRY:
                    return self._answer(question, status, headers, body)
                reason = self._refusal(status, headers, body)
                wait = headers.get("Retry-After", "")
            pause = min(8.0, 0.4 * 2**tries) * random.uniform(0.5, 1.0)
            if wait and wait.isdigit() and len(wait) < 6:
                pause = max(pause, float(wait))
            if tries >= MOST_TRIES or time.monotonic() + pause >= self.deadline:
                raise CannotAsk("%s (%d tries)" % (reason, tries), is_outage=True)
            _note("%s; trying again in %.1f s." % (reason, pause))
            time.sleep(pause)

    def _try(self, question: Question) -> tuple:
        """(status, headers, body) of one try. It runs in a thread, for a server that sends a byte now and
        then keeps every time limit of a socket."""
        left = min(TRY_SECONDS, self.deadline - time.monotonic())
        if left <= 0:
            raise _NoAnswer("the time is up")
        results = queue.Queue()  # type: queue.Queue

        def run() -> None:
            try:
                results.put(self._fetch(question, left))
            except BaseException as problem:
                results.put(problem)

        threading.Thread(target=run, daemon=True).start()
        try:
            result = results.get(timeout=left)
        except queue.Empty:
            raise _NoAnswer("no whole answer within %.0f s" % left) from None
        if isinstance(result, tuple):
            return result
        if isinstance(result, urllib.error.URLError) and isinstance(result.reason, BaseException):
            result = result.reason
        if isinstance(result, ssl.SSLCertVerificationError):
            raise _NoAnswer(
                "its certificate is not valid: %s" % result.verify_message, is_worth_another_try=False
            )
        raise _NoAnswer(str(result) or type(result).__name__)

    def _fetch(self, question: Question, seconds: float) -> tuple:
        body = None if question.body is None else json.dumps(question.body).encode()
        request = urllib.request.Request(self.url + question.path, data=body)
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "closeloop-gate/%s (python)" % VERSION)
        request.add_header("Authorization", "Bearer " + self.token)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        with self._opener.open(request, timeout=seconds) as response:
            content = response.read(LONGEST_ANSWER + 1)
            length = response.headers.get("Content-Length", "")
            if len(content) > LONGEST_ANSWER:
                raise http.client.HTTPException("the answer is too long")
            # `read` with a limit says nothing of a body that ends too early.
            if length.isdigit() and len(content) != int(length):
                raise http.client.HTTPException("the answer ends in the middle")
            return response.status, response.headers, content

    def _answer(self, question: Question, status: int, headers: Any, body: bytes) -> Answer:
        if status != 200:
            raise CannotAsk(self._refusal(status, headers, body), is_outage=status >= 500)
        try:
            content = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise CannotAsk("%s answers something that is no JSON." % self.url, is_outage=True) from None
        if not isinstance(content, dict):
            raise CannotAsk("%s answers JSON that is no object." % self.url, is_outage=True)
        verdicts = {name: content[name] for name in ("status", "verdict") if name in content}
        known = [value for value in verdicts.values() if value in ("PASS", "FAIL", "UNKNOWN")]
        if not known or len(known) != len(verdicts) or len(set(known)) != 1:
            raise CannotAsk("%s answers without a verdict." % self.url, is_outage=True)
        for name, asked in question.echo.items():
            if content.get(name) != asked:
                raise CannotAsk("The answer is about another %s than was asked for." % name.replace("_", " "))
        mode = content.get("mode", "strict")
        return Answer(known[0], mode if isinstance(mode, str) else "strict", content)

    def _refusal(self, status: int, headers: Any, body: bytes) -> str:
        if 300 <= status < 400:
            place = clean(headers.get("Location", "elsewhere"))
            return "%s redirects to %s, where the token is not sent. Set the address that answers." % (
                self.url,
                place,
            )
        try:
            problem = json.loads(body.decode("utf-8"))
            words = "%s: %s" % (problem["code"], problem["detail"])
            for field, errors in (problem.get("errors") or {}).items():
                words += " [%s] %s" % (field, errors[0]["message"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            words = http.client.responses.get(status, "")
        advice = {
            401: " Renew the token in CLOSELOOP_TOKEN.",
            403: " The token may not ask this: see its scopes, services, repositories and addresses.",
        }.get(status, "")
        return "%s answers %d %s%s" % (self.url, status, clean(words, 1000), advice)


class _NoAnswer(Exception):
    def __init__(self, message: str, *, is_worth_another_try: bool = True) -> None:
        super().__init__(message)
        self.is_worth_another_try = is_worth_another_try


def _once(pairs: list) -> dict:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _token(env: dict) -> str:
    token, path = env.get("CLOSELOOP_TOKEN", ""), env.get("CLOSELOOP_TOKEN_FILE", "")
    if not token and path:
        token = _read(path)
    token = token.strip()
    if not token:
        raise CannotAsk(
            "There is no token: set CLOSELOOP_TOKEN, or CLOSELOOP_TOKEN_FILE to a file that holds it."
        )
    if not re.match(r"[A-Za-z0-9._~+/=-]+\Z", token):
        raise CannotAsk("What stands in CLOSELOOP_TOKEN is no token.")
    return token


def _tls(env: dict) -> ssl.SSLContext:
    path = env.get("CLOSELOOP_CA_FILE")
    try:
        context = ssl.create_default_context()
        if path:
            context.load_verify_locations(cafile=path)
    except OSError as problem:
        raise CannotAsk("The certificates in %s cannot be read: %s" % (path, problem)) from None
    return context


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or DEADLINE_SECONDS)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 3600:
        raise CannotAsk("The deadline must be a number of seconds from 1 to 3600.")
    return seconds


def _flag(env: dict, name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("", "0", "false", "no", "off"):
        return False
    raise CannotAsk("%s must be 1 or 0." % name)


# ---------------------------------------------------------------------------------------------------------
# What is said


def clean(text: Any, longest: int = 500) -> str:
    """A text of somebody else on one line: no control characters, no commands to the CI product."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    line = re.sub(r"clp_[0-9A-Za-z]+\.[0-9A-Za-z_-]+", "clp_(hidden)", " ".join(line.split()))
    # GitHub and Azure read commands out of any line that is printed.
    line = re.sub(r"##(?=\[|vso\[)", "# #", line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


class Finding(NamedTuple):
    code: str
    object: str
    detail: str
    url: str
    waived_by: str
    counts: bool

    @property
    def title(self) -> str:
        return ("%s %s" % (self.code, self.object)).strip()

    @property
    def remark(self) -> str:
        """Why it blocks nothing, or an empty text."""
        if self.waived_by:
            return " (waived by %s)" % self.waived_by
        return "" if self.counts else " (does not count here)"

    @property
    def next_step(self) -> str:
        return NEXT_STEPS.get(self.code, "Open the decision and follow what it says.")


def findings_of(content: dict) -> list:
    rows = content.get("findings")
    texts = ("code", "object", "detail", "url", "waived_by")
    return [
        Finding(*(clean(row.get(name) or "") for name in texts), counts=row.get("counts") is not False)
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    ]


class Outcome(NamedTuple):
    """All that there is to say at the end."""

    kind: str
    subject: str
    exit_status: int
    answer: Answer | None
    error: str
    url: str
    paths: list

    @property
    def findings(self) -> list:
        return findings_of(self.answer.content) if self.answer else []

    @property
    def headline(self) -> str:
        if self.answer is None:
            words = "NOT ASKED: " + clean(self.error, 2000)
            return words if self.exit_status else words + " FAIL-OPEN: going on without a verdict."
        words = "%s: %s %s" % (self.answer.verdict, self.kind, clean(self.subject))
        if self.answer.is_binding:
            return words
        return words + " (mode %s: this does not block)" % clean(self.answer.mode, 20)

    @property
    def decision_url(self) -> str:
        decision = clean(self.answer.content.get("decision") or "") if self.answer else ""
        return "%s/gate/%s/" % (self.url, decision) if re.match(r"[0-9a-f-]{36}\Z", decision) else ""


def as_text(outcome: Outcome) -> str:
    lines = ["closeloop: " + outcome.headline]
    for finding in outcome.findings:
        lines += [
            "  - %s: %s%s" % (finding.title, finding.detail, finding.remark),
            "    Next: " + finding.next_step,
        ]
        if finding.url:
            lines.append("    See:  " + finding.url)
    skipped = outcome.answer.content.get("skipped") if outcome.answer else None
    for row in skipped if isinstance(skipped, list) else []:
        if isinstance(row, dict):
            lines.append(
                "  (%s was not judged: %s)" % (clean(row.get("code", "")), clean(row.get("reason", "")))
            )
    excuse = outcome.answer.content.get("excuse") if outcome.answer else None
    if isinstance(excuse, dict):
        lines.append("  (nothing is asked of this change: %s)" % clean(excuse.get("detail", "")))
    if outcome.decision_url:
        lines.append("  Decision: " + outcome.decision_url)
    return "\n".join(lines) + "\n"


def as_json(outcome: Outcome) -> str:
    answer = outcome.answer
    content = {
        "client": VERSION,
        "kind": outcome.kind,
        "exit_status": outcome.exit_status,
        "verdict": answer.verdict if answer else None,
        "mode": answer.mode if answer else None,
        "error": clean(outcome.error, 2000) or None,
        "decision_url": outcome.decision_url or None,
        "next_steps": {finding.code: finding.next_step for finding in outcome.findings},
        "answer": answer.content if answer else None,
    }
    # Inside a text, "##[" would be a command to some products.
    return json.dumps(content, indent=2, ensure_ascii=True).replace("##", "#\\u0023") + "\n"


def as_junit(outcome: Outcome) -> str:
    cases, failures, errors = [], 0, 0
    name = quoteattr(clean("%s %s" % (outcome.kind, outcome.subject)))
    for finding in outcome.findings:
        # What does not block must not turn a build red or unstable either.
        is_failure = outcome.answer and outcome.answer.is_binding and not finding.remark
        tag = "failure" if is_failure else "skipped"
        failures += tag == "failure"
        words = escape(
            "%s\nNext: %s\n%s" % (finding.detail, finding.next_step, finding.url or outcome.decision_url)
        )
        message = quoteattr(finding.detail)
        inner = (
            "<failure message=%s>%s</failure>" % (message, words)
            if tag == "failure"
            else "<skipped message=%s/>" % message
        )
        cases.append("<testcase classname=%s name=%s>%s</testcase>" % (name, quoteattr(finding.title), inner))
    if outcome.answer is None:
        errors, inner = 1, "<error message=%s/>" % quoteattr(clean(outcome.error, 2000))
        cases.append('<testcase classname=%s name="verdict">%s</testcase>' % (name, inner))
    elif not cases or (outcome.exit_status != PASSED and not failures):
        # A report without a failure would be green, whatever the exit status says.
        is_failure = outcome.exit_status != PASSED
        failures += is_failure
        inner = "<failure message=%s/>" % quoteattr(outcome.headline) if is_failure else ""
        cases.append('<testcase classname=%s name="verdict">%s</testcase>' % (name, inner))
    head = '<testsuite name="closeloop" tests="%d" failures="%d" errors="%d">' % (
        len(cases),
        failures,
        errors,
    )
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>%s%s</testsuite></testsuites>\n' % (
        head,
        "".join(cases),
    )


def as_codequality(outcome: Outcome) -> str:
    """GitLab's report of code quality. A finding is about no line, so it stands at the first changed file."""
    is_binding = outcome.answer is None or outcome.answer.is_binding
    rows = [
        (
            finding.code,
            finding.title,
            finding.detail + finding.remark + " " + finding.next_step,
            is_binding and not finding.remark,
        )
        for finding in outcome.findings
    ]
    if outcome.answer is None:
        rows.append(("NOT_ASKED", "NOT_ASKED", clean(outcome.error), outcome.exit_status != PASSED))
    elif outcome.exit_status != PASSED and not any(blocks for *_words, blocks in rows):
        rows.append(("VERDICT", "VERDICT", outcome.headline, True))
    titles = [title for _code, title, _words, _blocks in rows]
    content = [
        {
            "check_name": code,
            "description": "%s: %s" % (title, words),
            # GitLab shows one row of each fingerprint; the same finding has the same one in the next run.
            "fingerprint": _digest(outcome.kind, outcome.subject, title, titles[:place].count(title)),
            "severity": "blocker" if blocks else "info",
            "location": {
                "path": outcome.paths[0] if outcome.paths else ".gitlab-ci.yml",
                "lines": {"begin": 1},
            },
        }
        for place, (code, title, words, blocks) in enumerate(rows)
    ]
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _digest(*words: object) -> str:
    text = "\n".join(str(word) for word in words)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def as_annotations(outcome: Outcome) -> str:
    """GitHub's workflow commands; Gitea and Forgejo print them as they are."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def value(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    level = "error" if outcome.exit_status else "warning"
    lines = [
        "::%s title=%s::%s"
        % (
            "notice" if one.remark else level,
            value("Closeloop " + one.title),
            data("%s%s\nNext: %s" % (one.detail, one.remark, one.next_step)),
        )
        for one in outcome.findings
    ]
    is_said = any(not one.remark for one in outcome.findings)
    if outcome.answer is None or (outcome.exit_status and not is_said):
        lines.append("::%s title=Closeloop::%s" % (level, data(outcome.headline)))
    return "".join(line + "\n" for line in lines)


def as_summary(outcome: Outcome) -> str:
    """A few lines of Markdown for GitHub's page of the run."""

    def cell(text: str) -> str:
        return re.sub(r"([\\`*_{}\[\]<>|#!~])", r"\\\1", text)

    lines = ["### Closeloop: " + cell(outcome.headline), ""]
    lines += [
        "- **%s** %s %s" % (cell(one.title), cell(one.detail), cell(one.next_step))
        for one in outcome.findings
    ]
    if outcome.decision_url:
        lines += ["", "[Decision](%s)" % outcome.decision_url]
    return "\n".join(lines) + "\n\n"


def _note(text: str) -> None:
    print("closeloop: " + clean(text, 1000), file=sys.stderr)


# ---------------------------------------------------------------------------------------------------------
# The command


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # The message repeats what was typed, and somebody may have typed a token.
        raise CannotAsk(clean(message, 1000) + " (see --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="closeloop_gate.py",
        description="Ask the Closeloop gate. Exit status: 0 go on, 1 stop, 2 could not ask.",
        epilog="The token comes from CLOSELOOP_TOKEN or the file named in CLOSELOOP_TOKEN_FILE.",
    )
    parser.add_argument("--version", action="version", version="closeloop-gate " + VERSION)
    common = _Parser(add_help=False)
    common.add_argument("--url", help="the instance (CLOSELOOP_URL)")
    common.add_argument(
        "--deadline", metavar="SECONDS", help="for everything together, default 60 (CLOSELOOP_DEADLINE)"
    )
    common.add_argument(
        "--fail-open",
        nargs="?",
        const="outage",
        metavar="outage|always",
        help="end with 0 instead of 2 when the instance fails; always: also for mistakes of this pipeline"
        " (CLOSELOOP_FAIL_OPEN)",
    )
    common.add_argument(
        "--format", choices=("text", "json"), default="text", help="what goes to standard output"
    )
    common.add_argument("--junit", metavar="FILE", help="also write a JUnit report")
    common.add_argument("--codequality", metavar="FILE", help="also write a GitLab code quality report")
    common.add_argument(
        "--annotations", choices=("auto", "on", "off"), default="auto", help="GitHub annotations"
    )
    commands = parser.add_subparsers(dest="command", metavar="change|audit")
    change = commands.add_parser("change", parents=[common], help="may this change be merged?")
    change.add_argument(
        "--repository", help="as Closeloop knows it, for example shop/order (CLOSELOOP_REPOSITORY)"
    )
    change.add_argument("--branch", help="the branch that the change goes to")
    change.add_argument("--change-id", help="for example !42")
    change.add_argument("--title")
    change.add_argument("--description-file", metavar="FILE", help="- reads standard input")
    change.add_argument("--label", action="append", help="may be repeated")
    change.add_argument(
        "--service", action="append", help="that the change touches; may be repeated (CLOSELOOP_SERVICES)"
    )
    change.add_argument("--base", help="the commit before the change; zeros: what no ref holds yet")
    change.add_argument("--head", help="the last commit of the change")
    change.add_argument("--commits", choices=("git", "none"), default="git", help="none: send no commits")
    audit = commands.add_parser("audit", parents=[common], help="does this service keep its promises?")
    audit.add_argument("--service", help="its name in Closeloop (CLOSELOOP_SERVICE)")
    audit.add_argument("--date", metavar="YYYY-MM-DD", help="as of the end of this day, default today")
    return parser


def _fail_open(options: argparse.Namespace | None, env: dict) -> str:
    """What fail-open excuses: nothing (an empty text), "outage" or "always"."""
    text = (getattr(options, "fail_open", None) or env.get("CLOSELOOP_FAIL_OPEN", "")).strip().lower()
    meanings = {"": "", "0": "", "false": "", "no": "", "off": ""}
    meanings.update(dict.fromkeys(("1", "true", "yes", "on", "outage"), "outage"), always="always")
    if text not in meanings:
        raise CannotAsk("Fail-open is 1 (the same as outage), always or 0.")
    return meanings[text]


def _options(arguments: list) -> argparse.Namespace:
    """The options of a question.

    Raises:
        CannotAsk: there is no question, or what was typed is no option.
    """
    options = _parser().parse_args(arguments)
    if options.command is None:
        raise CannotAsk("Say what to ask: change or audit (see --help).")
    return options


def run(arguments: list, env: dict) -> int:
    """Ask, say what came of it, and return the exit status. Raises nothing that a pipeline could meet."""
    options, excuse, question, answer, server = None, "", None, None, None
    error, is_outage = "", False
    try:
        options = _options(arguments)
        excuse = _fail_open(options, env)
        for path in (options.junit, options.codequality):
            if path:
                _write(path, "")
        server = Server(options, env)
        question, notes = (change_question if options.command == "change" else audit_question)(options, env)
        for note in notes:
            _note(note)
        answer = server.ask(question)
    except CannotAsk as problem:
        error, is_outage = str(problem), problem.is_outage
    status = answer.exit_status if answer else NOT_ASKED
    if answer is None and (excuse == "always" or (excuse == "outage" and is_outage)):
        status = PASSED
    outcome = Outcome(
        kind=getattr(options, "command", None) or "gate",
        subject=question.subject if question else "",
        exit_status=status,
        answer=answer,
        error=error,
        url=server.url if server else "",
        paths=(question.body or {}).get("paths", []) if question else [],
    )
    _say(outcome, options, env)
    return status


def _say(outcome: Outcome, options: argparse.Namespace | None, env: dict) -> None:
    text = as_text(outcome)
    if options is not None and options.format == "json":
        sys.stdout.write(as_json(outcome))
        sys.stderr.write(text)
    else:
        (sys.stdout if outcome.answer else sys.stderr).write(text)
        wanted = getattr(options, "annotations", "auto")
        if wanted == "on" or (wanted == "auto" and env.get("GITHUB_ACTIONS") == "true"):
            sys.stdout.write(as_annotations(outcome))
    if outcome.answer is None and outcome.exit_status == PASSED:
        sys.stderr.write("closeloop: " + "!" * 60 + "\n")
        sys.stderr.write("closeloop: NO VERDICT. This goes on only because fail-open is set.\n")
        sys.stderr.write("closeloop: " + "!" * 60 + "\n")
    reports = [("junit", as_junit), ("codequality", as_codequality)]  # type: list[tuple[str, Callable]]
    for name, write in reports:
        if getattr(options, name, None):
            _write(getattr(options, name), write(outcome))
    if env.get("GITHUB_STEP_SUMMARY"):
        try:
            with open(env["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
                file.write(as_summary(outcome))
        except OSError as problem:
            _note("The summary of this step cannot be written: %s" % problem)
    sys.stdout.flush()


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise CannotAsk("%s cannot be written: %s" % (path, problem.strerror)) from None


def _whole(text: str) -> str:
    """The text without the halves of characters that Python makes of bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = run(sys.argv[1:], {name: _whole(value) for name, value in os.environ.items()})
    except SystemExit as ended:  # --help and --version
        status = PASSED if ended.code in (None, 0) else NOT_ASKED
    except CannotAsk as problem:
        _note(str(problem))
        status = NOT_ASKED
    except BaseException as problem:  # whatever it is, it is no PASS
        sys.stderr.write("closeloop: NOT ASKED: %s: %s\n" % (type(problem).__name__, clean(problem)))
        status = NOT_ASKED
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or NOT_ASKED
    # A try that still waits for its server must not keep the pipeline.
    os._exit(status)


if __name__ == "__main__":
    main()
# closeloop-gate: the whole file is here
