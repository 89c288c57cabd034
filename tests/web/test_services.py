"""Services: their standing for people, and the line for CI that cannot pass by accident."""

import csv
import io
import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone

from governance.models import GateDecision
from postmortem.models import Service, TrailEntry
from tests import factories
from web.services import ci_line

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


def overdue_item(service, **fields):
    now = timezone.now()
    return factories.item(service=service, agreed_at=now - 20 * DAY, due_at=now - DAY, **fields)


def test_list_counts_work_and_incidents_of_each_service(page):
    order, cart = factories.service("order"), factories.service("cart")
    overdue_item(order)
    overdue_item(order, state="verified")
    now = timezone.now()
    factories.incident(services=[cart, order], started_at=now, declared_at=now)

    rows = {row.slug: row for row in page.get("/services/").context["services"]}

    assert (rows["order"].work["active"], rows["order"].work["overdue"], rows["order"].open_incidents) == (
        1,
        1,
        1,
    )
    assert (rows["order"].verdict, rows["cart"].verdict) == ("FAIL", "PASS")
    assert (rows["cart"].work, rows["cart"].open_incidents) == ({}, 1)


def test_list_counts_nothing_hidden(page):
    order = factories.service("order")
    incident = factories.incident(services=[order], is_restricted=True)
    overdue_item(order, review=factories.review(incidents=[incident]))

    (row,) = page.get("/services/").context["services"]

    assert (row.work, row.open_incidents) == ({}, 0)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often_for_any_number_of_rows(page, django_assert_num_queries, rows):
    for _number in range(rows):
        overdue_item(factories.service())

    with django_assert_num_queries(7):
        page.get("/services/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["cart", "order", "payment"]),
        ("?q=PAY", ["payment"]),
        ("?q=the%20shop", ["cart"]),
        ("?team=core", ["order"]),
        ("?today=FAIL", ["order"]),
        ("?today=PASS&q=a", ["cart", "payment"]),
        ("?today=PASS&team=core", []),
        ("?team=nowhere&today=MAYBE", ["cart", "order", "payment"]),
        ("?q=%25", []),
        ("?after=order~0", ["order", "payment"]),
        ("?after=nonsense", ["cart", "order", "payment"]),
        ("?after=zzz~0", []),
    ],
)
def test_list_is_narrowed_by_name_team_and_standing(page, query, found):
    overdue_item(factories.service("order", team=factories.team("Core", slug="core")))
    factories.service("payment")
    cart = factories.service("cart")
    Service.objects.filter(pk=cart.pk).update(name="Basket of the shop")

    response = page.get(f"/services/{query}")
    table = page.get(f"/services/export.csv{query.partition('?after')[0]}")

    assert [row.slug for row in response.context["services"]] == found
    if "after" not in query:
        lines = list(csv.DictReader(io.StringIO(table.getvalue().decode("utf-8-sig"))))
        assert [line["service"] for line in lines] == found
        assert all(line["overdue_items"] == str(int(line["today"] == "FAIL")) for line in lines)


def test_list_has_pages(page, monkeypatch):
    monkeypatch.setattr("web.service_list.PAGE_SIZE", 2)
    for name in ("a", "b", "c", "d", "e"):
        factories.service(name)
    seen, place = [], ""
    for _page in range(3):
        context = page.get("/services/", {"after": place} if place else {}).context
        seen.append([row.slug for row in context["services"]])
        place, before = context["page"].after, context["page"].before

    assert seen == [["a", "b"], ["c", "d"], ["e"]]
    assert not place
    back = page.get("/services/", {"before": before}).context["services"]
    assert [row.slug for row in back] == ["c", "d"]


def test_page_judges_the_service_and_says_what_to_do(page):
    order = factories.service("order")
    made = overdue_item(order)

    response = page.get("/services/order/")

    body = response.content.decode()
    assert response.context["verdict"] == "FAIL"
    assert "ITEM_OVERDUE" in body
    assert f'href="/items/{made.public_id}/"' in body


def test_page_keeps_no_decision(page):
    factories.service("order")

    page.get("/services/order/")

    assert not GateDecision.objects.exists()


def test_page_names_a_hidden_object_by_id_only(page):
    order = factories.service("order")
    incident = factories.incident("Secret incident", services=[order], is_restricted=True)
    made = overdue_item(
        order, title="Secret fix", review=factories.review("Secret review", incidents=[incident])
    )

    body = page.get("/services/order/").content.decode()

    assert "Secret" not in body
    assert f'href="/items/{made.public_id}/"' not in body


@pytest.mark.parametrize("path", ["/services/nowhere/", "/services/%00/", "/services/" + "x" * 500 + "/"])
def test_page_of_an_unknown_service_is_not_there(page, path):
    assert page.get(path).status_code in (400, 404)


def test_administrator_adds_and_edits_a_service(client):
    admin = factories.user(role="administrator")
    client.force_login(admin)
    team = factories.team()

    client.post(
        "/services/new",
        {
            "slug": "order",
            "name": "Order",
            "team": team.pk,
            "tier": "1",
            "repositories": "shop/order\nshop/order\n\n",
        },
    )
    client.post(
        "/services/order/edit",
        {"slug": "other", "name": "Orders", "team": team.pk, "tier": "2", "repositories": ""},
    )

    service = Service.objects.get()
    assert (service.slug, service.name, service.tier, service.repositories) == ("order", "Orders", 2, [])
    acts = TrailEntry.objects.filter(model="postmortem_service").order_by("id").values_list("act", "actor")
    assert list(acts) == [("services.add", admin.pk), ("services.edit", admin.pk)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "or der"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"tier": "9"}, "tier"),
        ({"tier": "x"}, "tier"),
        ({"team": "999999999999999999999"}, "team"),
        ({"repositories": "x" * 201}, "repositories"),
        ({"repositories": "\n".join(map(str, range(60)))}, "repositories"),
    ],
)
def test_a_bad_service_is_refused_by_name(client, changes, field):
    client.force_login(factories.user(role="administrator"))
    sound = {"slug": "order", "name": "Order", "team": factories.team().pk, "tier": "1", "repositories": ""}

    response = client.post("/services/new", sound | changes)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not Service.objects.exists()


def test_nobody_else_adds_a_service(page):
    factories.service("order")

    assert page.get("/services/new").status_code == 403
    assert page.post("/services/order/edit", {}).status_code == 403


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ('{"status":"PASS"}', 0),
        ('{"status":"FAIL"}', 1),
        ('{"status":"UNKNOWN"}', 1),
        ('{"status":"PASS"', 1),
        ('{"verdict":"PASS"}', 1),
        ("PASS", 1),
        ("", 1),
        (None, 1),
    ],
)
def test_ci_line_ends_with_0_for_pass_and_for_nothing_else(tmp_path, answer, status):
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nexit 22\n" if answer is None else f"#!/bin/sh\nprintf '%s' '{answer}'\n")
    curl.chmod(0o755)

    done = subprocess.run(
        ["sh", "-c", ci_line("order")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "CLOSELOOP_TOKEN": "x"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == status
