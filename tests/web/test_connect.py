"""The page that shows how to connect a pipeline, and the files it speaks of."""

import hashlib

import pytest

from tests import factories
from web import clients, snippets

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


@pytest.mark.parametrize("product", list(snippets.PRODUCTS))
def test_piece_has_the_address_and_what_was_chosen(page, product):
    factories.service("cart")
    factories.service("order", repositories=["shop/order"])

    answer = page.get(f"/gate/connect?product={product}&service=order")

    body, text = answer.content.decode(), answer.context["text"]
    assert "http://testserver/ci/" in text
    assert "@" not in text.replace("actions/checkout@v4", "")
    assert "/settings/tokens/?scope=audit&amp;scope=gate" in body
    for rule in snippets.PRODUCTS[product].rules:
        assert str(rule)[:20] in body.replace("&quot;", '"').replace("&#x27;", "'")


def test_repository_is_the_one_of_the_service_until_one_is_typed(page):
    factories.service("order", repositories=["shop/order"])

    of_service = page.get("/gate/connect?product=jenkins&service=order").context
    typed = page.get("/gate/connect?product=jenkins&service=order&repository=shop/new").context

    assert (of_service["repository"], of_service["is_known"]) == ("shop/order", True)
    assert (typed["repository"], typed["is_known"]) == ("shop/new", False)
    assert '--repository "shop/new"' in typed["text"]


@pytest.mark.parametrize(
    "nasty", ['a"b', "$(reboot)", "a b", "`id`", "a\nb", "-x;y", "x" * 300, "@URL@", "shop/x.git"]
)
def test_piece_takes_nothing_that_a_shell_would_run(page, nasty):
    factories.service("cart")

    context = page.get("/gate/connect", {"product": "jenkins", "service": nasty, "repository": nasty}).context

    assert context["chosen"] == "cart"
    assert context["repository"] == "group/project"
    assert context["is_wrong"]


def test_unknown_product_is_the_first_one(page):
    assert page.get("/gate/connect?product=cvs").context["product"].key == "gitlab"


@pytest.mark.parametrize("services", [1, 3])
def test_page_asks_the_database_equally_often_for_any_number_of_services(
    page, django_assert_num_queries, services
):
    for _number in range(services):
        factories.service(repositories=["a/b"])

    with django_assert_num_queries(3):
        page.get("/gate/connect")


def test_page_shows_the_digest_of_what_is_served(page, client):
    body = page.get("/gate/connect").content.decode()
    client.logout()

    for file in clients.every_file("http://testserver"):
        served = client.get(f"/ci/{file.name}")
        assert served.status_code == 200
        assert served["ETag"] == f'"{file.sha256}"'
        assert served["Content-Type"] == "text/plain; charset=utf-8"
        assert hashlib.sha256(served.content).hexdigest() == file.sha256
        assert file.sha256 in body
        assert client.get(f"/ci/{file.name}", headers={"If-None-Match": served["ETag"]}).status_code == 304


@pytest.mark.parametrize("name", ["nothing", "..", "README.md", "snippets", "closeloop_gate.pyc"])
def test_nothing_else_of_the_folder_is_served(client, name):
    assert client.get(f"/ci/{name}").status_code == 404


def test_both_clients_are_of_one_version():
    versions = {file.version for file in clients.every_file("http://testserver") if file.version}

    assert len(versions) == 1


def test_address_is_written_as_a_text_of_each_language():
    hostile = "https://x.example.org/'\"$(id)"

    assert (
        b"DEFAULT_URL = 'https://x.example.org/\\'\"$(id)'"
        in clients.served("closeloop_gate.py", hostile).body
    )
    assert (
        b"DEFAULT_URL='https://x.example.org/'\"'\"'\"$(id)'"
        in clients.served("closeloop-gate.sh", hostile).body
    )
