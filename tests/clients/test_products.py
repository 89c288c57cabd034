"""What the clients read of a change from the variables that each CI product documents."""

import json
import subprocess

import pytest

from tests.clients.asking import KINDS, ask, commit, git

both = pytest.mark.parametrize("kind", KINDS)
DESCRIPTION = 'The "pool" was\ttoo small: 连接池 💥\n\nPostmortem: PM-2026-0007\n'


def variables(product: str, folder, **more: str) -> dict[str, str]:
    """The environment of a job about the commits since `base`, as the product documents it."""
    base, head = git(folder, "rev-parse", "base"), git(folder, "rev-parse", "HEAD")
    if product == "gitlab":
        return {
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_PATH": "fork/order",
            "CI_MERGE_REQUEST_PROJECT_PATH": "shop/order",
            "CI_MERGE_REQUEST_IID": "42",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_TITLE": 'A "title"',
            "CI_MERGE_REQUEST_DESCRIPTION": DESCRIPTION,
            "CI_MERGE_REQUEST_LABELS": "pool,连接池",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
            "CI_COMMIT_SHA": head,
        } | more
    if product == "jenkins":
        git(folder, "update-ref", "refs/remotes/origin/main", base)
        return {
            "JENKINS_URL": "https://jenkins.example.org/",
            "GIT_URL": "https://git.example.org/shop/order.git",
            "GIT_COMMIT": head,
            "BRANCH_NAME": "PR-42",
            "CHANGE_ID": "42",
            "CHANGE_TARGET": "main",
            "CHANGE_TITLE": 'A "title"',
        } | more
    event = {
        "action": "synchronize",
        "number": 42,
        "pull_request": {
            "number": 42,
            "title": 'A "title"',
            "body": DESCRIPTION,
            "labels": [{"name": "pool"}, {"name": "连接池"}],
            "base": {"ref": "main", "sha": base, "repo": {"full_name": "shop/order"}},
            "head": {"ref": "pool", "sha": head, "repo": {"full_name": "fork/order"}},
        },
        "repository": {"full_name": "shop/order", "default_branch": "main"},
    }
    path = folder.parent / "event.json"
    path.write_text(json.dumps(event, ensure_ascii=product == "github"))
    return (
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": "shop/order",
            "GITHUB_BASE_REF": "main",
            "GITHUB_SHA": "0" * 40,
        }
        | ({"GITEA_ACTIONS": "true"} if product == "gitea" else {})
        | more
    )


def asked(hostile, kind, folder, *arguments, **env):
    """What the server was asked; the client must have been content."""
    ended = ask(kind, "change", *arguments, url=hostile.url, cwd=folder, **env)
    assert ended.status == 0, ended.said
    return hostile.asked[-1]


@both
@pytest.mark.parametrize("product", ["gitlab", "github", "gitea", "jenkins"])
def test_change_is_read_from_the_variables(hostile, repository, kind, product):
    question = asked(hostile, kind, repository, **variables(product, repository))

    assert question["repository"] == "shop/order"
    assert question["target_branch"] == "main"
    assert question["change_id"] == ("!42" if product == "gitlab" else "#42")
    assert question["title"] == 'A "title"'
    assert question["paths"] == ["pool"]
    (one,) = question["commits"]
    assert one["sha"] == git(repository, "rev-parse", "HEAD")
    assert one["message"].rstrip() == 'Raise the "limit"\n\nBecause of the sale.\n\nPostmortem: PM-2026-0001'
    # Jenkins does not tell it.
    if product != "jenkins":
        assert question["description"].rstrip() == DESCRIPTION.rstrip()
        assert question["labels"] == ["pool", "连接池"]


@both
def test_merge_queue_of_github(hostile, repository, kind):
    env = variables("github", repository)
    base, head = git(repository, "rev-parse", "base"), git(repository, "rev-parse", "HEAD")
    group = {
        "base_sha": base,
        "head_sha": head,
        "base_ref": "refs/heads/main",
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-42-{base}",
        "head_commit": {"message": "Merge pull request\n\nText"},
    }
    event = {"merge_group": group, "repository": {"full_name": "shop/order"}}
    (repository.parent / "event.json").write_text(json.dumps(event))

    question = asked(hostile, kind, repository, **env)

    assert (question["change_id"], question["target_branch"]) == ("#42", "main")
    assert [one["sha"] for one in question["commits"]] == [head]


