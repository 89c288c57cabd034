"""The list of incidents: filters, orders, pages, views that a person keeps."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from postmortem import selecting
from postmortem.models import Incident, SavedView
from tests import factories
from tests.factories import DAY, HOUR
from web import asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    person = factories.user("Ada")
    client.force_login(person)
    return person


def titles(client, query=""):
    return [row.title for row in client.get(f"/incidents/{query}").context["page"].rows]


@pytest.fixture
def some(ada):
    now = timezone.now()
    core = factories.team("Core", slug="core")
    order = factories.service("order", team=core)
    a = factories.incident(
        "A", severity="P2", services=[order], started_at=now - 3 * DAY, resolved_at=now - 3 * DAY + HOUR,
        tags=["sale"], environment="staging", participants=[ada],
    )  # fmt: skip
    b = factories.incident(
        "B", severity="P0", services=[factories.service(), order], started_at=now - 2 * DAY,
        resolved_at=now - DAY,
    )  # fmt: skip
    c = factories.incident("C", severity="P1", started_at=now - DAY)
    d = factories.incident("D", severity="P3", started_at=now - 9 * DAY, resolved_at=now - 8 * DAY)
    factories.review(incidents=[c])
    return a, b, c, d


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?team=core", ["A"]),
        ("?service=order", ["B", "A"]),
        ("?environment=staging", ["A"]),
        ("?tag=sale", ["A"]),
        ("?tag=%23SALE", ["A"]),
        ("?tag=sal", []),
        ("?review=missing", ["B", "A"]),
        ("?review=going", ["C"]),
        ("?review=overdue", ["B"]),
        ("?review=archived", []),
        ("?severity=P0&state=resolved", ["B"]),
        ("?sort=severity", ["B", "C", "A", "D"]),
        ("?sort=-severity", ["D", "A", "C", "B"]),
        ("?sort=duration", ["A", "B", "D", "C"]),
        ("?sort=-duration", ["C", "D", "B", "A"]),
        ("?sort=started", ["D", "A", "B", "C"]),
        ("?sort=due", ["B", "C", "A", "D"]),
        ("?sort=nonsense&team=nonsense&person=x&since=yesterday", ["C", "B", "A", "D"]),
    ],
)
def test_filters_and_orders(client, some, query, expected):
    assert titles(client, query) == expected


def test_period_and_person(client, ada, some):
    a, *_others = some
    day = timezone.localdate(a.started_at)

    assert titles(client, f"?since={day}&until={day}") == ["A"]
    assert titles(client, f"?person={ada.pk}") == ["A"]


def in_order(sort):
    """All incidents, as `?sort=` has them; what never ends, or has no deadline, is behind everything else."""
    never = timezone.now() + 1000 * DAY

    def due(row):
        is_promised = row.severity.requires_postmortem and not row.is_drill
        return row.started_at + row.severity.review_hours * HOUR if is_promised else never

    keys = {
        "started": lambda row: (row.started_at, row.pk),
        "severity": lambda row: (row.severity.rank, -row.started_at.timestamp(), -row.pk),
        "duration": lambda row: (row.resolved_at - row.started_at if row.resolved_at else 1000 * DAY, row.pk),
        "due": lambda row: (due(row), row.pk),
    }
    rows = Incident.objects.select_related("severity")
    return sorted(rows, key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))


@pytest.mark.parametrize(
    "sort", ["started", "-started", "severity", "-severity", "duration", "-duration", "due", "-due"]
)
def test_every_order_goes_on_where_a_page_ends_and_back(client, ada, monkeypatch, sort):
    monkeypatch.setattr("web.paging.reading.__kwdefaults__", {"flip": False, "size": 3})
    now = timezone.now()
    for number in range(20):
        start = now - (number % 3) * DAY
        factories.incident(
            f"{number}",
            # P4 asks for no postmortem, nor does a drill.
            severity=("P0", "P1", "P4")[number % 3 if number < 15 else 1],
            started_at=start,
            resolved_at=None if number % 4 == 0 else start + (number % 3) * HOUR,
            is_drill=number % 5 == 0,
        )
    whole, place, pages = [], "", []
    while True:
        page = client.get("/incidents/", {"sort": sort} | ({"after": place} if place else {})).context["page"]
        pages.append([row.title for row in page.rows])
        whole += pages[-1]
        before, place = page.before, page.after
        if not place:
            break

    assert whole == [row.title for row in in_order(sort)]
    back = client.get("/incidents/", {"sort": sort, "before": before}).context["page"]
    assert [row.title for row in back.rows] == pages[-2]


@pytest.mark.parametrize(
    "place", ["x", "1~2", "n~n~n", "20260101T000000.000000Z~9999999999999999999", "99~99"]
)
@pytest.mark.parametrize("sort", ["-started", "severity", "duration"])
def test_a_place_of_another_order_is_the_beginning(client, some, place, sort):
    assert titles(client, f"?sort={sort}&after={place}") == titles(client, f"?sort={sort}")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("query", "sized"),
    [("?sort=due&q=orders", 1), ("?review=overdue&team=core&tag=sale", 1), ("?sort=severity", 0)],
)
def test_every_list_costs_the_same(client, ada, django_assert_num_queries, count, query, sized):
    """At first also a look at how much a filter leaves that reads another table."""
    core = factories.team(slug="core")
    for _ in range(count):
        factories.incident(
            "Orders fail", services=[factories.service(team=core)], tags=["sale"],
            started_at=timezone.now() - 4 * DAY,
        )  # fmt: skip

    with django_assert_num_queries(4 + sized):
        assert len(titles(client, query)) == count
    with django_assert_num_queries(4):
        assert len(titles(client, query)) == count


@pytest.mark.parametrize("query", ["?q=orders", "?team=core", "?service=order", "?q=orders&service=order"])
@pytest.mark.parametrize("sort", ["-started", "severity", "due"])
def test_a_filter_that_leaves_many_finds_the_same(client, ada, monkeypatch, query, sort):
    order = factories.service("order", team=factories.team("Core", slug="core"))
    for number in range(4):
        factories.incident(
            f"Orders fail {number}", severity=f"P{number % 2}", services=[order],
            started_at=timezone.now() - number * DAY,
        )  # fmt: skip
    factories.incident("Another", services=[factories.service("cart")])
    narrow = titles(client, f"{query}&sort={sort}")
    monkeypatch.setattr(selecting, "WIDE_SHARE", 0)
    monkeypatch.setattr(asked, "_kept", {})

    assert len(narrow) == 4
    assert titles(client, f"{query}&sort={sort}") == narrow


def test_tags_are_suggested_from_what_everybody_may_see(client, ada):
    factories.incident(tags=["sale"])
    factories.incident(tags=["secret-takeover"], is_restricted=True)

    page = client.get("/incidents/").text

    assert '<option value="sale">' in page
    assert "secret-takeover" not in page


def test_who_is_given_a_role_sees_more_at_once_and_less_when_it_is_taken(client, ada):
    factories.incident("Secret pool", is_restricted=True)
    seen = []
    for role in ("member", "governor", "member"):
        ada.role = role
        ada.save(update_fields=["role"])
        found = client.get("/search?q=pool").context["incidents"]
        seen.append((titles(client, ""), [row["title"] for row in found]))

    assert seen == [([], []), (["Secret pool"], ["Secret pool"]), ([], [])]


def test_restricted_incidents_are_found_by_no_filter(client, ada):
    now = timezone.now()
    hidden = factories.incident(
        "Secret takeover", tags=["takeover"], is_restricted=True, started_at=now - 4 * DAY
    )
    slug = hidden.services.get().slug

    for query in (
        "q=takeover",
        "tag=takeover",
        f"service={slug}",
        "review=overdue",
        "sort=due",
        f"q={hidden}",
    ):
        assert titles(client, f"?{query}") == []
        exported = b"".join(client.get(f"/incidents/export.csv?{query}").streaming_content)
        assert b"Secret" not in exported


def test_list_that_is_kept_shows_what_its_reader_may_see_now(client, ada):
    """The statement of a list is kept; what somebody may see changes with their role and with the rows."""
    hidden = factories.incident("Secret takeover", is_restricted=True)
    assert titles(client) == []

    ada.role = ada.Role.GOVERNOR
    ada.save()
    assert titles(client) == ["Secret takeover"]

    ada.role = ada.Role.MEMBER
    ada.save()
    assert titles(client) == []

    factories.incident("Another", started_at=hidden.started_at - HOUR)
    Incident.objects.filter(pk=hidden.pk).update(is_restricted=False)
    assert titles(client) == ["Secret takeover", "Another"]


def test_what_is_overdue_is_asked_anew_at_every_moment(client, ada, monkeypatch):
    factories.incident("Late tomorrow", severity="P1", started_at=timezone.now() - timedelta(hours=47))
    assert titles(client, "?review=overdue") == []

    later = timezone.now() + DAY
    monkeypatch.setattr("web.incident_list.timezone.now", lambda: later)

    assert titles(client, "?review=overdue") == ["Late tomorrow"]


def test_export_has_every_figure_of_the_impact(client, ada):
    """R7."""
    factories.resolved_incident(
        "Orders fail", phase="load test before a sale", impact_minutes=5, failure_percent=38,
        loss_amount=1_200_000, loss_currency="CNY", loss_is_estimate=True, capacity_limit=200,
        capacity_demand=247, tags=["sale", "pool"],
    )  # fmt: skip

    text = b"".join(client.get("/incidents/export.csv").streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))

    names = ("severity", "phase", "impact_minutes", "failure_percent", "loss_amount", "loss_currency",
             "loss_is_estimate", "capacity_limit", "capacity_demand", "tags")  # fmt: skip
    assert [row[name] for name in names] == [
        "P1", "load test before a sale", "5", "38.00", "1200000.00", "CNY", "yes", "200", "247", "sale pool",
    ]  # fmt: skip


class TestViews:
    def test_a_view_is_kept_shown_renamed_begun_with_and_forgotten(self, client, ada, some):
        page = client.get("/incidents/?severity=P0&sort=due&after=x")
        answer = client.post("/incidents/views", {"name": "Worst", "query": page.context["here"]})
        assert parse_qs(urlsplit(answer["Location"]).query) == {"severity": ["P0"], "sort": ["due"]}

        page = client.get(answer["Location"])
        assert page.context["current_view"].name == "Worst"
        assert [row.title for row in page.context["page"].rows] == ["B"]

        view = SavedView.objects.get()
        client.post(f"/incidents/views/{view.pk}/rename", {"name": "The worst"})
        client.post(f"/incidents/views/{view.pk}/default")
        assert "The worst" in client.get("/incidents/views").text
        assert client.get("/incidents/")["Location"] == f"/incidents/?{view.query}"
        assert len(titles(client, "?all=1")) == 4

        client.post(f"/incidents/views/{view.pk}/remove")
        assert len(titles(client)) == 4

    def test_one_of_the_same_name_is_replaced_and_one_is_the_default(self, client, ada):
        for name, query in (("A", "severity=P0"), ("A", "severity=P1"), ("B", "state=open")):
            client.post("/incidents/views", {"name": name, "query": query})
        assert list(SavedView.objects.values_list("name", "query")) == [
            ("A", "severity=P1"),
            ("B", "state=open"),
        ]

        for view in SavedView.objects.all():
            client.post(f"/incidents/views/{view.pk}/default")
        assert list(SavedView.objects.filter(is_default=True).values_list("name", flat=True)) == ["B"]
        refused = client.post(f"/incidents/views/{SavedView.objects.first().pk}/rename", {"name": "B"})
        assert refused.status_code == 422

    def test_a_view_keeps_filters_and_nothing_else(self, client, ada):
        client.post(
            "/incidents/views", {"name": "A", "query": "next=//evil.example&severity=P0&x=1&sort=due"}
        )

        assert SavedView.objects.get().query == "severity=P0&sort=due"

    def test_views_belong_to_one_person(self, client, ada):
        theirs = SavedView.objects.create(user=factories.user(), name="Theirs", created_at=timezone.now())

        for act in ("rename", "default", "remove"):
            assert client.post(f"/incidents/views/{theirs.pk}/{act}", {"name": "Mine"}).status_code == 404
        assert "Theirs" not in client.get("/incidents/views").text

    def test_names_and_numbers_are_bounded(self, client, ada):
        for name in ("", " ", "x" * 61):
            client.post("/incidents/views", {"name": name, "query": ""})
        assert not SavedView.objects.exists()
        for number in range(31):
            client.post("/incidents/views", {"name": str(number), "query": ""})
        assert SavedView.objects.count() == 30


def test_a_late_entry_is_recorded_wholly_in_one_form(client, ada):
    order = factories.service("order")
    started = timezone.now() - 10 * DAY
    data = {
        "title": "Orders failed", "severity": factories.severity("P1").pk, "environment": "production",
        "origins": [order.pk], "started_at": f"{started:%Y-%m-%dT%H:%M:%S}", "tags": "Sale, 连接池，#Pool",
        "people-TOTAL_FORMS": "0", "people-INITIAL_FORMS": "0",
    }  # fmt: skip

    asked = client.post("/incidents/new", data)
    assert asked.status_code == 422
    assert "give its end" in asked.context["form"].errors["resolved_at"][0]

    client.post("/incidents/new", data | {"resolved_at": f"{started + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"})
    incident = Incident.objects.get()
    assert (incident.state, incident.is_late_entry, incident.tags) == (
        "resolved",
        True,
        ["sale", "连接池", "pool"],
    )
    assert "Entered late" in client.get(f"/incidents/{incident}/").text

    client.post("/incidents/new", data | {"goes_on": "on"})
    assert Incident.objects.filter(resolved_at=None).count() == 1


def test_a_row_that_is_kept_speaks_the_language_and_the_zone_of_each_reader(client):
    factories.resolved_incident("Orders fail", started_at=datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    seen = []
    for language, zone in (("en", "UTC"), ("zh-hans", "UTC"), ("en", "Asia/Shanghai"), ("en", "UTC")):
        client.force_login(factories.user(language=language, time_zone=zone))
        page = client.get("/incidents/").text
        seen.append(page[page.index("<tbody>") : page.index("</tbody>")])

    assert seen[0] == seen[3]
    assert "Resolved" in seen[0]
    assert "20 Nov 2026, 20:00" in seen[0]
    assert "已恢复" in seen[1]
    assert "21 Nov 2026, 04:00" in seen[2]


def test_a_row_that_is_kept_changes_with_what_it_shows(client, ada):
    incident = factories.incident("<b>Orders</b>", started_at=timezone.now() - HOUR)
    assert "&lt;b&gt;Orders" in client.get("/incidents/").text

    for change, shown in (
        ({"title": "Renamed"}, "Renamed"),
        ({"tags": ["sale"]}, "#sale"),
        ({"is_drill": True}, "Drill"),
        ({"resolved_at": timezone.now()}, "Resolved</span>"),
    ):
        assert shown not in client.get("/incidents/").text.partition("<tbody>")[2]
        Incident.objects.filter(pk=incident.pk).update(**change)
        assert shown in client.get("/incidents/").text.partition("<tbody>")[2]


def test_a_row_shows_what_was_written_as_it_is(client, ada):
    factories.incident("<b>Bold</b> {title} %s", tags=["a&b"])

    page = client.get("/incidents/").text

    assert "&lt;b&gt;Bold&lt;/b&gt; {title} %s" in page
    assert "#a&amp;b" in page
    assert "<b>Bold" not in page
