"""A session that ends while somebody writes: their words are not lost, and no login page lands in a form."""

import json
import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from accounts.models import User
from postmortem.models import Draft, Entry, Incident, Service
from tests import factories
from tests.browser import close_all
from tests.web.reading import read

ADDRESS = "http://testserver"


@pytest.fixture
def ada(db):
    return factories.user("Ada")


@pytest.fixture
def incident(ada):
    return factories.incident(participants=[ada])


def test_page_leads_to_the_login_and_back(client):
    response = client.get("/items/?state=all")

    assert (response.status_code, response["Location"]) == (302, "/login?next=/items/%3Fstate%3Dall")


def test_form_that_was_sent_too_late_gives_the_words_back(client, incident):
    page = f"{ADDRESS}/incidents/{incident.public_id}/timeline/"

    response = client.post(
        page, {"text": "Restarted <it> & waited.", "kind": "note"}, headers={"referer": page}
    )

    assert response.status_code == 401
    assert "Restarted &lt;it&gt; &amp; waited." in response.text
    assert f'href="/login?next=/incidents/{incident.public_id}/timeline/"' in response.text
    assert not Entry.objects.exists()


def test_words_given_back_are_no_passwords_and_no_bookkeeping(client, db):
    sent = {
        "old_password": "my old secret",
        "new_password1": "my new secret",
        "next": "/a b",
        "name": "Ada Lovelace",
    }

    response = client.post("/settings/password", sent)

    assert response.status_code == 401
    assert "secret" not in response.text
    assert "/a b" not in response.text
    assert "Ada Lovelace" in response.text


def test_button_that_was_pressed_too_late_leads_back_to_its_page(client, db):
    """Its own address is no page: whoever has logged in would find nothing there."""
    item = factories.item()

    response = client.post(f"/items/{item.public_id}/start", headers={"referer": f"{ADDRESS}/items/"})
    from_nowhere = client.post(f"/items/{item.public_id}/start")
    from_a_stranger = client.post(
        f"/items/{item.public_id}/start", headers={"referer": "https://evil.example/x"}
    )

    assert (response.status_code, response["Location"]) == (302, "/login?next=/items/")
    assert from_nowhere["Location"] == from_a_stranger["Location"] == "/login?next=/"


def test_words_given_back_are_named(client, db):
    sent = {
        "title": "订单失败",
        "environment": "production",
        "is_drill": "on",
        "started_at": "2026-11-20T14:03",
        "severity": "1",
        "people-TOTAL_FORMS": "1",
        "people-0-role": "scribe",
        "version": "3",
    }

    response = client.post("/incidents/new", sent)

    shown = re.findall(r"<figcaption>([^<]*).*?<pre[^>]*>(.*?)</pre>", response.text, re.DOTALL)
    assert shown == [
        ("Title", "订单失败"),
        ("Environment", "Production"),
        ("Drill", "yes"),
        ("Impact started", "2026-11-20T14:03"),
        ("Role", "Scribe"),
    ]


def sent_too_late(client, person):
    """A declaration as its page sends it, and the answer after the session has ended."""
    factories.service("order")
    client.force_login(person)
    page = read(client.get("/incidents/new").text, at="/incidents/new", fills_gaps=False)
    fields = next(form.fields for form in page.forms if "title" in form.fields) | {
        "title": ["Orders <fail>"],
        "origins": [str(Service.objects.get().pk)],
        "severity": [str(factories.severity("P1").pk)],
        "is_drill": ["on"],
    }
    client.logout()
    return client.post("/incidents/new", fields)


def log_in_there(client, response, person, password=factories.PASSWORD):
    form = next(form for form in read(response.text, at="/login").forms if "username" in form.fields)
    return client.post("/login", form.fields | {"username": [person.email], "password": [password]})


def test_login_on_that_page_fills_the_form_in_again(client, ada):
    response = sent_too_late(client, ada)

    back = log_in_there(client, response, ada)

    assert back["Location"].startswith("/incidents/new?draft=")
    form = client.get(back["Location"]).context["form"]
    assert form["title"].value() == "Orders <fail>"
    assert form["origins"].value() == [str(Service.objects.get().pk)]
    assert form["severity"].value() == str(factories.severity("P1").pk)
    assert form["is_drill"].value() is True
    assert not Incident.objects.exists()


def test_wrong_password_does_not_lose_the_form(client, ada):
    response = log_in_there(client, sent_too_late(client, ada), ada, password="wrong")

    back = log_in_there(client, response, ada)

    assert client.get(back["Location"]).context["form"]["title"].value() == "Orders <fail>"


def test_form_is_given_to_nobody_else(client, ada):
    response = sent_too_late(client, ada)

    back = log_in_there(client, response, factories.user("Bob"))

    assert back["Location"] == "/incidents/new"
    page = client.get("/incidents/new").text
    assert "Somebody else had filled in a form here" in page
    assert "Orders" not in page
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "carried", ["", "x", "[]", "{}", '{"books": {}, "fields": {}}', '{"books": 1, "fields": [1]}', "[" * 9999]
)
def test_login_bears_whatever_is_carried(client, ada, carried):
    back = client.post(
        "/login",
        {"username": ada.email, "password": factories.PASSWORD, "carried": carried, "next": "/items/"},
    )

    assert (back.status_code, back["Location"]) == (302, "/items/")


