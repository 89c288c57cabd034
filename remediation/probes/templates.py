"""Pure: probe templates. Whoever writes one fixes the command; whoever uses it gives typed values.

A value becomes one argument, or stands inside a quoted matcher of PromQL: nothing that is typed is ever read
as a command, as an option (unless the parameter says so) or as an expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from remediation.probes import endings
from remediation.probes.result import Expectation, Series, judge

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
TYPES = ("text", "number", "choice", "path", "process")
# The database gives back smaller ones as they were written, which the signature needs.
_MOST = 1e15
_MOST_EXAMPLES = 6
_FORMS = {
    "text": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
    "number": re.compile(r"-?\d{1,15}(?:\.\d{1,6})?"),
    "path": re.compile(r"/[\w./@+-]{1,200}"),
    "process": re.compile(r"\d{1,9}|[A-Za-z][\w.+-]{0,14}"),
}


class Wrong(ValueError):
    """A value, or a template, breaks a rule.

    Attributes:
        name: the parameter's, or that of the template's field.
        message: the sentence before `words` are put in, for whoever translates it.
    """

    def __init__(self, name: str, message: str, /, **words: object) -> None:
        super().__init__(message % words if words else message)
        self.name, self.message, self.words = name, message, words


def _(message: str) -> str:
    """Marks a text for translation; `catalogue` translates it."""
    return message


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one value may be.

    Attributes:
        kind: "text" (one line), "number", "choice" (one of `choices`), "path" (absolute, without ..), or
            "process" (a number, or the name that the kernel knows it by).
        pattern: what the whole value must match as well.
        may_begin_with_dash: whether it may look like an option.
        default: used when no value is given; None needs one.
        least, most: the bounds of a number, both allowed themselves.
        sample: the value in previews and examples; "" for the default.
    """

    name: str
    label: str
    kind: str = "text"
    choices: Sequence[str] = ()
    pattern: str = ""
    may_begin_with_dash: bool = False
    default: str | None = None
    least: float | None = None
    most: float | None = None
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """What the filled-in probe would find, and what must come of it; held whenever the template is written.

    Attributes:
        outcome: "pass", "fail" or "error".
        prints: what the last command prints; of a query the number it answers.
        status: how the last command ends.
    """

    outcome: str
    prints: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A probe with places for values, written {name}; an argument, the pattern or a matcher may hold them.

    Attributes:
        kind: "shell" or "prometheus".
        network, env: as of a check; in the references to secrets values may stand, and in no name.
        reads: a file that the runner opens and gives to the first command as its input.
        pattern: of what is printed; a value in it stands for itself.
        examples: tried with the samples of the parameters.
    """

    slug: str
    title: str
    description: str
    kind: str
    parameters: Sequence[Parameter] = ()
    pipeline: Sequence[Sequence[str]] = ()
    reads: str = ""
    expectation: str = "success"
    pattern: str = ""
    promql: str = ""
    comparator: str = "<"
    threshold: str = ""
    timeout_seconds: int = 10
    version: int = 1
    network: str = "none"
    env: Mapping[str, str] = field(default_factory=dict)
    examples: Sequence[Example] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The columns of a check that a template and its values make."""

    columns: Mapping[str, Any]
    values: Mapping[str, str] = field(default_factory=dict)


def of_json(said: Mapping[str, Any]) -> Template:
    """The opposite of `Template.as_json`."""
    parameters = [Parameter(**parameter) for parameter in said.get("parameters", ())]
    examples = [Example(**example) for example in said.get("examples", ())]
    return Template(**{**said, "parameters": parameters, "examples": examples})


