"""Whoever gives or takes power stands in the trail: tokens, accounts, roles, teams; secrets never do."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import service_accounts, tokens
from accounts.models import ApiToken, Membership, Team, User
from postmortem import trail
from postmortem.models import TrailEntry
from tests import factories
from tests.api.conftest import Caller
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
PASSWORD = "correct horse battery staple"


def of(record):
    """What happened to a row, the oldest first: (operation, act, actor, before, after)."""
    table = type(record)._meta.db_table
    rows = TrailEntry.objects.filter(model=table, object_id=record.pk).order_by("id")
    return [(row.operation, row.act, row.actor, row.before, row.after) for row in rows]


def digests():
    """All that could be told of secrets, as PostgreSQL writes it."""
    kept = ApiToken.objects.values_list("secret_digest", "previous_digest")
    found = {bytes(digest).hex() for row in kept for digest in row if digest}
    assert found
    return found


def by_hand(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def token():
    return factories.api_token(scopes=["audit", "gate"], now=timezone.now())[0]


def test_a_token_is_followed_from_its_making_to_its_end():
    ada, now = factories.user(role="administrator"), timezone.now()
    with trail.act("tokens.issue", by=ada):
        token, _secret = tokens.issue(owner=ada, name="CI", scopes=["gate"], expires_at=now + DAY, now=now)
    with trail.act("tokens.rotate", by=ada):
        tokens.rotate(token, keep=DAY / 2, expires_at=now + 2 * DAY, now=now)
    with trail.act("tokens.revoke", by=ada):
        tokens.revoke(token, now=now)

    made, rotated, revoked = of(token)
    assert (made[:4], made[4]["scopes"], made[4]["key_id"]) == (
        ("insert", "tokens.issue", ada, None),
        ["gate"],
        token.key_id,
    )
    assert (made[4]["secret_digest"], made[4]["previous_digest"]) == ("hidden", None)
    assert rotated[:3] == ("update", "tokens.rotate", ada)
    assert rotated[4].keys() == {
        "secret_digest",
        "previous_digest",
        "previous_until",
        "rotated_at",
        "expires_at",
    }
    assert (rotated[3]["secret_digest"], rotated[4]["secret_digest"]) == ("hidden", "hidden")
    assert (revoked[:3], revoked[4].keys()) == (("update", "tokens.revoke", ada), {"revoked_at"})
    whole = str(list(TrailEntry.objects.values()))
    assert not [digest for digest in digests() if digest in whole]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("scopes = '{tokens}'", {"scopes": ["tokens"]}),
        ("networks = '{0.0.0.0/0}'", {"networks": ["0.0.0.0/0"]}),
        ("repositories = '{}'", {}),
        ("revoked_at = NULL, name = 'Quiet'", {"name": "Quiet"}),
        ("secret_digest = decode(repeat('ab', 32), 'hex')", {"secret_digest": "hidden"}),
    ],
)
def test_a_statement_typed_by_hand_leaves_its_row(token, change, after):
    before = len(of(token))

    by_hand(f"UPDATE accounts_apitoken SET {change} WHERE id = %s", token.pk)

    rows = of(token)[before:]
    assert [row[4] for row in rows] == ([after] if after else [])
    assert all(row[:3] == ("update", "", None) for row in rows)
    assert "abab" not in str(rows)


def test_a_token_slipped_in_or_deleted_by_hand_leaves_its_row(token):
    by_hand(
        "INSERT INTO accounts_apitoken (key_id, secret_digest, name, owner_id, scopes, created_at,"
        " expires_at, repositories, services, networks) SELECT 'aaaaaaaaaaaa',"
        " decode(repeat('cd', 32), 'hex'), 'Backdoor', owner_id, '{tokens}', now(), now() + interval '1 day',"
        " '{}', '{}', '{}'"
        " FROM accounts_apitoken"
    )
    slipped_in = ApiToken.objects.get(name="Backdoor")
    by_hand("DELETE FROM accounts_apitoken WHERE id = %s", slipped_in.pk)

    made, gone = of(slipped_in)
    assert (made[0], made[4]["scopes"], gone[0], gone[3]["name"]) == (
        "insert",
        ["tokens"],
        "delete",
        "Backdoor",
    )
    assert "cdcd" not in str([made, gone])


def test_using_a_token_is_no_change_of_it(token):
    before = len(of(token))

    tokens.note_use(token.pk, now=timezone.now())

    assert ApiToken.objects.get(pk=token.pk).last_used_at is not None
    assert len(of(token)) == before


def test_an_act_that_fails_leaves_no_row(token):
    before = TrailEntry.objects.count()

    with pytest.raises(ValueError, match="keep"), trail.act("tokens.rotate", by=None):
        tokens.rotate(token, keep=-DAY, expires_at=token.expires_at, now=timezone.now())

    assert TrailEntry.objects.count() == before


def test_a_service_account_and_all_its_tokens_are_followed():
    account = service_accounts.create(name="GitLab")
    token = factories.api_token(account, now=timezone.now())[0]

    service_accounts.end(account, now=timezone.now())

    made, ended = of(account)
    assert (made[0], made[4]["name"], made[4]["is_service"]) == ("insert", "GitLab", True)
    assert ended[4] == {"is_active": False}
    assert of(token)[-1][4].keys() == {"revoked_at"}


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("role = 'administrator'", {"role": "administrator"}),
        ("is_superuser = true, is_staff = true", {"is_superuser": True, "is_staff": True}),
        ("email = 'mallory@example.com'", {"email": "mallory@example.com"}),
        ("password = 'pbkdf2$known'", {"password": "hidden"}),
    ],
)
def test_who_may_more_stands_in_the_trail_however_it_came(change, after):
    person = factories.user()
    User.objects.filter(pk=person.pk).update(theme="dark", last_login=timezone.now())
    assert len(of(person)) == 1

    by_hand(f"UPDATE accounts_user SET theme = 'light', {change} WHERE id = %s", person.pk)

    assert of(person)[-1][4] == after
    assert "pbkdf2" not in str(of(person))


def test_new_people_stand_in_the_trail_without_their_password():
    person = User.objects.create_user("ada@example.com", PASSWORD, name="Ada", role="governor")

    ((operation, _act, _actor, before, after),) = of(person)
    assert (operation, before, after["role"], after["password"]) == ("insert", None, "governor", "hidden")
    assert "theme" not in after
    assert "last_login" not in after


def test_teams_their_managers_and_their_people_are_followed():
    team, person = factories.team("Orders"), factories.user()

    Team.objects.filter(pk=team.pk).update(manager=person)
    belonging = Membership.objects.create(team=team, user=person)
    Membership.objects.filter(pk=belonging.pk).delete()

    assert [row[0] for row in of(team)] == ["insert", "update"]
    assert of(team)[-1][4] == {"manager_id": person.pk}
    joined, left = of(belonging)
    assert (joined[4]["user_id"], left[3]["team_id"]) == (person.pk, team.pk)


def test_many_at_once_leave_a_row_each():
    people = [factories.user() for _ in range(3)]

    User.objects.filter(pk__in=[one.pk for one in people]).update(role="administrator")

    assert [of(one)[-1][4] for one in people] == [{"role": "administrator"}] * 3


def test_the_trail_itself_stays_as_it_was_written(token):
    for statement in (
        "UPDATE postmortem_trailentry SET actor_id = NULL WHERE model = 'accounts_apitoken'",
        "DELETE FROM postmortem_trailentry WHERE model = 'accounts_apitoken'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            by_hand(statement)

    assert of(token)


# -- the faces name who did it


def test_pages_of_tokens_name_who_did_what_and_show_it():
    ada = factories.user("Ada", role="administrator")
    client = client_of(ada)
    form = {"name": "Nightly", "scopes": ["audit"], "days": "30"}
    client.post("/settings/tokens/", form)
    token = ApiToken.objects.get(name="Nightly")
    client.post(f"/settings/tokens/{token.pk}/rotate", {"hours": "24", "days": "30"})
    client.post(f"/settings/tokens/{token.pk}/revoke")

    assert [row[1:3] for row in of(token)] == [
        ("tokens.issue", ada),
        ("tokens.rotate", ada),
        ("tokens.revoke", ada),
    ]
    page = client.get("/settings/tokens/").text
    assert "made a token" in page
    assert "gave a token a new secret" in page
    assert "revoked a token" in page
    assert not [digest for digest in digests() if digest in page]


def test_a_member_reads_the_history_of_their_own_tokens_only():
    mia, other = factories.user("Mia"), factories.user("Otto")
    for owner in (mia, other):
        with trail.act("tokens.issue", by=owner):
            factories.api_token(owner, now=timezone.now())

    page = client_of(mia).get("/settings/tokens/").text

    assert page.count("made a token") == 1
    assert "Otto" not in page


def test_pages_of_service_accounts_name_who_did_what_and_show_it():
    ada = factories.user("Ada", role="administrator")
    client = client_of(ada)
    client.post("/settings/service-accounts/", {"name": "Jenkins", "role": "viewer"})
    account = User.objects.get(name="Jenkins")
    client.post(f"/settings/service-accounts/{account.pk}/end")

    assert [row[1:3] for row in of(account)] == [
        ("service_accounts.create", ada),
        ("service_accounts.end", ada),
    ]
    page = client.get("/settings/service-accounts/").text
    assert "made a service account" in page
    assert "ended a service account" in page


def test_programs_stand_in_the_trail_as_their_owner():
    caller = Caller(factories.user(role="administrator"), scopes=["tokens"])
    account = caller.post("service-accounts", {"name": "GitLab"}).json()["id"]
    until = (timezone.now() + DAY).isoformat()
    body = {"name": "CI", "owner": account, "scopes": ["gate"], "expires_at": until}
    token = caller.post("tokens", body).json()["token"]["id"]
    caller.post(f"tokens/{token}/rotate", {"keep_hours": 0, "expires_at": until})
    caller.post(f"tokens/{token}/revoke")
    caller.post(f"service-accounts/{account}/end")

    acts = [
        (row[1], row[2]) for row in [*of(ApiToken.objects.get(pk=token)), *of(User.objects.get(pk=account))]
    ]
    assert acts == [
        ("tokens.issue", caller.user),
        ("tokens.rotate", caller.user),
        ("tokens.revoke", caller.user),
        ("service_accounts.create", caller.user),
        ("service_accounts.end", caller.user),
    ]


def test_the_admin_site_names_who_changed_a_role_a_team_or_a_password():
    root = factories.user("Root", role="administrator", is_staff=True)
    person, team = factories.user("Nia"), factories.team("Orders")
    client = client_of(root)
    form = {
        "email": person.email, "name": person.name, "role": "governor", "is_active": "on", "language": "en",
        "time_zone": "UTC", "theme": "auto",
    }  # fmt: skip
    client.post(reverse("admin:accounts_user_change", args=[person.pk]), form)
    client.post(
        reverse("admin:auth_user_password_change", args=[person.pk]),
        {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"},
    )
    lines = {f"memberships-{name}": value for name, value in (("TOTAL_FORMS", "1"), ("INITIAL_FORMS", "0"))}
    lines |= {"memberships-0-user": person.pk, "memberships-0-team": team.pk}
    client.post(
        reverse("admin:accounts_team_change", args=[team.pk]),
        {"name": "Orders", "slug": team.slug, "manager": root.pk} | lines,
    )

    role, password = of(person)[1:]
    assert (role[1:3], role[4]) == (("admin.change", root), {"role": "governor"})
    assert (password[1:3], password[4]) == (("admin.change", root), {"password": "hidden"})
    assert (of(team)[-1][2], of(Membership.objects.get())[-1][2]) == (root, root)
    assert PASSWORD not in json.dumps(list(TrailEntry.objects.values_list("after", flat=True)))


def test_changing_ones_password_is_in_the_trail():
    person = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    client = client_of(person)

    new = "another long enough phrase"
    client.post("/settings/password", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert of(person)[-1] == (
        "update",
        "people.change_password",
        person,
        {"password": "hidden"},
        {"password": "hidden"},
    )
