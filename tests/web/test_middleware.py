"""What every page relies on: clean input, the reader's language and zone, refusals and errors in words."""

import pytest
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import RequestContext, Template
from django.test import Client
from django.urls import include, path
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from postmortem.errors import DomainError, NotAllowed
from tests import factories
from web.errors import bad_request, not_found, permission_denied, server_error
from web.preferences import set_preferences


class OutOfOrder(DomainError):
    code = "step_out_of_order"


def say(request: HttpRequest) -> HttpResponse:
    shown = [str(message) for message in messages.get_messages(request)]
    answer = {"language": translation.get_language(), "zone": timezone.get_current_timezone_name()}
    return JsonResponse(answer | {"messages": shown, "q": request.GET.get("q", "")})


@require_POST
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("text", ""))


@csrf_exempt
def refuse(request: HttpRequest) -> HttpResponse:
    raise OutOfOrder("Step 1 is not signed yet.")


@csrf_exempt
def forbid(request: HttpRequest) -> HttpResponse:
    raise NotAllowed("Only a governor publishes.")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret detail")


def frame(request: HttpRequest) -> HttpResponse:
    page = '{% extends "base.html" %}{% block title %}T{% endblock %}{% block heading %}H{% endblock %}'
    return HttpResponse(Template(page).render(RequestContext(request)))


pages = (
    [
        path("", say, name="home"),
        path("login", say, name="login"),
        path("search", say, name="search"),
        path("preferences", set_preferences, name="preferences"),
        path("drafts", say, name="draft_save"),
    ],
    "web",
)
urlpatterns = [
    path("say", say),
    path("echo", echo),
    path("refuse", refuse),
    path("forbid", forbid),
    path("fail", fail),
    path("frame", frame),
    path("api/v1/say", say),
    path("api/v1/fail", fail),
    path("", include(pages)),
]
handler400, handler403, handler404, handler500 = bad_request, permission_denied, not_found, server_error

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def ada(db):
    return factories.user("Ada", language="zh-hans", time_zone="Asia/Shanghai", theme="dark")


@pytest.mark.parametrize("address", ["/say%00", "/say?q=%00", "/say?q=%ff%fe", "/say?%c3=1"])
def test_request_with_unstorable_text_is_refused_with_a_page(client, address):
    path_info, _, query = address.partition("?")

    response = client.get(path_info.replace("%00", "\x00"), QUERY_STRING=query)

    assert response.status_code == 400
    assert "This request cannot be read" in response.text


def test_request_with_unstorable_text_is_refused_for_programs_with_a_problem(client):
    response = client.get("/api/v1/say", QUERY_STRING="q=%00")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert {key: response.json()[key] for key in ("type", "title", "status", "code")} == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "bad_request",
    }


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_form_with_nul_is_refused(client, kind):
    if kind == "multipart/form-data":
        response = client.post("/echo", {"text": "a\x00b"})
    else:
        response = client.post("/echo", "text=a%00b", content_type=kind)

    assert response.status_code == 400


def test_cookie_with_nul_never_reaches_the_session_table(client):
    response = client.get("/say", headers={"cookie": r'sessionid="\000aaaaaaaaaaaaaaaa"'})

    assert response.status_code == 400


