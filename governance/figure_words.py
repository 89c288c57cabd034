"""What figures are called, how they are computed and why rows do not count, for the reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from governance.metrics import Definition, Shape, Unit
from postmortem.durations import duration_words
from remediation.models import RemediationItem

Words = str | Promise


@dataclass(frozen=True)
class Told:
    """A figure in words: its name, its formula, and which rows it is about."""

    name: Words
    formula: Words
    cohort: Words


_RESOLVED = _("Incidents resolved in the period.")
_RECOVERED = _("Incidents resolved in the period, and runs that healed what never became an incident.")
_CHANGES = _("Changes about which CI asked in the period, each once however often it asked.")

FIGURES: dict[str, Told] = {
    "closure": Told(
        _("Closure rate"),
        _(
            "Items first verified by an automated PASS at or before their deadline ÷ items due. "
            "A hand never closes."
        ),
        _("Items whose deadline lies in the period."),
    ),
    "late-closure": Told(
        _("Late by"),
        _("First verified by an automated PASS − deadline; median and P90."),
        _("Items whose deadline lies in the period and that were verified after it."),
    ),
    "overdue": Told(
        _("Age of overdue items"),
        _("End of the period − deadline, in whole days; median and P90."),
        _(
            "Items past their deadline at the end of the period, never verified in time, and then "
            "neither verified nor declined."
        ),
    ),
    "ttr": Told(_("Time to restore (TTR)"), _("Resolved − started; median and P90."), _RESOLVED),
    "ttd": Told(_("Time to detect (TTD)"), _("Detected − started; median and P90."), _RESOLVED),
    "tta": Told(_("Time to acknowledge (TTA)"), _("Acknowledged − detected; median and P90."), _RESOLVED),
    "ttm": Told(_("Time to mitigate (TTM)"), _("Mitigated − started; median and P90."), _RESOLVED),
    "impact-minutes": Told(_("Minutes of impact"), _("Sum of the minutes stated."), _RESOLVED),
    "impact-loss": Told(
        _("Loss"), _("Sum of the amounts stated, by currency; nothing is converted."), _RESOLVED
    ),
    "recurrence": Told(
        _("Recurrence rate"),
        _("Reviews whose root cause a person confirmed as an earlier one come back ÷ reviews."),
        _("Reviews with a verified primary cause whose first incident began in the period."),
    ),
    "clean-quarters": Told(
        _("Clean quarters"),
        _(
            "Quarters in a row, up to the last one that is over, in which no root cause came back. "
            "A repeat in the running quarter ends the streak at once."
        ),
        _("Quarters since the first incident."),
    ),
    "proactive": Told(
        _("Proactive share"),
        _("Items filed before anything happened ÷ items agreed."),
        _("Items agreed in the period."),
    ),
    "facilitation": Told(
        _("Facilitation"),
        _("Facilitators who led a review of two teams or more ÷ facilitators."),
        _(
            "Active people whose role was facilitator at the end of the period. A review counts in the "
            "period in which it was first archived."
        ),
    ),
    "exams": Told(
        _("Exam completion"),
        _("People on the roster who passed ÷ people on the roster."),
        _("Rosters, at the end of the period, of the exams of items due in it."),
    ),
    "gate-blocks": Told(
        _("Gate blocks"),
        _("Changes that the gate did not pass, be it once ÷ changes about which CI asked."),
        _CHANGES,
    ),
    "gate-waivers": Told(
        _("Waived at the gate"),
        _("Changes of which findings were excused by a waiver ÷ changes about which CI asked."),
        _CHANGES,
    ),
    "deploy-failures": Told(
        _("Deploy failure rate"),
        _("Deploys whose canary failed ÷ all deploys. One without a canary counts, and not as failed."),
        _("Deploys to production in the period, each once as it was reported last."),
    ),
    "self-healed": Told(
        _("Self-healed share"),
        _("Recoveries by a playbook ÷ all recoveries. An incident healed itself when a run healed it."),
        _RECOVERED,
    ),
    "recovery-healed": Told(
        _("Time to recover, self-healed"),
        _("Resolved − started of incidents that a run healed, end − start of other runs; median and P90."),
        _("Incidents resolved in the period that a run healed, and runs without an incident."),
    ),
    "recovery-people": Told(
        _("Time to recover, by people"),
        _("Resolved − started; median and P90."),
        _("Incidents resolved in the period that no run healed."),
    ),
    "idle": Told(
        _("Idle resources"),
        _("The last value of the key figure “idle-resources” in the period."),
        _("Days of the period for which it was stated, each as it was said last."),
    ),
}

UNITS: dict[str, Words] = {
    Unit.PERCENT: "%",
    Unit.MINUTES: pgettext_lazy("unit", "minutes"),
    Unit.DAYS: pgettext_lazy("unit", "days"),
    Unit.MONEY: "",
    Unit.QUARTERS: pgettext_lazy("unit", "quarters"),
}

EXCLUSIONS: dict[str, Words] = {
    "drill": _("a drill"),
    "duplicate": _("a duplicate"),
    "false_alarm": _("a false alarm"),
    "severity": _("its severity does not count in figures"),
    "no_milestone": _("a milestone is missing"),
    "not_stated": _("nobody stated it"),
    "running": _("the quarter is not over"),
}

DETAILS: dict[str, Words] = {
    "in_time": _("Verified in time"),
    "late": _("Verified late"),
    "by_hand": _("Closed by hand"),
    "open": _("Not verified"),
    "estimate": _("Estimate"),
    "repeated": _("Came back"),
    "new": _("New"),
    "clean": _("Clean"),
    "review": _("From a review"),
    "proactive": _("Proactive"),
    "led": _("Led one"),
    "short": _("Short of one"),
    "passed": _("Passed"),
    "not_passed": _("Not passed yet"),
    "waived": _("Waived"),
    "pass": _("Canary passed"),
    "fail": _("Canary failed"),
    "none": _("No canary ran"),
    "self_healed": _("Self-healed"),
    "by_people": _("By people"),
}

_STATES: dict[str, Words] = {state.value: state.label for state in RemediationItem.State}

DIMENSIONS: dict[str, Words] = {
    "service": _("By service"),
    "team": _("By team"),
    "category": _("By category"),
    "severity": _("By severity"),
    "repository": _("By repository"),
}

# What happened at the moments of a figure's rows, as the head of their column.
MOMENTS: dict[str, Words] = {
    "deadline": _("Deadline"),
    "first_verified": _("First verified"),
    "started": _("Started"),
    "detected": _("Detected"),
    "acknowledged": _("Acknowledged"),
    "mitigated": _("Mitigated"),
    "resolved": _("Resolved"),
    "began": pgettext_lazy("of an incident or a quarter", "Began"),
    "agreed": _("Agreed"),
    "asked": pgettext_lazy("of a question of CI", "Asked last"),
    "deployed": _("Deployed"),
    "day": _("Day"),
}


def shown(definition: Definition, value: Mapping[str, Any]) -> str:
    """What a figure comes to, as one text: “92.0 %”, “17 min”, “CNY 1,200,000.00”, “8”; “–” for nothing.

    Args:
        value: as `metrics.Value.as_json`.
    """
    if definition.shape is Shape.SUM:
        sums = value.get("sums") or {}
        if definition.unit is Unit.MINUTES:
            return duration_words(timedelta(minutes=int(Decimal(sums[""])))) if sums else "–"
        return amounts(sums)
    if definition.shape is Shape.LEVEL:
        return " ".join(f"{total} {unit}".strip() for unit, total in (value.get("sums") or {}).items()) or "–"
    if definition.shape is Shape.SPREAD:
        seconds = value.get("median_seconds")
        return duration_words(None if seconds is None else timedelta(seconds=seconds))
    if definition.shape is Shape.STREAK:
        streak = value.get("streak")
        return "–" if streak is None else str(streak)
    percent = value.get("percent")
    return "–" if percent is None else f"{percent} %"


def amounts(sums: Mapping[str, str]) -> str:
    """Money by currency, “CNY 1,200.00 + USD 12.00”: nothing is converted, so nothing is added up."""
    return " + ".join(f"{unit} {Decimal(total):,.2f}" for unit, total in sums.items()) or "–"


def before(definition: Definition, value: Mapping[str, Any], name: str) -> str:
    """What a figure was before, in its unit; “–” for nothing.

    Args:
        name: "previous" or "year_before".
    """
    # A month that was frozen earlier kept one number, without its currency and rounded.
    sums, seconds = value.get(f"{name}_sums"), value.get(f"{name}_seconds")
    if seconds is not None:
        return duration_words(timedelta(seconds=seconds))
    return number(definition, value.get(name)) if sums is None else amounts(sums)


def aim(definition: Definition, value: Mapping[str, Any], name: str) -> str:
    """A goal's number in its unit, “CNY 1,000.00”; “–” for none.

    Args:
        name: "target" or "baseline".
    """
    words = number(definition, value.get(name))
    currency = value.get("goal_currency") or ""
    return f"{currency} {words}" if currency and words != "–" else words


def number(definition: Definition, text: str | None) -> str:
    """A number in the figure's unit, such as its target or what it was the month before."""
    if text is None:
        return "–"
    value = Decimal(text)
    if definition.unit is Unit.PERCENT:
        return f"{_plain(value)} %"
    if definition.unit is Unit.MINUTES:
        return duration_words(timedelta(seconds=round(value * 60)))
    if definition.unit is Unit.DAYS:
        return duration_words(timedelta(seconds=round(value * 86400)))
    return f"{value:,.2f}" if definition.unit is Unit.MONEY else _plain(value)


def made_of(definition: Definition, value: Mapping[str, Any]) -> str:
    """What a figure is made of: “23 of 25”, or “n = 25” and the P90 of a duration."""
    if definition.shape is Shape.SHARE:
        return gettext("%(hits)d of %(n)d") % {"hits": value.get("numerator") or 0, "n": value["n"]}
    if definition.shape is Shape.SPREAD and value.get("p90_seconds") is not None:
        p90 = duration_words(timedelta(seconds=value["p90_seconds"]))
        return f"n = {value['n']} · P90 {p90}"
    return f"n = {value['n']}"


def detail(word: str, *, figure: str = "") -> str:
    """How a row was judged, in words; a word that is none of ours stands as it is.

    Args:
        figure: the key of the figure that counts the row; some words mean something else there.
    """
    # An item that is overdue says its state then, whose “open” is not the outcome “open” of a promise.
    words = _STATES if figure == "overdue" else DETAILS
    return str(words.get(word, word))


def _plain(value: Decimal) -> str:
    """Without zeros at the end of its decimals, but for one: “92.0”, “0.02”, “8”."""
    if value == value.to_integral_value():
        return f"{value:.1f}" if value.as_tuple().exponent != 0 else f"{value:.0f}"
    return f"{value.normalize():f}"
