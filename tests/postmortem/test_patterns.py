"""Patterns that Python and grep -E read alike."""

import re
import subprocess

import pytest

from postmortem import patterns
from postmortem.errors import Invalid

GOOD = [
    "Pending", "(Pending|CrashLoopBackOff)", "^web-[0-9]+ +Running$", "a{2,5}b?", "[^a-z]x", r"1\.2\.3",
    "[]x]", "x{3}", "连接池", ".*", "a|b|c", r"\(x\)", "-e",
]  # fmt: skip


@pytest.mark.parametrize("pattern", GOOD)
@pytest.mark.parametrize(
    "line", ["web-1 Running", "web-2 Pending", "aab", "1.2.3", "]x", "连接池耗尽", "(x)", "xxx -e"]
)
def test_taken_pattern_means_the_same_to_grep(pattern, line):
    patterns.check(pattern, field="pattern")

    grep = subprocess.run(["grep", "-E", "-q", "-e", pattern], input=line.encode(), check=False)

    assert grep.returncode == (0 if re.search(pattern, line) else 1)


@pytest.mark.parametrize(
    "pattern",
    [r"\d", r"\bx", "(?i)x", "(?:x)", "x*?", "x++", "a{,3}", "{", "*x", "(*x)", "a|+b", "[[:digit:]]",
     r"[\d]", "(", "[a", "x\ny", "a{99999999999}"],
)  # fmt: skip
def test_pattern_that_only_one_of_them_knows_is_refused(pattern):
    with pytest.raises(Invalid) as refusal:
        patterns.check(pattern, field="pattern")

    assert refusal.value.field == "pattern"