def test_carried_form_of_no_draft_goes_nowhere(client, ada):
    books = {"draft_reader": str(ada.pk), "draft_key": "//evil.example/", "draft_page": "p" * 20}
    carried = json.dumps({"books": books | {"draft_number": "1", "version": ""}, "fields": {"title": ["x"]}})

    back = client.post("/login", {"username": ada.email, "password": factories.PASSWORD, "carried": carried})

    assert back["Location"] == "/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_htmx_is_told_so_beside_the_form(client, incident, method):
    headers = {"hx-request": "true", "referer": f"{ADDRESS}/incidents/{incident.public_id}/timeline/"}

    response = getattr(client, method)(f"/incidents/{incident.public_id}/timeline/", headers=headers)

    assert response.status_code == 401
    assert response["HX-Reswap"] == "beforebegin"
    assert "You are logged out" in response.text
    assert "<form" not in response.text


def test_programs_still_get_a_problem(client, db):
    response = client.post("/api/v1/incidents", {"title": "a b"}, content_type="application/json")

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


# --- in a browser -------------------------------------------------------------------------------------


@pytest.fixture
def desk(transactional_db, live_server, chromium):
    """A browser in which Ada has logged in and opened her timeline."""
    ada = factories.user("Ada")
    incident = factories.incident(participants=[ada])
    context = chromium.new_context(base_url=live_server.url, locale="en")
    page = context.new_page()
    log_in(page, ada)
    page.goto(f"/incidents/{incident.public_id}/timeline/")
    yield page
    close_all([context])


def log_in(page: Page, person) -> None:
    page.goto("/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(lambda address: "/login" not in address)


def write(page: Page) -> None:
    page.fill("[name=line]", "+1m Restarted the order service.")
    page.click("#mine button.primary")


@pytest.mark.browser
def test_words_stay_in_the_form_until_somebody_has_logged_in_again(desk):
    Session.objects.all().delete()

    write(desk)
    alert = desk.get_by_role("alert")
    expect(alert).to_contain_text("You are logged out")
    expect(desk.locator("[name=line]")).to_have_value("+1m Restarted the order service.")
    expect(desk.locator("[name=password]")).to_have_count(0)
    desk.click("#mine button.primary")
    expect(alert).to_have_count(1)

    with desk.context.expect_page() as opened:
        alert.get_by_role("link").click()
    other = opened.value
    other.fill("[name=username]", "ada@example.com")
    other.fill("[name=password]", factories.PASSWORD)
    other.click("main button.primary")
    other.wait_for_url(desk.url)
    desk.click("#mine button.primary")

    expect(desk.locator(".timeline")).to_contain_text("Restarted the order service.")
    expect(alert).to_have_count(0)
    assert Entry.objects.get().text == "Restarted the order service."


@pytest.mark.browser
def test_words_stay_in_the_form_when_the_server_does_not_answer(desk):
    desk.route(
        "**/timeline/", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )

    write(desk)

    expect(desk.get_by_role("alert")).to_contain_text("The server did not answer")
    expect(desk.locator("[name=line]")).to_have_value("+1m Restarted the order service.")


@pytest.mark.browser
def test_words_stay_in_the_form_when_something_in_between_answers(desk):
    desk.route("**/timeline/", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))

    write(desk)

    expect(desk.get_by_role("alert")).to_contain_text("The server did not answer")
    expect(desk.locator("[name=line]")).to_have_value("+1m Restarted the order service.")
    expect(desk.get_by_text("Bad gateway")).to_have_count(0)


@pytest.mark.browser
def test_leaving_asks_as_long_as_words_were_not_taken(desk):
    Session.objects.all().delete()
    write(desk)
    expect(desk.get_by_role("alert")).to_be_visible()
    asked = []
    desk.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    desk.evaluate("location.assign('/incidents/')")

    expect(desk.locator("[name=line]")).to_have_value("+1m Restarted the order service.")
    assert asked == ["beforeunload"]


@pytest.mark.browser
def test_form_opened_before_a_login_in_another_tab_is_good_after_it(desk):
    """Each login changes the proof of origin; forms.js takes the new one from the cookie."""
    desk.goto("/incidents/new")
    Session.objects.all().delete()
    log_in(desk.context.new_page(), User.objects.get(email="ada@example.com"))

    desk.fill("[name=title]", "Checkout fails")
    desk.select_option("[name=severity]", index=1)
    desk.check("[name=origins]")
    desk.click("main form button.primary")

    desk.wait_for_url("**/incidents/INC-*/")


@pytest.mark.browser
def test_form_without_scripts_is_filled_in_again_after_a_login(transactional_db, live_server, chromium):
    ada = factories.user("Ada")
    factories.service("order")
    factories.severity()
    context = chromium.new_context(base_url=live_server.url, locale="en", java_script_enabled=False)
    page = context.new_page()
    log_in(page, ada)
    page.goto("/incidents/new")
    page.fill("[name=title]", "Checkout fails")
    page.select_option("[name=severity]", index=1)
    page.check("[name=origins]")
    page.fill("[name=summary]", "In two\nlines.")
    Session.objects.all().delete()
    page.click("main form button.primary")

    page.fill("[name=username]", ada.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.get_by_role("button", name="Log in and go on").click()
    expect(page.locator("[name=title]")).to_have_value("Checkout fails")
    page.click("main form button.primary")

    page.wait_for_url("**/incidents/INC-*/")
    assert Incident.objects.get().summary.replace("\r\n", "\n") == "In two\nlines."
    close_all([context])
