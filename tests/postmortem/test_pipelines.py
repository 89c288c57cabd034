import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortem import pipelines
from postmortem.errors import Invalid


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"',
            [["kubectl", "get", "pods", "-n", "order"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]],
        ),
        ("  uptime  ", [["uptime"]]),
        ("a|b", [["a"], ["b"]]),
        ("grep '|'", [["grep", "|"]]),
        ("grep ';'", [["grep", ";"]]),
        (r"grep a\ b", [["grep", "a b"]]),
        (r"grep \|", [["grep", "|"]]),
        (r'grep "a\"b"', [["grep", 'a"b']]),
        (r'grep "a\nb"', [["grep", r"a\nb"]]),
        ("""grep a'b'"c" """, [["grep", "abc"]]),
        ("grep ''", [["grep", ""]]),
        ("grep 'end$'", [["grep", "end$"]]),
        ('grep "end$"', [["grep", "end$"]]),
        ("grep end$ x", [["grep", "end$", "x"]]),
        ("grep 'a\nb'", [["grep", "a\nb"]]),
        ("awk '{print $1}'", [["awk", "{print $1}"]]),
        ("日志 查询", [["日志", "查询"]]),
        ("grep a=b", [["grep", "a=b"]]),
    ],
)
def test_parse_reads_one_pipeline(line, expected):
    assert pipelines.parse(line) == expected


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("a; b", ";"),
        ("a && b", "&&"),
        ("a || b", "||"),
        ("a||b", "||"),
        ("a &", "&"),
        ("a > /tmp/x", ">"),
        ("a >> /tmp/x", ">>"),
        ("a 2>&1", ">"),
        ("a < /etc/passwd", "<"),
        ("a $(b)", "$("),
        ("a $HOME", "$H"),
        ('a "$HOME"', "$H"),
        ("a ${HOME}", "${"),
        ("a `b`", "`"),
        ('a "`b`"', "`"),
        ("(a)", "("),
        ("a\nb", "a line break"),
        ("# a", "#"),
        ("X=1 a", "X=1"),
        ("! a", "!"),
        ("a \\", "\\"),
    ],
)
def test_parse_refuses_what_only_a_shell_could_do(line, token):
    with pytest.raises(Invalid) as refusal:
        pipelines.parse(line)

    assert refusal.value.field == "pipeline"
    assert refusal.value.message.startswith(f"{token} is for a shell")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "|",
        "a |",
        "| a",
        "a | | b",
        "grep 'x",
        'grep "x',
        "''",
        "a" * 10_001,
        "a\x00b",
        "| a |" * 20,
    ],
)
def test_parse_refuses_what_is_no_pipeline(line):
    with pytest.raises(Invalid) as refusal:
        pipelines.parse(line)

    assert refusal.value.field == "pipeline"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "ls",
        [],
        [[]],
        ["ls"],
        [["ls", 1]],
        [[""]],
        [["ls", "\x00"]],
        [["ls", "\ud800"]],
        {"a": 1},
        [["a"]] * 11,
        [["a"] * 101],
        [["a" * 4001]],
    ],
)
def test_check_refuses_other_shapes(value):
    with pytest.raises(Invalid):
        pipelines.check(value)


_ARGUMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
_FIRST = _ARGUMENTS.filter(lambda text: text.strip() != "")


@given(
    st.lists(
        st.builds(lambda first, rest: [first, *rest], _FIRST, st.lists(_ARGUMENTS, max_size=4)),
        min_size=1,
        max_size=3,
    )
)
def test_parse_reads_back_what_show_writes(pipeline):
    assert pipelines.parse(pipelines.show(pipeline)) == pipeline
