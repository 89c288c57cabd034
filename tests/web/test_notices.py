"""The bell and the list behind it."""

import pytest

from governance import notices
from governance.models import Notice
from postmortem.models import Incident
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    person = factories.user("Ada")
    client.force_login(person)
    return person


def tell(person, count=1, **fields):
    return [
        notices.tell(
            "review_breached",
            to=[person],
            incident=factories.resolved_incident(f"Orders fail {number}", participants=[person], **fields),
            key=str(number),
            by=None,
            now=NOW + number * HOUR,
        )[0]
        for number in range(count)
    ]


def test_the_bell_counts_what_is_unread(client, ada):
    assert "only-read" not in client.get("/services/").text
    tell(ada, 3)

    page = client.get("/services/").text

    assert '<span class="count tone-bad">3<span class="only-read"> unread</span></span>' in page
    assert 'aria-label="3 unread notices"' in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_any_number(client, ada, django_assert_num_queries, count):
    tell(ada, count)

    # Session, person with the bell's number, notices.
    with django_assert_num_queries(3):
        page = client.get("/notices/").text

    assert page.count("was not done in time") == count


def test_marking_one_and_all(client, ada):
    first, second, third = tell(ada, 3)

    assert client.post(f"/notices/{second.pk}/read").headers["Location"] == "/notices/"
    assert list(notices.of(ada).filter(read_at=None)) == [third, first]
    page = client.get("/notices/?show=unread").text
    assert (f"/notices/{first.pk}/read" in page, f"/notices/{second.pk}/read" in page) == (True, False)

    client.post("/notices/read")
    assert "Nothing unread" in client.get("/notices/?show=unread").text
    assert "only-read" not in client.get("/services/").text


def test_notices_of_others_and_of_what_became_hidden_do_not_exist(client, ada):
    (mine,) = tell(ada)
    other = factories.user()
    (theirs,) = tell(other)

    assert client.post(f"/notices/{theirs.pk}/read").status_code == 404
    Incident.objects.filter(pk=mine.incident_id).update(is_restricted=True, title="Secret takeover")
    assert "Secret" in client.get("/notices/").text
    mine.incident.participants.all().delete()
    assert "Secret" not in client.get("/notices/").text
    assert client.post(f"/notices/{mine.pk}/read").status_code == 404


def test_the_api_lists_and_marks_what_the_caller_was_told(client, ada):
    from tests.api.conftest import Caller

    caller = Caller(ada)
    first, second = tell(ada, 2)
    tell(factories.user())

    assert [one["id"] for one in caller.get("notices").json()["items"]] == [second.pk, first.pk]
    answer = caller.post(f"notices/{first.pk}/read", {}).json()
    assert (answer["kind"], answer["incident"]) == ("review_breached", str(first.incident))
    assert answer["read_at"] is not None
    assert [one["id"] for one in caller.get("notices", is_unread="true").json()["items"]] == [second.pk]
    assert Notice.objects.filter(read_at=None).count() == 2