@both
@pytest.mark.parametrize("product", ["gitlab", "github", "jenkins"])
def test_push_is_judged_by_what_came_in(hostile, repository, kind, product):
    base, head = git(repository, "rev-parse", "base"), git(repository, "rev-parse", "HEAD")
    env = {
        "gitlab": {
            "GITLAB_CI": "true", "CI_PROJECT_PATH": "shop/order", "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_BEFORE_SHA": base, "CI_COMMIT_SHA": head, "CI_DEFAULT_BRANCH": "main",
        },
        "github": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(repository.parent / "event.json")},
        "jenkins": {
            "JENKINS_URL": "https://j.example.org", "GIT_URL": "git@git.example.org:shop/order.git",
            "GIT_BRANCH": "origin/main", "GIT_COMMIT": head, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": base,
        },
    }[product]  # fmt: skip
    event = {
        "ref": "refs/heads/main",
        "before": base,
        "after": head,
        "repository": {"full_name": "shop/order"},
    }
    (repository.parent / "event.json").write_text(json.dumps(event))

    question = asked(hostile, kind, repository, **env)

    assert (question["repository"], question["target_branch"], question["change_id"]) == (
        "shop/order",
        "main",
        head,
    )
    assert [one["sha"] for one in question["commits"]] == [head]


@both
@pytest.mark.parametrize("before", ["", "0" * 40])
def test_pipeline_that_is_no_change_is_not_guessed(hostile, repository, kind, before):
    env = {
        "GITLAB_CI": "true",
        "CI_PROJECT_PATH": "shop/order",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_BEFORE_SHA": before,
        "CI_COMMIT_SHA": git(repository, "rev-parse", "HEAD"),
        "CI_DEFAULT_BRANCH": "main",
    }

    ended = ask(kind, "change", url=hostile.url, cwd=repository, **env)

    assert (ended.status, hostile.asked) == (2, [])
    assert "Which commits?" in ended.err


@both
@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_event_file_that_cannot_be_read(hostile, repository, kind, text):
    env = variables("github", repository)
    (repository.parent / "event.json").write_text(text)

    ended = ask(kind, "change", url=hostile.url, cwd=repository, **env)

    assert (ended.status, hostile.asked) == (2, []), ended.said


@both
def test_options_win_over_variables(hostile, repository, kind):
    arguments = ["--repository", "a/b", "--branch", "x", "--change-id", "7", "--title", "T", "--label", "l"]

    question = asked(
        hostile, kind, repository, *arguments, "--service", "cart", "--service", "order",
        **variables("gitlab", repository, CLOSELOOP_REPOSITORY="c/d", CLOSELOOP_SERVICES="x"),
    )  # fmt: skip

    told = ["repository", "target_branch", "change_id", "title", "labels", "services"]
    assert [question[name] for name in told] == ["a/b", "x", "7", "T", ["l"], ["cart", "order"]]


@both
def test_services_come_from_a_variable(hostile, repository, kind):
    question = asked(
        hostile, kind, repository, **variables("gitlab", repository, CLOSELOOP_SERVICES="cart, order")
    )

    assert question["services"] == ["cart", "order"]


@both
def test_description_cut_by_gitlab_is_said(hostile, repository, kind):
    env = variables("gitlab", repository, CI_MERGE_REQUEST_DESCRIPTION_IS_TRUNCATED="true")

    assert "cut the description" in ask(kind, "change", url=hostile.url, cwd=repository, **env).err


# --- git ------------------------------------------------------------------------------------------------


@both
def test_commits_are_sent_whole_and_in_order(hostile, repository, kind):
    nasty = (
        'Tab\tquote " back\\slash \\n\n\nEscape \x1b and bell \x07, 连接池 💥\n\n\x1e' + "0" * 40 + "\nfake"
    )
    commit(repository, nasty)
    (repository / "message").write_bytes(b"Latin \xe9\xff\n\nPostmortem: PM-2026-0009\n")
    git(repository, "-c", "i18n.commitEncoding=UTF-8", "commit", "--allow-empty", "--file", "message")

    question = asked(hostile, kind, repository, "--repository", "a", "--base", "base", "--head", "HEAD")

    messages = [one["message"].rstrip() for one in question["commits"]]
    assert messages[0].startswith("Raise")
    assert messages[1].startswith('Tab\tquote " back\\slash \\n\n\nEscape \x1b and bell \x07, 连接池 💥')
    assert messages[-1].startswith("Latin ")
    assert messages[-1].endswith("Postmortem: PM-2026-0009")
    assert question["change_id"] == git(repository, "rev-parse", "HEAD")


