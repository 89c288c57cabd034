"""The gate's policy as code: planned, applied twice alike, exported as read, refused with the line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance import gates, policyfiles
from governance.models import GatePolicy
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

FILE = """\
gate:
  - name: Shop
    repositories: [shop/*, web]
    mode: off
    excused_paths:
      - docs/**
      - "*.md"
    most_uses: 3
  - name: Default
    asks_audit: true
"""


@pytest.fixture
def file(tmp_path):
    def file(text=FILE):
        path = tmp_path / "policies.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return file


def run(*arguments):
    out = StringIO()
    call_command("policies", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def test_plan_says_what_would_change_and_changes_nothing(file):
    said = run("plan", "-f", file())

    assert said == "+ Shop\n~ Default\n    asks_audit: False -> True\n2 of 2 rows change.\n"
    assert GatePolicy.objects.count() == 1


def test_apply_makes_it_so_and_again_changes_nothing(file, governor):
    run("apply", "-f", file(), "--by", governor.email)

    shop, last = gates.rows()
    assert (shop.repositories, shop.mode, shop.excused_paths, shop.most_uses) == (
        ["shop/*", "web"],
        "off",
        ["docs/**", "*.md"],
        3,
    )
    assert (last.asks_audit, last.version, shop.began_by) == (True, 2, governor)
    assert run("apply", "-f", file(), "--by", governor.email) == "= Shop\n= Default\n0 of 2 rows changed.\n"
    assert GatePolicy.objects.count() == 3


def test_export_is_read_as_it_was(file, governor):
    gating.policy(
        repositories=["shop/*"], name="店铺: yes", mode="dry-run", branches=["main"],
        not_counting=["PM_OVERUSED"], covered_labels=["off", "1"], freeze="services", fails_open=True,
    )  # fmt: skip

    text = run("export")

    assert all(step.act == "keep" for step in gates.plan(policyfiles.read(text).rows))
    assert "店铺" in text


def test_plan_may_end_with_its_own_status(file):
    with pytest.raises(SystemExit) as end:
        run("plan", "-f", file(), "--exit-code")

    assert end.value.code == 2


def test_file_removes_what_it_does_not_name(file, governor):
    gating.policy(repositories=["old"], name="Old")

    assert "- Old\n" in run("apply", "-f", file("gate:\n  - name: Default\n"), "--by", governor.email)
    assert [row.name for row in gates.rows()] == ["Default"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("gate:\n  - name: Default\n    mode: loud\n", 3, "mode: Choose one of"),
        ("gate:\n  - name: Default\n    brunches: [main]\n", 3, "There is no such field: brunches"),
        ("gates: []\n", 1, "There is no such field: gates"),
        ("gate:\n  - mode: warn\n", 2, "needs a name"),
        ("gate:\n  - name: Shop\n    name: Web\n", 3, "name stands twice"),
        ("gate:\n  - name: Default\n    branches: main\n", 3, "branches: Give a list"),
        ("gate:\n  - name: [Default]\n", 2, "one value is needed"),
        ("gate:\n  - name: Shop\n    repositories:\n      - a\n", 2, "The last row must be for all"),
        ("gate: []\n", 1, "The last row must be for all"),
        ("gate:\n  - name: Shop\n  - name: Default\n", 2, "repositories: Name a repository"),
        ("gate:\n  - name: Default\n    most_uses: many\n", 3, "most_uses: This must be"),
        ("gate:\n  - name: Default\n    asks_audit: maybe\n", 3, "asks_audit: This must be"),
        ("gate:\n  - name: Default\n    most_uses: 2026-13-45\n", 3, "most_uses: this cannot be read"),
        ("gate:\n  - name: Default\n    not_counting: [NONE]\n", 3, "not_counting: There is no such finding"),
        ("gate:\n  - name: 'a\n", 3, "YAML:"),
        ("gate: !!python/object/apply:os.system [reboot]\n", 1, "Fields with values"),
        ("gate:\n  - name: Default\n    most_uses: !!python/name:os.system\n", 3, "cannot be read"),
        ("", 1, "Fields with values"),
        ("- a\n", 1, "Fields with values"),
        ("a: b\n---\nc: d\n", 2, "YAML:"),
        ("[" * 5000, 1, "YAML:"),
        ("x: \x00\n", 1, "YAML:"),
        ("x" * (1024 * 1024 + 1), 1, "at most"),
    ],
)
def test_wrong_file_is_refused_with_the_line_and_nothing_is_written(file, governor, text, line, words):
    path = file(text)

    for arguments in (("plan",), ("apply", "--by", governor.email)):
        with pytest.raises(CommandError) as refusal:
            run(*arguments, "-f", path)
        assert f"policies.yaml:{line}: " in str(refusal.value)
        assert words in str(refusal.value)
    assert GatePolicy.objects.count() == 1


def test_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    for name in (path, tmp_path / "missing.yaml"):
        with pytest.raises(CommandError, match=name.name):
            run("plan", "-f", str(name))


@pytest.mark.parametrize("role", ["member", "facilitator"])
def test_only_a_governor_answers_for_it(file, role):
    person = f.user(role=role)

    for address in (person.email, "nobody@example.com"):
        with pytest.raises(CommandError, match="governor"):
            run("apply", "-f", file(), "--by", address)
    assert GatePolicy.objects.count() == 1
