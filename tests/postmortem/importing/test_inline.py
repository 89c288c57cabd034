"""Words without their marks: what no mark is stays as it is."""

import pytest

from postmortem.importing.inline import linked, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**OUTAGE ENDS** — *traffic* is __balanced__", "OUTAGE ENDS — traffic is __balanced__"),
        ("***both*** and ~~old~~", "both and old"),
        ("[the graph](https://example.org/g_(1))", "the graph (https://example.org/g_(1))"),
        ("[a](https://example.org 'The title')", "a (https://example.org, The title)"),
        ("[https://example.org/a_b_](https://example.org/a_b_)", "https://example.org/a_b_"),
        ("<https://example.org/_x_> and https://example.org/_y_", "https://example.org/_x_ and https://example.org/_y_"),
        ("`a **b** _c_`", "a **b** _c_"),
        ("服务`order`**恢复**，**平稳**", "服务`order`恢复，平稳"),
        ("\\*not so\\*", "*not so*"),
        ("snake_case_name, 2 * 3 * 4, 2 ** 3", "snake_case_name, 2 * 3 * 4, 2 ** 3"),
        ("rm *.a *.b, #5", "rm *.a *.b, #5"),
        ("#### Then\n\n```sql\nSELECT **x**\n```\n**ran**", "Then\n\nsql\nSELECT **x**\nran"),
        ("[see][log], [log][]", "see (https://example.org/l), log (https://example.org/l)"),
        ("[other][gone]", "[other][gone]"),
        ("[ ] x < 3 [1]", "[ ] x < 3 [1]"),
    ],
)  # fmt: skip
def test_plain_takes_marks_away_and_no_words(text, expected):
    assert plain(text, {"log": "https://example.org/l"}) == expected


def test_plain_leaves_a_long_text_alone():
    text = "**a** " * 5000

    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[OPS-1](https://t.org/1)", ("OPS-1", "https://t.org/1")),
        ("see https://t.org/1", ("see https://t.org/1", "https://t.org/1")),
        ("[a](https://t.org/1) [b](https://t.org/2)", ("a b", "")),
        ("[a](#below)", ("a", "")),
        ("OPS-1", ("OPS-1", "")),
    ],
)
def test_linked_gives_the_one_address(text, expected):
    assert linked(text) == expected
