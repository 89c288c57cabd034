"""One mail a day or a week instead of many, and the overview of governors."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, transaction

from governance import deliveries, digests, notices
from governance.models import Delivery, Digest, MailChoice
from postmortem.errors import Invalid
from postmortem.models import Incident
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.mailserver import MailServer
from tests.race import at_once

pytestmark = pytest.mark.django_db
# A Monday; eight in the morning in Shanghai is midnight in UTC.
MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def mail_is_set(settings):
    settings.EMAIL_HOST = "127.0.0.1"
    settings.PUBLIC_URL = "https://closeloop.example.com"


@pytest.fixture
def server():
    server = MailServer()
    yield server
    server.close()


def send(server, now):
    backend = EmailBackend(host="127.0.0.1", port=server.port, use_tls=False, username="", password="")
    return deliveries.send_due(now=now, connection=backend)


def person(rhythm="weekly", **fields):
    who = factories.user(**{"name": "Lin", "time_zone": "Asia/Shanghai"} | fields)
    deliveries.wish(rhythm=rhythm, by=who, now=NOW)
    return who


def tell(who, at, title="Orders fail", **fields):
    incident = factories.resolved_incident(title, participants=[who], **fields)
    (notice,) = notices.tell(
        "review_breached", to=[who], incident=incident, key=f"{at}{title}", by=None, now=at
    )
    return notice


def test_a_week_comes_as_one_mail_on_monday_at_eight_of_the_readers_clock(server):
    lin = person()
    tell(lin, NOW, "First")
    tell(lin, NOW + DAY, "Second")
    assert not Delivery.objects.exists()

    assert digests.tick(now=MONDAY - timedelta(minutes=1)) == 0
    assert (digests.tick(now=MONDAY), digests.tick(now=MONDAY + HOUR)) == (1, 0)
    assert (send(server, MONDAY), send(server, MONDAY)) == (1, 0)

    (mail,) = server.mails
    text, html = (mail.get_body([kind]).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert body.count("https://closeloop.example.com/incidents/") == 2
        assert body.index("Second") < body.index("First")
    assert mail["Message-ID"] == f"<digest-{Digest.objects.get().pk}@localhost>"


def test_a_day_begins_and_ends_at_eight(server):
    lin = person("daily")
    tell(lin, MONDAY - timedelta(minutes=1), "Earlier")
    tell(lin, MONDAY + timedelta(minutes=1), "Later")

    digests.tick(now=MONDAY)
    digests.tick(now=MONDAY + DAY)
    send(server, MONDAY + DAY)

    bodies = [mail.get_body(["plain"]).get_content() for mail in server.mails]
    assert ["Earlier" in body for body in bodies] == [True, False]
    assert ["Later" in body for body in bodies] == [False, True]


def test_a_period_without_notices_has_no_mail():
    person("daily")

    assert digests.tick(now=MONDAY) == 0


def test_what_had_a_mail_of_its_own_and_what_is_muted_is_left_out(server):
    lin = person("single")
    tell(lin, NOW, "Mailed")
    deliveries.wish(rhythm="weekly", muted=["item_breached"], by=lin, now=NOW)
    item = factories.item("Muted", owner=lin)
    notices.tell("item_breached", to=[lin], item=item, key="x", by=None, now=NOW)

    assert digests.tick(now=MONDAY) == 0
    tell(lin, NOW, "Gathered")
    assert digests.tick(now=MONDAY) == 1
    send(server, MONDAY)
    digest = next(mail for mail in server.mails if "digest" in mail["Message-ID"])
    text = digest.get_body(["plain"]).get_content()
    assert ("Gathered" in text, "Mailed" in text, "Muted" in text) == (True, False, False)


def test_what_became_hidden_is_not_in_the_mail(server):
    lin = person()
    hidden = tell(lin, NOW, "Zanzibar")
    tell(lin, NOW, "Open")
    digests.tick(now=MONDAY)
    hidden.incident.participants.all().delete()
    Incident.objects.filter(pk=hidden.incident_id).update(is_restricted=True)

    send(server, MONDAY)

    (mail,) = server.mails
    assert "Zanzibar" not in mail.as_string()
    assert "Open" in mail.get_body(["plain"]).get_content()


def test_a_digest_of_which_nothing_may_be_seen_is_not_sent(server):
    lin = person()
    tell(lin, NOW, "Zanzibar")
    digests.tick(now=MONDAY)
    Incident.objects.update(is_restricted=True)
    from postmortem.models import Participant

    Participant.objects.all().delete()

    assert send(server, MONDAY) == 0
    assert Delivery.objects.get().state == "dropped"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_governors_get_an_overview_of_open_promises(server, language):
    governor = factories.user("Gia", role="governor", time_zone="Asia/Shanghai", language=language)
    factories.user("Ada", role="administrator", time_zone="Asia/Shanghai")
    overdue = factories.item("Overdue", agreed_at=NOW - 30 * DAY)
    regressed = factories.item("Regressed", state="regressed", agreed_at=NOW - 6 * DAY)
    factories.item("Fine", agreed_at=MONDAY - HOUR)
    factories.resolved_incident("Late", started_at=NOW - 3 * DAY)

    digests.tick(now=MONDAY)
    send(server, MONDAY)

    (mail,) = server.mails
    text, html = (mail.get_body([kind]).get_content() for kind in ("plain", "html"))
    assert mail["To"] == governor.email
    for body in (text, html):
        assert all(word in body for word in ("Overdue", "Regressed", "Late", overdue.public_id))
        assert regressed.public_id in body
        assert "Fine" not in body


def test_who_does_not_want_the_overview_gets_none():
    governor = factories.user(role="governor", time_zone="Asia/Shanghai")
    deliveries.wish(wants_overview=False, by=governor, now=NOW)

    assert digests.tick(now=MONDAY) == 0


def test_a_beat_that_was_down_for_days_writes_no_old_digest():
    tell(person(), NOW)

    assert digests.tick(now=MONDAY + 2 * DAY) == 0


def test_without_a_mail_server_no_digest_is_written(settings):
    tell(person(), NOW)
    settings.EMAIL_HOST = ""

    assert digests.tick(now=MONDAY) == 0


def test_a_period_ends_at_eight_whatever_the_clocks_do():
    lin = factories.user(time_zone="Europe/Berlin")

    # Clocks went back on Sunday, 25 October 2026.
    since, until = digests.period("weekly", lin, now=datetime(2026, 10, 26, 7, 0, tzinfo=UTC))

    assert until == datetime(2026, 10, 26, 7, 0, tzinfo=UTC)
    assert since == datetime(2026, 10, 19, 6, 0, tzinfo=UTC)


def test_a_rhythm_is_one_of_three():
    lin = person()
    with pytest.raises(Invalid):
        deliveries.wish(rhythm="hourly", by=lin, now=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        MailChoice.objects.update(rhythm="hourly")
    assert deliveries.wishes(lin) == deliveries.Wishes((), "weekly", True)


@pytest.mark.django_db(transaction=True)
def test_two_beats_write_one_digest():
    tell(person(), NOW)

    at_once(lambda: digests.tick(now=MONDAY), lambda: digests.tick(now=MONDAY))

    assert (Digest.objects.count(), Delivery.objects.count()) == (1, 1)