def check(template: Template) -> None:
    """Refuse a template that cannot work, or in which a value could become more than a value.

    Raises:
        Wrong: see there.
    """
    known = _check_parameters(template.parameters)
    arguments = [argument for argv in template.pipeline for argument in argv]
    texts = [template.reads, template.pattern, template.promql, template.threshold, *arguments]
    texts += template.env.values()
    used = {name for text in texts for name in _PLACE.findall(text)}
    if used != known:
        raise Wrong(
            "parameters",
            _("Used and declared values differ: %(names)s."),
            names=", ".join(sorted(used ^ known)),
        )
    if template.kind == "shell":
        if not template.pipeline or not all(template.pipeline):
            raise Wrong("pipeline", _("A command is missing."))
        for argv in template.pipeline:
            first = _PLACE.findall(argv[0])
            if first and not all(_named(template, name).kind == "choice" for name in first):
                raise Wrong("pipeline", _("Which program runs is fixed, or one of declared choices."))
    elif template.kind == "prometheus":
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", template.promql)
        if _PLACE.search(bare):
            raise Wrong("promql", _("A value stands inside a quoted matcher."))
        if not template.promql.strip():
            raise Wrong("promql", _("An expression is missing."))
        _check_threshold(template)
    else:
        raise Wrong("kind", _("A template is a command or a query."))
    _check_pattern(template)
    if len(template.examples) > _MOST_EXAMPLES:
        raise Wrong("examples", _("A template has at most %(most)d examples."), most=_MOST_EXAMPLES)
    for number, example in enumerate(template.examples, 1):
        found = judged(template, example)
        if found != example.outcome:
            raise Wrong(
                "examples",
                _("Example %(number)d ends as “%(found)s”, not as “%(outcome)s”."),
                number=number,
                found=found,
                outcome=example.outcome,
            )


def _check_parameters(parameters: Sequence[Parameter]) -> set[str]:
    known: set[str] = set()
    for parameter in parameters:
        _check_parameter(parameter, known)
        known.add(parameter.name)
    return known


def _check_threshold(template: Template) -> None:
    """A number, or the place of one: anything else would fail whoever uses the template."""
    place = _PLACE.fullmatch(template.threshold)
    if place and _named(template, place[1]).kind == "number":
        return
    if not _FORMS["number"].fullmatch(template.threshold):
        raise Wrong("threshold", _("Give a number, or the place of one."))


def _check_pattern(template: Template) -> None:
    if template.kind != "shell" or template.expectation == "success":
        return
    if not template.pattern:
        raise Wrong("pattern", _("A pattern is missing."))
    try:
        re.compile(without_places(template.pattern))
    except re.error as error:
        raise Wrong("pattern", _("This is not a regular expression: %(reason)s."), reason=error) from None


