"""Pure: probe templates. Whoever writes one fixes the command; whoever uses it gives typed values.

A value becomes one argument, or stands inside a quoted matcher of PromQL: nothing that is typed is ever read
as a command, as an option (unless the parameter says so) or as an expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
TYPES = ("text", "number", "choice", "path", "process")
_FORMS = {
    "text": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
    "number": re.compile(r"-?\d{1,15}(?:\.\d{1,6})?"),
    "path": re.compile(r"/[\w./@+-]{1,200}"),
    "process": re.compile(r"\d{1,9}|[A-Za-z][\w.+-]{0,14}"),
}


class Wrong(ValueError):
    """A value, or a template, breaks a rule; `name` is the parameter's or the template field's."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one value may be.

    Attributes:
        kind: "text" (one line), "number", "choice" (one of `choices`), "path" (absolute, without ..), or
            "process" (a number, or the name that the kernel knows it by).
        pattern: what the whole value must match as well.
        may_begin_with_dash: whether it may look like an option.
        default: used when no value is given; None needs one.
    """

    name: str
    label: str
    kind: str = "text"
    choices: Sequence[str] = ()
    pattern: str = ""
    may_begin_with_dash: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A probe with places for values, written {name}; an argument, the pattern or a matcher may hold them.

    Attributes:
        kind: "shell" or "prometheus".
        reads: a file that the runner opens and gives to the first command as its input.
        pattern: of what is printed; a value in it stands for itself.
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
    return Template(**{**said, "parameters": parameters})


def check(template: Template) -> None:
    """Refuse a template that cannot work, or in which a value could become more than a value.

    Raises:
        Wrong: see there.
    """
    known: set[str] = set()
    for parameter in template.parameters:
        _check_parameter(parameter, known)
        known.add(parameter.name)
    arguments = [argument for argv in template.pipeline for argument in argv]
    texts = [template.reads, template.pattern, template.promql, template.threshold, *arguments]
    used = {name for text in texts for name in _PLACE.findall(text)}
    if used != known:
        raise Wrong("parameters", f"used and declared differ: {', '.join(sorted(used ^ known))}")
    if template.kind == "shell":
        if not template.pipeline or not all(template.pipeline):
            raise Wrong("pipeline", "a command is missing")
        for argv in template.pipeline:
            first = _PLACE.findall(argv[0])
            if first and not all(_named(template, name).kind == "choice" for name in first):
                raise Wrong("pipeline", "which program runs is fixed, or one of declared choices")
    elif template.kind == "prometheus":
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", template.promql)
        if _PLACE.search(bare):
            raise Wrong("promql", "a value stands inside a quoted matcher")
    else:
        raise Wrong("kind", "shell or prometheus")


def _check_parameter(parameter: Parameter, known: set[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", parameter.name) or parameter.name in known:
        raise Wrong("parameters", f"{parameter.name!r} is no name, or there twice")
    if parameter.kind not in TYPES:
        raise Wrong("parameters", f"{parameter.kind!r} is no type")
    if parameter.kind == "choice" and not parameter.choices:
        raise Wrong("parameters", f"{parameter.name} has no choices")
    _compiled(parameter)
    if parameter.default is not None:
        _checked(parameter, parameter.default)


def render(template: Template, values: Mapping[str, Any]) -> Rendered:
    """The check that a template makes of these values.

    Raises:
        Wrong: a value is missing, unknown, or not of its parameter's type.
    """
    if unknown := sorted(set(values) - {parameter.name for parameter in template.parameters}):
        raise Wrong(unknown[0], "the template has no such parameter")
    given = {}
    for parameter in template.parameters:
        value = values.get(parameter.name, parameter.default)
        if value is None or value == "":
            raise Wrong(parameter.name, "a value is missing")
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
            "shell_expectation": template.expectation,
            "pattern": literal(template.pattern),
        }
    return Rendered(columns | {"timeout_seconds": template.timeout_seconds}, given)


def _named(template: Template, name: str) -> Parameter:
    return next(parameter for parameter in template.parameters if parameter.name == name)


def _compiled(parameter: Parameter) -> re.Pattern[str]:
    try:
        return re.compile(parameter.pattern or ".*")
    except re.error as error:
        raise Wrong("parameters", f"the pattern of {parameter.name} is none: {error}") from None


def _checked(parameter: Parameter, value: str) -> str:
    if parameter.kind == "choice":
        if value not in parameter.choices:
            raise Wrong(parameter.name, f"one of {', '.join(parameter.choices)}")
        return value
    if not _FORMS[parameter.kind].fullmatch(value):
        raise Wrong(parameter.name, f"this is no {parameter.kind}")
    if parameter.kind == "path" and ".." in value.split("/"):
        raise Wrong(parameter.name, "a path goes no way back")
    if value.startswith("-") and parameter.kind != "number" and not parameter.may_begin_with_dash:
        raise Wrong(parameter.name, "this looks like an option")
    if not _compiled(parameter).fullmatch(value):
        raise Wrong(parameter.name, f"this does not match {parameter.pattern}")
    return value


# What every installation has: the audit table of the founding story, and the headroom of a pool.
SHIPPED: Mapping[str, Template] = {
    template.slug: template
    for template in (
        Template(
            slug="version-drift",
            title="Version drift",
            description="A program must say the version that was agreed.",
            kind="shell",
            pipeline=[["{program}", "{option}"]],
            expectation="match",
            pattern=r"(?:^|[^0-9.]){version}(?:$|[^0-9.])",
            parameters=[
                Parameter("program", "Program", "choice", ("go", "python3", "node", "java", "ruby", "php")),
                Parameter("option", "Option", "choice", ("version", "--version"), default="--version"),
                Parameter("version", "Version", "text", pattern=r"[0-9][\w.+-]{0,40}"),
            ],
        ),
        Template(
            slug="module-drift",
            title="Module drift",
            description="The lock file that is deployed (go.sum, requirements.txt) must be the agreed one.",
            kind="shell",
            pipeline=[["sha256sum"]],
            reads="{file}",
            expectation="match",
            pattern="^{sha256} ",
            parameters=[
                Parameter(
                    "file",
                    "Lock file",
                    "path",
                    pattern=r".*/(?:go\.sum|go\.mod|requirements[\w.-]*\.txt|[\w.-]+[.-]lock(?:\.json|\.yaml)?)",
                ),
                Parameter("sha256", "SHA-256", "text", pattern="[0-9a-f]{64}"),
            ],
        ),
        Template(
            slug="runtime-variable",
            title="Runtime variable present",
            description="A running process must have the variable in its environment; no value is shown.",
            kind="shell",
            # Quiet, for what it read is full of secrets.
            pipeline=[["grep", "-z", "-q", "^{variable}="]],
            reads="/proc/{process}/environ",
            parameters=[
                Parameter("process", "Process", "process"),
                Parameter("variable", "Variable", "text", pattern="[A-Za-z_][A-Za-z0-9_]{0,60}"),
            ],
        ),
        Template(
            slug="db-pool-headroom",
            title="DB pool headroom",
            description="A database must not hold more connections than agreed; asked within 3 s.",
            kind="prometheus",
            promql='max({__name__="{metric}", instance="{instance}"})',
            comparator="<=",
            threshold="{most}",
            timeout_seconds=3,
            parameters=[
                Parameter(
                    "metric",
                    "Metric",
                    "text",
                    pattern="[a-zA-Z_:][a-zA-Z0-9_:]{0,100}",
                    default="mysql_global_status_threads_connected",
                ),
                Parameter("instance", "Instance"),
                Parameter("most", "Most connections", "number", default="180"),
            ],
        ),
    )
}
