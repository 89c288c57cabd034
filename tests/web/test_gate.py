"""Decisions of the gate for people."""

import uuid
from datetime import date, timedelta

import pytest
from django.utils import timezone

from governance.models import GateDecision
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


@pytest.fixture
def token():
    return factories.api_token(scopes=["audit", "gate"])[0]


def audit(token, *, verdict="PASS", service=None, findings=(), hours_ago=1):
    return GateDecision.objects.create(
        kind="audit",
        decided_at=timezone.now() - timedelta(hours=hours_ago),
        token=token,
        verdict=verdict,
        findings=list(findings),
        policy_version="2026-11-1",
        service=service or factories.service(),
        date=date(2026, 11, 20),
    )


def change(token, *, verdict="FAIL", repository="shop/order", findings=(), **fields):
    fields = {"request": {"services": ["order"], "commits": [{"sha": "8a5a", "message": "Tidy"}]}} | fields
    return GateDecision.objects.create(
        kind="change",
        decided_at=timezone.now(),
        token=token,
        verdict=verdict,
        findings=list(findings),
        policy_version="2026-11-1",
        repository=repository,
        **fields,
    )


def test_empty_list_leads_to_the_pieces_for_ci(page):
    assert 'href="/gate/connect"' in page.get("/gate/").content.decode()


def test_list_shows_the_newest_first(page, token):
    old, new = audit(token, hours_ago=2), audit(token, hours_ago=1)

    assert page.get("/gate/").context["decisions"] == [new, old]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("verdict=PASS", ["audit"]),
        ("verdict=nonsense", ["audit", "change"]),
        ("kind=change", ["change"]),
        ("q=SHOP", ["change"]),
        ("service=order", ["audit", "change"]),
        ("service=cart", []),
        ("service=%3Bdrop", ["audit", "change"]),
        ("after=x", ["audit", "change"]),
        ("after=2030-01-01T00:00:00.000000Z~not-a-uuid", ["audit", "change"]),
    ],
)
def test_list_filters_and_forgets_what_makes_no_sense(page, token, query, kinds):
    factories.service("cart")
    audit(token, service=factories.service("order"))
    change(token)

    assert sorted(row.kind for row in page.get(f"/gate/?{query}").context["decisions"]) == kinds


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often_for_any_number_of_rows(
    page, token, django_assert_num_queries, rows
):
    for _number in range(rows):
        audit(token)
        change(token)

    with django_assert_num_queries(4):
        page.get("/gate/")


def test_list_pages(page, token):
    service = factories.service()
    for hours in range(55):
        audit(token, service=service, hours_ago=hours)

    first = page.get("/gate/").context["page"]
    second = page.get(f"/gate/?after={first.after}").context["page"]

    assert (len(first.rows), len(second.rows), second.after) == (50, 5, "")


def test_decision_says_what_to_do_about_each_finding(page, token):
    item = factories.item()
    finding = {
        "code": "ITEM_OVERDUE",
        "object": item.public_id,
        "since": "2026-11-20T10:00:00Z",
        "detail": "Due at …",
    }

    body = page.get(f"/gate/{audit(token, verdict='FAIL', findings=[finding]).pk}/").content.decode()

    assert "Make the fix and claim it" in body
    assert f'href="/items/{item.public_id}/"' in body


def test_decision_shows_what_ci_sent_escaped(page, token):
    sent = {
        "description": "<script>alert(1)</script>",
        "commits": [{"sha": "8a5a", "message": "<b>bold</b>"}],
    }
    decision = change(token, title="<i>title</i>", request=sent)

    body = page.get(f"/gate/{decision.pk}/").content.decode()

    assert "<script>alert" not in body
    assert "<b>bold" not in body
    assert "<i>title" not in body


def test_decision_about_a_hidden_postmortem_shows_its_id_only(page, token):
    review = factories.archived_review(
        title="Secret", incidents=[factories.resolved_incident("Secret", is_restricted=True)]
    )
    finding = {"code": "PM_NOT_APPLICABLE", "object": review.public_id, "detail": "…"}
    decision = change(token, postmortems=[review.public_id], findings=[finding])

    body = page.get(f"/gate/{decision.pk}/").content.decode()

    assert review.public_id in body
    assert "Secret" not in body
    assert f'href="/reviews/{review.public_id}/"' not in body


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"commits": "no list"},
        {"commits": [1, None, {}]},
        {"services": {"a": 1}, "description": ["x"]},
        ["a list"],
    ],
)
def test_decision_shows_whatever_was_kept(page, token, request_):
    decision = change(token, request=request_, postmortems={"not": "a list"}, findings=[{}])

    assert page.get(f"/gate/{decision.pk}/").status_code == 200


@pytest.mark.parametrize("path", [f"/gate/{uuid.UUID(int=0)}/", "/gate/nonsense/"])
def test_unknown_decisions_are_not_there(page, path):
    assert page.get(path).status_code == 404
