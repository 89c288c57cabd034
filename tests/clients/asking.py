"""Both clients as a pipeline runs them: other processes, with an environment that holds nothing by chance."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "clients"
TOKEN = f"clp_{'a' * 12}.{'S' * 43}"
COMMANDS = {
    "python": [sys.executable, "-I", str(FOLDER / "closeloop_gate.py")],
    "sh": ["sh", str(FOLDER / "closeloop-gate.sh")],
}
KINDS = list(COMMANDS)
CHANGE = ["--repository", "shop/order", "--change-id", "!42", "--commits", "none", "--service", "order"]


@dataclass(frozen=True)
class Ended:
    """How a client ended. `said` is both streams."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def run(argv, *, cwd=None, stdin=None, **variables: str) -> Ended:
    """Run a program; variables with an empty value are left out."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    env |= {name: value for name, value in variables.items() if value}
    done = subprocess.run(
        argv, env=env, cwd=cwd, input=stdin, capture_output=True, text=True, errors="replace", check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def ask(kind: str, *arguments: str, url: str = "", token: str = TOKEN, **where) -> Ended:
    """Run one client; it must not say its token, whatever happens."""
    variables = {"CLOSELOOP_URL": url, "CLOSELOOP_TOKEN": token, "CLOSELOOP_DEADLINE": "10"} | where
    ended = run([*COMMANDS[kind], *arguments], **variables)
    assert not token or token.partition(".")[2] not in ended.said
    return ended


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody whose settings are nobody's."""
    env = os.environ | {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, message: str, **files: str) -> str:
    """A commit with this message; its id."""
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")
