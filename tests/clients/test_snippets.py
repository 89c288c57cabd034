"""Each ready-made piece, taken out of its page of documentation and run as its product would run it."""

import re
from pathlib import Path

import pytest
import yaml

from tests.clients.asking import TOKEN, git, run
from tests.clients.hostile import BEHAVIOURS, Hostile
from tests.clients.test_products import variables
from web import snippets

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PAGES = {
    "gitlab": ("ci/gitlab.md", "yaml"),
    "github": ("ci/github.md", "yaml"),
    "gitea": ("ci/gitea.md", "yaml"),
    "jenkins": ("ci/jenkins.md", "groovy"),
    "shell": ("ci/README.md", "sh"),
    "git": ("ci/plain-git.md", "sh"),
}
EXAMPLE = "https://closeloop.example.org"
# Each script of each piece, as (product, what it asks).
# The last one does without a client.
SCRIPTS = [
    (product, question)
    for product in ("gitlab", "github", "gitea", "jenkins")
    for question in ("change", "audit")
] + [("shell", "audit"), ("curl", "audit")]
# Of each way in which a server can fail; test_verdicts has them all.
SAMPLE = [
    "fail", "unknown", "unauthorised", "forbidden", "not_found", "server_error", "html", "empty", "partial",
    "nothing",
]  # fmt: skip


