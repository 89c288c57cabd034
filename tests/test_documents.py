"""Tables of the documents that must name every code of the program, and no other."""

import re
from pathlib import Path

import pytest

from accounts.models import ApiToken
from governance.models import Notice
from governance.policy import CODES
from tests.clients.asking import FOLDER

DOCS = Path(__file__).resolve().parent.parent / "docs"
_CODES = re.compile(r"`([A-Za-z_]+)`")


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of all tables of a page whose first column has this heading."""
    found: list[list[str]] = []
    is_inside = False
    for line in (DOCS / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            is_inside = False
        elif cells[0] == heading:
            is_inside = True
        elif is_inside and set(line) - set("|- "):
            found.append(cells)
    return found


def test_every_finding_stands_in_the_document_of_the_gate():
    named = [code for row in rows("ci.md", "Finding") for code in _CODES.findall(row[0])]

    assert sorted(named) == sorted(CODES)


@pytest.mark.parametrize("client", ["closeloop_gate.py", "closeloop-gate.sh"])
def test_every_client_says_the_next_step_for_every_finding(client):
    text = (FOLDER / client).read_text()
    named = re.findall(r'^    "?([A-Z][A-Z0-9_]+)(?:": "|\) echo ")', text, re.MULTILINE)

    assert sorted(named) == sorted(CODES)


def test_every_kind_of_notice_stands_in_the_document_of_notices():
    named = [code for row in rows("notices.md", "Notice") for code in _CODES.findall(row[1])]

    assert sorted(named) == sorted(Notice.Kind.values)


def test_every_scope_of_a_token_stands_in_the_document_of_permissions():
    said = re.search(r"within scopes \((.*?)\)", (DOCS / "permissions.md").read_text(), re.DOTALL)

    assert sorted(_CODES.findall(said[1])) == sorted(ApiToken.Scope.values)
