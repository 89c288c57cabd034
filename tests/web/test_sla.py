"""Settings of the SLA, and the deadline that the form of an item shows."""

import pytest

from remediation.models import SlaPolicy, WorkingCalendar
from tests import factories
from tests.api.conftest import Caller
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return client_of(factories.user("Gia", role="governor"))


def test_rows_are_listed_in_order_with_the_one_that_never_decides(client):
    SlaPolicy.objects.create(position=9, days=90)

    versions = [factories.sla_version(position) for position in (1, 2, 5)]
    page = client.get("/settings/sla/").text

    assert [*map(page.index, versions)] == sorted(map(page.index, versions))
    assert page.count("never decides") == 1
    assert "keep their deadline" in page


def test_page_says_which_row_would_decide(client):
    severity = factories.severity("P0")

    page = client.get(f"/settings/sla/?try=1&severity={severity.pk}&category=technical_debt").text

    assert f"{factories.sla_version(2)}</span> decides" in page
    assert "does not fit: Category" in " ".join(page.split()).replace("</span> ", "")
    assert "This field is required" in client.get("/settings/sla/?try=1").text


def test_governor_adds_edits_moves_and_removes_a_row(client):
    answer = client.post("/settings/sla/new", {"kind": "detect", "days": 3})
    row = SlaPolicy.objects.get(kind="detect")
    assert (answer.status_code, row.position, row.days) == (302, 5, 3)

    client.post(f"/settings/sla/{row.pk}/", {"kind": "detect", "days": 4})
    client.post(f"/settings/sla/{row.pk}/move", {"up": "1"})
    row.refresh_from_db()
    assert (row.days, row.version, row.position) == (4, 2, 4)

    assert "keep it" in client.get(f"/settings/sla/{row.pk}/remove").text
    client.post(f"/settings/sla/{row.pk}/remove")
    assert not SlaPolicy.objects.filter(pk=row.pk).exists()


def test_last_row_that_fits_everything_is_not_edited_away(client):
    row = SlaPolicy.objects.last()

    answer = client.post(f"/settings/sla/{row.pk}/", {"kind": "detect", "days": 4})

    assert answer.status_code == 422
    assert "Keep one row without conditions" in answer.text


def test_governor_adds_a_calendar(client):
    form = {"name": "Berlin", "time_zone": "Europe/Berlin", "holidays": "2026-12-25\n2026-10-03"}
    week = {f"day_{day}": "09:00-18:00" if day < 5 else "" for day in range(7)}

    assert client.post("/settings/calendars/new", form | week | {"day_0": "soon"}).status_code == 422
    assert "is no day" in client.post("/settings/calendars/new", form | week | {"holidays": "soon"}).text
    assert client.post("/settings/calendars/new", form | week).status_code == 302

    calendar = WorkingCalendar.objects.get()
    assert [str(day) for day in calendar.holidays] == ["2026-10-03", "2026-12-25"]
    assert 'value="09:00-18:00"' in client.get(f"/settings/calendars/{calendar.pk}/").text


@pytest.mark.parametrize("count", [1, 3])
def test_page_costs_the_same_queries_for_any_number_of_rows(client, django_assert_num_queries, count):
    for _ in range(count):
        factories.sla_policy(calendar=factories.calendar(), service=factories.service())

    # Session, person, rows, calendars, their rows; severities, services and teams to choose from; whether the
    # reader looks after a team. Of the history: which entries there are, the newest, and the rows and
    # calendars that they are about.
    with django_assert_num_queries(14):
        client.get("/settings/sla/")


def test_form_of_an_item_shows_what_its_service_and_kind_give(client):
    service, severity = factories.service(), factories.severity("P4")
    row = SlaPolicy.objects.create(position=0, days=3, kind="detect", service=service)
    query = f"severity={severity.pk}&category=technical_debt"

    assert f"{row}<" in client.get(f"/items/new/due?{query}&kind=detect&service={service.pk}").text
    assert f"{row}<" not in client.get(f"/items/new/due?{query}&kind=prevent&service={service.pk}").text
    assert "Choose severity" in client.get("/items/new/due?severity=x").text
    tool = client.get(f"/items/new/due?severity={severity.pk}&category=missing_tool").text
    assert "after 14 days" not in tool


def test_program_asks_when_an_item_would_be_due():
    caller = Caller(factories.user())
    SlaPolicy.objects.filter(category="missing_tool").update(days=30)

    answer = caller.post("sla-policies/explain", {"severity": "P1", "category": "missing_tool"}).json()

    assert (answer["policy"], answer["is_capped"]) == (factories.sla_version(1), True)
    assert answer["tried"] == [{"policy": factories.sla_version(1), "misses": []}]


def test_program_orders_rows_with_the_same_refusals():
    governor = Caller(factories.user(role="governor"))
    last = SlaPolicy.objects.last()

    made = governor.post("sla-policies", {"kind": "detect", "days": 3}).json()
    moved = governor.post(f"sla-policies/{made['id']}/move", {"direction": "up"}).json()

    assert (made["position"], moved["position"]) == (5, 4)
    assert governor.delete(f"sla-policies/{last.pk}").json()["code"] == "no_fallback"
    assert governor.delete(f"sla-policies/{made['id']}").status_code == 204
    assert Caller(factories.user()).post("sla-policies", {"days": 3}).status_code == 403
