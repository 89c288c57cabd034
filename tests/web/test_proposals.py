"""Actions that an imported postmortem proposed become items, one click each."""

from datetime import date

import pytest

from accounts.models import User
from postmortem import imports
from postmortem.importing.columns import Told
from postmortem.models import Review
from tests import factories
from tests.factories import NOW
from tests.postmortem.test_imports import accepted
from web.proposals import Proposal, find_person

pytestmark = pytest.mark.django_db

LONG = "Write down " + "every limit of every pool " * 12
DOCUMENT = f"""# 2018-02-22 Orders fail

## Action items

- [ ] Set a limit | and a `timeout`
- [x] Restart the pool
- [ ] {LONG.strip()}
"""


@pytest.fixture
def review() -> Review:
    factories.service("order")
    document = imports.add(source=DOCUMENT, by=factories.user("Mia"), now=NOW)
    taken = accepted(document).review
    assert taken is not None
    return taken


def test_open_actions_stand_on_the_page_of_the_review_with_a_way_to_promise_them(client, review):
    client.force_login(review.owner)

    page = client.get(f"/reviews/{review.public_id}/").content.decode()

    assert [one.text for one in client.get(f"/reviews/{review.public_id}/").context["proposals"]] == [
        "Set a limit | and a `timeout`",
        LONG.strip(),
    ]
    assert "Set a limit | and a timeout" in page
    assert f"/items/new?review={review.public_id}&amp;proposal=1" in page


def test_form_begins_with_the_action(client, review):
    client.force_login(review.owner)

    short = client.get(f"/items/new?review={review.public_id}&proposal=1").context["form"]
    long = client.get(f"/items/new?review={review.public_id}&proposal=2").context["form"]

    assert (short["title"].value(), short["description"].value()) == ("Set a limit | and a timeout", "")
    assert len(long["title"].value()) <= 200
    assert long["title"].value().endswith("…")
    assert long["description"].value() == LONG.strip()


@pytest.mark.parametrize("title", ["Set a limit | and a timeout", "Set a limit | and a `timeout`"])
def test_action_that_became_an_item_is_proposed_no_more(client, review, title):
    client.force_login(review.owner)
    factories.item(review=review, title=title)

    left = client.get(f"/reviews/{review.public_id}/").context["proposals"]

    assert [one.number for one in left] == [2]


@pytest.mark.parametrize("number", ["0", "3", "-1", "²", "x", ""])
def test_number_that_is_none_begins_an_empty_form(client, review, number):
    client.force_login(review.owner)

    answer = client.get("/items/new", {"review": review.public_id, "proposal": number})

    assert answer.status_code == 200
    assert answer.context["form"]["title"].value() is None


def test_viewer_reads_the_actions_and_is_offered_nothing(client, review):
    client.force_login(factories.user(role=User.Role.VIEWER))

    page = client.get(f"/reviews/{review.public_id}/").content.decode()

    assert "Set a limit" in page
    assert "proposal=1" not in page


def test_title_is_cut_after_a_word():
    proposal = Proposal(1, LONG, Told(" ".join(LONG.split())))

    assert LONG.startswith(proposal.title.removesuffix("…"))
    assert proposal.title.removesuffix("…").split()[-1] in LONG.split()


TABLE = """# 2018-02-22 Orders fail

## Action Items

| Action Item | Type | Owner | Bug | Due |
| --- | --- | --- | --- | --- |
| Add canary for **flags** | prevent | bob | [JIRA-123](https://jira.example.org/JIRA-123) | 2099-12-31 |
| Use a capacitor | process | nobody | Bug 5554823 **TODO** | before 2019 |
| Update the playbook | mitigate | Mia Chen | n/a **DONE** | |
"""


@pytest.fixture
def table() -> Review:
    factories.service("order")
    taken = accepted(imports.add(source=TABLE, by=factories.user("Mia"), now=NOW)).review
    assert taken is not None
    return taken


def test_form_begins_with_what_the_columns_of_a_table_say(client, table):
    bob = factories.user("Bob Smith", email="bob@example.org")
    client.force_login(table.owner)

    form = client.get(f"/items/new?review={table.public_id}&proposal=1").context["form"]

    names = ("title", "description", "owner", "kind", "tracker_url", "due_date")
    assert {name: form[name].value() for name in names} == {
        "title": "Add canary for flags",
        "description": "",
        "owner": bob.pk,
        "kind": "prevent",
        "tracker_url": "https://jira.example.org/JIRA-123",
        "due_date": date(2099, 12, 31),
    }


def test_words_that_no_field_takes_stand_in_the_details(client, table):
    client.force_login(table.owner)

    form = client.get(f"/items/new?review={table.public_id}&proposal=2").context["form"]

    assert form["title"].value() == "Use a capacitor"
    assert form["description"].value().splitlines() == [
        "Type: process",
        "Bug: Bug 5554823 TODO",
        "Due: before 2019",
        "Owner: nobody",
    ]
    assert (form["owner"].value(), form["kind"].value()) == (None, "prevent")
    assert (form["tracker_url"].value(), form["due_date"].value()) == (None, None)


def test_list_shows_the_action_and_what_its_row_says_beside_it(client, table):
    client.force_login(table.owner)

    found = client.get(f"/reviews/{table.public_id}/").context["proposals"]

    assert [(one.title, one.hint) for one in found] == [
        ("Add canary for flags", "prevent · bob · 2099-12-31"),
        ("Use a capacitor", "nobody · Type: process · Bug: Bug 5554823 TODO · Due: before 2019"),
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Bob Smith", "bob@example.org"),
        ("BOB@example.org", "bob@example.org"),
        ("@bob", "bob@example.org"),
        ("Smith", "bob@example.org"),
        ("张三", "zhang@example.org"),
        ("Lee", None),
        ("bob, ann", None),
        ("gone", None),
        ("%", None),
        ("", None),
    ],
)
def test_owner_is_the_one_active_person_who_is_called_so(said, found):
    for name, email in (
        ("Bob Smith", "bob@example.org"),
        ("Ann Lee", "ann@example.org"),
        ("Ben Lee", "ben@example.org"),
        ("张三", "zhang@example.org"),
    ):
        factories.user(name, email=email)
    factories.user("gone", email="gone@example.org", is_active=False)

    person = find_person(said)

    assert (person.email if person else None) == found
