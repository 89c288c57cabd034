"""Personal timelines on the pages: written line by line, with and without htmx; filed; excused (R1)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from postmortem.models import Entry, Timeline
from tests import factories, files

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def line(*, happened_at: str = "14:03", text: str = "Restarted the service.", **changes) -> dict[str, str]:
    return {"line": f"{happened_at} {text}", "kind": "note", "marker": "", "milestone": ""} | changes


def entry(**changes) -> dict[str, str]:
    """The form of an entry that is edited."""
    return {"happened_at": "14:03", "kind": "note", "marker": "", "text": "Restarted the service."} | changes


@pytest.fixture
def ada() -> User:
    return factories.user("Ada", time_zone="Asia/Shanghai")


@pytest.fixture
def incident(ada):
    """Began on 2 March 2026 at 14:00 in Shanghai."""
    return factories.resolved_incident(started_at=datetime(2026, 3, 2, 6, 0, tzinfo=UTC), participants=[ada])


@pytest.fixture
def address(incident):
    return reverse("web:timeline", args=[incident.public_id])


def test_an_entry_is_added_with_its_zone(ada, address):
    data = line(
        happened_at="14:03:20",
        kind="command",
        marker="diagnosis",
        is_starred="on",
        text="kubectl get pods\nPending",
    )

    response = client_of(ada).post(address, data)

    entry = Entry.objects.get()
    assert (response.status_code, response.url) == (302, address)
    assert entry.happened_at == datetime(2026, 3, 2, 6, 3, 20, tzinfo=UTC)
    assert (entry.zone, entry.kind, entry.marker, entry.is_starred) == (
        "Asia/Shanghai",
        "command",
        "diagnosis",
        True,
    )
    assert entry.text == "kubectl get pods\nPending"
    assert "kubectl get pods" in client_of(ada).get(address).content.decode()


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("14:03", datetime(2026, 3, 2, 6, 3, tzinfo=UTC)),
        ("+5m", datetime(2026, 3, 2, 6, 5, tzinfo=UTC)),
        ("2026-03-01 23:10", datetime(2026, 3, 1, 15, 10, tzinfo=UTC)),
        ("14：03", datetime(2026, 3, 2, 6, 3, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_people_write_it(ada, address, written, moment):
    client_of(ada).post(address, line(happened_at=written))

    assert Entry.objects.get().happened_at == moment


def test_yesterday_counts_from_today(ada, address):
    client_of(ada).post(address, line(happened_at="昨天 23:10"))

    local = Entry.objects.get().happened_at.astimezone(timezone.zoneinfo.ZoneInfo("Asia/Shanghai"))
    today = timezone.now().astimezone(timezone.zoneinfo.ZoneInfo("Asia/Shanghai")).date()
    assert (local.date(), local.hour, local.minute) == (today - timedelta(days=1), 23, 10)


def test_an_offset_counts_from_the_entry_before(ada, address):
    client = client_of(ada)
    client.post(address, line(happened_at="14:10"))
    client.post(address, line(happened_at="+5m"))

    assert Entry.objects.last().happened_at == datetime(2026, 3, 2, 6, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"happened_at": "soon"}, "line"),
        ({"happened_at": "25:00"}, "line"),
        ({"happened_at": "9999-12-31 23:59"}, "line"),
        ({"happened_at": "0001-01-01 00:00"}, "line"),
        ({"happened_at": "+99999h"}, "line"),
        ({"happened_at": ""}, "line"),
        ({"happened_at": "1" * 5000}, "line"),
        ({"text": ""}, "line"),
        ({"text": " \n "}, "line"),
        ({"text": "x" * 70_000}, "line"),
        ({"line": ""}, "line"),
        ({"kind": "gossip"}, "kind"),
        ({"marker": "gossip"}, "marker"),
        ({"milestone": "gossip"}, "milestone"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_entry_keeps_its_words_and_names_the_field(ada, address, changes, field, headers):
    response = client_of(ada).post(address, line(**{"text": "Kept words"} | changes), headers=headers)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert {"text", "line"} & changes.keys() or "Kept words" in response.content.decode()
    assert not Entry.objects.exists()


def test_with_htmx_only_the_part_that_changed_comes_back(ada, address):
    response = client_of(ada).post(address, line(kind="log"), headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert page.lstrip().startswith('<div class="stack" id="mine">')
    assert "Restarted the service." in page
    assert "<html" not in page
    assert response.context["form"]["kind"].value() == "log"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_masked_secret_is_announced(ada, address, headers):
    response = client_of(ada).post(
        address, line(text="mysql://root:hunter2secret@db/orders"), headers=headers
    )

    assert "hunter2secret" not in Entry.objects.get().text
    words = [str(message) for message in get_messages(response.wsgi_request)]
    said = "1 secret was masked before anything was stored: a password in line 1."
    assert words == [said] or said in response.content.decode()
    assert "hunter2secret" not in client_of(ada).get(address).content.decode()


def test_an_entry_is_edited_and_removed(ada, address):
    client = client_of(ada)
    client.post(address, line())
    found = Entry.objects.get()

    form = client.get(f"/entries/{found.pk}/edit").content.decode()
    client.post(f"/entries/{found.pk}/edit", entry(happened_at="2026-03-02 14:04:00", text="Better words"))
    found.refresh_from_db()
    assert 'value="2026-03-02 14:03:00"' in form
    assert (found.text, found.happened_at) == ("Better words", datetime(2026, 3, 2, 6, 4, tzinfo=UTC))

    assert client.get(f"/entries/{found.pk}/remove").status_code == 200
    assert Entry.objects.exists()
    client.post(f"/entries/{found.pk}/remove")
    assert not Entry.objects.exists()


def test_an_edit_that_leaves_the_moment_alone_leaves_its_zone_alone(ada, incident):
    moment = datetime(2026, 3, 2, 6, 3, 0, 250_000, tzinfo=UTC)
    found = factories.entry(
        factories.timeline(incident.participants.get()), happened_at=moment, zone="Europe/Berlin"
    )

    client_of(ada).post(
        f"/entries/{found.pk}/edit", entry(happened_at="2026-03-02 14:03:00", text="Better words")
    )

    found.refresh_from_db()
    assert (found.text, found.happened_at, found.zone) == ("Better words", moment, "Europe/Berlin")


def test_nobody_else_reaches_my_entries(ada, incident):
    found = factories.entry(factories.timeline(incident.participants.get()))

    for user in (factories.user(), factories.user(role="administrator")):
        for page in ("edit", "remove"):
            assert client_of(user).get(f"/entries/{found.pk}/{page}").status_code == 404
            assert client_of(user).post(f"/entries/{found.pk}/{page}", entry()).status_code == 404
    assert client_of(ada).get("/entries/999999999999999999999/edit").status_code == 404


def test_somebody_who_was_not_there_has_no_timeline(address):
    response = client_of(factories.user()).get(address)

    assert "You were not invited" in response.content.decode()
    assert client_of(factories.user()).post(address, line()).status_code == 200
    assert not Timeline.objects.exists()


def test_filing_asks_first_and_seals_the_words(ada, incident, address):
    client = client_of(ada)
    client.post(address, line())

    asked = client.get(f"{address}file").content.decode()
    assert "cannot be changed any more" in asked
    client.post(f"{address}file")

    mine = Timeline.objects.get()
    assert mine.filed_at is not None
    page = client.get(address).content.decode()
    assert "is filed" in page
    assert 'name="line"' not in page
    assert "/edit" not in page
    assert client.post(address, line()).status_code == 422
    entry = Entry.objects.get()
    refused = client.post(f"/entries/{entry.pk}/remove")
    assert refused.status_code == 409
    assert Entry.objects.count() == 1


def test_an_empty_timeline_cannot_be_filed(ada, address):
    page = f"http://testserver{address}"

    response = client_of(ada).post(f"{address}file", headers={"referer": page})

    words = [str(message) for message in get_messages(response.wsgi_request)]
    assert words == ["Write at least one entry before you file the timeline."]


def test_a_facilitator_excuses_somebody_with_a_reason(ada, incident):
    facilitator = client_of(factories.user("Lin", role="facilitator"))
    address = reverse("web:timeline_excuse", args=[incident.public_id, incident.participants.get().pk])

    refused = facilitator.post(address, {"reason": " "})
    assert (refused.status_code, Timeline.objects.count()) == (422, 0)

    facilitator.post(address, {"reason": "On leave until May."})
    page = facilitator.get(f"/incidents/{incident.public_id}/").content.decode()
    assert Timeline.objects.get().excuse_reason == "On leave until May."
    assert "Excused by Lin: On leave until May." in page


def test_members_excuse_nobody_unless_they_facilitate_the_review(ada, incident):
    member = factories.user()
    address = reverse("web:timeline_excuse", args=[incident.public_id, incident.participants.get().pk])

    assert client_of(member).get(address).status_code == 403
    assert client_of(member).post(address, {"reason": "x"}).status_code == 403
    assert "/excuse" not in client_of(member).get(f"/incidents/{incident.public_id}/").content.decode()

    factories.review(incidents=[incident], facilitator=member)
    assert client_of(member).post(address, {"reason": "On leave."}).status_code == 302


def test_an_archived_postmortem_closes_the_timelines(ada, incident, address):
    factories.entry(factories.timeline(incident.participants.get()))
    factories.archived_review(incidents=[incident])
    client = client_of(ada)

    page = client.get(address).content.decode()

    assert 'name="line"' not in page
    assert client.post(address, line()).status_code == 422
    assert Entry.objects.count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_my_timeline_asks_the_database_the_same_however_long_it_is(
    ada, incident, address, rows, django_assert_num_queries
):
    mine = factories.timeline(incident.participants.get())
    for _ in range(rows):
        factories.entry(mine)
    client = client_of(ada)

    with django_assert_num_queries(9):
        client.get(address)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("14:03 restarted", "2 Mar 2026, 14:03:00 CST (UTC+08:00)"),
        ("06:03 UTC restarted", "2 Mar 2026, 14:03:00 CST (UTC+08:00)"),
        ("restarted", "Begin with the moment"),
        ("14:03", "Write what happened then."),
        ("25:00 restarted", "There is no such day or time."),
        ("14:03 CST restarted", "several zones"),
        ("", "After the entry before"),
        ("14:03 a\n14:04 b\n14:05 c", "These are 3 events"),
        ("14:03 redis-cli -a hunter22", "a password in line 1"),
    ],
)
def test_reading_of_a_line_is_shown_before_it_is_stored(ada, address, written, said):
    response = client_of(ada).post(f"{address}reading", {"line": written})

    assert response.status_code == 200
    assert said.lower() in response.text.lower() or (not written and "<code>14:03</code>" in response.text)
    assert "<html" not in response.text
    assert not Timeline.objects.exists()
    assert "<strong>hunter22" not in response.text


@pytest.mark.parametrize(
    ("ahead", "is_warned"),
    [(timedelta(minutes=-1), False), (timedelta(minutes=4), False), (timedelta(hours=9), True)],
)
def test_reading_warns_of_a_moment_that_is_still_to_come(ada, address, ahead, is_warned):
    moment = timezone.now() + ahead

    page = client_of(ada).post(f"{address}reading", {"line": f"{moment:%Y-%m-%d %H:%M:%S} UTC calm"}).text

    assert ("lies in the future" in page, "tone-warn" in page) == (is_warned, is_warned)
    assert ("tone-good" in page) is not is_warned


def test_a_zone_that_the_line_names_is_the_zone_of_the_entry(ada, address):
    client_of(ada).post(address, line(happened_at="15:03 Asia/Tokyo"))

    entry = Entry.objects.get()
    assert (entry.zone, entry.happened_at) == ("Asia/Tokyo", datetime(2026, 3, 2, 6, 3, tzinfo=UTC))


def test_a_line_of_several_lines_is_one_entry(ada, address):
    client_of(ada).post(address, line(text="mysql status\r\nThreads_connected 247", kind="command"))

    assert Entry.objects.get().text == "mysql status\nThreads_connected 247"


@pytest.mark.parametrize(
    ("page", "changes", "count"),
    [
        ("a" * 20, {}, 1),
        ("a" * 20, {"happened_at": "14:04"}, 1),
        ("a" * 20, {"text": "Restarted it again."}, 2),
        ("a" * 20, {"kind": "command"}, 2),
        ("b" * 20, {}, 2),
        ("", {}, 2),
    ],
    ids=["same", "read anew", "other words", "other kind", "other page", "no page"],
)
def test_line_that_is_sent_again_is_stored_once(ada, address, page, changes, count):
    client = client_of(ada)
    client.post(address, line(draft_page="a" * 20))

    answer = client.post(address, line(draft_page=page, **changes))

    assert answer.status_code == 302
    assert Entry.objects.count() == count


def test_a_milestone_is_given_once(ada, address):
    client = client_of(ada)
    client.post(address, line(milestone="detected"))
    again = client.post(address, line(milestone="detected"))

    assert again.status_code == 422
    assert list(again.context["form"].errors) == ["milestone"]
    assert Entry.objects.get().milestone == "detected"
    assert "Detected" in client.get(address).text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_screenshot_comes_with_its_line(ada, address, headers):
    shot = SimpleUploadedFile("image.png", files.picture(), content_type="image/png")

    response = client_of(ada).post(address, line(kind="screenshot", file=shot), headers=headers)

    assert response.status_code in {200, 302}
    entry = Entry.objects.get()
    assert (entry.kind, entry.evidence.get().media_type) == ("screenshot", "image/png")
    assert f"/evidence/{entry.evidence.get().pk}/thumbnail" in client_of(ada).get(address).text


def test_a_bad_screenshot_writes_no_entry(ada, address):
    shot = SimpleUploadedFile("image.png", files.bomb(), content_type="image/png")

    response = client_of(ada).post(address, line(kind="screenshot", file=shot))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["file"]
    assert "14:03 Restarted the service." in response.text
    assert not Timeline.objects.exists()


def test_a_reminder_is_shown_to_whom_it_concerns(ada, incident, address):
    lead = factories.user("Gu", role="facilitator")
    participant = incident.participants.get()
    button = f"/incidents/{incident}/people/{participant.pk}/remind"

    assert button in client_of(lead).get(f"/incidents/{incident}/").text
    assert button not in client_of(factories.user()).get(f"/incidents/{incident}/").text
    response = client_of(lead).post(button, follow=True)

    assert "Ada is reminded." in response.text
    for page in ("/", address):
        assert "reminded" in client_of(ada).get(page).text, page
    assert f"asks for your timeline of {incident}" in client_of(ada).get("/notices/").text
    again = client_of(lead).post(
        button, headers={"referer": f"http://testserver/incidents/{incident}/"}, follow=True
    )
    assert "less than 12 hours ago" in again.text
    assert client_of(factories.user()).post(button).status_code == 403
