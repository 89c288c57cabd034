"""A verification check in words: what must hold, how often it is asked, what its runs lead to."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from postmortem import pipelines
from remediation.models import ChecklistRun, CheckRun, VerificationCheck
from web.charts import figure
from web.forms.checks import INTERVALS
from web.moments import duration_words

Quantifier = VerificationCheck.Quantifier
Expectation = VerificationCheck.ShellExpectation

_SERIES: dict[str, Promise] = {
    Quantifier.ALL: gettext_lazy("Every series of the query must be %(comparator)s %(threshold)s."),
    Quantifier.ANY: gettext_lazy("At least one series of the query must be %(comparator)s %(threshold)s."),
    Quantifier.NONE: gettext_lazy("No series of the query may be %(comparator)s %(threshold)s."),
    Quantifier.COUNT: gettext_lazy("The number of series of the query must be %(comparator)s %(threshold)s."),
}
# What the templates say that Closeloop brings: they stand where nothing knows of languages.
SHIPPED_TEMPLATES = (
    gettext_noop("Version drift"),
    gettext_noop("A program must say the version that was agreed."),
    gettext_noop("Module drift"),
    gettext_noop("The lock file that is deployed (go.sum, requirements.txt) must be the agreed one."),
    gettext_noop("Runtime variable present"),
    gettext_noop("A running process must have the variable in its environment; no value is shown."),
    gettext_noop("DB pool headroom"),
    gettext_noop("A database must not hold more connections than agreed; asked within 3 s."),
    gettext_noop("Program"),
    gettext_noop("Option"),
    gettext_noop("Version"),
    gettext_noop("Lock file"),
    gettext_noop("Process"),
    gettext_noop("Variable"),
    gettext_noop("Metric"),
    gettext_noop("Instance"),
    gettext_noop("Most connections"),
)
_COMMAND: dict[str, Promise] = {
    Expectation.SUCCESS: gettext_lazy("The command must end with status 0."),
    Expectation.MATCH: gettext_lazy(
        "The command must end with status 0 and print a line that matches “%(pattern)s”."
    ),
    Expectation.NO_MATCH: gettext_lazy(
        "The command must end with status 0 and print no line that matches “%(pattern)s”."
    ),
}


# Runs with these codes end with a sentence of ours, stored in English for readers of any language.
_OURS = {"not_approved", "expired", "forged", "probes_off"}


def error(run: CheckRun | ChecklistRun) -> str:
    """Why a run gave no verdict, in the reader's language where the sentence is ours; "" where it did."""
    if run.error_code == "switched_off":
        return _("Commands are stopped: %(reason)s") % {"reason": run.error.partition(": ")[2]}
    return _(run.error) if run.error and run.error_code in _OURS else run.error


def title(check: VerificationCheck) -> str:
    """What to call a check: its name, or its kind."""
    return check.name or str(VerificationCheck.Kind(check.kind).label)


def expectation(check: VerificationCheck) -> str:
    """What must hold for a pass, in one sentence."""
    if check.kind == VerificationCheck.Kind.EXAM:
        return _("The procedure must be revised, and everybody on the roster must have passed the exam.")
    if check.kind == VerificationCheck.Kind.SHELL:
        return str(_COMMAND[check.shell_expectation]) % {"pattern": check.pattern}
    comparator = VerificationCheck.Comparator(check.comparator).label
    return str(_SERIES[check.quantifier]) % {"comparator": comparator, "threshold": figure(check.threshold)}


def no_data(check: VerificationCheck) -> str:
    """What an empty answer means; "" for a command, which always answers."""
    if check.kind != VerificationCheck.Kind.PROMETHEUS:
        return ""
    if check.no_data_rule == VerificationCheck.NoDataRule.PASS:
        return _("An empty answer is a pass: %(reason)s") % {"reason": check.no_data_reason}
    if check.no_data_rule == VerificationCheck.NoDataRule.FAIL:
        return _("An empty answer is a fail.")
    return _("An empty answer proves nothing.")


def rhythm(check: VerificationCheck) -> str:
    """How often it runs and what a row of outcomes leads to."""
    often = dict(INTERVALS).get(check.interval_seconds) or _("every %(time)s") % {
        "time": duration_words(check.interval)
    }
    passes = ngettext("%(count)d pass", "%(count)d passes in a row", check.passes_needed) % {
        "count": check.passes_needed
    }
    fails = ngettext("%(count)d fail", "%(count)d fails in a row", check.fails_needed) % {
        "count": check.fails_needed
    }
    return _("It runs %(often)s: verified after %(passes)s, regressed after %(fails)s.") % {
        "often": often,
        "passes": passes,
        "fails": fails,
    }


def ticks(check: VerificationCheck) -> list[bool]:
    """The passes in a row that are needed, True where it is there; [] where there are too many to draw."""
    if check.passes_needed > 12:
        return []
    return [number < check.standing.streak for number in range(check.passes_needed)]


def progress(check: VerificationCheck) -> str:
    """“2 of 3 passes in a row”, or the row of fails."""
    if check.standing.streak < 0:
        return ngettext("%(count)d fail in a row", "%(count)d fails in a row", -check.standing.streak) % {
            "count": -check.standing.streak
        }
    done = min(check.standing.streak, check.passes_needed)
    return _("%(done)d of %(needed)d passes in a row") % {"done": done, "needed": check.passes_needed}


def describe(check: VerificationCheck) -> VerificationCheck:
    """Give a check the words its page and card show."""
    check.title, check.expectation, check.no_data_words = title(check), expectation(check), no_data(check)
    check.rhythm, check.ticks, check.progress = rhythm(check), ticks(check), progress(check)
    check.command = pipelines.show(check.pipeline) if check.pipeline else ""
    check.value_words = figure(check.standing.last_value)
    return check