def block(page: str, language: str) -> str:
    """The first block of code of a page in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found, page
    return found[1]


def script(product: str, question: str) -> tuple[list[str], str]:
    """The shell that the product uses, and what it is given to run."""
    if product == "curl":
        return ["sh"], block("ci.md", "sh")
    text = block(*PAGES[product])
    if product == "shell":
        return ["sh"], text
    if product == "jenkins":
        (found,) = (one for one in re.findall(r"sh '''(.*?)'''", text, re.DOTALL) if f"py {question}" in one)
        return ["sh", "-xe"], found
    content = yaml.safe_load(text)
    if product == "gitlab":
        job = content[".closeloop"] | content[f"closeloop-{question}"]
        assert job["extends"] == ".closeloop"
        return ["sh", "-e"], "\n".join([*job["before_script"], *job["script"]])
    (step,) = (step for step in content["jobs"][question]["steps"] if "run" in step)
    assert step["env"] == {"CLOSELOOP_TOKEN": "${{ secrets.CLOSELOOP_TOKEN }}"}
    return ["bash", "-e"], step["run"]


def environment(product, question, repository, tools):
    """What the product sets for a job, and the programs that its image has."""
    path = tools("apk", "exit 0")
    env = {
        "PATH": path,
        "CLOSELOOP_TOKEN": TOKEN,
        "CLOSELOOP_DEADLINE": "5",
        "TMPDIR": str(repository.parent),
    }
    if product in ("shell", "curl"):
        return env
    runner = repository.parent / "runner"
    runner.mkdir(exist_ok=True)
    return env | {"RUNNER_TEMP": str(runner)} | variables(product, repository)


def perform(product, question, url, repository, tools):
    shell, text = script(product, question)
    file = repository.parent / "script"
    file.write_text(text.replace(EXAMPLE, url))
    ended = run([*shell, str(file)], cwd=repository, **environment(product, question, repository, tools))
    assert TOKEN.partition(".")[2] not in ended.said
    return ended


each_script = pytest.mark.parametrize(("product", "question"), SCRIPTS)


@pytest.mark.parametrize("product", list(PAGES))
def test_page_of_documentation_shows_the_piece_that_is_served(product):
    served = snippets.of(
        snippets.PRODUCTS[product], public_url=EXAMPLE, service="order", repository="shop/order"
    )

    assert block(*PAGES[product]) == served


def test_every_product_has_a_page():
    assert set(PAGES) == set(snippets.PRODUCTS)


@each_script
def test_piece_goes_on_for_pass(hostile, repository, tools, product, question):
    ended = perform(product, question, hostile.url, repository, tools)

    assert ended.status == 0, ended.said
    assert len(hostile.asked) == 1


@each_script
@pytest.mark.parametrize("behaviour", SAMPLE)
def test_piece_stops_for_anything_else(hostile, repository, tools, product, question, behaviour):
    hostile.behave = BEHAVIOURS[behaviour]

    assert perform(product, question, hostile.url, repository, tools).status != 0


@each_script
def test_piece_stops_when_redirected(hostile, repository, tools, product, question):
    elsewhere = Hostile()
    hostile.behave = lambda handler, _asked: handler.say(302, "", Location=f"{elsewhere.url}{handler.path}")

    ended = perform(product, question, hostile.url, repository, tools)
    elsewhere.close()

    assert (ended.status != 0, elsewhere.asked) == (True, [])


@pytest.mark.parametrize(("product", "question"), SCRIPTS[:-1])
@pytest.mark.parametrize(
    "given",
    [
        lambda handler, _name: handler.say(302, "", Location="/elsewhere"),
        lambda handler, _name: handler.say(200, ""),
        lambda handler, _name: handler.say(200, "<html>Log in</html>\n"),
        lambda handler, _name: handler.say(200, "exit 0\n"),
        lambda handler, _name: handler.say(404, "# closeloop-gate: the whole file is here\n"),
    ],
    ids=["redirect", "empty", "html", "other_script", "not_found"],
)
def test_piece_stops_when_it_gets_no_client(hostile, repository, tools, product, question, given):
    hostile.give = given

    ended = perform(product, question, hostile.url, repository, tools)

    assert (ended.status != 0, hostile.asked) == (True, [])


@pytest.mark.parametrize("product", ["gitlab", "github", "gitea", "jenkins"])
def test_piece_says_what_it_should_of_the_change(hostile, repository, tools, product):
    perform(product, "change", hostile.url, repository, tools)

    (question,) = hostile.asked
    assert question["repository"] == "shop/order"
    assert [one["sha"] for one in question["commits"]] == [git(repository, "rev-parse", "HEAD")]


def test_gitlab_job_leaves_its_reports(hostile, repository, tools):
    hostile.behave = BEHAVIOURS["fail"]
    perform("gitlab", "change", hostile.url, repository, tools)

    job = yaml.safe_load(block(*PAGES["gitlab"]))["closeloop-change"]["artifacts"]

    assert job["when"] == "always"
    assert all((repository / name).stat().st_size for name in job["reports"].values())


def test_jobs_fetch_the_whole_history():
    gitlab = yaml.safe_load(block(*PAGES["gitlab"]))[".closeloop"]
    assert (gitlab["variables"]["GIT_DEPTH"], gitlab["allow_failure"]) == ("0", False)
    for product in ("github", "gitea"):
        content = yaml.safe_load(block(*PAGES[product]))
        (checkout,) = (step for step in content["jobs"]["change"]["steps"] if "uses" in step)
        assert checkout["with"]["fetch-depth"] == 0
        # YAML reads the key `on` as true.
        assert "edited" in content[True]["pull_request"]["types"]


def test_no_document_ships_the_line_that_passes_everything():
    """`jq '.status == "PASS"'` ends with 0 for FAIL; where it stands, it is called a mistake."""
    for page in DOCS.rglob("*.md"):
        for code in re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
            assert not re.search(r"jq\b[^|\n]*==", code), page
    assert not [file for file in snippets.FOLDER.iterdir() if "jq" in file.read_text()]


@pytest.mark.parametrize("product", ["github", "gitea"])
def test_workflow_asks_again_for_all_that_decides(product):
    # YAML 1.1 reads “on” as a truth value.
    types = yaml.safe_load(block(*PAGES[product]))[True]["pull_request"]["types"]

    assert {"opened", "synchronize", "reopened", "edited", "labeled", "unlabeled"} == set(types)
