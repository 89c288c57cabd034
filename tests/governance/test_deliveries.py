"""Notices by mail: what is written with a notice goes out once, to a real mail server."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, transaction

from governance import deliveries, notices, outbox
from governance.models import Delivery, Notice
from postmortem.errors import NotAllowed
from postmortem.models import Incident
from remediation import deadlines
from remediation.models import RemediationItem
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.mailserver import MailServer
from tests.race import at_once

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def mail_is_set(settings):
    settings.EMAIL_HOST = "127.0.0.1"
    settings.PUBLIC_URL = "https://closeloop.example.com"


@pytest.fixture
def server():
    server = MailServer()
    yield server
    server.close()


def to(server):
    return EmailBackend(host="127.0.0.1", port=server.port, use_tls=False, username="", password="")


def tell(person=None, *, key="1", **fields):
    person = person or factories.user("Ada")
    incident = factories.resolved_incident("Orders fail", participants=[person], **fields)
    (notice,) = notices.tell("review_breached", to=[person], incident=incident, key=key, by=None, now=NOW)
    return notice


def send(server, now=NOW):
    return deliveries.send_due(now=now, connection=to(server))


def test_a_notice_goes_out_once_as_text_and_html(server):
    notice = tell()

    assert (send(server), send(server)) == (1, 0)

    (mail,) = server.mails
    assert (mail["To"], mail["Subject"]) == (
        "ada@example.com",
        f"The review of {notice.incident.public_id} was not done in time",
    )
    assert mail["Message-ID"] == f"<notice-{notice.pk}@localhost>"
    text, html = (mail.get_body([kind]).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert "Orders fail" in body
        assert f"https://closeloop.example.com/incidents/{notice.incident.public_id}/" in body
        assert "https://closeloop.example.com/settings/notices" in body
    assert notice.delivery.state == "waiting"
    assert Delivery.objects.get().state == "sent"


def test_a_mail_speaks_the_language_and_the_zone_of_its_reader(server):
    lin = factories.user("林", email="lin@example.com", language="zh-hans", time_zone="Asia/Shanghai")
    item = factories.item("给连接池设置超时", owner=lin, agreed_at=NOW - 15 * DAY)
    deadlines.mark(now=NOW)
    notices.tick(now=NOW)

    send(server)

    (mail,) = server.mails
    html = mail.get_body(["html"]).get_content()
    assert "给连接池设置超时" in html
    assert 'lang="zh-Hans"' in html
    assert "20:00" in html
    assert "Asia/Shanghai" in html
    assert item.public_id in mail["Subject"]
    assert "期限" in html


def test_what_is_typed_into_a_title_is_no_markup_and_no_header(server):
    item = factories.item("<b>Pool</b>\r\nBcc: eve@example.com", agreed_at=NOW - 15 * DAY)
    deadlines.mark(now=NOW)
    notices.tick(now=NOW)

    send(server)

    (mail,) = server.mails
    assert "<b>Pool" not in mail.get_body(["html"]).get_content()
    assert mail["Bcc"] is None
    assert mail["To"] == item.owner.email


def test_a_failure_is_tried_again_later_and_given_up_in_the_end(server):
    tell()
    now, waits = NOW, []
    server.answers = ["451 later"] * outbox.MOST_ATTEMPTS

    for _ in range(outbox.MOST_ATTEMPTS):
        send(server, now)
        row = Delivery.objects.get()
        waits.append(row.next_at - now)
        now = max(row.next_at, now)

    assert (row.state, row.attempts, row.error) == ("given_up", 8, "The mail server refuses the mail: 451.")
    assert all(earlier < later for earlier, later in pairwise(waits[:6]))
    assert send(server, now + DAY) == 0
    assert server.mails == []


def test_nothing_is_lost_while_no_server_answers(server):
    tell()
    closed = MailServer()
    closed.close()

    assert deliveries.send_due(now=NOW, connection=to(closed)) == 0
    assert (Delivery.objects.get().state, Delivery.objects.get().error) == (
        "waiting",
        "The server refuses the connection.",
    )
    assert send(server, NOW + HOUR) == 1


def test_pauses_double_up_to_an_hour():
    pauses = [outbox.pause(attempts, chance=0.5) for attempts in range(1, 10)]

    assert pauses[:3] == [timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert pauses[-1] == HOUR
    assert outbox.pause(1, chance=0.0) == timedelta(seconds=24)
    assert outbox.pause(1, chance=1.0) == timedelta(seconds=36)


def test_a_worker_that_died_loses_its_mail_to_another_once_its_lease_ended(server):
    tell()
    (lost,) = deliveries.claim(now=NOW)

    assert send(server, NOW + 5 * MINUTE) == 0
    assert send(server, NOW + 7 * MINUTE) == 1
    deliveries._finish(lost, "given_up", "late", now=NOW)
    assert Delivery.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_mail_once(server):
    for number in range(6):
        tell(key=str(number))

    at_once(lambda: send(server), lambda: send(server))

    assert len(server.mails) == 6
    assert len({mail["Message-ID"] for mail in server.mails}) == 6


def test_an_act_that_is_taken_back_sends_nothing(server):
    with transaction.atomic():
        tell()
        transaction.set_rollback(True)

    assert send(server) == 0
    assert not Notice.objects.exists()


def test_what_became_hidden_is_not_sent(server):
    notice = tell()
    notice.incident.participants.all().delete()
    Incident.objects.update(is_restricted=True)

    assert send(server) == 0
    assert (Delivery.objects.get().state, server.sessions) == ("dropped", 0)


def test_an_item_of_a_restricted_incident_is_told_to_those_who_see_it(server):
    insider, stranger = factories.user(), factories.user()
    hidden = factories.resolved_incident(participants=[insider], is_restricted=True)
    review = factories.review(incidents=[hidden], owner=insider, facilitator=insider)
    team = factories.team(manager=stranger)
    factories.item("Zanzibar", review=review, owner=insider, team=team, agreed_at=NOW - 15 * DAY)
    deadlines.mark(now=NOW)

    notices.tick(now=NOW)
    send(server)

    assert {mail["To"] for mail in server.mails} == {insider.email}
    assert not notices.of(stranger).exists()


def test_without_a_mail_server_nothing_is_written(settings):
    settings.EMAIL_HOST = ""
    tell()

    assert (Notice.objects.count(), Delivery.objects.count()) == (1, 0)


def test_muted_kinds_stand_on_the_page_only():
    ada = factories.user("Ada")
    deliveries.wish(muted=["review_breached", "nonsense"], by=ada, now=NOW)

    tell(ada)
    assert (notices.of(ada).count(), Delivery.objects.count()) == (1, 0)
    deliveries.wish(muted=[], by=ada, now=NOW)
    tell(ada, key="2")
    assert Delivery.objects.count() == 1


def test_an_administrator_sends_again_what_was_given_up(server):
    tell()
    row = Delivery.objects.get()
    admin = factories.user(role="administrator")
    with pytest.raises(deliveries.NotToSend):
        deliveries.send_again(row, by=admin, now=NOW)
    Delivery.objects.update(state="given_up", finished_at=NOW, attempts=8)

    with pytest.raises(NotAllowed):
        deliveries.send_again(row, by=factories.user(role="governor"), now=NOW)
    deliveries.send_again(row, by=admin, now=NOW)

    assert send(server) == 1
    for act in (
        lambda: Delivery.objects.update(state="waiting", finished_at=None),
        Delivery.objects.all().delete,
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


class TestItems:
    """Owner before and after the deadline, the manager after it, governors a week later; each once."""

    def people(self):
        manager, governor = factories.user("Max"), factories.user("Gia", role="governor")
        item = factories.item(team=factories.team(manager=manager), agreed_at=NOW - 10 * DAY)
        return item, manager, governor

    def told(self, now):
        deadlines.mark(now=now)
        notices.tick(now=now)
        return sorted(Notice.objects.values_list("kind", "recipient"))

    def test_each_is_told_once_in_their_turn(self):
        item, manager, governor = self.people()
        due, owner = item.due_at, item.owner

        assert self.told(NOW) == []
        first = [("item_at_risk", owner.pk)]
        assert self.told(due - HOUR) == first
        second = sorted([*first, ("item_breached", owner.pk), ("item_breached", manager.pk)])
        assert self.told(due + HOUR) == self.told(due + 2 * HOUR) == second
        third = sorted([*second, ("item_escalated", governor.pk)])
        assert self.told(due + 7 * DAY + HOUR) == self.told(due + 8 * DAY) == third

    def test_what_was_verified_or_declined_meanwhile_is_no_news(self):
        item, _manager, _governor = self.people()
        deadlines.mark(now=item.due_at + HOUR)
        RemediationItem.objects.update(first_verified_at=item.due_at + HOUR)

        assert notices.tick(now=item.due_at + 2 * HOUR) == 0

    def test_a_notice_is_about_one_thing(self):
        manager = self.people()[1]

        with pytest.raises(DatabaseError, match="about_one_thing"), transaction.atomic():
            Notice.objects.create(recipient=manager, kind="item_breached", key="x", created_at=NOW)
