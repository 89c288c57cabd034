"""Oneself: name, zone, language, password, tokens; and the data sources of an administrator."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from remediation import circuits
from remediation.models import DataSource
from remediation.probes.result import ProbeResult
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

PROFILE = {"name": "Ada Lovelace", "time_zone": "Asia/Shanghai", "language": "zh-hans", "theme": "dark"}


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def page(client, ada):
    client.force_login(ada)
    return client


def test_login_by_address_in_any_case(client, ada):
    response = client.post(
        "/login?next=/items/", {"username": " ADA@Example.com ", "password": PASSWORD, "next": "/items/"}
    )

    assert (response.status_code, response["Location"]) == (302, "/items/")


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("", ""),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_a_failed_login_tells_nothing_about_who_exists(client, ada, username, password):
    factories.user("Gone", is_active=False)

    response = client.post("/login", {"username": username, "password": password})

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session
    if username and len(username) < 255:
        assert response.context["form"].non_field_errors() == [
            "That address and password do not go together. Capitals matter in the password only."
        ]


def test_login_leads_nowhere_outside(client, ada):
    response = client.post(
        "/login", {"username": ada.email, "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert response["Location"] == "/"


def test_logged_in_people_do_not_log_in_again(page):
    assert page.get("/login")["Location"] == "/"


def test_logout_is_a_post(page):
    assert page.get("/logout").status_code == 405
    assert page.post("/logout")["Location"] == "/login"
    assert page.get("/")["Location"] == "/login?next=/"


def test_admin_site_uses_the_one_login_page(client):
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/login?next=")


def test_profile_is_saved(page, ada):
    page.post("/settings/", PROFILE)

    ada.refresh_from_db()
    assert (ada.name, ada.time_zone, ada.language, ada.theme) == (
        "Ada Lovelace",
        "Asia/Shanghai",
        "zh-hans",
        "dark",
    )


def test_profile_answers_in_the_language_just_chosen(page):
    assert "已保存。" in page.post("/settings/", PROFILE, follow=True).text
    assert "Saved." in page.post("/settings/", PROFILE | {"language": "en"}, follow=True).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"language": "tlh"}, "language"),
        ({"theme": "pink"}, "theme"),
    ],
)
def test_a_bad_profile_is_refused_by_name(page, ada, changes, field):
    response = page.post("/settings/", PROFILE | changes)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    ada.refresh_from_db()
    assert ada.name == "Ada"


def test_nobody_raises_their_own_role(page, ada):
    page.post("/settings/", PROFILE | {"role": "administrator", "is_staff": "1", "email": "root@example.com"})

    ada.refresh_from_db()
    assert (ada.role, ada.is_staff, ada.email) == ("member", False, "ada@example.com")


def test_password_is_changed_and_this_browser_stays_in(page, ada):
    new = "an even better horse battery"

    response = page.post(
        "/settings/password", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )

    assert response.status_code == 302
    assert page.get("/settings/").status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(new)


@pytest.mark.parametrize(
    ("old", "new"), [("wrong", "an even better horse"), (PASSWORD, "short"), (PASSWORD, "password1234")]
)
def test_a_bad_password_is_refused(page, ada, old, new):
    response = page.post(
        "/settings/password", {"old_password": old, "new_password1": new, "new_password2": new}
    )

    assert response.status_code == 422
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_token_is_shown_once_and_works(page, ada):
    response = page.post("/settings/tokens/", {"name": "GitLab", "scopes": ["audit", "gate"], "days": "30"})

    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert response["Cache-Control"] == "no-store, private"
    found = tokens.find(tokens.read_header(f"Bearer {secret}"), now=timezone.now())
    assert (found.owner, found.scopes) == (ada, ["audit", "gate"])
    assert secret not in page.get("/settings/tokens/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"days": "9999"}, "days"),
    ],
)
def test_a_bad_token_is_refused_by_name(page, changes, field):
    response = page.post("/settings/tokens/", {"name": "x", "scopes": ["read"], "days": "7"} | changes)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not ApiToken.objects.exists()


def test_token_form_takes_scopes_from_the_address(page):
    assert page.get("/settings/tokens/?scope=gate&scope=nonsense").context["form"].initial["scopes"] == [
        "gate"
    ]


def test_token_is_revoked_by_its_owner(page, ada):
    token, _secret = factories.api_token(ada, now=timezone.now())

    assert page.get(f"/settings/tokens/{token.pk}/revoke").status_code == 200
    page.post(f"/settings/tokens/{token.pk}/revoke")

    token.refresh_from_db()
    assert token.revoked_at is not None


def test_tokens_of_others_are_not_there(page):
    token, _secret = factories.api_token(now=timezone.now())

    assert page.get("/settings/tokens/").context["tokens"] == []
    assert page.post(f"/settings/tokens/{token.pk}/revoke").status_code == 404


def test_administrator_sees_and_revokes_every_token(client):
    client.force_login(factories.user(role="administrator"))
    token, _secret = factories.api_token(now=timezone.now())

    assert client.get("/settings/tokens/").context["tokens"] == [token]
    assert client.post(f"/settings/tokens/{token.pk}/revoke").status_code == 302


def test_tokens_show_their_state(page, ada):
    long_ago = timezone.now() - timedelta(days=100)
    factories.api_token(ada, now=long_ago)
    tokens.revoke(factories.api_token(ada, now=timezone.now())[0], now=timezone.now())
    factories.api_token(ada, now=timezone.now())

    assert sorted(token.state for token in page.get("/settings/tokens/").context["tokens"]) == [
        "active",
        "expired",
        "revoked",
    ]


def test_administrator_names_and_edits_data_sources(client):
    client.force_login(factories.user(role="administrator"))

    client.post("/settings/data-sources/", {"name": "Main", "base_url": "https://prometheus.example.org/"})
    source = DataSource.objects.get()
    client.post(
        f"/settings/data-sources/{source.pk}/", {"name": "Main", "base_url": "https://other.example.org"}
    )

    source.refresh_from_db()
    assert source.base_url == "https://other.example.org"
    assert client.get("/settings/data-sources/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "",
        "javascript:alert(1)",
        "https://user:secret@prometheus.example.org",
        "https://x.example/?q=1",
        "file:///etc/passwd",
    ],
)
def test_a_bad_address_is_refused_at_its_field(client, address):
    client.force_login(factories.user(role="administrator"))

    response = client.post("/settings/data-sources/", {"name": "Main", "base_url": address})

    assert response.status_code == 422
    assert "base_url" in response.context["form"].errors
    assert not DataSource.objects.exists()


def test_silence_of_a_source_is_shown_where_people_look(client):
    ada = factories.user("Ada", role="administrator")
    client.force_login(ada)
    source = factories.data_source("Cell 1")
    refused = ProbeResult("error", error_code="unreachable", error="No connection: refused.", is_silence=True)
    said = circuits.Tally()
    for _ in range(3):
        said.add(refused)
    circuits.note({source.pk: said})
    check = factories.check(factories.item(checks=0), data_source=source)

    pages = {
        path: client.get(path).content.decode()
        for path in (
            "/",
            "/settings/data-sources/",
            f"/settings/data-sources/{source.pk}/",
            f"/checks/{check.pk}/",
        )
    }
    circuits.answered(source.pk)

    home, listed, own, of_check = pages.values()
    assert "1 data source does not answer:" in home
    assert "Does not answer" in listed
    assert "No connection: refused." in own
    assert "Its data source does not answer," in of_check
    assert "No connection" not in of_check
    assert "1 data source does not answer:" not in client.get("/").content.decode()
    assert "came back" in client.get(f"/settings/data-sources/{source.pk}/").content.decode()


def test_administrator_sets_how_many_queries_a_source_gets(client):
    client.force_login(factories.user(role="administrator"))
    source = factories.data_source("Main")
    path = f"/settings/data-sources/{source.pk}/"
    facts = {"name": "Main", "base_url": source.base_url, "is_enabled": "on", "is_tls_verified": "on"}

    client.post(path, facts | {"queries_at_once": "4"})
    source.refresh_from_db()
    assert source.queries_at_once == 4
    # Whoever leaves it out changes nothing.
    client.post(path, facts)
    source.refresh_from_db()
    assert source.queries_at_once == 4
    refused = client.post(path, facts | {"queries_at_once": "65"})
    assert (refused.status_code, "queries_at_once" in refused.context["form"].errors) == (422, True)


def test_nobody_else_sees_data_sources(page):
    source = factories.data_source()

    assert page.get("/settings/data-sources/").status_code == 403
    assert page.post(f"/settings/data-sources/{source.pk}/", {}).status_code == 403


def test_credential_of_a_source_is_kept_and_never_shown(client, db):
    client.force_login(factories.user(role="administrator"))
    facts = {"name": "Main", "base_url": "https://p.example.org", "auth": "bearer"}
    client.post("/settings/data-sources/", facts | {"credential": "tok-9f8e7d"})
    source = DataSource.objects.get()
    path = f"/settings/data-sources/{source.pk}/"

    client.post(path, facts | {"name": "Other", "is_enabled": "on", "is_tls_verified": "on"})
    page = client.get(path).content.decode()

    source.refresh_from_db()
    assert (source.name, source.credential.reveal()) == ("Other", "tok-9f8e7d")
    assert "tok-9f8e7d" not in page
    assert "f1:test:" not in page
    assert "A credential is stored." in page


def test_new_host_forgets_the_credential_and_says_so(client, db):
    client.force_login(factories.user(role="administrator"))
    facts = {"name": "Main", "base_url": "https://p.example.org", "auth": "bearer"}
    client.post("/settings/data-sources/", facts | {"credential": "tok-9f8e7d"})
    source = DataSource.objects.get()

    moved = facts | {"base_url": "https://q.example.org", "is_enabled": "on", "is_tls_verified": "on"}
    answer = client.post(f"/settings/data-sources/{source.pk}/", moved, follow=True)

    source.refresh_from_db()
    assert (source.auth, bool(source.credential)) == ("none", False)
    assert "could now go elsewhere" in answer.content.decode()


def test_source_is_tried_and_deleted_from_its_page(client, db):
    client.force_login(factories.user(role="administrator"))
    source = factories.data_source("Idle", base_url="http://127.0.0.1:9")

    tried = client.post(f"/settings/data-sources/{source.pk}/test", follow=True)
    client.post(f"/settings/data-sources/{source.pk}/delete")

    assert "cannot be asked" in tried.content.decode()
    assert not DataSource.objects.exists()
