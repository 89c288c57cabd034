"""What the committee opens beside the month: trends, key figures, usage, a team."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import kpis, usage
from governance.models import FeatureUse, Kpi, KpiValue, UsageDecision
from postmortem.models import CauseClass
from tests import factories
from web import feature_words
from web.usage import Counting, features

pytestmark = pytest.mark.django_db


@pytest.fixture
def governor(client):
    person = factories.user("Gia", role="governor")
    client.force_login(person)
    client.person = person
    return client


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


def text(response):
    return response.content.decode()


def test_key_figure_is_added_and_fed(governor):
    sent = governor.post(
        "/report/kpis/new",
        {"name": "Idle resources", "slug": "idle", "unit": "%", "baseline": "41", "target": "20"},
    )
    assert sent.status_code == 302
    today = timezone.localdate()
    for days, value in ((30, "41"), (0, "19")):
        day = today - timedelta(days=days)
        governor.post("/report/kpis/idle/value", {"date": day.isoformat(), "value": value, "source": "cost"})

    body = text(governor.get("/report/kpis"))

    assert KpiValue.objects.count() == 2
    assert '<svg class="chart"' in body
    assert "target met" in body
    assert "41 %" in body
    lines = b"".join(governor.get("/report/kpis/idle/values.csv").streaming_content).decode()
    assert f"idle,{today.isoformat()},19,%,cost,Gia" in lines


def test_key_figure_is_edited(governor):
    kpis.add(slug="idle", name="Idle", by=governor.person, now=timezone.now())

    assert governor.post("/report/kpis/idle/edit", {"name": "Idle share", "target": "20"}).status_code == 302
    assert governor.post("/report/kpis/idle/edit", {"name": ""}).status_code == 422
    assert Kpi.objects.get().name == "Idle share"


def test_members_read_the_board_only(page):
    assert "No key figure yet" in text(page.get("/report/kpis"))
    assert page.get("/report/kpis/new").status_code == 403


def test_usage_lists_every_feature_and_keeps_decisions(governor):
    usage.add({"items": 40}, now=timezone.now())
    quarter = str(usage.quarter_of(timezone.now()))

    body = text(governor.get("/report/usage"))
    assert all(f'<span class="hint id">{feature}</span>' in body for feature in features())
    assert "Items" in body
    assert body.count("sparkline") == 1
    sent = governor.post(
        f"/report/usage/imports/decide?quarter={quarter}", {"decision": "teach", "reason": "Who knew?"}
    )
    assert sent.status_code == 302
    assert (UsageDecision.objects.get().quarter, UsageDecision.objects.get().feature) == (quarter, "imports")
    assert "Who knew?" in text(governor.get(f"/report/usage?quarter={quarter}"))
    assert b"imports,0,yes,teach" in b"".join(governor.get("/report/usage.csv").streaming_content)
    assert governor.get("/report/usage/nonsense/decide").status_code == 404


def test_every_feature_has_a_name_for_the_committee():
    assert {feature.removeprefix("api-") for feature in features()} == feature_words.WORDS.keys()


def test_members_do_not_decide(page):
    assert page.get("/report/usage").status_code == 200
    assert page.post("/report/usage/imports/decide", {"decision": "keep", "reason": "So."}).status_code == 403


def test_pages_are_counted_by_feature_alone(page, settings, monkeypatch):
    settings.USAGE_COUNTED = True
    monkeypatch.setattr("web.usage.FLUSH_SECONDS", 0)

    page.get("/items/")
    page.get("/items/RI-2026-9999/")
    page.get("/incidents/")

    assert dict(FeatureUse.objects.values_list("feature", "count")) == {
        "item_list": 1,
        "incident_list": 1,
    }


def test_counts_wait_for_their_minute(rf):
    counting = Counting(lambda _request: None)
    counting._count("items")
    counting._count("items")

    assert (counting._counts["items"], FeatureUse.objects.count()) == (2, 0)


def test_trends_show_six_months_at_least_and_their_csv_all_24(page):
    now = timezone.now()
    for days in (10, 80):
        factories.resolved_incident(started_at=now - timedelta(days=days), minutes=30)

    response = page.get("/report/trends")

    assert len(response.context["rows"]) == 6
    assert '<svg class="chart courses"' in text(response)
    lines = b"".join(page.get("/report/trends.csv").streaming_content).decode().splitlines()
    assert len(lines) == 25


def test_trends_begin_with_the_first_month_in_which_anything_was(page):
    started_at = months_ago(timezone.now(), 8)
    factories.resolved_incident(started_at=started_at)
    rows = page.get("/report/trends").context["rows"]

    assert [len(rows), rows[-1]["month"]] == [9, f"{started_at:%Y-%m}"]


def months_ago(now, count):
    """The middle of the month so many months back, in which no zone makes it another one."""
    whole = now.year * 12 + now.month - 1 - count
    return now.replace(year=whole // 12, month=whole % 12 + 1, day=15)


def test_trends_draw_each_class_as_long_as_its_count(page):
    at = timezone.now() - timedelta(days=3)
    for kind, count in ((None, 1), (CauseClass.objects.first(), 3)):
        for _number in range(count):
            review = factories.review(incidents=[factories.resolved_incident(started_at=at)])
            cause = factories.verified_cause(review)
            cause.cause_class = kind
            cause.save()

    lines = page.get("/report/trends").context["recurrence"]

    widths = {line["n"]: round(float(re.search(r' width="([\d.]+)"', line["bar"])[1])) for line in lines}
    assert widths == {1: 33, 3: 100}


def test_trends_draw_what_came_and_went_and_what_came_back(page):
    now = timezone.now()
    review = factories.review(incidents=[factories.resolved_incident(started_at=now - timedelta(days=3))])
    cause = factories.verified_cause(review)
    factories.item(review=review, causes=[cause], agreed_at=now - timedelta(days=2))

    response = page.get("/report/trends")

    body = text(response)
    assert '<svg class="chart columns"' in body
    assert "· Agreed: 1</title>" in body
    (line,) = response.context["recurrence"]
    assert (line["n"], line["repeated"]) == (1, 0)
    assert "0 of 1 came back" in body


def test_team_shows_what_it_answers_for(page):
    now = timezone.now()
    service = factories.service("order", name="Order service", team=factories.team("Core", slug="core"))
    factories.item(
        "Set a timeout", service=service, agreed_at=now - timedelta(days=20), due_at=now - timedelta(days=1)
    )
    hidden = factories.resolved_incident("Secret", is_restricted=True, services=[service])
    factories.item(
        "Secret fix", service=service, review=factories.review(incidents=[hidden]),
        agreed_at=now - timedelta(days=20), due_at=now - timedelta(days=1),
    )  # fmt: skip

    response = page.get("/teams/core/")

    body = text(response)
    assert "Order service" in body
    assert "Set a timeout" in body
    assert "Secret" not in body
    assert (response.context["counts"]["open"], response.context["counts"]["late"]) == (1, 1)
    assert page.get("/teams/nonsense/").status_code == 404
