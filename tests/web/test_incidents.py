"""Incidents on the pages: the list, its export, declaring, editing, one incident and its acts."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from postmortem.models import Incident
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def people(*rows: tuple[User | None, str]) -> dict[str, str]:
    """The rows of the people part of the form."""
    data = {"people-TOTAL_FORMS": str(len(rows)), "people-INITIAL_FORMS": "0"}
    for number, (user, role) in enumerate(rows):
        data |= {f"people-{number}-user": str(user.pk) if user else "", f"people-{number}-role": role}
    return data


def declaration(service, **changes) -> dict[str, object]:
    """What the form sends for a sound incident that began two hours ago, in UTC."""
    began = (timezone.now() - 2 * HOUR).replace(microsecond=0)
    return {
        "title": "Orders fail",
        "severity": factories.severity("P1").pk,
        "environment": "production",
        "origins": [service.pk],
        "started_at": f"{began:%Y-%m-%dT%H:%M:%S}",
        **people(),
    } | changes


# --- the list ---------------------------------------------------------------------------------------------


def test_list_is_for_people_who_are_logged_in():
    response = Client().get(reverse("web:incidents"))

    assert response.status_code == 302
    assert response.url.startswith(reverse("web:login"))


def test_empty_list_says_what_to_do():
    member = client_of(factories.user()).get("/incidents/")
    viewer = client_of(factories.user(role="viewer")).get("/incidents/")

    assert "Declare the first incident" in member.content.decode()
    assert "Declare" not in viewer.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_the_same_however_long_it_is(rows, django_assert_num_queries):
    client = client_of(factories.user())
    for number in range(rows):
        services = [factories.service(), factories.service()]
        incident = factories.resolved_incident(f"Incident {number}", services=services)
        factories.review(incidents=[incident])

    # Session, reader, the choices of all filters, one page of rows with their services.
    with django_assert_num_queries(4):
        response = client.get("/incidents/")

    assert response.content.decode().count('class="row-link"') == rows


def test_list_shows_newest_first_and_goes_on_where_a_page_ends(monkeypatch):
    client = client_of(factories.user())
    start = timezone.now() - 200 * HOUR
    for number in range(53):
        factories.incident(f"Number {number:02d}", started_at=start + number * HOUR)

    first = client.get("/incidents/").context["page"]
    second = client.get("/incidents/", {"after": first.after}).context["page"]
    back = client.get("/incidents/", {"before": second.before}).context["page"]

    assert [row.title for row in first.rows][:2] == ["Number 52", "Number 51"]
    assert [row.title for row in second.rows] == ["Number 02", "Number 01", "Number 00"]
    assert second.after == ""
    assert [row.title for row in back.rows] == [row.title for row in first.rows]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"state": "open"}, ["Open one"]),
        ({"state": "mitigated"}, ["Mitigated one"]),
        ({"state": "resolved"}, ["Drill", "Resolved one"]),
        ({"state": "closed"}, ["Closed one"]),
        ({"state": "dismissed"}, ["Dismissed one"]),
        ({"severity": "P0"}, ["Open one"]),
        ({"service": "order"}, ["Mitigated one"]),
        ({"drills": "only"}, ["Drill"]),
        ({"drills": "no", "state": "resolved"}, ["Resolved one"]),
        ({"q": "mitig"}, ["Mitigated one"]),
        ({"q": "connection pool"}, ["Closed one"]),
        ({"q": "nothing like it"}, []),
    ],
)
def test_list_filters(query, titles):
    order = factories.service("order")
    now = timezone.now()
    ended = {"resolved_at": now - HOUR}
    factories.incident("Open one", severity="P0", started_at=now - 2 * HOUR)
    factories.incident(
        "Mitigated one",
        services=[factories.service(), order],
        started_at=now - 3 * HOUR,
        mitigated_at=now - HOUR,
    )
    factories.incident("Drill", is_drill=True, started_at=now - 4 * HOUR, **ended)
    factories.incident("Resolved one", started_at=now - 5 * HOUR, **ended)
    factories.incident(
        "Closed one", summary="The connection pool.", started_at=now - 6 * HOUR, closed_at=now, **ended
    )
    factories.incident(
        "Dismissed one",
        started_at=now - 7 * HOUR,
        dismissed_as="false_alarm",
        dismissed_reason="No.",
        closed_at=now,
    )

    response = client_of(factories.user()).get("/incidents/", query)

    assert [row.title for row in response.context["page"].rows] == titles


@pytest.mark.parametrize(
    "query",
    [
        {"state": "nonsense", "severity": "P9", "service": "no such", "drills": "?"},
        {"after": "9999-99-99~x"},
        {"after": "0001-01-01T00:00:00.000000Z~1"},
        {"before": "2026-11-20T00:00:00.000000Z~" + "9" * 60},
        {"q": "x" * 5000},
        {"q": "%_\\' OR 1=1"},
    ],
)
def test_list_bears_filters_that_make_no_sense(query):
    factories.incident()

    assert client_of(factories.user()).get("/incidents/", query).status_code == 200


def test_list_finds_an_incident_by_its_id():
    wanted = factories.incident("This one")
    factories.incident("Another")

    response = client_of(factories.user()).get("/incidents/", {"q": wanted.public_id.lower()})

    assert [row.title for row in response.context["page"].rows] == ["This one"]


def test_list_shows_how_the_promise_of_a_review_stands():
    now = timezone.now()
    factories.incident("Breached", severity="P1", started_at=now - 49 * HOUR)
    factories.incident("At risk", severity="P1", started_at=now - 40 * HOUR)
    factories.incident("No promise", severity="P3", started_at=now - 400 * HOUR)
    factories.incident("Drill", severity="P1", is_drill=True, started_at=now - 500 * HOUR)

    rows = client_of(factories.user()).get("/incidents/").context["page"].rows

    assert [(row.title, row.review_standing) for row in rows] == [
        ("At risk", "at_risk"),
        ("Breached", "breached"),
        ("No promise", None),
        ("Drill", None),
    ]


# --- the export -------------------------------------------------------------------------------------------


def exported(client: Client, query: dict[str, str] | None = None) -> list[dict[str, str]]:
    response = client.get("/incidents/export.csv", query or {})
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="incidents.csv"'
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_export_has_what_the_filters_leave_in_the_readers_zone():
    order = factories.service("order")
    started = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    wanted = factories.resolved_incident(
        "Orders", services=[order, factories.service("cart")], started_at=started, minutes=5
    )
    factories.incident("Other")
    reader = factories.user(time_zone="Asia/Shanghai")

    (row,) = exported(client_of(reader), {"service": "order"})

    assert (row["id"], row["title"], row["state"]) == (wanted.public_id, "Orders", "resolved")
    assert (row["origin_services"], row["affected_services"]) == ("order", "cart")
    assert row["started_at"] == "2026-03-02T04:00:00+08:00"
    assert row["resolved_at"] == "2026-03-02T04:05:00+08:00"
    assert row["review_standing"] == "breached"


@pytest.mark.parametrize("title", ["=1+1", "+cmd", "-2", "@SUM(A1)", " =1", "＝1+1", "\t=1"])
def test_export_has_no_formulas(title):
    factories.incident(title)

    (row,) = exported(client_of(factories.user()))

    assert row["title"] == f"'{title}"


# --- privacy ----------------------------------------------------------------------------------------------


@pytest.fixture
def restricted() -> Incident:
    return factories.resolved_incident(
        "Leaked credentials", is_restricted=True, participants=[factories.user("Ada")]
    )


@pytest.mark.parametrize(
    "page", ["", "edit", "mark", "invite", "close", "dismiss", "timeline/", "timeline/file", "review"]
)
def test_a_stranger_finds_no_restricted_incident(restricted, page):
    stranger = client_of(factories.user(role="facilitator"))
    address = f"/incidents/{restricted.public_id}/{page}"

    assert stranger.get(address).status_code == 404
    assert stranger.post(address).status_code in {404, 405}
    assert client_of(restricted.people.get()).get(f"/incidents/{restricted.public_id}/").status_code == 200


def test_a_stranger_cannot_excuse_anybody_from_a_restricted_incident(restricted):
    address = reverse("web:timeline_excuse", args=[restricted.public_id, restricted.participants.get().pk])

    assert client_of(factories.user(role="facilitator")).get(address).status_code == 404


def test_lists_and_exports_hide_restricted_incidents_from_strangers(restricted):
    stranger, participant = client_of(factories.user()), client_of(restricted.people.get())

    assert "Leaked credentials" not in stranger.get("/incidents/", {"q": "Leaked"}).content.decode()
    assert exported(stranger) == []
    assert "Leaked credentials" in participant.get("/incidents/").content.decode()
    assert [row["title"] for row in exported(participant)] == ["Leaked credentials"]


# --- declare and edit -------------------------------------------------------------------------------------


def test_declaring_stores_everything_the_form_says():
    chen, ada = factories.user("Chen", time_zone="Asia/Shanghai"), factories.user("Ada")
    order, cart = factories.service("order"), factories.service("cart")
    data = declaration(
        order,
        started_at="2026-03-02T04:00:00",
        detected_at="2026-03-02T04:00:50",
        resolved_at="2026-03-02T04:05:00",
        affected=[cart.pk, order.pk],
        phase="load test before a sale",
        impact_minutes="5",
        failure_percent="38",
        loss_amount="1200000",
        loss_currency="cny",
        loss_is_estimate="on",
        capacity_limit="200",
        capacity_demand="247",
        **people((chen, "commander"), (ada, "responder"), (None, "responder")),
    )

    response = client_of(chen).post("/incidents/new", data)

    incident = Incident.objects.get()
    assert response.url == f"/incidents/{incident.public_id}/"
    assert incident.started_at == datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    assert incident.detected_at == datetime(2026, 3, 1, 20, 0, 50, tzinfo=UTC)
    assert (incident.impact_minutes, incident.failure_percent, incident.loss_currency) == (5, 38, "CNY")
    assert (incident.capacity_limit, incident.capacity_demand, incident.loss_is_estimate) == (200, 247, True)
    assert set(incident.service_links.values_list("service__slug", "part")) == {
        ("order", "origin"),
        ("cart", "affected"),
    }
    assert list(incident.participants.values_list("user__name", "role")) == [
        ("Chen", "commander"),
        ("Ada", "responder"),
    ]


def test_a_refused_declaration_keeps_every_word_and_names_the_fields():
    service, ada = factories.service(), factories.user("Ada")
    data = declaration(
        service,
        title="Kept title",
        summary="Kept summary",
        severity="",
        loss_amount="5",
        **people((ada, "scribe"), (ada, "observer")),
    )

    response = client_of(factories.user()).post("/incidents/new", data)

    page = response.content.decode()
    assert response.status_code == 422
    assert "Kept title" in page
    assert "Kept summary" in page
    assert response.context["form"].errors.keys() == {"severity", "loss_currency"}
    assert response.context["people"][1].errors == {"user": ["Ada is named twice."]}
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"origins": []}, "origins"),
        ({"started_at": "soon"}, "started_at"),
        ({"started_at": "0001-01-01T00:00"}, "started_at"),
        ({"started_at": "9999-12-31T23:59"}, "started_at"),
        ({"started_at": "2099-01-01T00:00"}, "started_at"),
        ({"detected_at": "2020-01-01T00:00"}, "detected_at"),
        ({"resolved_at": "2026-02-30T00:00"}, "resolved_at"),
        ({"failure_percent": "101"}, "failure_percent"),
        ({"failure_percent": "NaN"}, "failure_percent"),
        ({"impact_minutes": "99999999999"}, "impact_minutes"),
        ({"impact_minutes": "-1"}, "impact_minutes"),
        ({"loss_amount": "5"}, "loss_currency"),
        ({"loss_amount": "1e400", "loss_currency": "CNY"}, "loss_amount"),
        ({"loss_currency": "yuan"}, "loss_currency"),
        ({"severity": "99999999999999999999"}, "severity"),
        ({"origins": ["x"]}, "origins"),
        ({"summary": "x" * 70_000}, "summary"),
        ({"environment": "moon"}, "environment"),
    ],
)
def test_declaring_refuses_a_bad_value_beside_its_field(changes, field):
    response = client_of(factories.user()).post("/incidents/new", declaration(factories.service(), **changes))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Incident.objects.exists()


def test_declaring_bears_a_broken_list_of_people():
    data = declaration(factories.service()) | {"people-TOTAL_FORMS": "many"}

    assert client_of(factories.user()).post("/incidents/new", data).status_code == 422


def test_nul_characters_are_refused():
    client = client_of(factories.user())

    assert client.post("/incidents/new", declaration(factories.service(), title="a\x00b")).status_code == 400
    assert client.get("/incidents/?q=%00").status_code == 400


def test_viewers_neither_declare_nor_edit():
    viewer = client_of(factories.user(role="viewer"))
    incident = factories.incident()

    assert viewer.get("/incidents/new").status_code == 403
    assert viewer.post("/incidents/new", declaration(factories.service())).status_code == 403
    for page in ("edit", "mark", "invite", "close", "dismiss"):
        assert viewer.get(f"/incidents/{incident.public_id}/{page}").status_code == 403
        assert viewer.post(f"/incidents/{incident.public_id}/{page}").status_code == 403
    page = viewer.get(f"/incidents/{incident.public_id}/").content.decode()
    assert "/edit" not in page
    assert "/mark" not in page
    assert "/dismiss" not in page


def test_editing_starts_from_what_is_stored_and_changes_only_what_was_changed():
    chen = factories.user(time_zone="Asia/Shanghai")
    incident = factories.resolved_incident(
        started_at=datetime(2026, 3, 1, 20, 0, 7, tzinfo=UTC),
        services=[factories.service("a"), factories.service("b")],
    )
    address = f"/incidents/{incident.public_id}/edit"
    client = client_of(chen)

    page = client.get(address)
    form = page.context["form"]
    data = {name: field.value() for name in form.fields if (field := form[name]).value() not in (None, False)}
    # The moments as they stand in the page: in the reader's zone.
    data |= dict(re.findall(r'name="(\w+_at)" value="([^"]+)"', page.content.decode()))
    response = client.post(address, data | {"title": "A better title"})

    before, incident = incident, Incident.objects.get()
    assert response.status_code == 302
    assert incident.title == "A better title"
    assert data["started_at"] == "2026-03-02T04:00:07"
    assert all(getattr(incident, name) == getattr(before, name) for name in Incident.MILESTONES)
    assert set(incident.service_links.values_list("service__slug", "part")) == {
        ("a", "origin"),
        ("b", "affected"),
    }


def test_editing_without_touching_the_services_leaves_no_trace_of_them():
    incident = factories.resolved_incident(services=[factories.service("a"), factories.service("b")])
    links = set(incident.service_links.values_list("pk", flat=True))
    client = client_of(factories.user())
    form = client.get(f"/incidents/{incident.public_id}/edit").context["form"]
    data = {
        name: value
        for name in form.fields
        if (value := form[name].value()) not in (None, False) and not name.endswith("_at")
    }

    client.post(
        f"/incidents/{incident.public_id}/edit", data | {"title": "Other", "started_at": "2026-03-02T04:00"}
    )

    incident.refresh_from_db()
    assert incident.title == "Other"
    assert set(incident.service_links.values_list("pk", flat=True)) == links


def test_of_an_archived_postmortems_incident_only_the_privacy_can_change():
    incident = factories.resolved_incident(participants=[])
    factories.archived_review(incidents=[incident])
    governor = client_of(factories.user(role="governor"))
    address = f"/incidents/{incident.public_id}/edit"

    assert list(governor.get(address).context["form"].fields) == ["is_restricted"]
    governor.post(address, {"is_restricted": "on", "title": "Changed"})

    incident.refresh_from_db()
    assert (incident.is_restricted, incident.title) == (True, "Orders fail")


def test_of_an_archived_postmortems_incident_no_milestone_is_offered():
    incident = factories.resolved_incident(participants=[], acknowledged_at=None)
    client, address = client_of(factories.user()), f"/incidents/{incident.public_id}/"
    assert f"{address}mark" in client.get(address).text

    factories.archived_review(incidents=[incident])

    page = client.get(address).text
    assert f"{address}mark" not in page
    assert f"{address}invite" not in page
    assert f"{address}close" in page


# --- one incident -----------------------------------------------------------------------------------------


def test_unknown_incidents_are_not_found():
    client = client_of(factories.user())

    for address in ("INC-2026-9999", "x" * 3000, "INC-2026-0001'--"):
        assert client.get(f"/incidents/{address}/").status_code == 404


def test_page_shows_figures_and_the_picture_of_the_course():
    incident = factories.resolved_incident(minutes=5)

    response = client_of(factories.user()).get(f"/incidents/{incident.public_id}/")

    figures = {figure.short: figure.value for figure in response.context["figures"]}
    assert figures == {
        "TTD": timedelta(minutes=1),
        "TTA": timedelta(minutes=1),
        "TTM": timedelta(minutes=3),
        "TTR": timedelta(minutes=5),
    }
    assert [phase.width for phase in response.context["phases"]] == [20, 20, 20, 40]
    assert " style=" not in response.content.decode()


def test_page_says_what_closes_the_incident_and_what_comes_next():
    ada, bob = factories.user("Ada"), factories.user("Bob")
    incident = factories.resolved_incident(participants=[ada, bob])
    factories.filed_timeline(incident.participants.get(user=ada))

    steps = client_of(ada).get(f"/incidents/{incident.public_id}/").context["steps"]

    assert [step.state for step in steps] == ["done", "now", "later", "later", "later", "later"]
    assert steps[1].note == "missing: Bob"


def test_page_of_a_lesser_incident_asks_for_no_postmortem():
    incident = factories.resolved_incident(severity="P3")

    response = client_of(factories.user()).get(f"/incidents/{incident.public_id}/")

    assert [step.state for step in response.context["steps"]] == ["done", "now"]
    assert response.context["standing"] is None


def test_page_shows_filed_timelines_and_my_own_and_no_sealed_one():
    ada, bob, eve = factories.user("Ada"), factories.user("Bob"), factories.user("Eve")
    incident = factories.resolved_incident(participants=[ada, bob, eve])
    factories.filed_timeline(incident.participants.get(user=ada), text="Filed by Ada")
    factories.entry(factories.timeline(incident.participants.get(user=bob)), "Sealed by Bob")
    factories.entry(factories.timeline(incident.participants.get(user=eve)), "Sealed by Eve")
    address = f"/incidents/{incident.public_id}/"

    bobs = client_of(bob).get(address).content.decode()
    administrators = client_of(factories.user(role="administrator")).get(address).content.decode()

    assert "Filed by Ada" in bobs
    assert "Sealed by Bob" in bobs
    assert "Sealed by Eve" not in bobs
    assert "Filed by Ada" in administrators
    assert "Sealed by" not in administrators


@pytest.mark.parametrize("rows", [1, 3])
def test_page_asks_the_database_the_same_however_much_there_is(rows, django_assert_max_num_queries):
    reader = factories.user()
    people = [factories.user() for _ in range(rows)]
    incident = factories.resolved_incident(
        participants=people, services=[factories.service() for _ in range(rows)]
    )
    review = factories.review(incidents=[incident], is_open=True)
    for participant in incident.participants.all():
        factories.filed_timeline(participant)
    for _ in range(rows):
        factories.item(review=review)
    client = client_of(reader)

    with django_assert_max_num_queries(20):
        assert client.get(f"/incidents/{incident.public_id}/").status_code == 200


def test_text_that_looks_like_markup_is_shown_as_text():
    ada = factories.user("<b>Ada</b>")
    incident = factories.resolved_incident(
        "<script>alert(1)</script>", participants=[ada], summary="<img src=x onerror=alert(1)>"
    )
    factories.filed_timeline(incident.participants.get(), text="<script>alert(2)</script>")

    page = client_of(ada).get(f"/incidents/{incident.public_id}/").content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>Ada" not in page


def test_marking_a_milestone_at_a_moment_in_the_readers_zone():
    incident = factories.incident(started_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    client = client_of(factories.user(time_zone="Asia/Shanghai"))

    client.post(
        f"/incidents/{incident.public_id}/mark", {"milestone": "detected_at", "at": "2026-03-02T04:01:00"}
    )

    incident.refresh_from_db()
    assert incident.detected_at == datetime(2026, 3, 1, 20, 1, tzinfo=UTC)


def test_marking_a_milestone_without_a_moment_means_now():
    incident = factories.incident(started_at=timezone.now() - HOUR)
    before = timezone.now()

    response = client_of(factories.user()).post(
        f"/incidents/{incident.public_id}/mark", {"milestone": "resolved_at", "at": ""}
    )

    incident.refresh_from_db()
    assert response.status_code == 302
    assert before <= incident.resolved_at <= timezone.now()


def test_marking_refuses_a_moment_out_of_order_beside_the_moment():
    incident = factories.resolved_incident(started_at=timezone.now() - HOUR)

    response = client_of(factories.user()).post(
        f"/incidents/{incident.public_id}/mark", {"milestone": "mitigated_at", "at": "2020-01-01T00:00"}
    )

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["at"]


def test_inviting_and_inviting_twice():
    incident, ada = factories.incident(), factories.user("Ada")
    client = client_of(factories.user())
    address, data = f"/incidents/{incident.public_id}/invite", {"user": ada.pk, "role": "scribe"}

    assert client.post(address, data).status_code == 302
    again = client.post(address, data)

    assert list(incident.participants.values_list("user", "role")) == [(ada.pk, "scribe")]
    assert again.context["form"].errors == {"user": ["Ada is a participant already."]}


def test_who_takes_part_is_not_offered_for_an_invitation():
    ada, lin = factories.user("Ada"), factories.user("Lin")
    incident = factories.incident(participants=[ada])

    form = client_of(lin).get(f"/incidents/{incident.public_id}/invite").context["form"]

    offered = [str(words) for value, words in form.fields["user"].widget.choices if value]
    assert "Lin" in offered
    assert "Ada" not in offered


def test_closing_tells_why_it_cannot():
    incident = factories.incident(started_at=timezone.now() - HOUR)
    client = client_of(factories.user())
    page = f"http://testserver/incidents/{incident.public_id}/"

    response = client.post(f"{page}close", headers={"referer": page})

    assert response.url == page
    assert words_of(response) == [
        "The incident is not resolved. Its severity asks for an archived postmortem."
    ]
    incident.refresh_from_db()
    assert incident.closed_at is None


def test_closing_an_incident_whose_postmortem_is_archived():
    incident = factories.resolved_incident()
    factories.archived_review(incidents=[incident])

    client_of(factories.user()).post(f"/incidents/{incident.public_id}/close")

    incident.refresh_from_db()
    assert incident.state == "closed"


def test_dismissing_asks_first_and_needs_a_reason():
    incident = factories.incident()
    client = client_of(factories.user())
    address = f"/incidents/{incident.public_id}/dismiss"

    asked = client.get(address)
    refused = client.post(address, {"as_": "false_alarm", "reason": " "})
    incident.refresh_from_db()
    assert (asked.status_code, refused.status_code, incident.dismissed_as) == (200, 422, "")

    client.post(address, {"as_": "false_alarm", "reason": "The exporter lied."})
    incident.refresh_from_db()
    assert (incident.dismissed_as, incident.dismissed_reason) == ("false_alarm", "The exporter lied.")


def test_reading_changes_nothing():
    incident = factories.resolved_incident()
    client = client_of(factories.user(role="administrator"))
    before = Incident.objects.values().get()

    for page in ("", "edit", "mark", "invite", "close", "dismiss", "review", "timeline/"):
        assert client.get(f"/incidents/{incident.public_id}/{page}").status_code == 200

    assert Incident.objects.values().get() == before


def test_history_names_who_changed_what():
    chen = factories.user("Chen")
    client = client_of(chen)
    client.post("/incidents/new", declaration(factories.service("order"), **people((chen, "commander"))))
    incident = Incident.objects.get()
    client.post(f"/incidents/{incident.public_id}/mark", {"milestone": "detected_at", "at": ""})

    history = client.get(f"/incidents/{incident.public_id}/").context["history"]

    assert [(str(line.words), line.actor) for line in history] == [
        ("marked a milestone", chen),
        ("declared the incident", chen),
    ]
    assert [(change.label, change.before) for change in history[0].changes] == [("Detected", "")]
    assert {(change.label, change.after) for change in history[1].changes} == {
        ("Person", "Chen"),
        ("Service", "order"),
    }
