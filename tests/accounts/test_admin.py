"""The admin site: people and policy for those whose role allows it, facts to look at, nothing sealed."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import User
from postmortem import trail
from postmortem.models import Severity, TrailEntry
from remediation.models import SlaPolicy
from tests import factories
from web.settings_map import GROUPS

pytestmark = pytest.mark.django_db

POLICY = ["accounts_user", "accounts_team", "postmortem_service"]
GOVERNED = ["postmortem_severity", "remediation_slapolicy"]
FACTS = [
    "accounts_apitoken",
    "postmortem_incident",
    "postmortem_review",
    "postmortem_trailentry",
    "remediation_remediationitem",
    "remediation_checkrun",
    "governance_gatedecision",
    "governance_governancereport",
]


def url(model, page="changelist", *arguments):
    return reverse(f"admin:{model}_{page}", args=arguments)


@pytest.fixture
def as_role(client):
    def log_in(role, **fields):
        fields = {"is_staff": role != "administrator"} | fields
        person = factories.user(role=role, **fields)
        client.force_login(person)
        return client

    return log_in


def test_every_page_of_an_administrator_answers(as_role):
    factories.archived_review()
    factories.check_run()
    client = as_role("administrator")

    for model in [*POLICY, *GOVERNED, *FACTS]:
        assert client.get(url(model)).status_code == 200, model
    for model in [*POLICY, "postmortem_severity"]:
        assert client.get(url(model, "add")).status_code == 200, model


def test_facts_cannot_be_added_changed_or_deleted(as_role):
    client = as_role("administrator", is_superuser=True)
    incident = factories.incident()

    for model in FACTS:
        assert client.get(url(model, "add")).status_code == 403, model
    assert client.get(url("postmortem_incident", "change", incident.pk)).status_code == 200
    assert client.post(url("postmortem_incident", "change", incident.pk), {"title": "x"}).status_code == 403
    assert client.post(url("postmortem_incident", "delete", incident.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("member", []),
        ("facilitator", []),
        ("governor", GOVERNED),
        ("administrator", [*POLICY, *GOVERNED, *FACTS]),
    ],
)
def test_each_role_sees_its_pages_only(as_role, role, allowed):
    client = as_role(role)

    for model in [*POLICY, *GOVERNED, *FACTS]:
        assert client.get(url(model)).status_code == (200 if model in allowed else 403), model


@pytest.mark.parametrize(
    ("role", "is_staff", "status"),
    [
        ("administrator", False, 200),
        ("governor", True, 200),
        ("governor", False, 302),
        ("member", False, 302),
    ],
)
def test_administrators_enter_by_their_role_alone(as_role, role, is_staff, status):
    client = as_role(role, is_staff=is_staff)

    assert client.get(reverse("admin:index")).status_code == status
    (link,) = (page for _label, pages in GROUPS for page in pages if page.name == "admin:index")
    assert link.is_for(User.objects.get()) == (status == 200)


def test_an_administrator_who_is_deactivated_does_not_enter(as_role):
    client = as_role("administrator")
    User.objects.update(is_active=False)

    assert client.get(reverse("admin:index")).status_code == 302


def test_an_administrator_does_not_become_a_superuser_by_way_of_one(as_role):
    root = factories.user(role="administrator", is_superuser=True)
    stood = root.password
    client = as_role("administrator")
    form = {"email": "mine@example.com", "name": "x", "role": "viewer", "language": "en"}
    password = {"password1": "a long enough pass phrase", "password2": "a long enough pass phrase"}

    shown = client.get(url("accounts_user", "change", root.pk))
    changed = client.post(
        url("accounts_user", "change", root.pk), form | {"time_zone": "UTC", "theme": "auto"}
    )
    reset = client.post(reverse("admin:auth_user_password_change", args=[root.pk]), password)

    assert (shown.status_code, changed.status_code, reset.status_code) == (200, 403, 403)
    assert stood not in shown.content.decode()
    root.refresh_from_db()
    assert (root.password, root.role, root.email) == (stood, "administrator", root.email.lower())
    assert root.email != "mine@example.com"


def test_pages_of_the_admin_site_have_an_icon_and_right_plurals(as_role):
    client = as_role("administrator")

    assert "Trail entries" in client.get(reverse("admin:index")).content.decode()
    icon = client.get("/favicon.ico")
    assert (icon.status_code, icon.url.endswith("favicon.svg")) == (302, True)


def test_people_log_in_by_address_and_are_never_deleted(as_role):
    client = as_role("administrator")
    password = "a long enough pass phrase"

    added = client.post(
        url("accounts_user", "add"),
        {
            "email": "Ada@Example.com",
            "name": "Ada",
            "role": "member",
            "password1": password,
            "password2": password,
        },
    )

    person = User.objects.get(email="ada@example.com")
    assert added.status_code == 302
    assert person.check_password(password)
    assert client.get(url("accounts_user", "change", person.pk)).status_code == 200
    assert client.post(url("accounts_user", "delete", person.pk), {"post": "yes"}).status_code == 403


def test_an_address_in_other_letters_is_the_same_address(as_role):
    factories.user(email="ada@example.com")
    client = as_role("administrator")
    password = "a long enough pass phrase"

    answer = client.post(
        url("accounts_user", "add"),
        {
            "email": "ADA@example.com",
            "name": "Ada",
            "role": "member",
            "password1": password,
            "password2": password,
        },
    )

    assert answer.status_code == 200
    assert "email" in answer.context["adminform"].form.errors


def test_an_administrator_does_not_make_superusers(as_role):
    client = as_role("administrator")
    person = factories.user()

    client.post(
        url("accounts_user", "change", person.pk),
        {
            "email": person.email,
            "name": person.name,
            "role": "governor",
            "is_active": "on",
            "is_superuser": "on",
            "language": "en",
            "time_zone": "UTC",
            "theme": "auto",
        },
    )

    person.refresh_from_db()
    assert (person.role, person.is_superuser) == ("governor", False)


def test_a_change_of_policy_stands_in_the_trail(as_role):
    severity = factories.severity("P2")

    as_role("governor").post(
        url("postmortem_severity", "change", severity.pk),
        {"code": "P2", "name": severity.name, "rank": 2, "requires_postmortem": "on", "review_hours": 72}
        | {"approvals_needed": severity.approvals_needed, "approver_role": severity.approver_role},
    )

    assert Severity.objects.get(code="P2").review_hours == 72
    entry = trail.of(severity).first()
    assert (entry.act, entry.actor.role) == ("admin.change", "governor")


def test_rows_of_the_sla_are_not_changed_past_their_rules(as_role):
    policy = factories.sla_policies()[0]

    answer = as_role("governor").post(
        url("remediation_slapolicy", "change", policy.pk), {"position": 1, "days": 10}
    )

    assert answer.status_code == 403
    assert SlaPolicy.objects.get(pk=policy.pk).days == policy.days


def test_data_sources_are_changed_on_the_settings_pages_alone(as_role):
    source = factories.data_source("Cell", auth="bearer", credential="tok-9f8e7d")
    client = as_role("administrator", is_superuser=True)

    assert client.get(url("remediation_datasource", "add")).status_code == 403
    shown = client.get(url("remediation_datasource", "change", source.pk))

    assert shown.status_code == 200
    assert "tok-9f8e7d" not in shown.content.decode()
    assert "f1:test:" not in shown.content.decode()


def test_sealed_entries_are_not_in_the_admin_site(as_role):
    sealed = factories.entry(text="nobody reads this")
    client = as_role("administrator", is_superuser=True)

    assert not {"Entry", "Timeline"} & {model.__name__ for model in admin.site._registry}
    entry = TrailEntry.objects.get(model="postmortem_entry", object_id=sealed.pk)
    assert client.get(url("postmortem_trailentry", "change", entry.pk)).status_code == 302
    assert "postmortem_entry" not in {
        row.model for row in client.get(url("postmortem_trailentry")).context["cl"].queryset
    }
