"""Several items at once: chosen in the list, shown exactly, changed all or not at all."""

import re

import pytest
from django.utils import timezone

from remediation import items
from remediation.items import BulkRefused
from remediation.models import RemediationItem
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def page(client, ada):
    client.force_login(ada)
    return client


def seen(response) -> list[str]:
    return re.findall(r'name="seen" value="([^"]+)"', response.content.decode())


def owners() -> list[str]:
    return [item.owner.name for item in RemediationItem.objects.order_by("pk")]


def test_ticked_items_are_shown_with_what_will_change_and_then_changed(page):
    ben, team = factories.user("Ben"), factories.team("Storage")
    first, second = factories.item("one"), factories.item("two", owner=ben)
    picked = {"item": [first.public_id, second.public_id]}
    assert 'name="item" value="' + first.public_id in page.get("/items/").content.decode()

    asked = page.get("/items/bulk", picked)
    wish = picked | {"owner": ben.pk, "team": team.pk, "tracker_url": ""}
    preview = page.post("/items/bulk", wish | {"intent": "preview"})
    text = preview.content.decode()

    assert "Change 2 items" in text
    assert f"<del>{first.owner}</del> → <strong>Ben</strong>" in text
    assert text.count("<strong>Ben</strong>") == 1
    assert text.count("<strong>Storage</strong>") == 2
    assert owners() == [first.owner.name, "Ben"]

    assert seen(asked) == seen(preview)
    saved = page.post("/items/bulk", wish | {"intent": "save", "seen": seen(preview)})
    assert saved["Location"] == "/items/"
    assert owners() == ["Ben", "Ben"]
    assert set(RemediationItem.objects.values_list("team", flat=True)) == {team.pk}


def test_one_refusal_leaves_all_as_they_were(page):
    ben = factories.user("Ben")
    sound, declined = factories.item("one"), factories.item("two", state="wont_do")
    before = owners()
    wish = {"item": [sound.public_id, declined.public_id], "owner": ben.pk}
    preview = page.post("/items/bulk", wish | {"intent": "preview"})

    refused = page.post("/items/bulk", wish | {"intent": "save", "seen": seen(preview)})

    assert refused.status_code == 422
    text = refused.content.decode()
    assert "Nothing was changed: 1 of 2 items refuse." in text
    assert f"{declined.public_id} is “Won&#x27;t do”" in text
    assert owners() == before


def test_what_changed_since_it_was_shown_is_not_changed_unseen(page):
    ben, item = factories.user("Ben"), factories.item("one")
    wish = {"item": [item.public_id], "owner": ben.pk}
    preview = page.post("/items/bulk", wish | {"intent": "preview"})
    other = factories.user("Cay")
    items.assign(item, to=other, by=other, now=timezone.now())

    refused = page.post("/items/bulk", wish | {"intent": "save", "seen": seen(preview)})

    assert "Somebody changed it meanwhile" in refused.content.decode()
    assert owners() == ["Cay"]


def test_nothing_chosen_nothing_wished_and_nothing_hidden(page):
    assert "No item is chosen" in page.get("/items/bulk").content.decode()
    item = factories.item("one")
    assert page.post("/items/bulk", {"item": [item.public_id], "intent": "preview"}).status_code == 422
    incident = factories.resolved_incident("Secret", is_restricted=True)
    hidden = factories.item("Secret fix", review=factories.review(incidents=[incident], is_open=True))
    assert "Secret" not in page.get("/items/bulk", {"item": [hidden.public_id]}).content.decode()
    by = factories.user("Ben")
    with pytest.raises(BulkRefused) as refusal:
        items.change_many(
            [hidden.public_id, item.public_id], wanted=items.Wanted(owner=by), by=by, now=timezone.now()
        )
    assert [one["code"] for one in refusal.value.details["refusals"]] == ["not_found"]
    assert owners()[0] != "Ben"


def test_viewers_tick_nothing(client):
    factories.item("one")
    client.force_login(factories.user(role="viewer"))

    assert 'name="item"' not in client.get("/items/").content.decode()
    assert client.get("/items/bulk").status_code == 403
