"""Trying things once before they are kept: the definition of a check, a data source. Nothing is stored."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access
from postmortem.errors import Invalid
from remediation import catalogue, circuits, sources
from remediation.checkspec import CheckSpec
from remediation.models import DataSource, VerificationCheck
from remediation.probes import prometheus, promql, ranges
from remediation.probes.promql import Reading
from remediation.probes.ranges import RangeQuery, RangeResult
from remediation.probes.result import Expectation, ProbeResult, failed

SECONDS = 5.0
DAY = timedelta(days=1)
_STEP_SECONDS = 300
PROMETHEUS = VerificationCheck.Kind.PROMETHEUS
COUNT = VerificationCheck.Quantifier.COUNT
# Errors in whose words nothing is the server's own.
_OUR_WORDS = {
    "unreachable", "timeout", "address_refused", "bad_address", "too_large", "redirect", "http_status",
}  # fmt: skip


def trial(spec: CheckSpec) -> ProbeResult:
    """Ask Prometheus once what a check would find, before it is saved; at most 5 s. Stores nothing.

    The expression is read offline first. What is wrong with it the server says best, with the position; when
    it cannot be asked, the reading decides, and where that is in doubt the expression passes with a warning.
    A command is not tried here: web processes run none. Its result is "no_data", code "not_tried".

    Raises:
        Invalid: the spec breaks a rule, or the expression is none that a check can ask (field "promql", with
            the reason; `details["position"]` as "line:column" where it is known).
    """
    spec = catalogue.fill(spec)
    spec.validate()
    if spec.kind != PROMETHEUS or spec.data_source_id is None:
        message = _("A command is tried by a worker, at its first run.")
        return ProbeResult("no_data", error_code="not_tried", error=message)
    source = DataSource.objects.filter(pk=spec.data_source_id).first()
    if source is None:
        raise Invalid(_("There is no such data source."), field="data_source_id")
    reading = promql.read(spec.promql.strip())
    _refuse_kind(reading)
    result = _asked(spec, source)
    if result.error_code in {"bad_data", "result_type"}:
        raise _refusal(*prometheus.complaint(result.error))
    if reading.verdict == "refused" and result.outcome == "error":
        raise _refusal(reading.reason, reading.position)
    return result._replace(warnings=[*_warnings(reading), *result.warnings])


def last_day(spec: CheckSpec, *, now: datetime) -> RangeResult | None:
    """What the expression of a check did over the last day; None for a command. At most 5 s."""
    spec = catalogue.fill(spec)
    source = DataSource.objects.filter(pk=spec.data_source_id or 0).first()
    if spec.kind != PROMETHEUS or source is None:
        return None
    try:
        way = sources.access_of(source)
    except sources.SourceUnusable:
        return None
    end = int(now.timestamp()) // _STEP_SECONDS * _STEP_SECONDS
    start = end - int(DAY.total_seconds())
    asked = f"count({spec.promql})" if spec.quantifier == COUNT else spec.promql
    query = RangeQuery(source.base_url, asked, start, end, _STEP_SECONDS, SECONDS, way)
    return ranges.ask_once(query, allow_loopback=settings.PROMETHEUS_ALLOW_LOOPBACK)


def test_source(source: DataSource, *, by: User) -> ProbeResult:
    """Ask a data source one harmless question; at most 5 s. The verdict, never what the server said.

    An answer, whatever it says, closes the circuit of a source that was left alone.

    Raises:
        NotAllowed: not an administrator.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    spec = CheckSpec(promql="vector(1)", comparator="==", threshold=1.0)
    result = _asked(spec, source)
    if not result.is_silence and result.error_code not in sources.UNUSABLE:
        circuits.answered(source.pk)
    if result.outcome != "error" or result.error_code in {*_OUR_WORDS, *sources.UNUSABLE}:
        return result
    return failed(result.error_code, _("The server answered, and not as Prometheus does."))


def _asked(spec: CheckSpec, source: DataSource) -> ProbeResult:
    try:
        way = sources.access_of(source)
    except sources.SourceUnusable as refusal:
        return failed(refusal.details["reason"], refusal.message, expression=spec.promql)
    query = prometheus.Query(
        source.base_url,
        spec.promql,
        Expectation(
            spec.quantifier, spec.comparator, spec.threshold or 0.0, spec.no_data_rule, spec.nan_rule
        ),
        min(spec.timeout_seconds, SECONDS),
        way,
    )
    return prometheus.ask_once(query, allow_loopback=settings.PROMETHEUS_ALLOW_LOOPBACK)


def _refuse_kind(reading: Reading) -> None:
    """A check judges numbers of now; a range or a text is none."""
    if reading.kind == "matrix":
        message = _(
            "The expression gives a range of values; a check needs those of one moment, as of rate()."
        )
        raise Invalid(message, field="promql")
    if reading.kind == "string":
        raise Invalid(_("The expression gives a text; a check needs numbers."), field="promql")


def _refusal(reason: str, position: str) -> Invalid:
    if position:
        words = {"reason": reason, "position": position}
        message = _("Prometheus refuses the expression at %(position)s: %(reason)s") % words
    else:
        message = _("Prometheus refuses the expression: %(reason)s") % {"reason": reason}
    return Invalid(message, field="promql", details={"position": position} if position else None)


def _warnings(reading: Reading) -> list[str]:
    """What is allowed and yet hardly meant."""
    said = []
    if reading.variables:
        names = ", ".join(reading.variables[:5])
        said.append(
            _("%(names)s is a variable of a dashboard: nothing replaces it here, so it matches nothing.")
            % {"names": names}
        )
    if reading.verdict == "doubtful":
        said.append(
            _("Only the server can tell whether this is PromQL: %(reason)s") % {"reason": reading.reason}
        )
    if reading.is_filter:
        said.append(_("The comparison leaves out every series that does not hold: then the answer is empty."))
    if not reading.has_metric:
        said.append(_("It asks for no metric: the answer is always the same."))
    return said
