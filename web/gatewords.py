"""What a row of the gate's policy does, in sentences."""

from collections.abc import Iterable, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.models import GatePolicy
from web.findings import RULES


def sentences(row: GatePolicy) -> list[SafeString]:
    """What a row asks of a change and what comes of it, in the order in which the gate looks."""
    return [
        *_scope(row),
        *_excuses(row),
        _asks(row),
        *_more(row),
        _mode(row),
        _on_error(row),
        _waivers(row),
    ]


def _scope(row: GatePolicy) -> list[SafeString]:
    if row.is_for_all:
        return [_said(_("It decides about every repository that no row before it fits."))]
    return [_said(_("It decides about %s, where no row before it fits."), row.repositories)]


def _excuses(row: GatePolicy) -> list[SafeString]:
    found = [
        (row.excused_labels, _("A change with the label %s passes at once.")),
        (row.branches, _("A change to another target branch than %s passes at once.")),
        (row.excused_paths, _("A change of nothing but %s passes at once.")),
        (row.covered_paths, _("A change that touches nothing of %s passes at once.")),
        (row.covered_labels, _("A change without the label %s passes at once.")),
    ]
    said = [_said(words, patterns) for patterns, words in found if patterns]
    if said:
        said.append(_said(_("Such an answer names the rule. What CI does not say excuses nothing.")))
    return said


def _asks(row: GatePolicy) -> SafeString:
    if "POSTMORTEM_NOT_NAMED" in row.not_counting:
        return _said(_("A change need not name a postmortem; what it names must be archived and fit."))
    if row.excused_labels or row.branches or row.excused_paths or row.covered_paths or row.covered_labels:
        return _said(_("Every other change must name a postmortem that is archived and fits its services."))
    return _said(_("Every change must name a postmortem that is archived and fits its services."))


def _more(row: GatePolicy) -> Iterable[SafeString]:
    if row.most_uses:
        words = ngettext(
            "One postmortem lets %(count)d change pass.",
            "One postmortem lets %(count)d changes pass at most.",
            row.most_uses,
        )
        yield _said(words % {"count": row.most_uses})
    if row.asks_audit:
        yield _said(_("What the audit finds about a touched service blocks the change too."))
    if row.freeze == GatePolicy.Freeze.SERVICES:
        yield _said(_("While a P0 item of a touched service is overdue, nothing passes."))
    if row.freeze == GatePolicy.Freeze.EVERYWHERE:
        yield _said(_("While any P0 item is overdue, nothing passes."))
    if row.not_counting:
        titles = [str(RULES[code].title) for code in row.not_counting]
        yield _said(_("Shown, and not counted: %s."), titles, is_code=False)
    if row.is_for_all and row.not_counting:
        yield _said(_("That holds for the audit of a service as well."))


def _mode(row: GatePolicy) -> SafeString:
    words = {
        GatePolicy.Mode.OFF: _("CI goes on whatever the verdict is, and says nothing."),
        GatePolicy.Mode.WARN: _("CI shows a verdict that is not PASS and goes on."),
        GatePolicy.Mode.DRY_RUN: _("CI says what it would have blocked and goes on."),
        GatePolicy.Mode.STRICT: _("CI stops the merge unless the verdict is PASS."),
    }
    return _said(words[GatePolicy.Mode(row.mode)])


def _on_error(row: GatePolicy) -> SafeString:
    if row.fails_open:
        return _said(_("When the gate does not answer, merges go on."))
    return _said(_("When the gate does not answer, merges wait."))


def _waivers(row: GatePolicy) -> SafeString:
    if row.waivers_alone:
        return _said(_("One governor alone may grant a waiver; all others are told at once."))
    return _said(_("A waiver takes two people: who asks, and a governor who grants."))


def _said(words: str, patterns: Sequence[str] = (), *, is_code: bool = True) -> SafeString:
    """The sentence, with the patterns in the place of %s."""
    if not patterns:
        return format_html("{}", words)
    before, _place, after = words.partition("%s")
    frame = "<code>{}</code>" if is_code else "{}"
    listed = format_html_join(", ", frame, ((pattern,) for pattern in patterns))
    return format_html("{}{}{}", before, listed, after)
