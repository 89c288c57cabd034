"""Two people who edit the same thing: both texts are shown, and neither is lost."""

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.web.reading import read

pytestmark = pytest.mark.django_db


def client_of(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def incident():
    return factories.resolved_incident(
        "Orders fail", services=[factories.service("order")], summary="As it was."
    )


def typed(client, incident, **changes):
    """What the form of an incident would send, with some of it typed anew."""
    address = reverse("web:incident_edit", args=[incident.public_id])
    form = next(form for form in read(client.get(address).text, at=address).forms if "version" in form.fields)
    return address, form.fields | {name: [value] for name, value in changes.items()}


def test_a_save_over_a_newer_incident_shows_what_differs(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="Ada's words.")
    bob.post(address, typed(bob, incident, summary="Bob's words.", phase="night")[1])

    response = ada.post(address, mine)

    assert response.status_code == 409
    form = response.context["form"]
    assert (form["summary"].value(), form["summary"].theirs) == ("Ada's words.", "Bob's words.")
    assert form["phase"].theirs == "night"
    assert not hasattr(form["title"], "theirs")
    assert "<del>Bob</del><ins>Ada</ins>" in response.text
    incident.refresh_from_db()
    assert (incident.summary, incident.phase) == ("Bob's words.", "night")

    again = mine | {"version": [str(form["version"].value())], "phase": ["night"]}
    assert ada.post(address, again).status_code == 302
    incident.refresh_from_db()
    assert (incident.summary, incident.phase) == ("Ada's words.", "night")


def test_a_milestone_marked_meanwhile_is_not_taken_back(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="Ada's words.", acknowledged_at="")
    bob.post(
        reverse("web:incident_mark", args=[incident.public_id]),
        {"milestone": "acknowledged_at", "at": "2026-11-19T12:02:30"},
    )

    response = ada.post(address, mine)

    assert response.status_code == 409
    assert response.context["form"]["acknowledged_at"].theirs != "–"


def test_services_named_meanwhile_are_shown(incident):
    other = factories.service("stock")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    order = str(incident.services.get().pk)
    address, mine = typed(ada, incident, origins=order)
    bob.post(address, typed(bob, incident, origins=order, affected=str(other.pk))[1])

    response = ada.post(address, mine)

    assert response.status_code == 409
    assert "stock (affected)" in response.context["form"]["origins"].theirs


def test_the_same_words_twice_are_no_conflict(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="The same words.")
    bob.post(address, typed(bob, incident, summary="The same words.")[1])

    assert ada.post(address, mine).status_code == 302


def test_cause_reworded_meanwhile_stands_beside_mine():
    cause = factories.cause(factories.review(is_open=True), "The pool has no timeout.")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address = reverse("web:cause_edit", args=[cause.pk])
    mine = {"statement": "Mine.", "part": "root", "version": "1"}
    bob.post(address, {"statement": "Theirs.", "part": "contributing", "version": "1"})

    response = ada.post(address, mine)

    form = response.context["form"]
    assert response.status_code == 409
    assert (form["statement"].value(), form["statement"].theirs) == ("Mine.", "Theirs.")
    # What lays the two texts side by side.
    assert "web/casework.css" in response.text
    # A choice is told as its reader knows it.
    assert form["part"].theirs == "Contributing factor"
    cause.refresh_from_db()
    assert cause.statement == "Theirs."
    assert ada.post(address, mine | {"version": str(form["version"].value())}).status_code == 302
    cause.refresh_from_db()
    assert cause.statement == "Mine."


def test_cause_settled_meanwhile_is_not_settled_again_unread():
    cause = factories.cause(factories.review(is_open=True))
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address = reverse("web:cause_settle", args=[cause.pk])
    bob.post(address, {"state": "refuted", "evidence": "It held under load.", "version": "1"})

    response = ada.post(address, {"state": "verified", "evidence": "Reproduced.", "version": "1"})

    assert response.status_code == 409
    assert "It held under load." in response.text
    cause.refresh_from_db()
    assert cause.state == "refuted"


def test_review_renamed_meanwhile_stands_beside_mine():
    lin = factories.user("Lin", role="facilitator")
    review = factories.review("As it was", is_open=True, facilitator=lin)
    address = reverse("web:review_edit", args=[review.public_id])
    ada, bob = client_of(lin), client_of(factories.user("Bob", role="facilitator"))
    page = read(ada.get(address).text, at=address)
    fields = next(form for form in page.forms if "version" in form.fields).fields
    bob.post(address, fields | {"title": ["Theirs"]})

    response = ada.post(address, fields | {"title": ["Mine"]})

    assert response.status_code == 409
    assert response.context["form"]["title"].theirs == "Theirs"
    review.refresh_from_db()
    assert review.title == "Theirs"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_two_people_edit_the_same_step_at_once(open_page, live_server):
    people = [factories.user("Ada", role="facilitator"), factories.user("Bob", role="facilitator")]
    review = factories.review(incidents=[factories.resolved_incident()], is_open=True)
    factories.written(review.steps.get(position=1), finding="Orders fail at 14:03.")
    pages = []
    for person in people:
        page = open_page()
        page.goto(f"{live_server.url}/login")
        page.fill("[name=username]", person.email)
        page.fill("[name=password]", factories.PASSWORD)
        page.click("main button.primary")
        page.goto(f"{live_server.url}/reviews/{review}/")
        pages.append(page)
    ada, bob = pages

    # Both type over the same text; Bob saves first.
    ada.fill("#id_phenomenon_finding", "5 % of orders fail at 14:03.")
    bob.fill("#id_phenomenon_finding", "Orders fail from 14:03 to 14:08.")
    bob.click("#step-phenomenon button:has-text('Save the draft')")
    expect(bob.locator(".messages, [role=status]").first).to_contain_text("Saved")
    ada.click("#step-phenomenon button:has-text('Save the draft')")

    # Nothing is stored of Ada's, and nothing is lost: hers is in the field, his stands beside it.
    expect(ada.locator("#step-phenomenon [role=alert]")).to_contain_text("Nothing is lost")
    expect(ada.locator("#id_phenomenon_finding")).to_have_value("5 % of orders fail at 14:03.")
    expect(ada.locator("#step-phenomenon .theirs pre").first).to_have_text("Orders fail from 14:03 to 14:08.")
    step = review.steps.get(position=1)
    assert step.finding == "Orders fail from 14:03 to 14:08."

    # She takes over what she needs, and saves; he finds it.
    ada.fill("#id_phenomenon_finding", "5 % of orders fail from 14:03 to 14:08.")
    ada.click("#step-phenomenon button:has-text('Save the draft')")
    expect(ada.locator(".theirs")).to_have_count(0)
    bob.reload()
    expect(bob.locator("#id_phenomenon_finding")).to_have_value("5 % of orders fail from 14:03 to 14:08.")
