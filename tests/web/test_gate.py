"""Decisions of the gate for people."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pgtrigger
import pytest
from django.utils import timezone

from governance.models import GateDecision
from tests import factories, gating

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
        ("finding=PM_UNKNOWN", ["change"]),
        ("finding=NONE", ["audit", "change"]),
        ("waived=on", ["change"]),
        ("since=2026-11-01&until=2026-11-02", ["audit"]),
        ("since=2026-11-03", ["change"]),
        ("since=9999-12-31", ["audit", "change"]),
        ("until=soon", ["audit", "change"]),
        ("after=x", ["audit", "change"]),
        ("after=2030-01-01T00:00:00.000000Z~not-a-uuid", ["audit", "change"]),
    ],
)
def test_list_filters_and_forgets_what_makes_no_sense(page, token, query, kinds):
    factories.service("cart")
    asked = audit(token, service=factories.service("order"))
    with pgtrigger.ignore("governance.GateDecision:append_only"):
        GateDecision.objects.filter(pk=asked.pk).update(decided_at=datetime(2026, 11, 2, 23, tzinfo=UTC))
    change(token, findings=[{"code": "PM_UNKNOWN", "object": "x"}], waivers=["waiver-1"])

    rows = page.get(f"/gate/?{query}").context["decisions"]
    table = page.get(f"/gate/decisions.csv?{query}").getvalue().decode()

    assert sorted(row.kind for row in rows) == kinds
    assert len(table.strip().splitlines()) == len(kinds) + 1


def test_table_holds_what_was_decided_and_no_formulas(page, token):
    change(
        token, title="=1+1", waivers=["waiver-3"], findings=[{"code": "PM_UNKNOWN"}, {"code": "PM_UNKNOWN"}]
    )

    header, row = page.get("/gate/decisions.csv").getvalue().decode().strip().splitlines()

    assert header.startswith("\ufeffid,decided_at,kind,verdict")
    assert ",'=1+1,PM_UNKNOWN,waiver-3," in row


def test_change_is_judged_again_beside_and_nothing_is_kept(page, token):
    kept = change(token, findings=[{"code": "POSTMORTEM_NOT_NAMED"}], request={"labels": ["docs"]})
    gating.policy(excused_labels=["docs"])

    body = page.get(f"/gate/{kept.pk}/?replay=today").content.decode()

    assert "gate-1v2 excuses changes with the label “docs”." in body
    assert GateDecision.objects.count() == 1
    assert "gate-1v2" not in page.get(f"/gate/{kept.pk}/").content.decode()


def test_audit_is_judged_again_for_its_day(page, token):
    body = page.get(f"/gate/{audit(token).pk}/?replay=today").content.decode()

    assert "The same day, asked today." in body


def test_excused_change_says_why(page, token):
    excuse = {"rule": "label", "detail": "gate-2v1 excuses changes with the label “docs”."}

    body = page.get(f"/gate/{change(token, verdict='PASS', excuse=excuse).pk}/").content.decode()

    assert excuse["detail"] in body


def test_blocked_change_leads_to_asking_for_a_waiver(page, token):
    kept = change(token, repository="shop/order&x", change_id="#1", findings=[{"code": "PM_UNKNOWN"}])

    body = page.get(f"/gate/{kept.pk}/").content.decode()

    assert "/gate/waivers/new?finding=PM_UNKNOWN&amp;repository=shop%2Forder%26x&amp;change=%231" in body


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


def test_findings_are_named_in_words_with_their_code_as_a_hint(page, token):
    service = factories.service("order")
    change(token, findings=[{"code": "POSTMORTEM_NOT_NAMED"}, {"code": "OF_TOMORROW"}])
    gating.waiver(service=service, at=timezone.now(), findings=["POSTMORTEM_NOT_NAMED"])
    named = 'The change names no postmortem <span class="hint"><code>POSTMORTEM_NOT_NAMED</code></span>'

    body = page.get("/gate/").text
    assert named in body
    assert 'OF_TOMORROW <span class="hint"><code>OF_TOMORROW</code></span>' in body
    assert '<option value="POSTMORTEM_NOT_NAMED">The change names no postmortem</option>' in body
    assert named in page.get("/gate/waivers/").text
    assert named in page.get("/services/order/").text
