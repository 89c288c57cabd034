"""The comparison of two texts: what it shows, that it loses nothing, and that nothing makes it slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortem.differences import Piece, words

TEXTS = st.text(alphabet="ab 可能。\n-`", max_size=40)


def marked(before, after):
    signs = {"same": "{}", "gone": "[-{}-]", "new": "[+{}+]"}
    return "".join(signs[piece.what].format(piece.text) for piece in words(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", "", ""),
        ("the pool", "the pool", "the pool"),
        ("", "new", "[+new+]"),
        ("gone", "", "[-gone-]"),
        ("the pool was full", "the pool was empty", "the pool was [-full-][+empty+]"),
        ("the pool was", "the old pool was", "the [+old +]pool was"),
        ("连接池满了", "连接池空了", "连接池[-满-][+空+]了"),
        ("用了 200 个连接", "用了 247 个连接", "用了 [-200-][+247+] 个连接"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\n[-b-][+B+]\nc\n"),
        ("a\nc", "a\nb\nc", "a\n[+b\n+]c"),
        ("one two three", "uno dos three", "[-one two-][+uno dos+] three"),
        ("5 %", "7 %", "[-5-][+7+] %"),
    ],
)
def test_words_show_what_changed(before, after, shown):
    assert marked(before, after) == shown


@given(before=TEXTS, after=TEXTS)
def test_both_texts_can_be_read_out_of_the_comparison(before, after):
    pieces = words(before, after)

    assert "".join(piece.text for piece in pieces if piece.what != "new") == before
    assert "".join(piece.text for piece in pieces if piece.what != "gone") == after
    assert (before == after) == all(piece.what == "same" for piece in pieces)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 32_000, "b " * 32_000),
        ("\n" * 65_000, "a\n" * 32_000),
        ("可" * 65_000, "能可" * 32_000),
        ("\n".join(map(str, range(11_000))), "\n".join(map(str, range(11_000, 0, -1)))),
        (" ".join(map(str, range(11_000))), " ".join(map(str, range(11_000, 0, -1)))),
        ("ab" * 32_000, "ba" * 32_000),
    ],
)
def test_no_text_makes_it_slow(before, after):
    start = time.process_time()

    pieces = words(before, after)

    assert time.process_time() - start < 3
    assert "".join(piece.text for piece in pieces if piece.what != "new") == before


def test_what_is_too_much_to_compare_is_shown_as_replaced():
    before, after = "x" + "a b " * 10_000 + "a", "b a " * 10_000 + "b"

    assert words(before, after) == [Piece("gone", before), Piece("new", after)]
