"""The proof of a figure: the formula, the rows counted, and those left out with the reason."""

import csv
from datetime import UTC, datetime, timedelta

import pytest

from governance.metrics import CATALOGUE
from governance.models import FigureGoal
from postmortem.models import Recurrence
from tests import factories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


@pytest.fixture
def governor(client):
    client.force_login(factories.user(role="governor"))
    return client


def incident(title="Orders fail", *, minutes=17, **fields):
    return factories.resolved_incident(title, started_at=MAY + 3 * DAY, minutes=minutes, **fields)


def text(response):
    return response.content.decode()


@pytest.mark.parametrize("figure", list(CATALOGUE))
def test_every_figure_has_its_proof(page, figure):
    response = page.get(f"/report/2026-05/figures/{figure}/")

    assert response.status_code == 200
    assert "No row was counted" in text(response)


@pytest.mark.parametrize(
    "path", ["2026-05/figures/nonsense/", "2026-13/figures/closure/", "2999-01/figures/ttr/"]
)
def test_what_is_no_figure_is_not_there(page, path):
    assert page.get(f"/report/{path}").status_code == 404
    assert page.get(f"/report/{path}rows.csv").status_code == 404


def test_proof_shows_the_rows_and_those_left_out(page):
    incident("Orders fail")
    incident("Only a drill", is_drill=True)

    response = page.get("/report/2026-05/figures/ttr/")

    assert [line["title"] for line in response.context["lines"]] == ["Orders fail"]
    assert [(line["title"], line["excluded"]) for line in response.context["excluded"]] == [
        ("Only a drill", "a drill")
    ]
    body = text(response)
    assert "Resolved − started" in body
    assert "17 min" in body


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", {"Open", "In progress"}), ("zh-hans", {"待处理", "进行中"})],
)
def test_overdue_rows_say_their_state_and_not_an_outcome(client, language, words):
    client.force_login(factories.user(language=language))
    begun = factories.item("begun", agreed_at=MAY - 9 * DAY, due_at=MAY + 9 * DAY)
    factories.moved(begun, "in_progress", at=MAY)
    factories.item("not begun", agreed_at=MAY - 9 * DAY, due_at=MAY + 9 * DAY)

    response = client.get("/report/2026-05/figures/overdue/")

    assert {line["detail"] for line in response.context["lines"]} == words


def test_proof_has_the_moments_that_decide(client):
    client.force_login(factories.user(role="governor"))
    due_at = datetime(2026, 5, 10, 12, tzinfo=UTC)
    item = factories.item("Cap the pool", agreed_at=due_at - 30 * DAY, due_at=due_at)
    for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified")):
        factories.moved(item, state, at=due_at - DAY + number * timedelta(minutes=1))

    response = client.get("/report/2026-05/figures/closure/")

    (line,) = response.context["lines"]
    assert [str(words) for words in response.context["moments"]] == ["Deadline", "First verified"]
    assert [at for _words, at in line["moments"]] == [due_at, due_at - DAY + timedelta(minutes=3)]
    rows = client.get("/report/2026-05/figures/closure/rows.csv")
    written = b"".join(rows.streaming_content).decode()
    assert "2026-05-09T12:03:00+00:00" in written


