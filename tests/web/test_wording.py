"""Wording on the pages: hints under the fields while one writes, and the lists that teams keep."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from postmortem.models import Review, WordingTerm
from tests import factories

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def client_of(person=None) -> Client:
    client = Client()
    client.force_login(person or factories.user())
    return client


@pytest.fixture
def review() -> Review:
    return factories.review(incidents=[factories.resolved_incident()], is_open=True)


def hints(text, *, purpose="step", client=None, query="", **sent):
    address = f"/wording/hints?field=finding&target=id_x&purpose={purpose}{query}"
    return (client or client_of()).post(address, {"finding": text} | sent, headers=HTMX)


def phrases(response):
    return [one.phrase for one in response.context["found"]]


# --- hints ---------------------------------------------------------------------------------------------


def test_hints_show_the_words_and_why():
    response = hints("They said: 可能是 <b>连接池</b>")

    page = response.content.decode()
    assert phrases(response) == ["可能"]
    assert "<mark>可能</mark>是 &lt;b&gt;" in page
    assert "Blocks the signature." in page
    assert "This is a guess." in page
    assert 'data-select="#id_x" data-start="11" data-end="13"' in page


def test_hints_follow_the_purpose_and_the_language_of_the_reader():
    client = client_of(factories.user(language="zh-hans"))

    response = hints("Improve monitoring", purpose="item", client=client)

    assert phrases(response) == ["Improve"]
    assert "“更好”却没有尺度" in response.content.decode()
    assert "Blocks" not in response.content.decode()
    assert phrases(hints("Improve monitoring")) == []


def test_hints_use_the_lists_of_the_review(review):
    team = factories.team()
    review.teams_present.add(team)
    factories.wording_term("glitch", team=team)

    assert phrases(hints("a glitch")) == []
    assert phrases(hints("a glitch", query=f"&review={review.public_id}")) == ["glitch"]


def test_hints_use_the_lists_of_the_team_and_of_the_service_chosen():
    team, service = factories.team(), factories.service()
    factories.wording_term("glitch", team=team)
    factories.wording_term("hiccup", team=service.team)

    assert phrases(hints("glitch hiccup", purpose="item", team=team.pk)) == ["glitch"]
    assert phrases(hints("glitch hiccup", purpose="item", service=service.pk)) == ["hiccup"]
    assert phrases(hints("glitch hiccup", purpose="item", team="x", service="9" * 40)) == []


def test_hints_about_a_hidden_review_do_not_exist():
    hidden = factories.review(incidents=[factories.resolved_incident(is_restricted=True)], is_open=True)

    assert hints("x", query=f"&review={hidden.public_id}").status_code == 404


def test_hints_refuse_an_unknown_purpose_and_no_login():
    assert hints("x", purpose="poem").status_code == 400
    assert hints("x", client=Client()).status_code in {302, 401}


def test_hints_are_few_and_say_how_many_more():
    response = hints("maybe\n" * 20)

    assert len(response.context["found"]) == 8
    assert "12 more" in response.content.decode()


def test_step_shows_the_hints_of_what_is_saved(review):
    """So that they are there without scripts too."""
    factories.written(
        review.steps.get(position=1), finding="可能是连接池", evidence="The engineer forgot to look."
    )

    page = client_of().get(f"/reviews/{review.public_id}/").content.decode()

    assert "<mark>可能</mark>" in page
    assert "The engineer <mark>forgot to</mark> look." in page
    assert 'id="id_phenomenon_finding_wording"' in page
    assert f"purpose=step&amp;target=id_phenomenon_finding&amp;review={review.public_id}" in page


def test_signed_step_and_a_viewer_see_no_hints(review):
    factories.signed(review.steps.get(position=1))
    viewer = client_of(factories.user(role="viewer"))

    assert (
        "id_phenomenon_finding_wording"
        not in client_of().get(f"/reviews/{review.public_id}/").content.decode()
    )
    assert "wording/hints" not in viewer.get(f"/reviews/{review.public_id}/").content.decode()


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("causes/new", ["statement"]),
        ("lessons", ["went_well", "went_badly", "luck"]),
    ],
)
def test_forms_about_a_review_ask_for_hints(review, address, fields):
    page = client_of().get(f"/reviews/{review.public_id}/{address}").content.decode()

    assert [f'id="id_{field}_wording"' in page for field in fields] == [True] * len(fields)


def test_form_of_an_item_asks_for_hints_in_title_and_details():
    page = client_of().get("/items/new").content.decode()

    assert "purpose=item&amp;target=id_title" in page
    assert "purpose=item_details&amp;target=id_description" in page
    assert page.count("wording/hints") == 2


def test_saved_cause_says_what_deserves_another_look(review):
    response = client_of().post(
        f"/reviews/{review.public_id}/causes/new",
        {"statement": "可能是人为失误", "part": "root"},
        follow=True,
    )

    assert [str(message) for message in response.context["messages"]] == [
        "The cause is added. Worth another look: “可能”, “人为失误”."
    ]
    assert review.causes.count() == 1


def test_page_of_a_review_reads_the_lists_once(review, django_assert_max_num_queries):
    for step in review.steps.all():
        factories.written(step, finding="maybe", evidence="maybe")
    client = client_of()
    address = f"/reviews/{review.public_id}/"
    client.get(address)

    with django_assert_max_num_queries(100) as captured:
        client.get(address)

    assert sum("wordingterm" in query["sql"] for query in captured.captured_queries) == 1


# --- lists ---------------------------------------------------------------------------------------------


def sent(**fields):
    return {"phrase": "network glitch", "effect": "vague", "why": "It was never one.", "team": ""} | fields


def test_facilitator_adds_changes_and_removes_a_phrase():
    client, team = client_of(factories.user("Ada", role="facilitator")), factories.team("Orders")

    added = client.post("/settings/wording/new", sent(team=team.pk))
    term = WordingTerm.objects.get()
    changed = client.post(f"/settings/wording/{term.pk}/", sent(effect="allowed"))
    page = client.get("/settings/wording/").content.decode()
    removed = client.post(f"/settings/wording/{term.pk}/remove")

    assert [response.status_code for response in (added, changed, removed)] == [302] * 3
    assert term.team == team
    assert "network glitch" in page
    assert "passes" in page
    assert not WordingTerm.objects.exists()
    history = client.get("/settings/wording/").context["history"]
    assert [str(line.words) for line in history] == ["removed a phrase", "changed a phrase", "added a phrase"]


def test_manager_adds_to_the_lists_of_their_teams_only():
    manager = factories.user()
    own, other = factories.team(manager=manager), factories.team()
    client = client_of(manager)

    assert client.post("/settings/wording/new", sent(team=own.pk)).status_code == 302
    assert client.post("/settings/wording/new", sent(team=other.pk)).status_code == 422
    assert client.post("/settings/wording/new", sent()).status_code == 422
    assert WordingTerm.objects.get().team == own


def test_refused_phrase_is_said_at_its_field_and_stays():
    response = client_of(factories.user(role="facilitator")).post(
        "/settings/wording/new", sent(phrase="probably", effect="allowed")
    )

    assert response.status_code == 422
    assert response.context["form"].errors["phrase"] == [
        "This would allow “probably” everywhere. Write the whole phrase in which it is sound."
    ]
    assert 'value="probably"' in response.content.decode()


def test_member_reads_the_lists_and_keeps_none():
    term = factories.wording_term()
    client = client_of()

    page = client.get("/settings/wording/").content.decode()

    assert "glitch" in page
    assert f"/settings/wording/{term.pk}" not in page
    assert "New phrase" not in page
    for address in ("new", f"{term.pk}/", f"{term.pk}/remove"):
        assert client.post(f"/settings/wording/{address}", sent()).status_code == 403


def test_lists_are_narrowed_to_a_team():
    one, other = factories.team("One"), factories.team("Other")
    factories.wording_term("glitch", team=one)
    factories.wording_term("hiccup", team=other)

    page = client_of().get("/settings/wording/", {"team": one.slug})

    assert [term.phrase for term in page.context["page"].rows] == ["glitch"]


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_ask_the_database_the_same_however_long_they_are(rows, django_assert_num_queries):
    client = client_of(factories.user(role="facilitator"))
    for _number in range(rows):
        factories.wording_term(team=factories.team())
    client.get("/settings/wording/")

    with django_assert_num_queries(10):
        client.get("/settings/wording/")


# --- in a browser --------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_hints_appear_while_typing_and_leave_the_focus_alone(open_page, live_server):
    person = factories.user("Lin")
    review = factories.review(incidents=[factories.resolved_incident()], is_open=True)
    page = open_page()
    page.goto(f"{live_server.url}/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.press("[name=password]", "Enter")
    page.goto(f"{live_server.url}/reviews/{review.public_id}/?step=phenomenon")
    field = page.locator("#id_phenomenon_finding")

    field.press_sequentially("🔥 it was probably the pool")
    hint = page.locator("#id_phenomenon_finding_wording")
    expect(hint.locator("mark")).to_have_text("probably")
    expect(field).to_be_focused()

    # By keyboard to the hint, and from it to the words.
    page.keyboard.press("Tab")
    expect(hint.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    selected = field.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert selected == "probably"

    # What was typed is not saved yet, and the page still knows.
    page.keyboard.type("not")
    expect(hint.locator("mark")).to_have_count(0)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    page.goto(f"{live_server.url}/items/")
    assert dialogs == ["beforeunload"]
