"""A paste becomes entries: shown first, each changed or left out, secrets marked, all stored or none."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from postmortem.models import Entry, Timeline
from tests import factories
from tests.web import reading

pytestmark = pytest.mark.django_db

HISTORY = ": 1772431380:0;kubectl get pods\n: 1772431440:0;redis-cli -a hunter22 info\nls -l\n"


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada():
    return factories.user("Ada", time_zone="Asia/Shanghai")


@pytest.fixture
def incident(ada):
    """Began on 2 March 2026 at 14:00 in Shanghai."""
    return factories.resolved_incident(started_at=datetime(2026, 3, 2, 6, 0, tzinfo=UTC), participants=[ada])


@pytest.fixture
def address(incident):
    return f"/incidents/{incident}/timeline/paste"


def preview(client: Client, address: str, text: str, **changes: str) -> dict[str, list[str]]:
    """The fields that the preview would send if its button were pressed at once."""
    response = client.post(address, {"text": text} | changes)
    assert response.status_code == 200, response.text
    forms = reading.read(response.text, at=address).forms
    return next(form for form in forms if "rows" in form.fields).fields


def test_a_history_is_shown_and_stored(ada, address):
    client = client_of(ada)

    fields = preview(client, address, HISTORY)

    assert not Entry.objects.exists()
    assert fields["row-0-at"] == ["2026-03-02 14:03:00"]
    response = client.post(address, fields, follow=True)
    assert "2 entries are stored." in response.text
    assert "1 secret was masked before anything was stored." in response.text
    first, second = Entry.objects.all()
    assert (first.text, first.kind, first.zone) == ("kubectl get pods", "command", "Asia/Shanghai")
    assert first.happened_at == datetime(2026, 3, 2, 6, 3, tzinfo=UTC)
    assert second.text == "redis-cli -a [masked] info\nls -l"


def test_each_entry_can_be_changed_or_left_out(ada, address):
    client = client_of(ada)
    fields = preview(client, address, "14:03 alert\n14:05 restarted\n14:09 calm\n")
    del fields["row-1-keep"]
    fields |= {"row-0-text": ["Pager"], "row-2-at": ["14:10:30"], "row-2-kind": ["decision"]}

    client.post(address, fields)

    assert [(entry.text, entry.kind, f"{entry.happened_at:%H:%M:%S}") for entry in Entry.objects.all()] == [
        ("Pager", "note", "06:03:00"),
        ("calm", "decision", "06:10:30"),
    ]


def test_what_has_no_certain_time_is_flagged_and_not_ticked(ada, address):
    client = client_of(ada)

    response = client.post(address, {"text": "Something odd\n14:03 alert\n25:00 x\n"})
    fields = preview(client, address, "Something odd\n14:03 alert\n25:00 x\n")

    assert "2 without a certain moment" in response.text
    assert "row-0-keep" not in fields
    assert "row-2-keep" not in fields
    client.post(address, fields)
    assert Entry.objects.get().text == "alert"


def test_a_ticked_entry_without_a_time_is_refused_beside_it_and_nothing_is_stored(ada, address):
    client = client_of(ada)
    fields = preview(client, address, "Something odd\n14:03 alert\n")
    fields |= {"row-0-keep": ["on"], "row-1-text": ["Changed words"]}

    response = client.post(address, fields)

    assert response.status_code == 422
    assert "Write the moment" in response.text
    assert "Changed words" in response.text
    assert not Timeline.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"row-1-at": ["2099-01-01 00:00"]},
        {"row-1-text": [" "]},
        {"row-1-kind": ["gossip"]},
        {"row-1-at": ["3/4 14:03"]},
        {"row-1-at": ["14:03 and more"]},
    ],
)
def test_a_row_that_breaks_a_rule_is_named_and_nothing_is_stored(ada, address, changes):
    client = client_of(ada)
    fields = preview(client, address, "14:03 alert\n14:05 calm\n") | changes

    response = client.post(address, fields)

    assert response.status_code == 422
    assert 'id="error-1"' in response.text
    assert not Timeline.objects.exists()


def test_zone_and_day_of_bare_times_are_chosen(ada, address):
    fields = preview(client_of(ada), address, "14:03:01 ERROR x\n", zone="UTC", day="2026-03-05")

    assert fields["row-0-at"] == ["2026-03-05 14:03:01"]
    client_of(ada).post(address, fields)
    entry = Entry.objects.get()
    assert (entry.zone, entry.happened_at) == ("UTC", datetime(2026, 3, 5, 14, 3, 1, tzinfo=UTC))


def test_zones_to_choose_from_are_places(ada, address):
    form = client_of(ada).get(address).context["form"]

    names = [name for name, _words in form.fields["zone"].choices]
    assert names[:2] == ["Asia/Shanghai", "UTC"]
    assert "Europe/Berlin" in names
    assert not {"Factory", "localtime", "posixrules"} & set(names)
    assert len(names) == len(set(names))


def test_zone_that_the_text_names_is_kept(ada, address):
    fields = preview(client_of(ada), address, "2026-03-02T06:03:01.250Z ERROR x\n")

    assert fields["row-0-at"] == ["2026-03-02 06:03:01.25 UTC"]
    client_of(ada).post(address, fields)
    entry = Entry.objects.get()
    assert (entry.zone, entry.happened_at.microsecond) == ("UTC", 250_000)


def test_the_line_above_the_button_may_hold_the_paste(ada, address):
    response = client_of(ada).post(address, {"line": "14:03 a\r\n14:04 b"})

    assert response.text.count('id="keep-') == 2


def test_too_much_is_refused(ada, address):
    response = client_of(ada).post(address, {"text": "14:03 a\n" * 201})

    assert response.status_code == 422
    assert "201 entries" in response.text
    assert client_of(ada).post(address, {"text": ""}).status_code == 422


@pytest.mark.parametrize("rows", ["-1", "x", "9" * 30, "", "٣"])
def test_a_number_of_rows_that_makes_no_sense_stores_nothing(ada, address, rows):
    response = client_of(ada).post(address, {"rows": rows, "zone": "Mars/Base"})

    assert response.status_code == 422
    assert not Timeline.objects.exists()


def test_a_filed_timeline_takes_no_paste(ada, incident, address):
    client = client_of(ada)
    fields = preview(client, address, "14:03 a\n")
    factories.filed_timeline(incident.participants.get())

    response = client.post(address, fields)

    assert response.status_code == 422
    assert "can no longer change" in response.text


def test_who_took_no_part_pastes_nothing(address):
    assert client_of(factories.user(role="administrator")).get(address).status_code == 404
