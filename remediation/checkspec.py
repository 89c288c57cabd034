"""What a person writes to define a verification check, and whether it makes sense."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from postmortem import pipelines, values
from postmortem.errors import Invalid
from remediation.models import MAX_EXPRESSION, VerificationCheck

MAX_NAME = 120
MAX_PATTERN = 200
MAX_REASON = 300
INTERVAL_SECONDS = (60, 30 * 86400)
TIMEOUT_SECONDS = (1, 300)
# A query that needs longer hurts the server it asks, and holds up the others in its batch.
PROMETHEUS_TIMEOUT_SECONDS = (1, 60)
TIMES_IN_A_ROW = (1, 100)

MAX_VARIABLES = 20
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
# What the loader, shells and the programs that build the sandbox would obey.
_STEERING = re.compile(
    r"(?:LD_|GLIBC_|GCONV_|MALLOC_|PYTHON|BASH_|PERL|RUBY|NODE_)|(?:PATH|HOME|LANG|IFS|ENV|PWD|SHELLOPTS|LOCPATH|NLSPATH)$"
)
_REFERENCE = re.compile(r"secret://[a-z0-9][a-z0-9_-]{0,59}")

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*')


@dataclass(frozen=True, kw_only=True)
class CheckSpec:
    """The columns of a `VerificationCheck` that a person decides; units and choices as in the model.

    `pipeline` is a list of argument lists. What does not belong to `kind` is ignored.
    """

    kind: str = "prometheus"
    name: str = ""
    data_source_id: int | None = None
    promql: str = ""
    quantifier: str = "all"
    comparator: str = "<"
    threshold: float | None = None
    no_data_rule: str = "no_data"
    no_data_reason: str = ""
    nan_rule: str = "fail"
    pipeline: Sequence[Sequence[str]] | None = None
    # Of a template and its values `catalogue.fill` makes the rest; `reads` comes from nowhere else.
    template: str = ""
    parameters: Mapping[str, str] | None = None
    reads: str = ""
    network: str = "none"
    # Variables by name, each "secret://name" of a secret of the item's team.
    env: Mapping[str, str] | None = None
    shell_expectation: str = "success"
    pattern: str = ""
    interval_seconds: int = 300
    timeout_seconds: int = 10
    passes_needed: int = 3
    fails_needed: int = 2

    def validate(self) -> None:
        """Refuse what cannot be a check, whatever a server would say about it.

        Whether a PromQL expression is valid, only Prometheus can tell: `verification.trial` asks it.

        Raises:
            Invalid: `field` names the first field that breaks a rule.
        """
        _check_choice("kind", self.kind, VerificationCheck.Kind.values)
        values.text(self.name, field="name", longest=MAX_NAME)
        _check_whole("interval_seconds", self.interval_seconds, INTERVAL_SECONDS)
        _check_whole("passes_needed", self.passes_needed, TIMES_IN_A_ROW)
        _check_whole("fails_needed", self.fails_needed, TIMES_IN_A_ROW)
        if self.kind == VerificationCheck.Kind.PROMETHEUS:
            _check_whole("timeout_seconds", self.timeout_seconds, PROMETHEUS_TIMEOUT_SECONDS)
            self._validate_prometheus()
        elif self.kind == VerificationCheck.Kind.SHELL:
            _check_whole("timeout_seconds", self.timeout_seconds, TIMEOUT_SECONDS)
            self._validate_shell()

    def columns(self) -> dict[str, Any]:
        """The values for `VerificationCheck`, with the columns of the other kind at rest."""
        common: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name.strip(),
            "interval_seconds": self.interval_seconds,
            "timeout_seconds": self.timeout_seconds,
            "passes_needed": self.passes_needed,
            "fails_needed": self.fails_needed,
        }
        resting = CheckSpec()
        prometheus = self if self.kind == VerificationCheck.Kind.PROMETHEUS else resting
        shell = self if self.kind == VerificationCheck.Kind.SHELL else resting
        return common | {
            "data_source_id": prometheus.data_source_id,
            "promql": prometheus.promql.strip(),
            "quantifier": prometheus.quantifier,
            "comparator": prometheus.comparator,
            "threshold": prometheus.threshold,
            "no_data_rule": prometheus.no_data_rule,
            "no_data_reason": prometheus.no_data_reason.strip(),
            "nan_rule": prometheus.nan_rule,
            "pipeline": None if shell.pipeline is None else [list(argv) for argv in shell.pipeline],
            "reads": shell.reads if self.template else "",
            "network": shell.network,
            "env": dict(shell.env or {}),
            "template": self.template,
            "parameters": dict(self.parameters or {}) if self.template else None,
            "shell_expectation": shell.shell_expectation,
            "pattern": shell.pattern,
        }

    def _validate_prometheus(self) -> None:
        if self.data_source_id is None:
            raise Invalid(_("Choose the Prometheus server to ask."), field="data_source_id")
        values.text(self.promql, field="promql", longest=MAX_EXPRESSION)
        check_promql_shape(self.promql)
        _check_choice("quantifier", self.quantifier, VerificationCheck.Quantifier.values)
        _check_choice("comparator", self.comparator, VerificationCheck.Comparator.values)
        if not isinstance(self.threshold, int | float) or isinstance(self.threshold, bool):
            raise Invalid(_("Give the number to compare with."), field="threshold")
        if not math.isfinite(self.threshold):
            raise Invalid(_("The threshold must be a finite number."), field="threshold")
        _check_choice("no_data_rule", self.no_data_rule, VerificationCheck.NoDataRule.values)
        _check_choice("nan_rule", self.nan_rule, VerificationCheck.NanRule.values)
        values.text(self.no_data_reason, field="no_data_reason", longest=MAX_REASON)
        if self.no_data_rule == VerificationCheck.NoDataRule.PASS and not self.no_data_reason.strip():
            raise Invalid(_("Say why no data counts as a pass."), field="no_data_reason")

    def _validate_shell(self) -> None:
        if not self.pipeline:
            raise Invalid(_("Give the command to run."), field="pipeline")
        pipelines.check(self.pipeline)
        check_network(self.network)
        check_env(self.env)
        _check_choice("shell_expectation", self.shell_expectation, VerificationCheck.ShellExpectation.values)
        values.text(self.pattern, field="pattern", longest=MAX_PATTERN)
        if self.shell_expectation == VerificationCheck.ShellExpectation.SUCCESS:
            return
        if not self.pattern:
            raise Invalid(_("Give the pattern to look for."), field="pattern")
        if "\n" in self.pattern:
            raise Invalid(_("A pattern is searched in one line at a time."), field="pattern")
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            message = _("This is not a regular expression: %(reason)s.") % {"reason": error}
            raise Invalid(message, field="pattern") from None


def check_network(network: object) -> None:
    """Refuse a network that this installation does not allow by name.

    Raises:
        Invalid: field "network".
    """
    _check_choice("network", network, VerificationCheck.Network.values)
    if network != VerificationCheck.Network.NONE and network not in settings.SHELL_PROBE_NETWORKS:
        message = _("This installation allows commands no such network (SHELL_PROBE_NETWORKS).")
        raise Invalid(message, field="network")


def check_env(env: object) -> None:
    """Refuse variables that are no references to secrets, or that would steer the programs around a command.

    Raises:
        Invalid: field "env".
    """
    if env is None:
        return
    if not isinstance(env, Mapping) or len(env) > MAX_VARIABLES:
        message = _("At most %(most)d variables, each with a secret.")
        raise Invalid(message % {"most": MAX_VARIABLES}, field="env")
    for name, reference in env.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or _STEERING.match(name):
            message = _("“%(name)s” is no variable that may hold a secret.")
            raise Invalid(message % {"name": str(name)[:60].encode("ascii", "replace").decode()}, field="env")
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            message = _("%(name)s must be secret:// and the name of a secret; never write a secret here.")
            raise Invalid(message % {"name": name}, field="env")


def check_promql_shape(promql: str) -> None:
    """Refuse prose early, with a position, even while no Prometheus can be reached.

    Raises:
        Invalid: field "promql"; `details["position"]` is "line:column", both from 1, as Prometheus counts.
    """
    if not promql.strip():
        raise Invalid(_("Give the PromQL expression."), field="promql")
    # What stands in quotes and comments may be anything; its place must stay, for the position.
    bare = _QUOTED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), promql)
    for offset, character in enumerate(bare):
        if not character.isascii():
            position = f"{bare.count(chr(10), 0, offset) + 1}:{offset - bare.rfind(chr(10), 0, offset)}"
            message = _("This is no PromQL: “%(character)s” at %(position)s stands outside quotes.")
            raise Invalid(
                message % {"character": character, "position": position},
                field="promql",
                details={"position": position},
            )
    if not re.search(r"[A-Za-z0-9_:{]", bare):
        raise Invalid(_("This is no PromQL: it names no metric and no number."), field="promql")


def _check_choice(field: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        message = _("“%(value)s” is not one of %(allowed)s.")
        raise Invalid(message % {"value": str(value)[:60], "allowed": ", ".join(allowed)}, field=field)


def _check_whole(field: str, value: object, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        message = _("A whole number from %(least)d to %(most)d, please.")
        raise Invalid(message % {"least": least, "most": most}, field=field)


def exam() -> CheckSpec:
    """The check of a process defect: asked once a day, proven by one pass (R9).

    Who joins the team fails it until they have passed: a fortnight of fails is their time to sit the exam.
    """
    return CheckSpec(kind="exam", interval_seconds=86400, passes_needed=1, fails_needed=14)
