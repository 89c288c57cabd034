"""Trailers as git reads them, and naming lines of a description as a reader sees them."""

import shutil
import subprocess
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from governance import trailers


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ("Raise the limit\n\nPostmortem: PM-2026-0001\n", ["PM-2026-0001"]),
        ("Raise the limit\n\nPOSTMORTEM : pm-2026-0001\n", ["PM-2026-0001"]),
        ("Raise the limit\n\nPostmortem: PM-2026-0001, PM-2026-0002\n", ["PM-2026-0001", "PM-2026-0002"]),
        ("Raise the limit\n\nPostmortem: PM-2026-0001,\n PM-2026-0002\n", ["PM-2026-0001", "PM-2026-0002"]),
        ("Raise\n\nPostmortem: PM-2026-0001\nPostmortem: PM-2026-0001\n", ["PM-2026-0001"]),
        ("Raise\r\n\r\nPostmortem: PM-2026-0001\r\n", ["PM-2026-0001"]),
        ("Raise\n\nPostmortem: to be written\n", ["to be written"]),
        ("Raise\n\nPostmortem: " + "x" * 200 + "\n", ["x" * trailers.LONGEST_NAME]),
    ],
)
def test_of_commit_finds_ids_in_the_last_paragraph(message, ids):
    assert trailers.of_commit(message) == ids


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Postmortem: PM-2026-0001",  # the title
        "Raise\nPostmortem: PM-2026-0001\n",  # still the title
        "Raise\n\nPostmortem: PM-2026-0001\n\nMore text.\n",  # not the last paragraph
        "Raise\n\nSee Postmortem: PM-2026-0001\n",
        "Raise\n\n  Postmortem: PM-2026-0001\n",
        "Raise\n\n# Postmortem: PM-2026-0001\n",
        "Raise\n\n---\nPostmortem: PM-2026-0001\n",
        "Raise\n\nPostmortem:\n",
        "Raise\n\nPostmortem PM-2026-0001\n",
    ],
)
def test_of_commit_finds_nothing_elsewhere(message):
    assert trailers.of_commit(message) == []


def test_parse_counts_a_quarter_of_trailers_when_git_wrote_one():
    mixed = "Title\n\nText\nmore text\nand more\nPostmortem: PM-2026-0001\n"

    assert trailers.parse(mixed) == []
    assert trailers.parse(mixed + "Signed-off-by: Ada <ada@example.org>\n") == [
        ("Postmortem", "PM-2026-0001"),
        ("Signed-off-by", "Ada <ada@example.org>"),
    ]


def test_parse_reads_past_a_divider_when_told():
    message = "Title\n\nText\n--- \nmore\n\nPostmortem: PM-2026-0001\n"

    assert trailers.parse(message) == []
    assert trailers.parse(message, is_divider_obeyed=False) == [("Postmortem", "PM-2026-0001")]


_SCISSORS = "# ------------------------ >8 ------------------------"
_LINES = st.sampled_from(
    [
        "",
        " ",
        "\t",
        "Text.",
        " indented text",
        "\tindented: text",
        "Postmortem: PM-2026-0001",
        "Postmortem : PM-2026-0002,",
        "Two words: no",
        "key:value",
        "key:",
        "9-: x",
        ": nothing",
        "Signed-off-by: Ada <ada@example.org>",
        "Signed-off-by:Ada",
        "(cherry picked from commit 1234567)",
        "# a comment",
        "#",
        "---",
        "--- a/file",
        "----",
        "Conflicts:",
        "\tfile.py",
        _SCISSORS,
        "Postmortem: PM-2026-0001\r",
        "\r",
        "数据库: 连接池",
        "Schlüssel: Wert",
        "form\ffeed: x",
        "http://example.org/",
    ]
)


