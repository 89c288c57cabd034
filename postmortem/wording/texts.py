"""The texts of the packs, marked for translation: gettext reads Python, not TOML.

A test holds this list and the packs to each other. A face translates a text when it shows it.
"""


def _(text: str) -> str:
    return text


TEXTS = (
    # Hedging
    _("This is a guess."),
    _("Say what was observed and where; record what is not yet proven as a hypothesis."),
    _("This is an impression, not an observation."),
    _("Give the figure, the query or the log line that shows it."),
    _("This is an opinion."),
    _("State the fact and its evidence, or record a hypothesis."),
    _("Word it as a plain statement: that it is not proven is what its state, hypothesis, says."),
    # Actions
    _("An inquiry or a talk has no end: nobody can say when it is done."),
    _("Name what comes out of it and by when: a change, a decision, a document."),
    _("“Better” without a measure: it can always be claimed and never be shown."),
    _("Name the change, or the figure and its target: “alert when disk use is above 90 %”."),
    _("This asks for attention, and attention leaves no trace to check."),
    _("Let something other than memory do it: a limit, an alert, a test, a checklist entry."),
    _("Amount, time or condition is left open."),
    _("Put the figure, the date or the condition there."),
    _("This leaves open whether it will be done."),
    _("Promise it or leave it out; an idea belongs in the text of the review."),
    _("This names a topic, not a change."),
    _("Say what will be different when it is done, and where that can be seen."),
    # Blame
    _("“Human error” ends the search where it should begin."),
    _("Say what made the slip possible and what did not catch it: a missing guard, a check, a sign."),
    _("This judges a person, and explains nothing."),
    _("Say what the person saw and what the system let through."),
    _("This names a person as the cause."),
    _("Say what made it possible: which step had no reminder, no guard, no second look."),
)
