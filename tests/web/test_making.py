"""A form that makes something new makes it once: sent again, it says what it made and asks."""

from threading import Barrier

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from postmortem import drafts, trail
from postmortem.models import Addendum, Draft, Incident
from remediation.items.locking import lock_owner
from tests import factories
from tests.race import at_once
from tests.web.reading import read
from tests.web.test_conflicts import logged_in

pytestmark = pytest.mark.django_db

NEW = "/incidents/new"


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def client(ada):
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def declared(client):
    """What the form of a declaration sends."""
    factories.service("order")
    factories.severity()
    page = read(client.get(NEW).text, at=NEW)
    fields = next(form.fields for form in page.forms if "title" in form.fields)
    return fields | {"goes_on": ["on"], "loss_currency": [""]}


def test_form_that_is_sent_again_says_what_it_made(client, declared):
    assert client.post(NEW, declared).status_code == 302
    incident = Incident.objects.get()

    again = client.post(NEW, declared | {"summary": ["More words."]})

    assert again.status_code == 409
    assert f'href="/incidents/{incident}/">{incident}</a>' in again.text
    assert "More words." in again.text
    assert Incident.objects.count() == 1


def test_another_one_is_made_when_it_is_asked_for_and_once(client, declared):
    client.post(NEW, declared)
    page = client.post(NEW, declared).text
    button = next(form for form in read(page, at=NEW).forms if "draft_another" in form.fields).fields
    another = declared | {"draft_another": button["draft_another"]}

    assert [client.post(NEW, another).status_code for _time in range(2)] == [302, 409]
    assert Incident.objects.count() == 2


def test_page_that_was_loaded_anew_is_known_by_what_it_sends(client, declared):
    """Browsers without scripts fill a form again when somebody goes back to it."""
    client.post(NEW, declared)
    later = {"draft_page": ["another-page-0123456789"], "draft_first": ["another-page-0123456789"]}

    again = client.post(NEW, declared | later | {"started_at": ["2026-11-19T12:03"]})
    other = client.post(NEW, declared | later | {"title": ["Payments fail"]})

    assert (again.status_code, other.status_code) == (409, 302)


def test_form_that_is_written_on_after_it_was_saved_is_still_that_form(client, declared):
    """Its script begins another draft, and the page it was opened as stays."""
    client.post(NEW, declared)

    again = client.post(NEW, declared | {"draft_page": ["another-page-0123456789"], "title": ["Other"]})

    assert again.status_code == 409


def test_refused_form_can_be_sent_again(client, declared):
    assert client.post(NEW, declared | {"title": [""]}).status_code == 422

    assert client.post(NEW, declared).status_code == 302


def test_same_words_of_somebody_else_are_their_own(client, declared):
    client.post(NEW, declared)
    bob = Client()
    bob.force_login(factories.user("Bob"))

    assert bob.post(NEW, declared).status_code == 302


def test_what_was_made_is_told_for_a_day(client, declared):
    client.post(NEW, declared)
    Draft.objects.all().delete()

    assert client.post(NEW, declared).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_button_that_is_pressed_twice_at_once_makes_one(client, declared):
    found = []
    at_once(*[lambda: found.append(client.post(NEW, declared).status_code)] * 2)

    assert sorted(found) == [302, 409]
    assert Incident.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_agree_an_item_for_each_other_at_once(ada):
    bob = factories.user("Bob")
    both_began = Barrier(2)

    def agree(by, owner):
        with trail.act("test", by=by):
            drafts.find_made(pages=[], key=NEW, content_hash="", by=by)
            both_began.wait(timeout=10)
            lock_owner(owner, field="owner")

    assert at_once(lambda: agree(ada, bob), lambda: agree(bob, ada)) == [None, None]


def test_item_is_agreed_once(client, ada):
    team = factories.team()
    sent = {
        "title": "Timeouts in the pool", "owner": ada.pk, "team": team.pk, "category": "process_defect",
        "service": factories.service("order").pk, "severity": factories.severity().pk, "kind": "prevent",
    }  # fmt: skip

    answers = [client.post("/items/new", sent) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert f'href="{answers[0]["Location"]}"' in answers[1].text


def test_cause_is_added_once(client):
    review = factories.review(is_open=True)
    sent = {"statement": "The pool has no timeout.", "part": "root", "cause_class": ""}

    answers = [client.post(reverse("web:cause_new", args=[review]), sent) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert review.causes.count() == 1


def test_addendum_is_added_once(client):
    review = factories.archived_review()

    answers = [
        client.post(reverse("web:addendum_new", args=[review]), {"text": "Seen again."}) for _time in range(2)
    ]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert Addendum.objects.count() == 1


def test_checklist_entry_is_added_once(client):
    review = factories.review(is_open=True)
    sent = {
        "title": "No pod hangs",
        "kind": "command",
        "pipeline": "kubectl get pods",
        "expectation": "no_match",
    }

    answers = [client.post(reverse("web:checklist_add", args=[review]), sent) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert review.checklist.count() == 1


def test_check_is_added_once(client):
    item = factories.item()
    page = read(client.get(f"/items/{item}/checks/new").text, at=f"/items/{item}/checks/new")
    sent = next(form.fields for form in page.forms if "check-kind" in form.fields) | {
        "check-kind": ["shell"],
        "check-shell_expectation": ["success"],
        "intent": ["save"],
    }
    before = item.verification_checks.count()

    answers = [client.post(f"/items/{item}/checks/new", sent) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert f'href="{answers[0]["Location"]}"' in answers[1].text
    assert item.verification_checks.count() == before + 1


def test_waiver_is_asked_for_once(client):
    page = read(client.get("/gate/waivers/new").text, at="/gate/waivers/new", fills_gaps=False)
    sent = next(form.fields for form in page.forms if "reason" in form.fields)
    sent |= {"repository": ["shop/order"], "reason": ["The fix is in review."]}

    answers = [client.post("/gate/waivers/new", sent) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert f'href="{answers[0]["Location"]}"' in answers[1].text


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_scripts", [True, False])
def test_back_and_once_more_makes_no_second_incident(live_server, chromium, ada, has_scripts):
    factories.service("order")
    factories.severity()
    context = chromium.new_context(locale="en", java_script_enabled=has_scripts)
    page = logged_in(context.new_page(), live_server.url, ada)
    page.goto(f"{live_server.url}{NEW}")
    page.fill("[name=title]", "Orders fail")
    page.select_option("[name=severity]", index=1)
    page.check("[name=origins]")
    page.click("main form button.primary")
    page.wait_for_url("**/incidents/INC-*/")

    page.go_back()
    expect(page.locator("[name=title]")).to_have_value("Orders fail")
    if has_scripts:
        page.fill("[name=summary]", "Seen from 14:03.")
    page.click("main form button.primary")

    made = page.get_by_role("alert")
    expect(made).to_contain_text("This form was saved already")
    expect(made.get_by_role("link")).to_have_text(Incident.objects.get().public_id)
    page.get_by_role("button", name="Save as another one").click()
    page.wait_for_url("**/incidents/INC-*/")
    assert Incident.objects.count() == 2
    context.close()
