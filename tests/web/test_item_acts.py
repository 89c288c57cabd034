"""Pages that change what an item says, who answers for it, and whether it is done at all."""

import pytest

from postmortem.models import LessonPoint
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


def log_in(client, **person):
    user = factories.user(**person)
    client.force_login(user)
    return user


def edited(item, **changes):
    names = ("title", "description", "tracker_url", "kind", "category", "version")
    return {name: getattr(item, name) for name in names} | changes


def test_edit_page_saves_words_and_category(page):
    factories.sla_policies()
    item = factories.item()
    assert item.title in page.get(f"/items/{item}/edit").content.decode()

    response = page.post(f"/items/{item}/edit", edited(item, title="Set two", category="process_defect"))

    assert response["Location"] == f"/items/{item}/"
    item.refresh_from_db()
    assert (item.title, item.category, item.version) == ("Set two", "process_defect", 2)


def test_edit_over_a_newer_version_shows_both(page):
    item = factories.item("Old")
    page.post(f"/items/{item}/edit", edited(item, title="Theirs"))

    response = page.post(f"/items/{item}/edit", edited(item, title="Mine", kind="detect"))

    assert response.status_code == 409
    text = response.content.decode()
    assert 'value="Mine"' in text
    assert "Theirs" in text
    assert page.post(f"/items/{item}/edit", edited(item, title="Mine", version=2)).status_code == 302
    item.refresh_from_db()
    assert item.title == "Mine"


def test_category_of_a_claimed_fix_is_not_offered(page):
    item = factories.item(state="fix_claimed")

    text = page.get(f"/items/{item}/edit").content.decode()
    assert 'name="category"' not in text
    assert 'name="kind"' in text


def test_ownerless_item_is_taken_over_in_one_click(page, ada):
    """R4."""
    item = factories.item(team=factories.team(manager=ada))
    item.owner.is_active = False
    item.owner.save()
    shown = page.get(f"/items/{item}/").content.decode()
    assert "is not active any more" in shown
    assert f'action="/items/{item}/take-over"' in shown

    assert page.post(f"/items/{item}/take-over")["Location"] == f"/items/{item}/"

    item.refresh_from_db()
    assert item.owner == ada
    assert "is not active any more" not in page.get(f"/items/{item}/").content.decode()


def test_take_over_is_not_offered_to_others(page):
    item = factories.item(team=factories.team(manager=factories.user("Manager")))
    item.owner.is_active = False
    item.owner.save()

    shown = page.get(f"/items/{item}/").content.decode()

    assert "take-over" not in shown
    assert "Manager, who manages the team" in shown
    assert page.post(f"/items/{item}/take-over").status_code == 403


def test_request_not_to_do_it_is_shown_and_answered_by_a_governor(client, page, ada):
    item = factories.item(owner=ada)
    assert f'href="/items/{item}/wont-do"' in page.get(f"/items/{item}/").content.decode()
    page.post(f"/items/{item}/wont-do", {"reason": "The service ends."})
    shown = page.get(f"/items/{item}/").content.decode()
    assert "Ada asks that it be not done." in shown
    assert "The service ends." in shown
    assert "/grant-wont-do" not in shown
    assert "/withdraw-wont-do" in shown
    assert f'href="/items/{item}/wont-do"' not in shown

    log_in(client, role="governor")
    assert "/grant-wont-do" in client.get(f"/items/{item}/").content.decode()
    assert "The service ends." in client.get(f"/items/{item}/grant-wont-do").content.decode()
    client.post(f"/items/{item}/grant-wont-do", {"comment": ""})

    item.refresh_from_db()
    assert (item.state, item.wont_do_reason) == ("wont_do", "The service ends.")


def test_refused_request_leaves_the_item(client, page, ada):
    item = factories.item(owner=ada, state="in_progress")
    page.post(f"/items/{item}/wont-do", {"reason": "The service ends."})

    log_in(client, role="governor")
    assert client.post(f"/items/{item}/refuse-wont-do", {"reason": ""}).status_code == 422
    client.post(f"/items/{item}/refuse-wont-do", {"reason": "It stays."})

    item.refresh_from_db()
    assert (item.state, item.wont_do_requests.get().answer) == ("in_progress", "refused")


def test_claim_of_a_grave_item_asks_for_a_reason_though_the_check_rests(page, ada):
    """The page asks for what the act asks for."""
    item = factories.item(owner=ada, severity="P1", checks=2)
    item.verification_checks.update(is_paused=True)
    factories.stand(item.verification_checks.all(), seen_red_at=None)

    assert 'name="never_red_reason"' in page.get(f"/items/{item}/claim").content.decode()


def test_what_no_item_answers_is_named_on_item_and_review(page):
    review = factories.review(is_open=True)
    factories.verified_cause(review, "The pool has no timeout.")
    point = factories.lesson_point(review, "Nobody knew the limit.")
    item = factories.item(review=review)

    for path in (f"/items/{item}/", f"/reviews/{review.public_id}/"):
        shown = page.get(path).content.decode()
        assert "No item answers yet" in shown
        assert f"/items/new?review={review.public_id}&amp;cause=" in shown
        assert f'href="/lessons/{point.pk}/answer"' in shown

    page.post(f"/items/{item}/causes", {"causes": [review.causes.get().pk]})
    LessonPoint.objects.get().items.add(item)
    assert "No item answers yet" not in page.get(f"/items/{item}/").content.decode()
    assert RemediationItem.objects.get().causes.get() == review.causes.get()
