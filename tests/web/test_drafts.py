"""Forms keep what is typed and offer it again, to its writer alone; this works without scripts too."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from postmortem import drafts
from postmortem.models import Draft, Incident
from tests import factories
from tests.web import places
from tests.web.reading import read
from web.drafts import AUTOSAVED, FORMS

pytestmark = pytest.mark.django_db

PAGE = "page-of-the-morning"


def client_of(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def ada():
    return factories.user("Ada", role="facilitator")


@pytest.fixture
def incident():
    return factories.resolved_incident(
        "Orders fail", services=[factories.service("order")], summary="As it was."
    )


def keep(person, key, *, page=PAGE, version=None, **fields):
    """A draft as the script leaves it."""
    sent = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    return drafts.save(
        key=key, page=page, number=1, fields=sent, base_version=version, by=person, now=timezone.now()
    )


def send(client, person, key, **fields):
    """What the script sends."""
    sent = {"draft_reader": person.pk, "draft_key": key, "draft_page": PAGE, "draft_number": "1"}
    return client.post("/drafts", sent | fields)


def form_of(client, address, name):
    """The form with this field, as a browser would send it."""
    page = read(client.get(address).text, at=address)
    return next(form for form in page.forms if name in form.fields and form.method == "post").fields


# --- keeping ----------------------------------------------------------------------------------------------


def test_fields_are_kept_as_they_are_and_nothing_else(ada):
    answer = send(
        client_of(ada), ada, "/incidents/new",
        title="Orders fail", origins=["1", "2"], version="3", csrfmiddlewaretoken="x", api_token="x",
    )  # fmt: skip

    assert (answer.status_code, answer["Draft-State"], answer.content) == (204, "saved", b"")
    draft = Draft.objects.get()
    assert draft.fields == {"title": ["Orders fail"], "origins": ["1", "2"]}
    assert (draft.owner, draft.key, draft.base_version) == (ada, "/incidents/new", 3)


def test_words_of_somebody_who_was_logged_in_before_are_nobodys(ada):
    bob = factories.user("Bob")

    assert send(client_of(bob), ada, "/incidents/new", title="Ada's").status_code == 404
    assert send(Client(), ada, "/incidents/new", title="Ada's words").status_code == 401
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "key", ["", "/settings/password", "/settings/data-sources", "/nowhere", "//evil.example/", "x" * 300]
)
def test_other_forms_leave_no_draft(ada, key):
    assert send(client_of(ada), ada, key, title="x").status_code == 400
    assert not Draft.objects.exists()


def test_what_a_draft_cannot_hold_is_said(ada):
    client = client_of(ada)

    long = send(client, ada, "/incidents/new", summary="x" * drafts.MAX_BYTES)
    drafts.close(page=PAGE, by=ada, now=timezone.now())
    late = send(client, ada, "/incidents/new", title="x")

    assert (long["Draft-State"], late["Draft-State"]) == ("too-long", "closed")
    assert send(client, ada, "/incidents/new", draft_page="?", title="x").status_code == 400
    assert send(client, ada, "/incidents/new", draft_number="x", title="x").status_code == 400


def test_each_form_that_is_autosaved_says_so(ada):
    """A page that attaches no draft, or an address that is no form's, is found here."""
    world = places.build()
    person = world.people["administrator"]
    client = client_of(person)
    found = set()
    for place in places.pages():
        if place.name in AUTOSAVED - {"step_write"}:
            page = client.get(world.path(place)).text
            assert f'name="draft_key" value="{world.path(place)}"' in page, place.name
            found.add(place.name)
    review = world.parts["reviews"]
    key = reverse("web:step_write", args=[review, "metric_anomaly"])
    assert f'name="draft_key" value="{key}"' in client.get(f"/reviews/{review}/").text
    assert found | {"step_write"} == AUTOSAVED


# --- offering ---------------------------------------------------------------------------------------------


