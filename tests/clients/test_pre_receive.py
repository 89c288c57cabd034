"""The hook of plain git on a real bare repository, with real pushes."""

import os
import subprocess

import pytest

from tests.clients.asking import FOLDER, TOKEN, commit, git, run
from tests.clients.hostile import BEHAVIOURS
from tests.clients.test_snippets import EXAMPLE, PAGES, block


@pytest.fixture
def bare(tmp_path, hostile):
    """A bare repository that was set up as the documentation says."""
    folder = tmp_path / "order.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    token = tmp_path / "gate-token"
    token.write_text(f"{TOKEN}\n")
    script = (
        block(*PAGES["git"]).replace(EXAMPLE, hostile.url).replace("/etc/closeloop/gate-token", str(token))
    )
    (tmp_path / "install").write_text(script)
    done = run(["sh", str(tmp_path / "install")], cwd=folder)
    assert done.status == 0, done.said
    git(folder, "config", "closeloop.deadline", "3")
    return folder


@pytest.fixture
def work(tmp_path, bare):
    """A clone whose main branch is pushed already."""
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(bare), str(folder))
    git(folder, "checkout", "--quiet", "-B", "main")
    commit(folder, "First")
    assert push(folder, "main")[0]
    return folder


def push(folder, *what):
    """(whether it was taken, what was said)."""
    env = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "CLOSELOOP_TOKEN": "clp_of.somebody"}
    done = subprocess.run(
        ["git", "push", "--quiet", "origin", *what],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert TOKEN.partition(".")[2] not in done.stderr
    return done.returncode == 0, done.stderr


def subjects(question):
    return [one["message"].split("\n")[0] for one in question.get("commits", [])]


def test_push_is_judged_by_the_commits_that_the_branch_gains(hostile, work):
    for name in ("Second", "Third\n\nPostmortem: PM-2026-0001"):
        commit(work, name)

    is_taken, said = push(work, "main")

    assert is_taken, said
    question = hostile.asked[-1]
    assert subjects(question) == ["Second", "Third"]
    assert question["commits"][1]["message"].rstrip().endswith("Postmortem: PM-2026-0001")
    assert (question["repository"], question["target_branch"], question["change_id"]) == (
        "shop/order",
        "main",
        git(work, "rev-parse", "HEAD"),
    )
    # The hook's own token, whatever the environment of the server holds.
    assert set(hostile.tokens) == {f"Bearer {TOKEN}"}
    assert "closeloop: PASS" in said


@pytest.mark.parametrize(
    "behaviour",
    ["fail", "unknown", "unauthorised", "server_error", "html", "empty", "partial", "nothing", "drip"],
)
def test_anything_but_pass_refuses_the_push(hostile, bare, work, behaviour):
    hostile.behave = BEHAVIOURS[behaviour]
    before = git(bare, "rev-parse", "main")
    commit(work, "Second")

    is_taken, said = push(work, "main")

    assert (is_taken, git(bare, "rev-parse", "main")) == (False, before)
    assert "closeloop: " in said


def test_new_branch_that_is_guarded_is_judged_by_what_main_does_not_hold(hostile, bare, work):
    git(bare, "config", "closeloop.branches", "main release/*")
    git(work, "checkout", "--quiet", "-b", "release/1")
    commit(work, "Fix")
    hostile.asked.clear()

    # That the commit came to an unguarded branch before means nothing.
    assert push(work, "release/1:feature")[0]
    assert hostile.asked == []
    assert push(work, "release/1")[0]

    assert [subjects(question) for question in hostile.asked] == [["Fix"]]


def test_new_branch_without_anything_new_is_not_judged(hostile, bare, work):
    git(bare, "config", "closeloop.branches", "main release/*")
    hostile.behave = BEHAVIOURS["fail"]

    assert push(work, "main:release/2")[0]


def test_first_push_is_judged_by_everything(hostile, bare, tmp_path):
    folder = tmp_path / "other"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    git(folder, "remote", "add", "origin", str(bare))
    for name in ("One", "Two"):
        commit(folder, name)

    assert push(folder, "main")[0]
    assert subjects(hostile.asked[-1]) == ["One", "Two"]


def test_forced_push_is_judged_by_what_it_brings(hostile, work):
    commit(work, "Second")
    assert push(work, "main")[0]
    git(work, "reset", "--quiet", "--hard", "HEAD~1")
    commit(work, "Rewritten")

    assert push(work, "--force", "main")[0]
    assert subjects(hostile.asked[-1]) == ["Rewritten"]

    hostile.behave = BEHAVIOURS["fail"]
    commit(work, "Again")
    git(work, "commit", "--quiet", "--allow-empty", "--amend", "--message", "Again, rewritten")
    assert not push(work, "--force", "main")[0]


def test_merge_is_judged_by_all_that_comes_in(hostile, work):
    git(work, "checkout", "--quiet", "-b", "side")
    commit(work, "On the side")
    git(work, "checkout", "--quiet", "main")
    git(work, "merge", "--quiet", "--no-ff", "--message", "Merge it", "side")

    assert push(work, "main")[0]
    assert sorted(subjects(hostile.asked[-1])) == ["Merge it", "On the side"]


def test_deletions_tags_and_other_branches_are_not_judged(hostile, bare, work):
    hostile.behave = BEHAVIOURS["fail"]
    git(bare, "config", "closeloop.branches", "main old")
    git(bare, "branch", "old", "main")
    commit(work, "Second")
    git(work, "tag", "v1")

    for what in ("main:feature", "v1", ":old"):
        is_taken, said = push(work, what)
        assert is_taken, (what, said)


def test_one_refused_branch_refuses_the_whole_push(hostile, bare, work):
    hostile.behave = BEHAVIOURS["fail"]
    commit(work, "Second")

    assert not push(work, "main", "main:feature")[0]
    assert "feature" not in git(bare, "branch", "--list")


def test_many_commits_at_once(hostile, work):
    stream = "".join(
        f"commit refs/heads/main\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\n"
        f"data {len(str(number))}\n{number}\n" + ("from refs/heads/main^0\n" if number == 0 else "")
        for number in range(1500)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=work, input=stream, text=True, check=True)

    is_taken, said = push(work, "main")

    assert is_taken, said
    assert subjects(hostile.asked[-1]) == [str(number) for number in range(1500)]


def test_outage_lets_through_only_where_that_is_set(hostile, bare, work):
    hostile.behave = BEHAVIOURS["server_error"]
    commit(work, "Second")
    assert not push(work, "main")[0]

    git(bare, "config", "closeloop.failOpen", "outage")
    is_taken, said = push(work, "main")

    assert is_taken
    assert "NO VERDICT" in said


@pytest.mark.parametrize("missing", ["closeloop.repository", "closeloop.tokenFile"])
def test_hook_that_is_not_set_up_lets_nothing_in(hostile, bare, work, missing):
    git(bare, "config", "--unset", missing)
    commit(work, "Second")

    assert not push(work, "main")[0]


def test_python_client_serves_the_hook_too(hostile, bare, work):
    git(bare, "config", "closeloop.client", str(FOLDER / "closeloop_gate.py"))
    git(bare, "config", "closeloop.url", hostile.url)
    commit(work, "Second")

    assert push(work, "main")[0]
    assert subjects(hostile.asked[-1]) == ["Second"]
