"""What the columns of a table of actions say, in English and in Chinese; no word is lost."""

import re
from datetime import date

import pytest

from postmortem.importing.columns import Told, told
from postmortem.importing.reader import read

TODAY = date(2026, 11, 1)


def first(*rows: str) -> Told:
    source = "# Orders fail\n\n## Action items\n\n" + "\n".join(rows) + "\n"
    return told(read(source).actions[0], today=TODAY)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ["Action Item | Type | Owner | Bug", "--|--|--|--", "Add a canary | Prevent | bob | n/a"],
            Told("Add a canary", kind="prevent", owner="bob", owner_column="Owner"),
        ),
        (
            ["| # | Task | Who | Bug |", "|--|--|--|--|", "| 1 | Pin it | ann | [T-1](https://t.org/1) |"],
            Told("Pin it", "Bug: T-1", owner="ann", owner_column="Who", link="https://t.org/1"),
        ),
        (
            ["| Issue | Who |", "|--|--|", "| [Pin **it**](https://t.org/OPS-1) | ann |"],
            Told("Pin it", owner="ann", owner_column="Who", link="https://t.org/OPS-1"),
        ),
        (
            ["Action | Deadline", "--- | ---", "Pin it | 2026-12-01 (tentative)"],
            Told("Pin it", "Deadline: 2026-12-01 (tentative)", due=date(2026, 12, 1)),
        ),
        (
            ["Action | Due", "--- | ---", "Pin it | 2026-10-31"],
            Told("Pin it", "Due: 2026-10-31"),
        ),
        (
            ["Action | Due", "--- | ---", "Pin it | 03/04/2027"],
            Told("Pin it", "Due: 03/04/2027"),
        ),
        (
            [
                "| 序号 | 改进措施 | 类型 | 负责人 | 截止时间 | 状态 | Jira |",
                "|--|--|--|--|--|--|--|",
                "| 1 | **限制连接池** | 预防 | 张三 | 2026年12月31日 | 进行中 | https://t.org/OPS-1 |",
            ],
            Told(
                "限制连接池",
                "状态: 进行中",
                kind="prevent",
                owner="张三",
                owner_column="负责人",
                link="https://t.org/OPS-1",
                due=date(2026, 12, 31),
            ),
        ),
        (
            ["| 措施 | 分类 | 责任人 |", "|--|--|--|", "| 连接数告警 | 监控 | @lisi |"],
            Told("连接数告警", kind="detect", owner="@lisi", owner_column="责任人"),
        ),
        (
            ["| Pin it | ann |", "|--|--|", "| Alert at 90 % | ben |"],
            Told("Alert at 90 % | ben"),
        ),
        (["- Set **a limit** ([OPS-1](https://t.org/1))"], Told("Set a limit (OPS-1)", link="https://t.org/1")),
    ],
)  # fmt: skip
def test_told_reads_the_columns(rows, expected):
    assert first(*rows) == expected


def test_told_loses_no_word_of_a_row():
    rows = ["| Action | Details | Type | Owner | Bug | Due | Notes |", "|--|--|--|--|--|--|--|"]
    row = "| Pin it | all images | Process, detect | ann or ben | see OPS-1, OPS-2 | next week | with A\\|B |"

    said = first(*rows, row)

    words = " ".join([said.title, said.details, said.owner])
    assert set(re.findall(r"\w+", row)) <= set(re.findall(r"\w+", words))
