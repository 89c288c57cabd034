"""The list of remediation items, the page of one, and its acts as a person presses them."""

import csv
from datetime import timedelta

import pytest
from django.utils import timezone

from remediation.models import CheckStanding, RemediationItem
from tests import factories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def page(client, ada):
    client.force_login(ada)
    return client


def item(title="Set a timeout on the pool", *, due_in=DAY, **fields):
    """An item agreed twenty days ago, due around the present."""
    now = timezone.now()
    return factories.item(title, agreed_at=now - 20 * DAY, due_at=now + due_in, **fields)


def hidden_item(title="Secret fix"):
    """An item of a restricted incident in which nobody but its makers took part."""
    incident = factories.resolved_incident("Secret", is_restricted=True)
    return item(title, review=factories.review(incidents=[incident], is_open=True))


def shown(response) -> list[str]:
    return [row.title for row in response.context["items"]]


def test_list_needs_a_login(client):
    response = client.get("/items/")

    assert response.status_code == 302
    assert response["Location"] == "/login?next=/items/"


def test_list_begins_with_the_most_urgent_open_work(page):
    item("later", due_in=3 * DAY)
    item("late", due_in=-DAY)
    item("done", state="verified")
    item("declined", state="wont_do")

    assert shown(page.get("/items/")) == ["late", "later"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("state=all", ["pool", "cart", "other"]),
        ("state=verified", ["cart"]),
        ("state=in_progress", ["other"]),
        ("overdue=1", ["pool"]),
        ("mine=1", ["pool"]),
        ("q=POO", ["pool"]),
        ("ours=1", ["pool"]),
        ("at_risk=1", ["other"]),
        ("ownerless=1", ["other"]),
        ("asked=1", ["pool"]),
        ("severity=P2", ["other"]),
        ("category=missing_tool", ["other"]),
        ("kind=detect", ["pool"]),
        ("origin=review", ["other"]),
        ("origin=proactive", ["pool"]),
        ("sort=nonsense&severity=P9&kind=heal", ["pool", "other"]),
        ("service=cart&state=all", ["cart"]),
        ("team=orders", ["pool"]),
        ("state=nonsense", ["pool", "other"]),
        ("owner=99999999999999999999&service=none&team=%27", ["pool", "other"]),
        ("after=nonsense&before=1~2", ["pool", "other"]),
    ],
)
def test_list_filters_and_forgets_what_makes_no_sense(page, ada, query, titles):
    orders = factories.team(slug="orders", members=[ada])
    pool = item(
        "pool", owner=ada, due_in=-DAY, kind="detect", service=factories.service("order", team=orders)
    )
    factories.wont_do_request(pool)
    item("cart", state="verified", service=factories.service("cart"), due_in=-2 * DAY)
    other = item(
        "other", state="in_progress", severity="P2", category="missing_tool", review=factories.review()
    )
    other.owner.is_active = False
    other.owner.save()

    assert sorted(shown(page.get(f"/items/?{query}"))) == sorted(titles)


def test_list_says_what_narrows_it_when_nothing_matches(page):
    item()

    response = page.get("/items/?q=nothing-like-this")

    assert "Nothing matches these filters" in response.content.decode()


def test_list_shows_no_item_of_a_hidden_incident(page):
    hidden_item()

    response = page.get("/items/?state=all")

    assert "Secret" not in response.content.decode()
    assert [tab.count for tab in response.context["tabs"]][:3] == [0, 0, 0]


def test_counts_beside_lists_end_where_they_say_many(page, monkeypatch):
    for _number in range(4):
        factories.item()
    monkeypatch.setattr("web.counting.statement.__defaults__", (2,))
    monkeypatch.setattr("web.asked._kept", {})
    monkeypatch.setattr("web.counting.words.__defaults__", (2,))

    assert '<span class="count">2+</span>' in page.get("/items/").text
    board = page.get("/items/board").text
    assert '<span class="count">2+</span>' in board
    assert 'aria-label="2+ items, Open: show as a list"' in board
    CheckStanding.objects.update(next_run_at=timezone.now() - timedelta(minutes=10))
    monkeypatch.setattr("web.counting.COUNTED_UP_TO", 2)
    assert "2+ checks wait" in page.get("/").text


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often_for_any_number_of_rows(page, django_assert_num_queries, rows):
    for number in range(rows):
        made = item(f"item {number}", checks=2)
        factories.check_run(made.verification_checks.first())

    # Session, person; their places, the rows, their checks with runs, the counts, the names to filter by.
    with django_assert_num_queries(7):
        page.get("/items/")


