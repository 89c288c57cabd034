"""Two people who edit the same thing: both texts are shown, and neither is lost."""

from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.race import at_once
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
    fields = versioned(client.get(address).text, at=address)
    return address, fields | {name: [value] for name, value in changes.items()}


def versioned(html, *, at):
    """The form with a version as a browser would send it, untouched."""
    forms = read(html, at=at, fills_gaps=False).forms
    return next(form.fields for form in forms if "version" in form.fields)


def test_what_both_changed_is_shown_and_asked_about(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="Ada's words.")
    bob.post(address, typed(bob, incident, summary="Bob's words.", phase="night")[1])

    response = ada.post(address, mine)

    assert response.status_code == 409
    form = response.context["form"]
    assert (form["summary"].value(), form["summary"].theirs) == ("Ada's words.", "Bob's words.")
    assert "<del>Bob</del><ins>Ada</ins>" in response.text
    # Nobody is asked about what only one of them changed.
    assert form["phase"].value() == "night"
    assert [field.name for field in form if hasattr(field, "theirs")] == ["summary"]
    incident.refresh_from_db()
    assert (incident.summary, incident.phase) == ("Bob's words.", "night")

    assert ada.post(address, versioned(response.text, at=address)).status_code == 302
    incident.refresh_from_db()
    assert (incident.summary, incident.phase) == ("Ada's words.", "night")


def test_what_only_one_of_two_changed_is_merged_without_a_word(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="Ada's words.", is_drill="on")
    bob.post(
        reverse("web:incident_mark", args=[incident.public_id]),
        {"milestone": "acknowledged_at", "at": "2026-11-19T12:02:30"},
    )
    bob.post(address, typed(bob, incident, phase="night", tags="dns, cache", impact_minutes="7")[1])

    response = ada.post(address, mine)

    assert response.status_code == 302
    incident.refresh_from_db()
    assert (incident.summary, incident.is_drill) == ("Ada's words.", True)
    assert (incident.phase, incident.tags, incident.impact_minutes) == ("night", ["dns", "cache"], 7)
    assert f"{incident.acknowledged_at:%H:%M:%S}" == "12:02:30"


def test_a_milestone_that_both_moved_is_asked_about_to_the_second(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, acknowledged_at="2026-11-19T12:02:31")
    bob.post(
        reverse("web:incident_mark", args=[incident.public_id]),
        {"milestone": "acknowledged_at", "at": "2026-11-19T12:02:30"},
    )

    response = ada.post(address, mine)

    assert response.status_code == 409
    assert response.context["form"]["acknowledged_at"].theirs == "19 Nov 2026, 12:02:30"


def test_services_are_told_in_words_at_the_field_they_stand_in(incident):
    stock, mail = factories.service("stock"), factories.service("mail")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    order = str(incident.services.get().pk)
    address, mine = typed(ada, incident, origins=order, affected=str(mail.pk))
    bob.post(address, typed(bob, incident, origins=order, affected=str(stock.pk))[1])

    response = ada.post(address, mine)

    form = response.context["form"]
    assert response.status_code == 409
    assert form["affected"].theirs == f"stock · {stock.name}"
    assert not hasattr(form["origins"], "theirs")
    assert "[&#x27;" not in response.text


def test_form_that_does_not_say_what_it_was_opened_with_is_asked_about_all_that_differs(incident):
    """A page that was opened before an upgrade."""
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="Ada's words.")
    bob.post(address, typed(bob, incident, phase="night")[1])

    response = ada.post(address, {name: value for name, value in mine.items() if name != "opened"})

    assert response.status_code == 409
    assert response.context["form"]["phase"].theirs == "night"


def test_text_as_browsers_send_it_counts_as_untouched(incident):
    """They send CRLF, and a moment without its seconds where there are none."""
    type(incident).objects.update(summary="One line.\nAnother.")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address, mine = typed(ada, incident, summary="One line.\r\nAnother.", phase="night")
    mine["started_at"] = [mine["started_at"][0].removesuffix(":00")]
    bob.post(address, typed(bob, incident, summary="Bob's words.")[1])

    assert ada.post(address, mine).status_code == 302
    incident.refresh_from_db()
    assert (incident.summary, incident.phase) == ("Bob's words.", "night")


def test_what_fits_neither_rule_after_the_merge_is_said_at_its_field(incident):
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    known = incident.detected_at
    address, mine = typed(ada, incident, detected_at="2026-11-19T12:03:00")
    bob.post(
        reverse("web:incident_mark", args=[incident.public_id]),
        {"milestone": "acknowledged_at", "at": "2026-11-19T12:02:30"},
    )

    response = ada.post(address, mine)

    assert response.status_code == 422
    assert response.context["form"].errors
    incident.refresh_from_db()
    assert incident.detected_at == known


