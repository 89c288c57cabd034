"""Keyset pages: forward, back, and whatever stands in the address."""

from datetime import timedelta

import pytest
from django.http import QueryDict

from remediation.models import RemediationItem
from tests import factories
from tests.factories import NOW
from web.paging import page_of

pytestmark = pytest.mark.django_db


def page(query: str = "", *, is_descending: bool = False, size: int = 2):
    rows = RemediationItem.objects.all()
    return page_of(rows, QueryDict(query), by="due_at", is_descending=is_descending, size=size)


def titles(found) -> list[str]:
    return [row.title for row in found.rows]


@pytest.fixture
def _five():
    for number, days in enumerate([1, 2, 2, 2, 3], start=1):
        factories.item(str(number), due_at=NOW + timedelta(days=days))


@pytest.mark.usefixtures("_five")
@pytest.mark.parametrize(("is_descending", "order"), [(False, "12345"), (True, "54321")])
def test_pages_follow_each_other_and_lead_back(is_descending, order):
    first = page(is_descending=is_descending)
    second = page(f"after={first.after}", is_descending=is_descending)
    third = page(f"after={second.after}", is_descending=is_descending)

    assert "".join(titles(first) + titles(second) + titles(third)) == order
    assert (first.before, third.after) == ("", "")
    assert titles(page(f"before={third.before}", is_descending=is_descending)) == titles(second)
    assert titles(page(f"before={second.before}", is_descending=is_descending)) == titles(first)
    assert page(f"before={second.before}", is_descending=is_descending).before == ""


@pytest.mark.usefixtures("_five")
@pytest.mark.parametrize(
    "place",
    [
        "x",
        "~",
        "2026-11-20~1",
        "2026-11-20T00:00:00.000000Z~x",
        "9999-99-99T00:00:00.000000Z~1",
        "0000-01-01T00:00:00.000000Z~1",
        "~1",
        "é~²",
    ],
)
def test_a_place_that_makes_no_sense_is_the_beginning(place):
    assert titles(page(f"after={place}")) == ["1", "2"]


@pytest.mark.usefixtures("_five")
@pytest.mark.parametrize("key", ["9" * 30, "-5"])
def test_a_place_with_an_absurd_id_breaks_nothing(key):
    assert len(page(f"after=2026-11-22T12:00:00.000000Z~{key}").rows) <= 2