def test_form_that_is_too_big_is_413(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = client.post("/echo", {"text": "x" * 2000})

    assert response.status_code == 413
    assert "This is too large" in response.text


def test_form_with_too_many_fields_is_400(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3

    response = client.post("/echo", {str(number): "" for number in range(5)})

    assert response.status_code == 400
    assert "more fields" in response.text


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\x80"]
)
def test_form_that_cannot_be_parsed_is_never_a_failure(client, kind):
    response = client.post("/echo", b"--x\r\nnonsense", content_type=kind)

    assert response.status_code in {200, 400}


def test_form_in_another_charset_is_400(client):
    response = client.post(
        "/echo", b"text=a", content_type="application/x-www-form-urlencoded; charset=utf-16"
    )

    assert response.status_code == 400


def test_form_without_token_gets_an_explanation_and_a_way_back():
    client = Client(enforce_csrf_checks=True)

    response = client.post("/echo", {"text": "a"}, headers={"referer": "http://testserver/say"})

    assert response.status_code == 403
    assert "This form is out of date" in response.text
    assert 'href="http://testserver/say"' in response.text


def test_form_without_token_never_offers_a_way_to_a_stranger():
    client = Client(enforce_csrf_checks=True)

    response = client.post("/echo", {"text": "a"}, headers={"referer": "http://evil.example/say"})

    assert response.status_code == 403
    assert "evil.example" not in response.text


def test_wrong_host_is_400_without_touching_the_session(client):
    response = client.get("/frame", headers={"host": "evil.example"})

    assert response.status_code == 400


def test_wrong_method_gets_a_page_and_keeps_what_is_allowed(client):
    response = client.get("/echo")

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert "no such request" in response.text


def test_refusal_of_a_post_becomes_a_message_on_the_page_it_came_from(client):
    response = client.post("/refuse", headers={"referer": "http://testserver/say?q=1"}, follow=True)

    assert response.redirect_chain == [("http://testserver/say?q=1", 302)]
    assert response.json()["messages"] == ["Step 1 is not signed yet."]


@pytest.mark.parametrize("referer", ["", "http://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_refusal_without_a_way_back_is_409(client, referer):
    response = client.post("/refuse", headers={"referer": referer})

    assert response.status_code == 409
    assert "Step 1 is not signed yet." in response.text


def test_refusal_of_a_get_is_409_and_no_loop(client):
    response = client.get("/refuse", headers={"referer": "http://testserver/refuse"})

    assert response.status_code == 409


def test_refusal_for_htmx_is_a_message_beside_the_form(client):
    response = client.post("/refuse", headers={"hx-request": "true"})

    assert response.status_code == 409
    assert response["HX-Reswap"] == "beforebegin"
    assert "<html" not in response.text
    assert "Step 1 is not signed yet." in response.text


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("POST", "/forbid", 403), ("GET", "/nowhere", 404), ("GET", "/echo", 405), ("GET", "/say?q=%00", 400)],
)
def test_every_error_for_htmx_is_a_message_beside_the_form(client, method, address, status):
    path, _, query = address.partition("?")

    response = client.generic(method, path, QUERY_STRING=query, headers={"hx-request": "true"})

    assert response.status_code == status
    assert response["HX-Reswap"] == "beforebegin"
    assert 'role="alert"' in response.text
    assert "<html" not in response.text


def test_not_allowed_is_403_with_its_sentence(client):
    response = client.post("/forbid", headers={"referer": "http://testserver/say"})

    assert response.status_code == 403
    assert "Only a governor publishes." in response.text


def test_unknown_address_is_404_with_a_page_and_for_programs_with_a_problem(client):
    assert "There is nothing here" in client.get("/nowhere").text
    assert client.get("/api/v1/nowhere").json()["code"] == "not_found"


def test_failure_is_500_without_details_context_or_database(client):
    client.raise_request_exception = False

    page, problem = client.get("/fail"), client.get("/api/v1/fail")

    assert (page.status_code, problem.status_code) == (500, 500)
    assert "Something broke" in page.text
    assert "secret" not in page.text
    assert problem.json()["code"] == "server_error"


def test_unknown_reader_gets_the_language_of_the_browser(client):
    response = client.get("/say", headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert response.json()["language"] == "zh-hans"
    assert response["Content-Language"] == "zh-hans"


def test_unknown_reader_gets_the_language_they_chose(client):
    client.cookies["lang"] = "en"

    response = client.get("/say", headers={"accept-language": "zh-CN"})

    assert response.json()["language"] == "en"


def test_strange_language_cookie_is_ignored(client):
    client.cookies["lang"] = "../../etc"

    assert client.get("/say", headers={"accept-language": "en"}).json()["language"] == "en"


def test_known_reader_gets_their_language_and_zone(client, ada):
    client.force_login(ada)

    answer = client.get("/say", headers={"accept-language": "en"}).json()

    assert (answer["language"], answer["zone"]) == ("zh-hans", "Asia/Shanghai")


def test_zone_that_no_longer_exists_does_not_break_pages(client, ada):
    type(ada).objects.filter(pk=ada.pk).update(time_zone="Mars/Olympus")
    client.force_login(ada)

    assert client.get("/say").json()["zone"] == "UTC"


def test_preferences_do_not_leak_into_the_next_request(client, ada):
    client.force_login(ada)
    client.get("/say")

    assert translation.get_language() == "en"
    assert timezone.get_current_timezone_name() == timezone.get_default_timezone_name()


def test_page_carries_the_theme_and_language_of_its_reader(client, ada):
    client.force_login(ada)

    html = client.get("/frame").text

    assert '<html lang="zh-Hans" data-theme="dark">' in html
    assert "Ada" in html


def test_every_page_is_private_and_asks_for_no_device(client):
    response = client.get("/say")

    assert response["Cache-Control"] == "no-store, private"
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "'unsafe-inline'" not in response["Content-Security-Policy"]


def test_preferences_are_kept_for_the_person_and_for_this_browser(client, ada):
    client.force_login(ada)

    response = client.post("/preferences", {"language": "en", "theme": "light", "next": "/say?q=1"})

    ada.refresh_from_db()
    assert (ada.language, ada.theme) == ("en", "light")
    assert response["Location"] == "/say?q=1"
    assert (response.cookies["lang"].value, response.cookies["theme"].value) == ("en", "light")


def test_preferences_before_login_are_kept_for_the_browser_only(client):
    response = client.post("/preferences", {"language": "zh-hans"})

    assert client.get("/say").json()["language"] == "zh-hans"
    assert response["Location"] == "/"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "javascript:alert(1)", ""])
def test_preferences_never_lead_to_a_stranger(client, target):
    assert client.post("/preferences", {"next": target})["Location"] == "/"


def test_preferences_ignore_what_is_no_choice(client, ada):
    client.force_login(ada)

    response = client.post("/preferences", {"language": "tlh", "theme": "neon"})

    ada.refresh_from_db()
    assert (ada.language, ada.theme) == ("zh-hans", "dark")
    assert "lang" not in response.cookies