def _check_parameter(parameter: Parameter, known: set[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", parameter.name) or parameter.name in known:
        raise Wrong("parameters", _("“%(name)s” is no name, or there twice."), name=parameter.name)
    if parameter.kind not in TYPES:
        raise Wrong("parameters", _("“%(kind)s” is no type of value."), kind=parameter.kind)
    if parameter.kind == "choice" and not parameter.choices:
        raise Wrong("parameters", _("%(name)s has no choices."), name=parameter.name)
    if parameter.kind != "number" and (parameter.least, parameter.most) != (None, None):
        raise Wrong("parameters", _("%(name)s is no number and has bounds."), name=parameter.name)
    if any(bound is not None and not abs(bound) < _MOST for bound in (parameter.least, parameter.most)):
        raise Wrong("parameters", _("A bound of %(name)s is too large."), name=parameter.name)
    if parameter.least is not None and parameter.most is not None and parameter.least > parameter.most:
        raise Wrong("parameters", _("Nothing lies within the bounds of %(name)s."), name=parameter.name)
    _compiled(parameter)
    for value in (parameter.default, parameter.sample or None):
        if value is not None:
            _checked(parameter, value)


def render(template: Template, values: Mapping[str, Any]) -> Rendered:
    """The check that a template makes of these values.

    Raises:
        Wrong: a value is missing, unknown, or not of its parameter's type.
    """
    if unknown := sorted(set(values) - {parameter.name for parameter in template.parameters}):
        raise Wrong(unknown[0], _("The template has no such parameter."))
    given = {}
    for parameter in template.parameters:
        value = values.get(parameter.name, parameter.default)
        if value is None or value == "":
            raise Wrong(parameter.name, _("A value is missing."))
        given[parameter.name] = _checked(parameter, str(value))

    def plain(text: str) -> str:
        return _PLACE.sub(lambda place: given[place[1]], text)

    def quoted(text: str) -> str:
        return _PLACE.sub(lambda place: given[place[1]].replace("\\", "\\\\").replace('"', '\\"'), text)

    def literal(text: str) -> str:
        return _PLACE.sub(lambda place: re.escape(given[place[1]]), text)

    if template.kind == "prometheus":
        columns: dict[str, Any] = {
            "kind": "prometheus",
            "promql": quoted(template.promql),
            "comparator": template.comparator,
            "threshold": float(plain(template.threshold)),
        }
    else:
        columns = {
            "kind": "shell",
            "pipeline": [[plain(argument) for argument in argv] for argv in template.pipeline],
            "reads": plain(template.reads),
            "network": template.network,
            "env": {name: plain(reference) for name, reference in template.env.items()},
            "shell_expectation": template.expectation,
            "pattern": literal(template.pattern),
        }
    return Rendered(columns | {"timeout_seconds": template.timeout_seconds}, given)


def without_places(text: str) -> str:
    """A text with a letter where each value will stand."""
    return _PLACE.sub("x", text)


def samples(template: Template) -> dict[str, str]:
    """The values of previews; a parameter with neither sample nor default is left out."""
    found = {one.name: one.sample or one.default or "" for one in template.parameters}
    return {name: value for name, value in found.items() if value}


def judged(template: Template, example: Example) -> str:
    """What comes of an example, told by the code that judges real runs; nothing is run or asked.

    Raises:
        Wrong: a sample is missing, or the example of a query is no number.
    """
    columns = render(template, samples(template)).columns
    if template.kind == "shell":
        return endings.judge(
            columns["pipeline"][-1],
            columns["shell_expectation"],
            columns["pattern"],
            endings.Ending(example.status, example.prints),
        )[0]
    try:
        series = [Series({}, example.prints.strip())] if example.prints.strip() else []
        expectation = Expectation("all", columns["comparator"], columns["threshold"])
        return judge(series, expectation)[0]
    except ValueError:
        raise Wrong("examples", _("The example of a query is a number.")) from None


def _named(template: Template, name: str) -> Parameter:
    return next(parameter for parameter in template.parameters if parameter.name == name)


def _compiled(parameter: Parameter) -> re.Pattern[str]:
    try:
        return re.compile(parameter.pattern or ".*")
    except re.error as error:
        raise Wrong(
            "parameters",
            _("The pattern of %(name)s is none: %(reason)s."),
            name=parameter.name,
            reason=error,
        ) from None


def _checked(parameter: Parameter, value: str) -> str:
    if parameter.kind == "choice":
        if value not in parameter.choices:
            raise Wrong(parameter.name, _("Choose one of %(choices)s."), choices=", ".join(parameter.choices))
        return value
    if not _FORMS[parameter.kind].fullmatch(value):
        raise Wrong(parameter.name, _("This is no value of the type “%(kind)s”."), kind=parameter.kind)
    if parameter.kind == "path" and ".." in value.split("/"):
        raise Wrong(parameter.name, _("A path goes no way back."))
    if value.startswith("-") and parameter.kind != "number" and not parameter.may_begin_with_dash:
        raise Wrong(parameter.name, _("This looks like an option."))
    if parameter.kind == "number" and not _is_within(parameter, float(value)):
        raise Wrong(
            parameter.name,
            _("The number lies outside %(least)s to %(most)s."),
            least=_bound(parameter.least),
            most=_bound(parameter.most),
        )
    if not _compiled(parameter).fullmatch(value):
        raise Wrong(parameter.name, _("This does not match %(pattern)s."), pattern=parameter.pattern)
    return value


def _is_within(parameter: Parameter, value: float) -> bool:
    return (parameter.least is None or value >= parameter.least) and (
        parameter.most is None or value <= parameter.most
    )


def _bound(value: float | None) -> str:
    return "…" if value is None else f"{value:.15g}"
