"""A session is read by a statement of our own: what it must not take for a session."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(client):
    client.force_login(factories.user("Ada"))
    return Session.objects.get(session_key=client.cookies["sessionid"].value)


def test_session_that_is_over_is_nobodys(client, session):
    assert client.get("/").status_code == 200
    session.expire_date = timezone.now() - timedelta(seconds=1)
    session.save()

    assert client.get("/")["Location"].startswith("/login")


def test_key_that_a_stranger_made_up_is_never_taken_over(client):
    client.cookies["sessionid"] = "chosenbyastranger0000000000000000"
    person = factories.user("Ada", password="correct horse battery staple")

    answer = client.post(
        "/login", {"username": person.email, "password": "correct horse battery staple"}, follow=True
    )

    assert answer.context["user"] == person
    assert client.cookies["sessionid"].value != "chosenbyastranger0000000000000000"


def test_key_that_was_forged_holds_nothing(client, session):
    Session.objects.filter(pk=session.pk).update(session_data="bm90IHNpZ25lZA==:x")

    assert client.get("/")["Location"].startswith("/login")
