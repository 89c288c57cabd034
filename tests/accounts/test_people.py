from zoneinfo import available_timezones

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Membership, User, validate_time_zone
from tests import factories

pytestmark = pytest.mark.django_db


def refused(constraint, act):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        act()


def test_the_address_is_the_login_whatever_its_case():
    person = User.objects.create_user(" Ada@Example.COM ", "secret", name="Ada")

    assert person.email == "ada@example.com"
    assert User.objects.get_by_natural_key("ADA@example.com ") == person
    assert person.check_password("secret")


def test_create_superuser_is_an_administrator_who_may_enter_the_admin_site():
    person = User.objects.create_superuser("root@example.com", "secret", name="Root")

    assert (person.role, person.is_staff, person.is_superuser) == ("administrator", True, True)


def test_the_database_refuses_upper_case_unknown_roles_and_doubles():
    person, other = factories.user(), factories.user()

    def change(**columns):
        return lambda: User.objects.filter(pk=person.pk).update(**columns)

    refused("user_email_is_lower_case", change(email="Ada@example.com"))
    refused("user_role_is_known", change(role="king"))
    refused("email", change(email=other.email))
    team = factories.team(members=[person])
    refused("membership_is_unique", lambda: Membership.objects.create(team=team, user=person))


@pytest.mark.parametrize(
    ("role", "includes"),
    [
        ("viewer", ["viewer"]),
        ("member", ["viewer", "member"]),
        ("facilitator", ["viewer", "member", "facilitator"]),
        ("governor", ["viewer", "member", "facilitator", "governor"]),
        ("administrator", ["viewer", "member", "facilitator", "governor", "administrator"]),
    ],
)
def test_each_role_may_do_what_the_lesser_ones_may(role, includes):
    person = User(role=role)

    assert [other for other in User.RANK if person.is_at_least(other)] == includes


def test_an_inactive_person_may_do_nothing():
    assert not User(role="administrator", is_active=False).is_at_least("viewer")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../UTC", "utc\x00"])
def test_validate_time_zone_refuses_what_is_no_zone(name):
    with pytest.raises(ValidationError):
        validate_time_zone(name)


def test_validate_time_zone_takes_the_usual_ones():
    for name in ("UTC", "Asia/Shanghai", "Europe/Berlin"):
        assert name in available_timezones()
        validate_time_zone(name)


def test_a_person_is_named_by_name_or_address():
    assert str(User(name="Ada", email="a@example.com")) == "Ada"
    assert str(User(email="a@example.com")) == "a@example.com"