@pytest.mark.django_db(transaction=True)
def test_saves_at_the_same_moment_are_merged_too(incident):
    people = [client_of(factories.user(name)) for name in ("Ada", "Bob", "Cy")]
    changes = [{"summary": "Ada's words."}, {"phase": "night"}, {"tags": "dns"}]
    sent = [typed(client, incident, **change) for client, change in zip(people, changes, strict=True)]

    def save(client, address, fields):
        assert client.post(address, fields).status_code == 302

    at_once(*(partial(save, client, *one) for client, one in zip(people, sent, strict=True)))

    incident.refresh_from_db()
    assert (incident.summary, incident.phase, incident.tags) == ("Ada's words.", "night", ["dns"])


def test_item_that_two_people_edit_keeps_what_each_changed():
    item = factories.item("As it was")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    address = reverse("web:item_edit", args=[item.public_id])
    mine = theirs = versioned(ada.get(address).text, at=address)
    bob.post(address, theirs | {"description": ["Bob's details."], "kind": ["detect"]})

    assert ada.post(address, mine | {"title": ["Ada's title"]}).status_code == 302
    response = ada.post(address, mine | {"kind": ["mitigate"]})

    item.refresh_from_db()
    assert (item.title, item.description, item.kind) == ("Ada's title", "Bob's details.", "detect")
    assert response.status_code == 409
    assert response.context["form"]["kind"].theirs == item.get_kind_display()


def test_step_keeps_what_each_of_two_people_wrote():
    review = factories.review(is_open=True)
    step = factories.written(review.steps.get(position=1), finding="As it was.", evidence="")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    here = reverse("web:step_write", args=[review.public_id, step.kind])
    fields = step_fields(ada, review)
    bob.post(here, fields | {"evidence": ["Bob's evidence."]})

    assert ada.post(here, fields | {"finding": ["Ada's finding."]}).status_code == 302
    step.refresh_from_db()
    assert (step.finding, step.evidence) == ("Ada's finding.", "Bob's evidence.")


def test_step_is_not_signed_over_words_its_signer_has_not_read():
    review = factories.review(is_open=True)
    step = factories.written(review.steps.get(position=1), finding="As it was.", evidence="A log.")
    ada, bob = client_of(factories.user("Ada")), client_of(factories.user("Bob"))
    fields = step_fields(ada, review)
    bob.post(
        reverse("web:step_write", args=[review.public_id, step.kind]),
        fields | {"evidence": ["Bob's evidence."]},
    )
    here = reverse("web:step_sign", args=[review.public_id, step.kind])

    response = ada.post(here, fields | {"finding": ["Ada's finding."]}, follow=True)

    step.refresh_from_db()
    assert (step.finding, step.evidence) == ("Ada's finding.", "Bob's evidence.")
    assert not step.is_signed
    assert "Somebody changed this step while you had it open" in response.text
    assert ada.post(here, step_fields(ada, review)).status_code == 302
    step.refresh_from_db()
    assert step.is_signed


@pytest.mark.parametrize("act", ["write", "sign"])
def test_address_of_a_refused_step_leads_to_the_step_when_it_is_loaded_again(act):
    review = factories.review(is_open=True)
    address = reverse(f"web:step_{act}", args=[review.public_id, "root_cause"])

    response = client_of(factories.user()).get(address)

    there = f"/reviews/{review}/?step=root_cause#step-root_cause"
    assert (response.status_code, response["Location"]) == (302, there)


def step_fields(client, review):
    """What the form of the first step would send."""
    return versioned(client.get(f"/reviews/{review}/?step=phenomenon").text, at=f"/reviews/{review}/")


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
        page = logged_in(open_page(), live_server.url, person)
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


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_two_people_change_different_things_and_both_stay(open_page, live_server, incident):
    people = [factories.user("Ada", role="facilitator"), factories.user("Bob", role="facilitator")]
    item = factories.item("As it was")
    ada, bob = (logged_in(open_page(), live_server.url, person) for person in people)
    ada.goto(f"{live_server.url}/incidents/{incident}/edit")
    bob.goto(f"{live_server.url}/incidents/{incident}/mark?milestone=acknowledged_at")
    bob.fill("[name=at]", "2026-11-19T12:02:30")
    bob.click("main form button.primary")
    ada.fill("[name=summary]", "Ada's words.")
    ada.click("main form button.primary")
    ada.wait_for_url(f"**/incidents/{incident}/")

    for page in (ada, bob):
        page.goto(f"{live_server.url}/items/{item}/edit")
    bob.fill("[name=description]", "Bob's details.\nIn two lines.")
    bob.click("main form button.primary")
    bob.wait_for_url(f"**/items/{item}/")
    ada.fill("[name=title]", "Ada's title")
    ada.click("main form button.primary")
    ada.wait_for_url(f"**/items/{item}/")

    incident.refresh_from_db()
    item.refresh_from_db()
    assert (incident.summary, f"{incident.acknowledged_at:%H:%M:%S}") == ("Ada's words.", "12:02:30")
    assert (item.title, item.description) == ("Ada's title", "Bob's details.\nIn two lines.")


def logged_in(page, address, person):
    page.goto(f"{address}/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(lambda where: "/login" not in where)
    return page