def test_month_is_shown_in_the_zone_of_the_installation(client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    client.force_login(factories.user(role="governor", time_zone="Asia/Shanghai"))
    factories.resolved_incident("Late", started_at=datetime(2026, 5, 31, 21, 0, tzinfo=UTC), minutes=30)

    for address in ("/report/2026-05/", "/report/2026-05/figures/ttr/"):
        body = client.get(address).content.decode()
        assert "31 May 2026, 23:" in body, address
        assert "1 Jun 2026, 05:" not in body, address
    assert "Europe/Berlin" in client.get("/report/2026-05/report.md").content.decode()


@pytest.mark.parametrize(
    ("language", "age", "count"),
    [("en", "Age of overdue items", "Overdue items"), ("zh-hans", "改进项逾期时长", "逾期改进项")],
)
def test_age_of_overdue_items_is_not_called_like_their_count(client, language, age, count):
    client.force_login(factories.user(language=language))
    factories.item(agreed_at=MAY - 9 * DAY, due_at=MAY + 9 * DAY)

    tiles = {tile.key: tile.name for tile in client.get("/report/2026-05/").context["tiles"]}

    assert tiles["overdue"] == age
    assert f'<span class="stat-label">{age}' not in text(client.get("/"))
    assert count in text(client.get("/"))


def test_group_leads_to_its_rows(page):
    for slug, minutes in (("order", 10), ("stock", 50)):
        incident(slug, minutes=minutes, services=[factories.service(slug)])

    whole = page.get("/report/2026-05/figures/ttr/")
    assert 'href="?service=stock"' in text(whole)
    part = page.get("/report/2026-05/figures/ttr/?service=stock")

    assert [line["title"] for line in part.context["lines"]] == ["stock"]
    assert part.context["shown"] == "50 min"


def test_long_list_comes_in_pages(page, monkeypatch):
    monkeypatch.setattr("web.figures.PAGE_SIZE", 2)
    for number in range(3):
        incident(f"Number {number}")

    first, second, beyond = (
        page.get(f"/report/2026-05/figures/ttr/?page={number}").context for number in ("1", "2", "99")
    )

    assert [len(one["lines"]) for one in (first, second, beyond)] == [2, 1, 1]
    assert first["count"] == 3


def test_repeat_leads_to_the_earlier_postmortem(page):
    early, late = (
        factories.verified_cause(
            factories.review(title, incidents=[factories.resolved_incident(started_at=at)])
        )
        for title, at in (("Pool ran out once", MAY - 90 * DAY), ("Pool ran out again", MAY + DAY))
    )
    Recurrence.objects.create(
        cause=late, earlier=early, verdict="confirmed", judged_by=factories.user(), judged_at=MAY + 9 * DAY
    )

    body = text(page.get("/report/2026-05/figures/recurrence/"))

    assert "Pool ran out again" in body
    assert f'href="/reviews/{early.review.public_id}/"' in body
    assert "Pool ran out once" in body


def test_rows_are_exported_with_those_left_out(page):
    incident("=1+1")
    incident("Only a drill", is_drill=True)

    lines = b"".join(page.get("/report/2026-05/figures/ttr/rows.csv").streaming_content)

    rows = list(csv.DictReader(lines.decode("utf-8-sig").splitlines()))
    assert [(row["title"], row["counts"], row["value"], row["excluded_because"]) for row in rows] == [
        ("'=1+1", "yes", "1020.0", ""),
        ("Only a drill", "no", "1020.0", "drill"),
    ]


def test_proof_hides_what_its_reader_may_not_see(page):
    hidden = incident("Secret", is_restricted=True)
    factories.verified_cause(factories.review("Secret review", incidents=[hidden]))

    for figure in CATALOGUE:
        address = f"/report/2026-05/figures/{figure}/"
        assert "Secret" not in text(page.get(address))
        assert b"Secret" not in b"".join(page.get(f"{address}rows.csv").streaming_content)
        assert hidden.public_id not in text(page.get(address))


def test_report_leads_to_the_proof_of_each_figure(page):
    body = text(page.get("/report/2026-05/"))

    for figure in CATALOGUE:
        assert f'href="/report/2026-05/figures/{figure}/"' in body


def test_governor_sets_a_goal(governor):
    assert "Closure rate" in text(governor.get("/settings/goals/"))

    sent = governor.post("/settings/goals/closure/", {"target": "90", "baseline": "", "note": "By spring"})

    assert sent.status_code == 302
    assert (FigureGoal.objects.get().target, FigureGoal.objects.get().note) == (90, "By spring")
    assert "90.0 %" in text(governor.get("/settings/goals/"))
    assert governor.post("/settings/goals/closure/", {"target": "-1"}).status_code == 422
    assert governor.get("/settings/goals/nonsense/").status_code == 404


def test_goal_of_money_names_its_currency(governor):
    address = "/settings/goals/impact-loss/"
    assert governor.post(address, {"target": "1000"}).status_code == 422
    assert 'name="currency"' in text(governor.get(address))
    assert 'name="currency"' not in text(governor.get("/settings/goals/ttr/"))

    assert governor.post(address, {"target": "1000", "currency": "CNY"}).status_code == 302

    assert "CNY 1,000.00" in text(governor.get("/settings/goals/"))
    incident(loss_amount=1200, loss_currency="CNY")
    factories.resolved_incident(started_at=MAY - 9 * DAY, loss_amount=80, loss_currency="USD")
    body = text(governor.get("/report/2026-05/figures/impact-loss/"))
    assert "USD 80.00" in body
    assert "CNY 1,000.00 · missed" in " ".join(body.split())
    # Another currency is neither better nor worse.
    assert "worse now" not in body


def test_goals_are_for_governors(page):
    assert page.get("/settings/goals/").status_code == 403
    assert page.post("/settings/goals/closure/", {"target": "90"}).status_code == 403
