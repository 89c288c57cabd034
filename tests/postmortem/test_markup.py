import time
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortem import markup
from postmortem.errors import Invalid


def test_render_knows_tables_code_lists_and_line_breaks():
    html = markup.render(
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```promql\nup < 1\n```\n\n1. x\n2. y\n\nfirst\nsecond"
    )

    assert "<table>" in html
    assert "<td>1</td>" in html
    assert '<code class="language-promql">up &lt; 1\n</code>' in html
    assert "<ol>" in html
    assert "first<br>\nsecond" in html


def test_render_lowers_headings_below_those_of_the_page():
    assert markup.render("# One\n\n## Two\n\n###### Six") == "<h3>One</h3>\n<h4>Two</h4>\n<h6>Six</h6>"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://tracker.example.com/pixel.png)",
        '<a href="javascript:x" onclick="x">x</a>',
        "<style>body{display:none}</style>",
        '```x" onclick="alert(1)\ncode\n```',
        "| a |\n|:-:|\n| b |",
        "<iframe src=//example.com></iframe>",
        '<https://example.com/"onclick=alert(1)>',
    ],
)
def test_render_leaves_nothing_that_acts(text):
    for tag, attributes in elements(markup.render(text)):
        assert tag in {"p", "a", "br", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"}
        assert attributes.keys() <= {"href", "rel", "class"}
        assert attributes.get("href", "https://").startswith("https://")
        assert '"' not in attributes.get("class", "")


def elements(html):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(html)
    return found


def test_render_shows_html_as_written():
    assert markup.render("a <b>bold</b> & 1 < 2") == "<p>a &lt;b&gt;bold&lt;/b&gt; &amp; 1 &lt; 2</p>"


def test_render_marks_links_as_foreign():
    assert markup.render("[x](https://example.com)") == (
        '<p><a href="https://example.com" rel="noopener noreferrer nofollow">x</a></p>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "![" * 20_000,
        "[a](" * 16_000,
        "[" * 10_000 + "]" * 10_000,
        "[" * 500 + "x" * 60_000,
        "# a\n" * 16_000,
        "a\n=\n" * 15_000,
        "---\n" * 13_000,
        "x" * 65_537,
    ],
)
def test_render_refuses_what_would_take_seconds(text):
    with pytest.raises(Invalid) as refusal:
        markup.render(text, field="finding")

    assert refusal.value.field == "finding"


@pytest.mark.parametrize(
    "text",
    [
        "```\n" + "[ERROR <x> (y\n" * 4_000 + "```\n",
        "[12:00:01] ERROR [pool] <none> (x)\n" * 1_800,
        "[x](https://example.com/a)\n\n" * 1_500,
        "# Heading\n\ntext\n\n" * 3_000,
    ],
)
def test_render_accepts_long_honest_texts(text):
    assert markup.render(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*"[]()!<>*_`#-=|~\\&:\n\t 1a.", "](", "```\n", "> ", "    ", "http://", "&#"])),
    st.integers(1, 5_000),
)
def test_render_answers_within_its_time(pieces, times):
    text = ("".join(pieces) * times)[: markup.MAX_CHARACTERS]
    started = time.process_time()

    with suppress(Invalid):
        markup.render(text)

    assert time.process_time() - started < 8  # seconds; without the guards some of these take minutes
