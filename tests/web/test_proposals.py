"""Actions that an imported postmortem proposed become items, one click each."""

import pytest

from accounts.models import User
from postmortem import imports
from postmortem.models import Review
from tests import factories
from tests.factories import NOW
from tests.postmortem.test_imports import accepted
from web.proposals import Proposal

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
    assert f"/items/new?review={review.public_id}&amp;proposal=1" in page


def test_form_begins_with_the_action(client, review):
    client.force_login(review.owner)

    short = client.get(f"/items/new?review={review.public_id}&proposal=1").context["form"]
    long = client.get(f"/items/new?review={review.public_id}&proposal=2").context["form"]

    assert (short["title"].value(), short["description"].value()) == ("Set a limit | and a `timeout`", "")
    assert len(long["title"].value()) <= 200
    assert long["title"].value().endswith("…")
    assert long["description"].value() == LONG.strip()


def test_action_that_became_an_item_is_proposed_no_more(client, review):
    client.force_login(review.owner)
    factories.item(review=review, title="Set a limit | and a `timeout`")

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
    proposal = Proposal(1, LONG)

    assert LONG.startswith(proposal.title.removesuffix("…"))
    assert proposal.title.removesuffix("…").split()[-1] in LONG.split()