@both
def test_merged_commits_count_and_those_of_the_target_do_not(hostile, repository, kind):
    git(repository, "checkout", "--quiet", "-b", "side", "base")
    side = commit(repository, "Side")
    git(repository, "checkout", "--quiet", "-b", "target", "base")
    commit(repository, "Target\n\nPostmortem: PM-2026-0002")
    git(repository, "checkout", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-edit", "side", "target")

    question = asked(hostile, kind, repository, "--repository", "a", "--base", "target")

    assert side in [one["sha"] for one in question["commits"]]
    assert not any("PM-2026-0002" in one["message"] for one in question["commits"])


@both
def test_shallow_clone_is_refused(hostile, repository, kind, tmp_path):
    commit(repository, "More")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")

    ended = ask(
        kind, "change", "--repository", "a", "--base", "HEAD", url=hostile.url, cwd=tmp_path / "shallow"
    )

    assert (ended.status, "shallow" in ended.err, hostile.asked) == (2, True, [])


@both
@pytest.mark.parametrize("base", ["nowhere", "f" * 40, "--all", "base..HEAD"])
def test_base_that_is_not_there_is_refused(hostile, repository, kind, base):
    ended = ask(kind, "change", "--repository", "a", f"--base={base}", url=hostile.url, cwd=repository)

    assert (ended.status, "not in this clone" in ended.err, hostile.asked) == (2, True, [])


@both
def test_no_repository_here(hostile, tmp_path, kind):
    ended = ask(
        kind,
        "change",
        "--repository",
        "a",
        "--base",
        "x",
        url=hostile.url,
        cwd=tmp_path,
        GIT_CEILING_DIRECTORIES="/",
    )

    assert (ended.status, hostile.asked) == (2, [])


def test_more_commits_than_the_server_takes_are_sent_as_those_that_matter(hostile, repository):
    """The Python client; the other one refuses what is too large."""
    stream = []
    for number in range(5200):
        text = f"Number {number}" + ("\n\nPostmortem: PM-2026-0003" if number == 7 else "")
        parent = "from HEAD\n" if number == 0 else ""
        stream.append(
            f"commit refs/heads/many\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\n"
            f"data {len(text)}\n{text}\n{parent}"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=repository, input="".join(stream), text=True, check=True
    )

    question = asked(hostile, "python", repository, "--repository", "a", "--base", "base", "--head", "many")

    assert [one["message"].split("\n")[0] for one in question["commits"]] == ['Raise the "limit"', "Number 7"]


@pytest.mark.parametrize("kind", KINDS)
def test_description_alone_that_is_too_large_is_refused(hostile, repository, kind, tmp_path):
    file = tmp_path / "description"
    file.write_text("x" * 1_100_000)

    ended = ask(
        kind, "change", "--repository", "a", "--commits", "none", "--change-id", "!5",
        "--description-file", str(file), url=hostile.url, cwd=repository,
    )  # fmt: skip

    assert (ended.status, hostile.asked) == (2, [])
    assert "too large" in ended.said
    assert "KeyError" not in ended.said


@pytest.mark.parametrize("kind", KINDS)
def test_change_that_is_too_large_is_refused(hostile, repository, kind, tmp_path):
    file = tmp_path / "description"
    file.write_text("x" * 1_100_000)

    ended = ask(
        kind, "change", "--repository", "a", "--base", "base", "--description-file", str(file),
        url=hostile.url, cwd=repository,
    )  # fmt: skip

    assert (ended.status, hostile.asked) == (2, [])


@both
@pytest.mark.parametrize(
    ("repository_option", "branch"),
    [
        ("https://git.example.org/shop/order.git", "refs/heads/main"),
        ("git@git.example.org:shop/order.git", "main\n"),
        (" shop/order/ ", " main"),
    ],
)
def test_names_are_asked_about_as_closeloop_writes_them(hostile, repository, kind, repository_option, branch):
    arguments = ["--repository", repository_option, "--branch", branch, "--change-id", "!42"]

    question = asked(hostile, kind, repository, *arguments, **variables("gitlab", repository))

    assert (question["repository"], question["target_branch"]) == ("shop/order", "main")


@both
def test_file_that_was_moved_has_two_paths_and_odd_names_are_told_as_they_are(hostile, repository, kind):
    (repository / "docs").mkdir()
    git(repository, "mv", "pool", "docs/pool")
    commit(repository, "Move it", **{'a"b\tc': "x\n"})

    question = asked(hostile, kind, repository, "--base", "base", **variables("jenkins", repository))

    assert sorted(question["paths"]) == ['a"b\tc', "docs/pool"]

    question = asked(hostile, kind, repository, "--base", "HEAD~1", **variables("jenkins", repository))

    assert sorted(question["paths"]) == ['a"b\tc', "docs/pool", "pool"]


@both
def test_change_without_labels_is_told_from_one_of_unknown_labels(hostile, repository, kind):
    known = asked(hostile, kind, repository, **variables("gitlab", repository, CI_MERGE_REQUEST_LABELS=""))
    unknown = asked(hostile, kind, repository, **variables("jenkins", repository))

    assert (known["labels"], "labels" in unknown) == ([], False)
