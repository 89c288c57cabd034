"""What a probe answers, and how an answer is judged against what was expected."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

Outcome = Literal["pass", "fail", "no_data", "error"]

MAX_KEPT_SERIES = 20
_MAX_LABELS = 30
_MAX_LABEL_TEXT = 200
_MAX_VALUE_TEXT = 40
_MAX_WARNINGS = 10
MAX_WARNING = 500
MAX_ERROR = 2000

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class Series(NamedTuple):
    """One series of an instant vector. `value` stays the text that was answered: "0.5", "NaN", "+Inf"."""

    labels: Mapping[str, str]
    value: str


class Expectation(NamedTuple):
    """What a vector must be: which of its series satisfy `comparator threshold`, and what silence means.

    Attributes:
        quantifier: "all", "any" or "none" of the series, or "count", the number of them.
        no_data_rule: what an empty vector is: "no_data", "fail" or "pass".
        nan_rule: what a series that is not a number is: "fail", or "leave_out" for none at all.
    """

    quantifier: str
    comparator: str
    threshold: float
    no_data_rule: str = "no_data"
    nan_rule: str = "fail"


class ProbeResult(NamedTuple):
    """What one attempt found. Texts are safe to store: no NUL, no lone surrogates, bounded.

    Attributes:
        value: the number that decided, when it is finite.
        series: up to 20 series as answered; None when the probe knows no series.
        expression: what ran, as it ran.
        error_code: stable and machine-readable, with `outcome` "error" only.
        sandbox: the level a command ran in; "" for what is no command.
        is_silence: nothing was heard of the server that was asked.
    """

    outcome: Outcome
    value: float | None = None
    series: Sequence[Series] | None = None
    warnings: Sequence[str] = ()
    expression: str = ""
    output: str = ""
    error_code: str = ""
    error: str = ""
    sandbox: str = ""
    is_silence: bool = False


def failed(
    code: str, message: str, *, expression: str = "", sandbox: str = "", output: str = ""
) -> ProbeResult:
    """The result of a probe that could not measure; never a fail of the fix."""
    return ProbeResult(
        "error",
        expression=expression,
        error_code=code,
        error=storable(message, MAX_ERROR),
        sandbox=sandbox,
        output=output,
    )


def judge(vector: Sequence[Series], expectation: Expectation) -> tuple[Outcome, float | None]:
    """Judge an instant vector; an empty one is judged by the no-data rule alone, whatever the quantifier.

    NaN satisfies nothing, not even `!=`, and breaks "none": what is not a number proves nothing. "count"
    looks at no value. Where NaN is left out, what remains is judged as if that were all.

    Raises:
        ValueError: a value is no number at all.

    Returns:
        The outcome, and the number that decided: the count, or the value of the first series that
        settled the matter (the first one when none did); None when that is not finite.
    """
    if expectation.nan_rule == "leave_out":
        vector = [series for series in vector if not math.isnan(float(series.value))]
    if not vector:
        return _silence(expectation.no_data_rule), None
    compare = _COMPARE[expectation.comparator]
    values = [float(series.value) for series in vector]
    if expectation.quantifier == "count":
        count = float(len(vector))
        return "pass" if compare(count, expectation.threshold) else "fail", count
    satisfied = [compare(value, expectation.threshold) and not math.isnan(value) for value in values]
    if expectation.quantifier == "all":
        settling, is_pass = _first(satisfied, False), all(satisfied)
    elif expectation.quantifier == "any":
        settling, is_pass = _first(satisfied, True), any(satisfied)
    else:
        breaking = [hit or math.isnan(value) for hit, value in zip(satisfied, values, strict=True)]
        settling, is_pass = _first(breaking, True), not any(breaking)
    decisive = values[settling]
    return "pass" if is_pass else "fail", decisive if math.isfinite(decisive) else None


def kept(vector: Sequence[Series]) -> Sequence[Series]:
    """The part of a vector that is stored: its first 20 series, with bounded, storable labels."""
    return [
        Series(
            {
                storable(name, _MAX_LABEL_TEXT): storable(text, _MAX_LABEL_TEXT)
                for name, text in list(series.labels.items())[:_MAX_LABELS]
            },
            series.value[:_MAX_VALUE_TEXT],
        )
        for series in vector[:MAX_KEPT_SERIES]
    ]


def kept_warnings(warnings: Sequence[str]) -> Sequence[str]:
    """The first ten warnings, bounded and storable."""
    return [storable(warning, MAX_WARNING) for warning in warnings[:_MAX_WARNINGS]]


def storable(text: str, longest: int) -> str:
    """At most `longest` characters, without what PostgreSQL's text and jsonb cannot hold."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return cut.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _silence(no_data_rule: str) -> Outcome:
    if no_data_rule == "pass":
        return "pass"
    return "fail" if no_data_rule == "fail" else "no_data"


def _first(flags: Sequence[bool], wanted: bool) -> int:
    """Where `wanted` first stands, or 0."""
    return flags.index(wanted) if wanted in flags else 0
