"""Waivers of the gate for people: asked for, answered, listed, and hidden where their object is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.models import GateDecision, GateWaiver
from tests import factories, gating

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LIST = "/gate/waivers/"


@pytest.fixture
def mia():
    return factories.user("Mia")


@pytest.fixture
def page(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def governor(client):
    client.force_login(factories.user("Gia", role="governor"))
    return client


def now():
    return timezone.now()


def fields(**changes):
    until = timezone.localtime(now() + DAY)
    said = {
        "repository": "shop/order",
        "findings": ["POSTMORTEM_NOT_NAMED"],
        "reason": "The sale begins.",
        "expires_at": until.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    return said | changes


def test_waiver_is_asked_for_by_form(page, mia):
    response = page.post(f"{LIST}new", fields(change_id="!42"))

    waiver = GateWaiver.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"{LIST}{waiver.pk}/")
    assert (waiver.repository, waiver.change_id, waiver.findings, waiver.asked_by) == (
        "shop/order",
        "!42",
        ["POSTMORTEM_NOT_NAMED"],
        mia,
    )


def test_form_is_filled_in_from_a_decision_and_forgets_what_makes_no_sense(page):
    factories.service("order")
    query = "repository=shop/order&change=!42&finding=PM_UNKNOWN&finding=NONE&service=order"

    initial = page.get(f"{LIST}new?{query}").context["form"].initial

    assert (initial["repository"], initial["change_id"], initial["findings"]) == (
        "shop/order",
        "!42",
        ["PM_UNKNOWN"],
    )
    assert initial["service"].slug == "order"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"repository": ""}, "repository"),
        ({"findings": []}, "findings"),
        ({"findings": ["WAIVER_EXPIRED"]}, "findings"),
        ({"reason": " "}, "reason"),
        ({"expires_at": "2020-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"service": "999"}, "service"),
    ],
)
def test_wrong_question_is_said_beside_its_field(page, changes, field):
    response = page.post(f"{LIST}new", fields(**changes))

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not GateWaiver.objects.exists()


def test_governor_grants_and_ends(governor, mia):
    waiver = gating.waiver(repository="shop/order", at=now(), is_granted=False, by=mia)
    assert f"{LIST}{waiver.pk}/grant" in governor.get(f"{LIST}{waiver.pk}/").content.decode()

    governor.post(f"{LIST}{waiver.pk}/grant", {"comment": "For the sale."})
    waiver.refresh_from_db()
    assert (waiver.answer, waiver.comment) == ("granted", "For the sale.")

    assert f"{LIST}{waiver.pk}/end" in governor.get(f"{LIST}{waiver.pk}/").content.decode()
    governor.post(f"{LIST}{waiver.pk}/end")
    waiver.refresh_from_db()
    assert waiver.state(now()) == "ended"


def test_governor_refuses_with_a_reason(governor, mia):
    waiver = gating.waiver(repository="shop/order", at=now(), is_granted=False, by=mia)

    assert governor.post(f"{LIST}{waiver.pk}/refuse", {"reason": ""}).status_code == 422
    governor.post(f"{LIST}{waiver.pk}/refuse", {"reason": "It can wait."})

    waiver.refresh_from_db()
    assert (waiver.answer, waiver.comment) == ("refused", "It can wait.")


def test_own_waiver_is_taken_back_and_nobody_elses(page, mia):
    mine = gating.waiver(repository="shop/order", at=now(), is_granted=False, by=mia)
    theirs = gating.waiver(repository="shop/order", at=now(), is_granted=False)

    page.post(f"{LIST}{mine.pk}/withdraw")

    mine.refresh_from_db()
    assert mine.answer == "withdrawn"
    assert page.post(f"{LIST}{theirs.pk}/withdraw").status_code == 404


def test_governor_who_asked_is_offered_to_grant_only_where_one_alone_may(client):
    gia = factories.user("Gia", role="governor")
    client.force_login(gia)
    waiver = gating.waiver(repository="shop/order", at=now(), is_granted=False, by=gia)
    assert not client.get(f"{LIST}{waiver.pk}/").context["may_grant"]

    gating.policy(waivers_alone=True, now=now())

    assert client.get(f"{LIST}{waiver.pk}/").context["may_grant"]
    client.post(f"{LIST}{waiver.pk}/grant", {"comment": ""})
    assert "by one alone" in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("state=in_force", 1),
        ("state=asked", 1),
        ("state=nonsense", 3),
        ("service=order", 1),
        ("q=SHOP", 2),
        ("finding=ITEM_OVERDUE", 1),
        ("after=x", 3),
    ],
)
def test_list_and_table_filter_alike(page, query, count):
    gating.waiver(service=factories.service("order"), at=now(), findings=["ITEM_OVERDUE"])
    gating.waiver(repository="shop/order", at=now(), is_granted=False)
    gating.waiver(repository="shop/cart", at=now() - 9 * DAY)

    rows = page.get(f"{LIST}?{query}").context["waivers"]
    table = page.get(f"/gate/waivers.csv?{query}").getvalue().decode()

    assert len(rows) == count
    assert len(table.strip().splitlines()) == count + 1


def test_table_holds_no_formulas(page):
    gating.waiver(repository="shop/order", reason="=HYPERLINK(1)")

    assert "'=HYPERLINK(1)" in page.get("/gate/waivers.csv").getvalue().decode()


def test_waiver_about_a_hidden_object_is_nowhere(page):
    review = factories.review("Secret", incidents=[factories.resolved_incident(is_restricted=True)])
    hidden = gating.waiver(repository="shop/order", object=review.public_id, reason="Because of Acme")

    assert "Acme" not in page.get(LIST).content.decode()
    assert "Acme" not in page.get("/gate/waivers.csv").getvalue().decode()
    assert page.get(f"{LIST}{hidden.pk}/").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often(page, django_assert_num_queries, rows):
    for _number in range(rows):
        gating.waiver(service=factories.service())

    with django_assert_num_queries(4):
        page.get(LIST)


def test_decision_shows_its_waiver_and_the_finding(page, mia):
    waiver = gating.waiver(repository="shop/order", at=now())
    decision = GateDecision.objects.create(
        kind="change",
        decided_at=now(),
        token=factories.api_token(scopes=["gate"])[0],
        verdict="PASS",
        findings=[{"code": "POSTMORTEM_NOT_NAMED", "object": "", "detail": "…", "waived_by": str(waiver)}],
        waivers=[str(waiver), "odd"],
        policy_version="2026-11-3/gate-1v1",
        repository="shop/order",
    )

    body = page.get(f"/gate/{decision.pk}/").content.decode()

    assert f'href="{LIST}{waiver.pk}/"' in body
    assert "What was found is waived." in body
