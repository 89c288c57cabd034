from datetime import UTC, datetime, timedelta, timezone

import pytest

from postmortem import values
from postmortem.errors import Invalid
from postmortem.models import EARLIEST, Entry, Severity
from tests.factories import DAY, NOW

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("value", [None, 7, b"x", ["x"], "a\x00b", "\ud83d", "x" * 11, "", "   \n"])
def test_text_refuses_what_cannot_be_stored_or_is_missing(value):
    with pytest.raises(Invalid) as refusal:
        values.text(value, field="title", longest=10, is_required=True)

    assert refusal.value.field == "title"


@pytest.mark.parametrize("value", ["连接池🔥", "x" * 10, " x "])
def test_text_gives_back_what_it_was_given(value):
    assert values.text(value, field="title", longest=10, is_required=True) == value


@pytest.mark.parametrize(
    "value", [EARLIEST, NOW, NOW + values.CLOCK_SKEW, NOW.astimezone(timezone(timedelta(hours=8)))]
)
def test_past_takes_moments_that_have_been(value):
    assert values.past(value, field="at", now=NOW) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "2026-11-20",
        NOW.replace(tzinfo=None),
        NOW.date(),
        EARLIEST - SECOND,
        NOW + values.CLOCK_SKEW + SECOND,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_past_refuses_the_rest(value):
    with pytest.raises(Invalid) as refusal:
        values.past(value, field="at", now=NOW)

    assert refusal.value.field == "at"


def test_ahead_takes_the_next_ten_years():
    assert values.ahead(NOW + SECOND, field="due_at", now=NOW) == NOW + SECOND
    for value in (NOW, NOW - DAY, NOW + values.FURTHEST + SECOND, None, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(Invalid):
            values.ahead(value, field="due_at", now=NOW)


def test_choice_lists_the_choices():
    assert values.choice("command", Entry.Kind, field="kind") == "command"
    for value in ("dream", None, 1, ["command"]):
        with pytest.raises(Invalid, match="note, command, log"):
            values.choice(value, Entry.Kind, field="kind")


def test_check_names_the_first_column_and_lists_all():
    with pytest.raises(Invalid) as refusal:
        values.check(Severity(code="P9", name="x", rank=9, review_hours=0, requires_postmortem="perhaps"))

    assert refusal.value.details["errors"].keys() == {"requires_postmortem", "review_hours"}
    assert refusal.value.field in refusal.value.details["errors"]


def test_fill_takes_known_names_only():
    severity = Severity()

    values.fill(severity, {"name": "x"}, allowed=frozenset({"name"}))
    assert severity.name == "x"
    with pytest.raises(TypeError, match="rank"):
        values.fill(severity, {"rank": 1}, allowed=frozenset({"name"}))
