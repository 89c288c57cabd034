"""What became of an event, in words; codes stay for programs."""

import pytest
from django.utils import translation

from remediation.probes import reasons
from web import event_words


def test_every_reason_of_a_failure_can_be_translated():
    known = {value for name, value in vars(reasons).items() if name.isupper() and not name.startswith("_")}

    assert known == set(event_words._REASONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("INC-2026-0001 is closed and stays as it is.", "[INC-2026-0001 closed]"),
        (
            "3 alerts name no service that exists. INC-2026-0001 is closed and stays as it is.",
            "3 alerts name no service that exists. [INC-2026-0001 closed]",
        ),
        (f"The forge cannot be reached: {reasons.REFUSED}", "[forge: refused]"),
        ("Nothing that we wrote. Twice.", "Nothing that we wrote. Twice."),
    ],
)
def test_note_is_translated_sentence_by_sentence(monkeypatch, text, expected):
    catalogue = {
        "%(id)s is closed and stays as it is.": "[%(id)s closed]",
        "The forge cannot be reached: %(why)s": "[forge: %(why)s]",
        reasons.REFUSED: "refused",
    }
    for module in ("web.sentences", "web.event_words"):
        monkeypatch.setattr(f"{module}.gettext", lambda sentence: catalogue.get(sentence, sentence))

    assert event_words.note(text) == expected


def test_every_outcome_of_ours_has_words():
    with translation.override("en"):
        for code in ("declared", "unchanged", "passed", "not_asked", "given_up", "unreadable"):
            assert event_words.outcome(code) != code
        assert event_words.outcome("of_tomorrow") == "of_tomorrow"
