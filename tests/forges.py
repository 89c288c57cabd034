"""Small stand-ins for the APIs of GitHub and GitLab, as strict as what they publish of them.

Only the few addresses that Closeloop asks; whatever else is asked, or asked in another way, is answered with
404 or 422 and stands in `faults`.
"""

import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-the-forge"
_CONCLUSIONS = {
    "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required",
}  # fmt: skip
_GITLAB_STATES = {"pending", "running", "success", "failed", "canceled"}


@dataclass
class Pull:
    """A pull or merge request as its author has it."""

    number: int = 7
    title: str = "Set a timeout on the pool"
    description: str = ""
    head: str = "a" * 40
    state: str = "open"
    target: str = "main"
    labels: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=lambda: ["pool.py"])
    commits: list[tuple[str, str]] = field(default_factory=lambda: [("a" * 40, "Set a timeout")])


class _Forge:
    """A server with one repository and one change."""

    repository = "shop/order"

    def __init__(self) -> None:
        self.pull = Pull()
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[str] = []
        self.asked = 0
        # Answers that come before any other: (status, body).
        self.moods: list[tuple[int, Any]] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self._answer(self.rfile.read(length))

            def _answer(self, body: bytes | None) -> None:
                forge.asked += 1
                status, said = forge.answer(self.command, self.path, dict(self.headers), body)
                if status in {404, 422}:
                    forge.faults.append(f"{self.command} {self.path}: {status} {said}")
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.prefix}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    prefix = ""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, Any]:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if not headers.get("User-Agent"):
            return 403, {"message": "Request forbidden by administrative rules."}
        if self.moods:
            return self.moods.pop(0)
        parts = urlsplit(target)
        if not parts.path.startswith(self.prefix):
            return 404, {"message": "Not Found"}
        path = parts.path.removeprefix(self.prefix)
        if method == "GET":
            return self.get(path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        if headers.get("Content-Type") != "application/json":
            return 422, {"message": "no JSON"}
        said = json.loads(body or b"")
        status, answer = self.post(path, said)
        if status == 201:
            self.posted.append((path, said))
        return status, answer

    def get(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        raise NotImplementedError

    def post(self, path: str, said: dict[str, Any]) -> tuple[int, Any]:
        raise NotImplementedError

    def _page(self, rows: list[Any], query: dict[str, str], *, most: int) -> tuple[int, Any]:
        if query.keys() - {"per_page", "page"}:
            return 422, {"message": "unknown parameter"}
        size, number = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        return 200, rows[:most][(number - 1) * size : number * size]


class GitHub(_Forge):
    """api.github.com: pulls, their commits, commit statuses, check runs."""

    def get(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        pull = f"/repos/{self.repository}/pulls/{self.pull.number}"
        if path == pull:
            return 200, self.pull_request()
        if path == f"{pull}/commits":
            rows = [{"sha": sha, "commit": {"message": words}} for sha, words in self.pull.commits]
            return self._page(rows, query, most=250)
        if path == f"{pull}/files":
            files = [{"filename": name, "status": "modified"} for name in self.pull.paths]
            return self._page(files, query, most=3000)
        return 404, {"message": "Not Found"}

    def pull_request(self) -> dict[str, Any]:
        mine = self.pull
        return {
            "number": mine.number,
            "state": mine.state,
            "title": mine.title,
            "body": mine.description or None,
            "head": {"sha": mine.head, "ref": "changes"},
            "base": {"ref": mine.target},
            "labels": [{"name": name} for name in mine.labels],
            "html_url": f"https://github.com/{self.repository}/pull/{mine.number}",
        }

    def event(self, action: str = "opened", **said: Any) -> bytes:
        """The body of a pull_request event, as things stand now."""
        pull = self.pull_request()
        return json.dumps(
            {
                "action": action,
                "number": self.pull.number,
                "pull_request": pull,
                "repository": {"full_name": self.repository},
            }
            | said
        ).encode()

    def post(self, path: str, said: dict[str, Any]) -> tuple[int, Any]:
        if path == f"/repos/{self.repository}/check-runs":
            known = {"name", "head_sha", "status", "conclusion", "details_url", "external_id", "output"}
            output = said.get("output", {})
            is_right = (
                said.keys() <= known
                and {"name", "head_sha"} <= said.keys()
                and said.get("status") in {"queued", "in_progress", "completed"}
                and said.get("conclusion") in _CONCLUSIONS
                and set(output) == {"title", "summary"}
                and len(output["summary"]) <= 65535
            )
            return (201, {"id": 1}) if is_right else (422, {"message": "Validation Failed"})
        if match := re.fullmatch(rf"/repos/{self.repository}/statuses/([0-9a-f]{{40}})", path):
            is_right = (
                said.keys() <= {"state", "target_url", "description", "context"}
                and said.get("state") in {"error", "failure", "pending", "success"}
                and len(said.get("description") or "") <= 140
            )
            return (201, {"id": 1, "sha": match[1]}) if is_right else (422, {"message": "Validation Failed"})
        return 404, {"message": "Not Found"}


class GitLab(_Forge):
    """gitlab.com/api/v4: merge requests, their commits, commit statuses, external status checks."""

    prefix = "/api/v4"
    external_check = 5

    def __init__(self) -> None:
        self._statuses: dict[str, str] = {}
        super().__init__()

    @property
    def _project(self) -> str:
        return "/projects/" + self.repository.replace("/", "%2F")

    def get(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        request = f"{self._project}/merge_requests/{self.pull.number}"
        if path == request:
            mine = self.pull
            return 200, {
                "iid": mine.number,
                "state": {"open": "opened"}.get(mine.state, mine.state),
                "title": mine.title,
                "description": mine.description or None,
                "sha": mine.head,
                "target_branch": mine.target,
                "labels": mine.labels,
                "web_url": f"https://gitlab.com/{self.repository}/-/merge_requests/{mine.number}",
            }
        if path == f"{request}/commits":
            rows = [{"id": sha, "message": words} for sha, words in reversed(self.pull.commits)]
            return self._page(rows, query, most=10_000)
        if path == f"{request}/diffs":
            files = [{"new_path": name, "old_path": name} for name in self.pull.paths]
            return self._page(files, query, most=10_000)
        return 404, {"message": "404 Project Not Found"}

    def event(self, action: str = "open", **said: Any) -> bytes:
        """The body of a merge request event, as things stand now."""
        mine = self.pull
        return json.dumps(
            {
                "object_kind": "merge_request",
                "event_type": "merge_request",
                "project": {"id": 1, "path_with_namespace": self.repository},
                "object_attributes": {
                    "iid": mine.number,
                    "action": action,
                    "state": "opened",
                    "title": mine.title,
                    "description": mine.description,
                    "last_commit": {"id": mine.head, "message": mine.commits[-1][1]},
                },
            }
            | said
        ).encode()

    def post(self, path: str, said: dict[str, Any]) -> tuple[int, Any]:
        request = f"{self._project}/merge_requests/{self.pull.number}"
        if path == f"{request}/status_check_responses":
            is_right = (
                said.keys() <= {"sha", "external_status_check_id", "status"}
                and said.get("sha") == self.pull.head
                and said.get("external_status_check_id") == self.external_check
                and said.get("status") in {"passed", "failed", "pending"}
            )
            return (
                (201, {"id": 1})
                if is_right
                else (409, {"message": "409 SHA does not match HEAD of source branch"})
            )
        match = re.fullmatch(rf"{re.escape(self._project)}/statuses/([0-9a-f]{{40}})", path)
        if match is None:
            return 404, {"message": f"404 {unquote(path)} Not Found"}
        known = {"state", "ref", "name", "target_url", "description", "coverage", "pipeline_id"}
        if said.keys() - known or said.get("state") not in {
            "pending",
            "running",
            "success",
            "failed",
            "canceled",
        }:
            return 422, {"message": "state does not have a valid value"}
        if self._statuses.get(match[1]) == said["state"]:
            words = f"Cannot transition status via :x from :{said['state']} (Reason(s): …)"
            return 400, {"message": words}
        self._statuses[match[1]] = said["state"]
        return 201, {"id": 1, "sha": match[1], "status": said["state"]}