def test_draft_is_offered_and_restored(ada, incident):
    key = reverse("web:incident_edit", args=[incident.public_id])
    typed = {"title": "Orders fail", "summary": "Half a sentence", "tags": "a, b"}
    keep(ada, key, version=1, is_drill="on", started_at="2026-11-20T14:03:00", **typed)
    client = client_of(ada)

    offered = client.get(key)
    assert "You have a draft that was not saved" in offered.text
    # Of several drafts the right one is known by its words.
    assert ">Half a sentence</div>" in offered.text
    assert offered.context["form"]["summary"].value() == "As it was."

    restored = client.get(f"{key}?draft={PAGE}")
    form = restored.context["form"]
    assert form["summary"].value() == "Half a sentence"
    assert (form["is_drill"].value(), form["is_restricted"].value()) == (True, False)
    # Nothing is ticked in what a browser sent without it.
    assert form["origins"].value() == []
    assert "This is your draft" in restored.text
    assert "You have a draft that was not saved" not in restored.text


def test_saved_form_has_no_draft_any_more(ada, incident):
    key = reverse("web:incident_edit", args=[incident.public_id])
    keep(ada, key, version=1, title="Orders fail", summary="Half a sentence")
    client = client_of(ada)
    fields = form_of(client, f"{key}?draft={PAGE}", "summary")

    assert fields["draft_page"] == [PAGE]
    origin = str(incident.services.get().pk)
    assert client.post(key, fields | {"summary": ["A sentence."], "origins": [origin]}).status_code == 302

    assert not drafts.of(ada, now=timezone.now()).exists()
    assert "You have a draft" not in client.get(key).text


def test_refused_form_keeps_its_draft_and_goes_on_with_it(ada, incident):
    key = reverse("web:incident_edit", args=[incident.public_id])
    keep(ada, key, version=1, title="x")
    client = client_of(ada)
    fields = form_of(client, f"{key}?draft={PAGE}", "summary")

    refused = client.post(key, fields | {"title": [""]})

    assert refused.status_code == 422
    assert refused.context["form"].autosave.page == PAGE
    assert refused.context["form"].autosave.number > int(fields["draft_number"][0])
    assert drafts.of(ada, now=timezone.now()).exists()


def test_nobody_else_is_offered_it(ada, incident):
    key = reverse("web:incident_edit", args=[incident.public_id])
    draft = keep(ada, key, version=1, summary="Half a sentence")
    for role in ("administrator", "governor", "member"):
        bob = client_of(factories.user("Bob", role=role))

        for address in (key, f"{key}?draft={PAGE}"):
            page = bob.get(address).text
            assert "Half a sentence" not in page
            assert f'value="{PAGE}"' not in page
            assert "draft-offer" not in page
        assert bob.post(f"/drafts/{PAGE}/discard").status_code == 404
        assert bob.post(f"/drafts/{PAGE}/take-back").status_code == 404
    draft.refresh_from_db()
    assert draft.discarded_at is None


def test_draft_over_a_newer_version_ends_on_the_page_of_both_texts(ada, incident):
    key = reverse("web:incident_edit", args=[incident.public_id])
    keep(
        ada,
        key,
        version=1,
        title="Orders fail",
        summary="Ada's words.",
        origins=str(incident.services.get().pk),
    )
    client = client_of(ada)
    bob = client_of(factories.user("Bob"))
    bob.post(key, form_of(bob, key, "summary") | {"summary": ["Bob's words."]})
    fields = form_of(client, f"{key}?draft={PAGE}", "summary")

    response = client.post(key, fields)

    form = response.context["form"]
    assert response.status_code == 409
    assert (form["summary"].value(), form["summary"].theirs) == ("Ada's words.", "Bob's words.")
    incident.refresh_from_db()
    assert incident.summary == "Bob's words."
    assert drafts.of(ada, now=timezone.now()).exists()