def test_list_shows_the_last_runs_oldest_first(page):
    made = item()
    check = made.verification_checks.get()
    now = timezone.now()
    for age, outcome in ((3, "fail"), (2, "no_data"), (1, "pass")):
        factories.check_run(check, slot=now - age * DAY, outcome=outcome)

    response = page.get("/items/")

    assert [mark.outcome for mark in response.context["items"][0].checks[0].marks] == [
        "fail",
        "no_data",
        "pass",
    ]
    assert 'class="mark mark-no_data"' in response.content.decode()


@pytest.mark.parametrize("sort", ["due", "-due", "severity", "-severity"])
def test_list_is_read_to_its_end_in_any_order(page, sort):
    now = timezone.now()
    for number in range(53):
        factories.item(
            f"item {number}", due_at=now + timedelta(days=number % 5), severity=f"P{number % 3}", checks=1
        )

    first = page.get(f"/items/?sort={sort}")
    second = page.get(f"/items/?sort={sort}&after={first.context['page'].after}")
    back = page.get(f"/items/?sort={sort}&before={second.context['page'].before}")

    assert len({*shown(first), *shown(second)}) == 53
    assert shown(back) == shown(first)
    rows = [*first.context["items"], *second.context["items"]]
    key = {"due": lambda row: row.due_at, "severity": lambda row: row.severity.rank}[sort.strip("-")]
    assert [key(row) for row in rows] == sorted((key(row) for row in rows), reverse=sort[0] == "-")


def test_export_is_filtered_and_no_formula_leaves_it(page):
    item("=HYPERLINK(evil)")
    item("quiet", state="verified")

    response = page.get("/items/export.csv")

    rows = list(csv.DictReader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))
    assert [row["title"] for row in rows] == ["'=HYPERLINK(evil)"]
    assert rows[0]["standing"] == "at_risk"


def test_export_holds_nothing_hidden(page):
    hidden_item()

    assert b"Secret" not in b"".join(page.get("/items/export.csv?state=all").streaming_content)


@pytest.mark.parametrize("state", RemediationItem.State.values)
def test_page_shows_an_item_in_any_state(page, state):
    made = item(state=state)

    response = page.get(f"/items/{made.public_id}/")

    assert response.status_code == 200
    assert "only check runs find that it regressed" in response.content.decode()


def test_page_tells_how_far_verification_is(page):
    made = item(state="verifying")
    factories.stand(made.verification_checks.all(), streak=2)

    body = page.get(f"/items/{made.public_id}/").content.decode()

    assert "2 of 3 passes" in body


def test_page_says_which_run_verified_it(page):
    made = item(state="verified")

    moves = page.get(f"/items/{made.public_id}/").context["moves"]

    assert [(move.to_state, bool(move.run)) for move in moves[:2]] == [
        ("verified", True),
        ("verifying", True),
    ]


def test_page_of_an_item_of_a_hidden_incident_is_not_there(page):
    made = hidden_item()

    assert page.get(f"/items/{made.public_id}/").status_code == 404
    assert page.post(f"/items/{made.public_id}/start").status_code == 404


@pytest.mark.parametrize("public_id", ["RI-2026-9999", "nonsense", "x" * 300])
def test_page_of_an_unknown_item_is_not_there(page, public_id):
    assert page.get(f"/items/{public_id}/").status_code == 404


def test_viewer_is_offered_no_act_and_refused_each(client):
    client.force_login(factories.user(role="viewer"))
    made = item()

    body = client.get(f"/items/{made.public_id}/").content.decode()

    assert "Viewers only read" in body
    assert "Claim the fix" not in body
    for act in ("start", "claim", "decline", "assign"):
        assert client.post(f"/items/{made.public_id}/{act}").status_code == 403
    made.refresh_from_db()
    assert made.state == "open"


