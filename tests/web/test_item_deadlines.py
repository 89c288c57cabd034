"""More time for an item, and what the page of it says of the deadline."""

import pytest
from django.utils import timezone

from remediation import deadlines
from tests import factories
from tests.api.conftest import Caller
from tests.factories import DAY
from tests.web.test_reviews import client_of
from web.moments import moment_html

pytestmark = pytest.mark.django_db


@pytest.fixture
def item():
    return factories.item(agreed_at=timezone.now() - DAY)


def test_owner_asks_and_a_governor_grants(item):
    mine = client_of(item.owner)
    page = f"/items/{item.public_id}/"
    assert f"{page}more-time" in mine.get(page).text

    day = timezone.localtime(item.due_at + 3 * DAY).date()
    mine.post(f"{page}more-time", {"due_at": day.isoformat(), "reason": "The vendor is late."})
    shown = mine.get(page).text
    assert "not answered" in shown
    assert "The vendor is late." in shown
    assert "Take it back" in shown
    assert f"{page}grant-more-time" not in shown

    governor = client_of(factories.user(role="governor"))
    assert f"{page}grant-more-time" in governor.get(page).text
    governor.post(f"{page}grant-more-time", {"comment": "It is."})
    item.refresh_from_db()
    assert timezone.localtime(item.due_at).date() == day
    assert "granted" in mine.get(page).text


def test_a_day_that_is_no_later_is_refused_beside_its_field(item):
    answer = client_of(item.owner).post(
        f"/items/{item.public_id}/more-time", {"due_at": timezone.localdate().isoformat(), "reason": "x"}
    )

    assert answer.status_code == 422
    assert "A later deadline than the present one is needed" in answer.text


def test_page_says_what_was_missed_after_a_late_verification_too():
    now = timezone.now()
    item = factories.item(state="verified", agreed_at=now - 20 * DAY, due_at=now - 19 * DAY)
    deadlines.mark(now=now)

    page = client_of(item.owner).get(f"/items/{item.public_id}/").text

    assert "The deadline was missed" in page
    assert "more-time" not in page


def test_program_does_the_same_with_the_same_refusals(item):
    caller, governor = Caller(item.owner), Caller(factories.user(role="governor"))
    path, later = f"items/{item.public_id}/more-time", item.due_at + DAY

    assert caller.post(path, {"due_at": item.due_at.isoformat(), "reason": "x"}).status_code == 400
    asked = caller.post(path, {"due_at": later.isoformat(), "reason": "The vendor is late."})
    assert [row["answer"] for row in asked.json()["deadline_waivers"]] == [""]
    assert caller.post(f"{path}/grant").status_code == 403
    granted = governor.post(f"{path}/grant", {"comment": "It is."}).json()
    assert granted["due_at"] == later.isoformat().replace("+00:00", "Z")
    assert governor.post(f"{path}/refuse", {"reason": "x"}).json()["code"] == "not_asked"


def test_page_says_when_it_came_near_its_deadline():
    now = timezone.now()
    item = factories.item(agreed_at=now - 9 * DAY, due_at=now + DAY)
    deadlines.mark(now=now - DAY / 2)

    page = client_of(item.owner).get(f"/items/{item.public_id}/").text

    panel = page.partition('id="deadline-title"')[2].partition("</section>")[0]
    assert "Four fifths of the time were used." in panel
    assert moment_html(now - DAY / 2, "exact", None) in panel
    assert moment_html(item.due_at, "exact", None) not in panel