def test_draft_of_an_older_version_takes_over_what_its_writer_did_not_touch(ada, incident):
    client, bob = client_of(ada), client_of(factories.user("Bob"))
    key = reverse("web:incident_edit", args=[incident.public_id])
    opened = as_opened(client, key)
    version = int(opened.pop("version")[0])
    keep(ada, key, version=version, **opened | {"summary": ["Ada's words."]})
    bob.post(key, as_opened(bob, key) | {"phase": ["night"]})

    response = client.post(key, as_opened(client, f"{key}?draft={PAGE}"))

    incident.refresh_from_db()
    assert response.status_code == 302
    assert (incident.summary, incident.phase) == ("Ada's words.", "night")


def as_opened(client, address):
    """The form with a version as a browser would send it, untouched."""
    forms = read(client.get(address).text, at=address, fills_gaps=False).forms
    return next(form.fields for form in forms if "version" in form.fields)


def test_draft_of_a_step_unfolds_it(ada):
    review = factories.review(is_open=True)
    key = reverse("web:step_write", args=[review.public_id, "metric_anomaly"])
    keep(ada, key, version=1, finding="Half a sentence", evidence="")
    client = client_of(ada)

    page = client.get(f"/reviews/{review.public_id}/").text
    restored = client.get(f"/reviews/{review.public_id}/?step=metric_anomaly&draft={PAGE}")

    assert (
        f'href="/reviews/{review.public_id}/?step=metric_anomaly&amp;draft={PAGE}#step-metric_anomaly"'
        in page
    )
    shown = {step.step.kind: step for step in restored.context["steps"]}
    assert shown["metric_anomaly"].form["finding"].value() == "Half a sentence"
    assert shown["metric_anomaly"].is_current
    assert shown["phenomenon"].form["finding"].value() == ""


def test_draft_of_a_declaration_names_its_people_again(ada):
    bob = factories.user("Bob")
    keep(
        ada, "/incidents/new", title="Half a title",
        **{"people-TOTAL_FORMS": "3", "people-0-user": str(ada.pk), "people-0-role": "commander",
           "people-1-user": "", "people-1-role": "responder",
           "people-2-user": str(bob.pk), "people-2-role": "scribe"},
    )  # fmt: skip

    page = client_of(ada).get(f"/incidents/new?draft={PAGE}")

    rows = [
        (row["user"].value(), row["role"].value()) for row in page.context["people"] if row["user"].value()
    ]
    assert rows == [(str(ada.pk), "commander"), (str(bob.pk), "scribe")]
    assert page.context["form"]["title"].value() == "Half a title"


def test_draft_of_an_item_restores_its_check_and_belongs_to_its_review(ada):
    review = factories.review(is_open=True)
    key = f"/items/new?review={review.public_id}"
    keep(ada, key, **{"title": "Set a timeout", "check-promql": "pool_waiting"})
    client = client_of(ada)

    assert "You have a draft" not in client.get("/items/new").text
    restored = client.get(f"{key}&draft={PAGE}")

    assert restored.context["form"]["title"].value() == "Set a timeout"
    assert restored.context["check_form"]["promql"].value() == "pool_waiting"


def test_draft_of_a_paste_goes_once_its_entries_are_stored(ada):
    incident = factories.resolved_incident(participants=[ada])
    key = reverse("web:timeline_paste", args=[incident.public_id])
    text = f"{timezone.localtime(incident.started_at):%Y-%m-%d %H:%M} restarted it"
    keep(ada, key, text=text)
    client = client_of(ada)
    shown = client.post(key, form_of(client, f"{key}?draft={PAGE}", "text"))
    rows = next(form for form in read(shown.text, at=key).forms if "rows" in form.fields).fields
    assert drafts.of(ada, now=timezone.now()).exists()

    assert client.post(key, rows | {"row-0-keep": ["on"]}).status_code == 302

    assert not drafts.of(ada, now=timezone.now()).exists()


