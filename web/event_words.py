"""What became of an event, and why nothing went out, in the reader's language: rows keep English."""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from web.sentences import Sentences

# Of what other refusals call it by their own code the note says enough.
OUTCOMES: dict[str, Promise] = {
    "declared": _("An incident was declared"),
    "changed": _("The incident was changed"),
    "resolved": _("The incident was resolved"),
    "resumed": _("The incident goes on"),
    "unchanged": _("Nothing new"),
    "not_counted": _("No incident, by its severity"),
    "passed": _("The change passed"),
    "failed": _("The change did not pass"),
    "unknown": _("The change could not be judged"),
    "not_open": _("The change is not open any more"),
    "not_asked": _("Nothing that changes a verdict"),
    "given_up": _("Given up after several attempts"),
    "unreadable": _("It cannot be read"),
    "credential_unreadable": _("A stored token cannot be read"),
    "service_unknown": _("No service of this name"),
    "forge_refused": _("The forge refuses"),
    "token_not_valid": _("The token for the gate is not valid"),
    "scope_missing": _("The token may not ask the gate"),
    "token_limited": _("The token is limited to others"),
    "invalid": _("A value is refused"),
    "not_allowed": _("Who it acts as may not do this"),
}

# As `governance` writes them: alerts, inbox, mergechecks, forges, payloads, messages, deliveries.
_SENTENCES = (
    gettext_noop("Every attempt to deal with it was broken off."),
    gettext_noop("Another event of the same change is being dealt with."),
    gettext_noop("The severity of every alert says that it is no incident."),
    gettext_noop(
        "%(n)s alerts were left out of the message (max_alerts), so nobody knows whether all have ended:"
        " resolve the incident by hand."
    ),
    gettext_noop("%(id)s is closed and stays as it is."),
    gettext_noop("%(id)s is archived and stays as it is."),
    gettext_noop("%(n)s alerts name no service that exists."),
    gettext_noop("No alert names a service that exists (labels: %(labels)s); the first one says %(said)s."),
    gettext_noop("%(where)s of “%(alert)s” lies in the future: %(at)s. Compare the clocks."),
    gettext_noop("Only the first %(n)s commits were read."),
    gettext_noop("The body is a form: set the content type to application/json where it is sent."),
    gettext_noop("The body is not JSON: %(reason)s"),
    gettext_noop("The body is not UTF-8."),
    gettext_noop("The body is not a JSON object."),
    gettext_noop("%(field)s must be a text."),
    gettext_noop("%(field)s must be a whole number."),
    gettext_noop("%(field)s must be an object."),
    gettext_noop("The forge did not answer within %(n)s s."),
    gettext_noop("The forge cannot be reached: %(why)s"),
    gettext_noop("The forge answers with %(status)s."),
    gettext_noop("The forge answers with %(status)s: %(said)s"),
    gettext_noop("The mail server refuses the recipient: %(codes)s."),
    gettext_noop("The mail server refuses the user name or the password: %(code)s."),
    gettext_noop("The mail server refuses the sender: %(code)s."),
    gettext_noop("The mail server refuses the mail: %(code)s."),
    gettext_noop("The mail server does not offer the encryption or the login that is set."),
    gettext_noop("Its address or secret is encrypted with a key that is not set here any more."),
    gettext_noop("Its address or secret is none of this product."),
    gettext_noop("the recipient may not see it any more"),
    gettext_noop("There is no service of this name: %(names)s."),
)
# Of these one may stand inside another, behind a colon.
_REASONS = (
    gettext_noop("The name of the server was not found."),
    gettext_noop("The name server does not answer."),
    gettext_noop("The server refuses the connection."),
    gettext_noop("There is no way to the server's network."),
    gettext_noop("The server did not answer in time."),
    gettext_noop("The connection was broken off."),
    gettext_noop("The certificate of the server is not valid."),
    gettext_noop("No encrypted connection came about."),
    gettext_noop("The address is not one that may be asked."),
    gettext_noop("The answer is too large."),
    gettext_noop("The address is not one of a web server."),
    gettext_noop("No connection came about."),
)
_KNOWN = Sentences((*_SENTENCES, *_REASONS))
_UNREACHABLE = "The forge cannot be reached: %(why)s"
_BETWEEN = re.compile(r"(?<=[.]) (?=[A-Z0-9])")


def outcome(code: str) -> str:
    """What became of an event; a code without words stays as it is."""
    return str(OUTCOMES.get(code, code))


def note(text: str) -> str:
    """A note of an event, or why a message or mail did not arrive; what nobody of us wrote stays as it is."""
    before, colon, why = text.partition(": ")
    if colon and why in _REASONS and f"{before}: %(why)s" == _UNREACHABLE:
        return gettext(_UNREACHABLE) % {"why": gettext(why)}
    # A place in a sentence holds any text, the next sentence too: so each is looked for by itself first.
    parts = [_KNOWN.find(part) for part in _BETWEEN.split(text)]
    known = [part for part in parts if part is not None]
    return " ".join(known) if len(known) == len(parts) else _KNOWN.translated(text)
