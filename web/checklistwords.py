"""A checklist entry in words: what it asks, and when it passes."""

from django.utils.translation import gettext as _

from postmortem import pipelines
from postmortem.models import ChecklistEntry
from remediation.models import ChecklistRun
from web import charts


def asked(entry: ChecklistEntry | ChecklistRun) -> str:
    """What an entry asks, as one text to copy."""
    return pipelines.show(entry.pipeline) if entry.pipeline else entry.promql


def expectation(entry: ChecklistEntry) -> str:
    """When it passes, in the reader's language."""
    if entry.kind == ChecklistEntry.Kind.PROMQL:
        return _("every series %(comparator)s %(threshold)s") % {
            "comparator": ChecklistEntry.Comparator(entry.comparator).label,
            "threshold": charts.figure(entry.threshold),
        }
    words = str(entry.get_expectation_display())
    return f"{words}: {entry.pattern}" if entry.pattern else words
