"""What a finding or an excuse says, in the reader's language: decisions keep it in English."""

from django.utils.translation import gettext_noop

from web.sentences import Sentences

# As the rules write them (governance/policy); what stands in a finding stands in its translation.
_SENTENCES = (
    gettext_noop("Nobody has begun its review, which was due at %(at)s."),
    gettext_noop("The review was due at %(at)s and is not archived."),
    gettext_noop("The postmortem was reopened at %(at)s and is not archived again."),
    gettext_noop("Due at %(at)s; no check has verified it."),
    gettext_noop("Due at %(at)s; verified late, and it does not hold now."),
    gettext_noop("Its check fails again since %(at)s."),
    gettext_noop("Its owner is no longer active: somebody must take it over."),
    gettext_noop(
        "A check has given no answer for more than three intervals: nobody knows whether the fix holds."
    ),
    gettext_noop(
        "%(n)s checks have given no answer for more than three intervals: nobody knows whether the fix holds."
    ),
    gettext_noop("There is no postmortem with this id."),
    gettext_noop("Its review is not archived yet."),
    gettext_noop("Its incidents touched none of the services of this change: %(services)s."),
    gettext_noop("%(uses)s other changes passed by naming it; %(most)s are the most."),
    gettext_noop("Nobody knows which services this change touches, so not every rule could be applied."),
    gettext_noop("An item of severity P0 overdue, the oldest since %(at)s: changes wait."),
    gettext_noop("%(n)s items of severity P0 overdue, the oldest since %(at)s: changes wait."),
    gettext_noop("It ended at %(at)s, and what it put off still holds: %(codes)s."),
    gettext_noop(
        "Name the postmortem that this change follows from, by a line “Postmortem: PM-…” in the last"
        " paragraph of a commit message or in the description."
    ),
    # Why a policy asks nothing of a change.
    gettext_noop("%(policy)s excuses changes with the label “%(label)s”."),
    gettext_noop("%(policy)s covers other target branches than “%(branch)s”."),
    gettext_noop("%(policy)s excuses every path that this change touches."),
    gettext_noop("%(policy)s covers none of the paths that this change touches."),
    gettext_noop("%(policy)s covers only changes with a label that this one lacks."),
)


_KNOWN = Sentences(_SENTENCES)


def translated(detail: str) -> str:
    """The sentence in the language in force; one that no rule of today writes stays as it is."""
    return _KNOWN.translated(detail)