@given(lines=st.lists(_LINES, max_size=12), is_ended=st.booleans())
@settings(max_examples=150, deadline=None)
@example(lines=["# first", "# second", "Postmortem: PM-2026-0001"], is_ended=True)
@example(lines=["", "Postmortem: PM-2026-0001", "# c"], is_ended=False)
@example(lines=["", "Postmortem: PM-2026-0001", "---"], is_ended=False)
@example(lines=["", "Conflicts:"], is_ended=False)
@example(lines=["Text.", "", "Postmortem: PM-2026-0001", "Conflicts:", "\tfile.py"], is_ended=False)
@example(lines=["Text.", "", "Postmortem: PM-2026-0001", _SCISSORS], is_ended=False)
def test_parse_agrees_with_git(lines, is_ended):
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not on this machine; to get it: apt-get install git")
    # git 2.39 never ends when a scissors line follows a divider.
    dividers = [number for number, line in enumerate(lines) if line in {"---", "--- a/file"}]
    assume(not dividers or _SCISSORS not in lines[dividers[0] :])
    message = "\n".join(lines) + ("\n" if is_ended else "")

    answer = subprocess.run(
        [git, "-c", "core.commentChar=#", "interpret-trailers", "--parse"],
        input=message.encode(),
        capture_output=True,
        check=True,
        timeout=20,
        env={
            "PATH": "/usr/bin:/bin",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": "/nonexistent",
            "GIT_CEILING_DIRECTORIES": "/",
        },
        cwd="/",
    ).stdout.decode()

    assert [f"{key}: {value}\n" for key, value in trailers.parse(message)] == _lines(answer)


def _lines(text):
    return [f"{line}\n" for line in text.split("\n")[:-1]]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Postmortem: PM-2026-0001", ["PM-2026-0001"]),
        ("Why:\npostmortem: pm-2026-0001, PM-2026-0002\nbye", ["PM-2026-0001", "PM-2026-0002"]),
        ("> a quote\n\nPostmortem: PM-2026-0001", ["PM-2026-0001"]),
        ("```\ncode\n```\nPostmortem: PM-2026-0001", ["PM-2026-0001"]),
        ("<!-- which one? -->\nPostmortem: PM-2026-0001 <!-- or PM-2026-0002 -->", ["PM-2026-0001"]),
        ("A lone ` tick\n\nPostmortem: PM-2026-0001\n\nand ` another", ["PM-2026-0001"]),
        ("# Title\r\nPostmortem: PM-2026-0001\r\n", ["PM-2026-0001"]),
        ("`<!--` opens a comment\n\nPostmortem: PM-2026-0001", ["PM-2026-0001"]),
        ("<!-->\nPostmortem: PM-2026-0001", ["PM-2026-0001"]),
        ("<details>\nPostmortem: PM-2026-0001\n</details>", ["PM-2026-0001"]),
    ],
)
def test_of_description_finds_lines_that_a_reader_sees(text, ids):
    assert trailers.of_description(text) == ids


@pytest.mark.parametrize(
    "text",
    [
        "See Postmortem: PM-2026-0001",
        "- Postmortem: PM-2026-0001",
        "> Postmortem: PM-2026-0001",
        "> a quote\nPostmortem: PM-2026-0001",  # Markdown carries the quote on
        "```\nPostmortem: PM-2026-0001\n```",
        "~~~ text\nPostmortem: PM-2026-0001",
        "````\n```\nPostmortem: PM-2026-0001\n````",
        "- a list\n  ```\n  x\n  ```\n      Postmortem: PM-2026-0001",
        "    Postmortem: PM-2026-0001",
        "\tPostmortem: PM-2026-0001",
        "Postmortem: `PM-2026-0001`",
        "`Postmortem: PM-2026-0001`",
        "a ``span\nPostmortem: PM-2026-0001\nends`` here",
        "<!-- Postmortem: PM-2026-0001 -->",
        "<!--\nPostmortem: PM-2026-0001\n-->",
        "<!-- a\n\n b --> Postmortem: PM-2026-0001",
        "<!-- a --> <!--\nPostmortem: PM-2026-0001\n-->",
        "<!-- never closed\nPostmortem: PM-2026-0001",
        "<pre>\nPostmortem: PM-2026-0001\n</pre>",
        "<BLOCKQUOTE>\n\nPostmortem: PM-2026-0001\n\n</BLOCKQUOTE>",
        "Postmortem: <code>PM-2026-0001</code>",
        "Postmortem:",
        "Postmortem PM-2026-0001",
        "",
    ],
)
def test_of_description_ignores_quotes_code_and_comments(text):
    assert trailers.of_description(text) == []


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        "` ``",
        "<!--",
        "<!-- -->",
        "<!---->",
        "<pre>",
        "<pre></pre>",
        "> ",
        "```\n",
        "Postmortem: `",
        "İ<!--",
        "\n",
        "Postmortem: PM-2026-0001\n",
    ],
)
def test_of_description_takes_time_in_proportion(piece):
    text = piece * (200_000 // len(piece))

    began = time.process_time()
    trailers.of_description(text)
    trailers.of_commit("Title\n\n" + text)

    assert time.process_time() - began < 5


@given(st.text(alphabet="`<!->/pre \n\t~#a:", max_size=80))
def test_of_description_answers_any_text(text):
    assert trailers.of_description(text) == []
