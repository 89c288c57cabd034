"""What an Alertmanager's message says, and what is refused of it by name."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from governance import alertmanager, payloads
from governance.payloads import Unreadable
from tests.governance.alerting import START, ZERO, alert, message


def changed(**said):
    return json.dumps(json.loads(message()) | said).encode()


def one_alert(**said):
    return message(alert() | said)


def test_message_is_read():
    end = START + timedelta(seconds=47)

    read = alertmanager.read(message(alert("a1"), alert("a2", ends_at=end), truncatedAlerts=3))

    assert (read.group_key, read.truncated, read.title) == (
        '{}:{alertname="PoolFull"}',
        3,
        "PoolFull: The pool is full",
    )
    first, second = read.alerts
    assert (first.is_firing, first.starts_at, first.ends_at, first.fingerprint) == (True, START, None, "fa1")
    assert (second.is_firing, second.ends_at) == (False, end)


def test_what_old_alertmanagers_leave_out_is_made_up_for():
    said = alert()
    for name in ("fingerprint", "endsAt", "status", "annotations", "generatorURL"):
        del said[name]
    body = json.loads(message(alert()))
    del body["truncatedAlerts"], body["commonAnnotations"]

    read = alertmanager.read(json.dumps(body | {"alerts": [said]}).encode())

    (found,) = read.alerts
    assert (found.is_firing, found.ends_at, len(found.fingerprint), read.truncated) == (True, None, 32, 0)


def test_a_group_without_a_key_is_known_by_its_labels():
    labels = {"service": "order", "alertname": "PoolFull"}
    for nothing in ({"groupKey": None}, {"groupKey": ""}):
        read = alertmanager.read(message(groupLabels=labels, version=None, **nothing))
        assert read.group_key == '{}:{alertname="PoolFull", service="order"}'

    first = alert() | {"labels": {"alertname": "Lone"}}

    assert alertmanager.read(message(first, groupLabels={}, groupKey="")).group_key == '{}:{alertname="Lone"}'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T14:03:00Z", datetime(2026, 11, 20, 14, 3, tzinfo=UTC)),
        ("2026-11-20T14:03:00.123456789Z", datetime(2026, 11, 20, 14, 3, 0, 123456, tzinfo=UTC)),
        ("2026-11-20T14:03:00+08:00", datetime(2026, 11, 20, 14, 3, tzinfo=timezone(timedelta(hours=8)))),
        ("2026-11-20 14:03:00 UTC", datetime(2026, 11, 20, 14, 3, tzinfo=UTC)),
        (ZERO, None),
        (None, None),
    ],
)
def test_moments_are_read_as_go_and_ruby_write_them(text, moment):
    assert payloads.moment({"at": text}, "at") == moment


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"version": NaN}', "not JSON"),
        (changed(version="3"), "version must be “4”"),
        (changed(version=4), "version must be a text"),
        (changed(groupKey=4), "groupKey must be a text"),
        (changed(groupKey="a\x00"), "groupKey holds a NUL"),
        (changed(alerts=[]), "alerts must be a list"),
        (changed(alerts={"a": 1}), "alerts must be a list"),
        (changed(alerts=["a"]), "alerts.0 must be an object"),
        (changed(truncatedAlerts=-1), "truncatedAlerts must be a whole number"),
        (changed(groupLabels=[]), "groupLabels must be an object"),
        (one_alert(status="pending"), "alerts.0.status must be"),
        (one_alert(startsAt=None), "alerts.0.startsAt must be a moment"),
        (one_alert(startsAt="soon"), "alerts.0.startsAt must be a moment"),
        (one_alert(startsAt="2026-11-20T14:03:00"), "alerts.0.startsAt must say its offset"),
        (one_alert(startsAt=12), "alerts.0.startsAt must be a moment"),
        (one_alert(labels={"a": 1}), "alerts.0.labels.a must be a text"),
        (one_alert(labels={"a": "\ud800"}), "surrogate"),
    ],
    ids=range(21),
)
def test_what_is_no_message_is_refused_by_name(body, words):
    with pytest.raises(Unreadable, match=words):
        alertmanager.read(body)


def test_a_title_fits_its_column():
    read = alertmanager.read(message(commonAnnotations={"summary": "very " * 100}))

    assert len(read.title) == 200
    assert "\n" not in alertmanager.read(message(commonAnnotations={"summary": "a\nb"})).title