def test_discarding_takes_one_press_and_can_be_undone(ada):
    keep(ada, "/incidents/new", title="Half a title")
    client = client_of(ada)

    answer = client.post(f"/drafts/{PAGE}/discard")
    assert (answer.status_code, answer["Location"]) == (302, "/incidents/new")
    page = client.get("/incidents/new").text
    assert "The draft is discarded." in page
    assert "Restore" not in page

    part = client.post(f"/drafts/{PAGE}/take-back", headers={"hx-request": "true"})
    assert part.status_code == 200
    assert "Restore" in part.text
    assert "<title>" not in part.text
    assert "You have a draft" in client.get("/incidents/new").text


@pytest.mark.parametrize("count", [1, 3])
def test_offering_asks_the_database_once(ada, count, django_assert_num_queries):
    for number in range(count):
        keep(ada, "/incidents/new", page=f"page-number-{number:08}", title="x")
    client = client_of(ada)
    client.get("/incidents/new")

    with django_assert_num_queries(11):
        page = client.get("/incidents/new")

    assert len(page.context["form"].autosave.offers) == count


def test_draft_of_a_restricted_incident_is_found_nowhere_else(ada, incident):
    """Its page no longer exists for somebody who may not see it; and no other page shows drafts."""
    key = reverse("web:incident_edit", args=[incident.public_id])
    keep(ada, key, version=1, summary="Zanzibar")
    Incident.objects.filter(pk=incident.pk).update(is_restricted=True)
    bob = client_of(factories.user("Bob", role="member"))

    assert bob.get(f"{key}?draft={PAGE}").status_code == 404
    for address in ("/", "/incidents/", "/search?q=Zanzibar", "/notices"):
        assert "Half" not in bob.get(address, follow=True).text
        assert "<mark>Zanzibar" not in client_of(ada).get(address, follow=True).text


def test_drafts_are_listed_with_their_form_and_their_words(ada, incident):
    keep(
        ada,
        reverse("web:incident_edit", args=[incident.public_id]),
        page="page-number-00000001",
        summary="<b>Half</b> a word",
    )
    keep(ada, "/incidents/new", page="page-number-00000002", title="A new one")

    page = client_of(ada).get("/drafts/").text

    assert page.index("New incident") < page.index(f'Incident · <span class="id">{incident}')
    assert "&lt;b&gt;Half&lt;/b&gt; a word" in page
    assert f'href="/incidents/{incident}/edit?draft=page-number-00000001"' in page


def test_draft_is_discarded_and_taken_back_on_the_list(ada):
    keep(ada, "/incidents/new", title="A new one")
    client = client_of(ada)
    here = {"HTTP_REFERER": "http://testserver/drafts/"}

    assert client.post(f"/drafts/{PAGE}/discard", **here).url.endswith("/drafts/")
    thrown = client.get("/drafts/").text
    assert "The draft is discarded." in thrown
    assert "A new one" not in thrown
    assert client.post(f"/drafts/{PAGE}/take-back", **here).url.endswith("/drafts/")
    assert "A new one" in client.get("/drafts/").text


def test_nobody_else_finds_a_draft_on_their_list(ada):
    keep(ada, "/incidents/new", title="Zanzibar")

    others = client_of(factories.user(role="administrator")).get("/drafts/").text

    assert "Zanzibar" not in others
    assert "No drafts" in others


def test_every_form_that_leaves_drafts_has_words_for_the_list():
    assert all(str(words) for words in FORMS.values())


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_drafts_asks_the_database_once(ada, incident, count, django_assert_num_queries):
    for number in range(count):
        keep(ada, f"/incidents/{incident}/edit", page=f"page-number-{number:08}", summary="x y")
    client = client_of(ada)
    client.get("/drafts/")

    with django_assert_num_queries(3):
        assert client.get("/drafts/").status_code == 200