@pytest.mark.parametrize("act", ["claim", "withdraw", "decline", "reopen", "assign"])
def test_asking_changes_nothing(client, act):
    client.force_login(factories.user(role="governor"))
    page, made = client, item()

    assert page.get(f"/items/{made.public_id}/{act}").status_code == 200
    assert page.get(f"/items/{made.public_id}/start").status_code == 405
    made.refresh_from_db()
    assert made.state == "open"


def test_start_then_claim_brings_it_as_far_as_a_person_can(page, ada):
    made = item(severity="P2")

    page.post(f"/items/{made.public_id}/start")
    response = page.post(
        f"/items/{made.public_id}/claim", {"fix_url": "https://git.example.org/42"}, follow=True
    )

    made.refresh_from_db()
    assert (made.state, made.fix_claimed_by, made.fix_url) == (
        "fix_claimed",
        ada,
        "https://git.example.org/42",
    )
    assert "The checks run now and count from here" in response.content.decode()


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        (1, "The checks run now and count from here, but for 1 that cannot run yet."),
        (0, "Its checks cannot run yet: each of their pages says what it waits for."),
    ],
)
def test_claim_says_which_checks_cannot_run(page, settings, queries, words):
    settings.SHELL_PROBES_ENABLED = True
    made = item(severity="P2", state="in_progress")
    factories.check(made, kind="shell", is_approved=False)
    made.verification_checks.filter(kind="prometheus").update(is_paused=not queries)

    response = page.post(f"/items/{made.public_id}/claim", {}, follow=True)

    assert f"The fix is claimed. {words}" in response.content.decode()


def test_claim_of_a_grave_item_never_seen_red_needs_a_reason(page):
    made = item(severity="P1", state="in_progress")

    refused = page.post(f"/items/{made.public_id}/claim", {})
    accepted = page.post(f"/items/{made.public_id}/claim", {"never_red_reason": "The metric is new."})

    assert refused.status_code == 422
    assert refused.context["form"].errors["never_red_reason"]
    assert accepted.status_code == 302


def test_claim_of_a_check_seen_red_asks_for_no_reason(page):
    made = item(severity="P1", state="in_progress")
    factories.stand(made.verification_checks.all(), seen_red_at=timezone.now())

    assert "never_red_reason" not in page.get(f"/items/{made.public_id}/claim").context["form"].fields


def test_withdraw_takes_the_claim_back(page):
    made = item(state="fix_claimed")

    page.post(f"/items/{made.public_id}/withdraw", {"reason": "It was another bug."})

    made.refresh_from_db()
    assert made.state == "in_progress"


def test_decline_is_for_a_governor_who_does_not_own_the_item(client):
    governor = factories.user(role="governor")
    made, own = item(), item(owner=governor)
    url = f"/items/{made.public_id}/decline"
    client.force_login(factories.user(role="facilitator"))
    assert client.post(url, {"reason": "Switched off."}).status_code == 403
    client.force_login(governor)

    assert client.post(f"/items/{own.public_id}/decline", {"reason": "Switched off."}).status_code == 403
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "Switched off."}).status_code == 302

    made.refresh_from_db()
    assert (made.state, made.wont_do_approved_by) == ("wont_do", governor)


def test_reopen_leads_back_from_a_regression(page):
    made = item(state="regressed")

    page.post(f"/items/{made.public_id}/reopen", {"reason": ""})

    made.refresh_from_db()
    assert made.state == "in_progress"


def test_hand_over_gives_it_to_an_active_person(page):
    made = item()
    heir, gone = factories.user("Heir"), factories.user("Gone", is_active=False)

    assert page.post(f"/items/{made.public_id}/assign", {"to": gone.pk}).status_code == 422
    page.post(f"/items/{made.public_id}/assign", {"to": heir.pk})

    made.refresh_from_db()
    assert made.owner == heir


def test_an_act_out_of_season_is_refused_in_words(page):
    made = item(state="verified")

    response = page.post(
        f"/items/{made.public_id}/start",
        HTTP_REFERER=f"http://testserver/items/{made.public_id}/",
        follow=True,
    )

    assert response.status_code == 200
    assert [message.level_tag for message in response.context["messages"]] == ["error"]
