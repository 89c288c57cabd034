"""Why a server could not be reached, in words that say what to look at."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl

from remediation.probes.addresses import AddressRefused
from remediation.probes.http import Broken, TooLarge

NAME_NOT_FOUND = "The name of the server was not found."
NAME_SERVER_SILENT = "The name server does not answer."
REFUSED = "The server refuses the connection."
NO_WAY = "There is no way to the server's network."
TIMED_OUT = "The server did not answer in time."
BROKEN_OFF = "The connection was broken off."
BAD_CERTIFICATE = "The certificate of the server is not valid."
NO_ENCRYPTION = "No encrypted connection came about."
NOT_ALLOWED = "The address is not one that may be asked."
TOO_LARGE = "The answer is too large."
NO_ADDRESS = "The address is not one of a web server."
NO_CONNECTION = "No connection came about."

_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


def words(problem: Exception) -> str:
    """A sentence about a failure on the way to a server; it names no address and no class of Python's."""
    if isinstance(problem, socket.gaierror):
        return NAME_SERVER_SILENT if problem.errno == socket.EAI_AGAIN else NAME_NOT_FOUND
    if isinstance(problem, ssl.SSLCertVerificationError):
        return BAD_CERTIFICATE
    kinds: list[tuple[type[Exception], str]] = [
        (AddressRefused, NOT_ALLOWED),
        (TooLarge, TOO_LARGE),
        (Broken, BROKEN_OFF),
        (ssl.SSLError, NO_ENCRYPTION),
        (TimeoutError, TIMED_OUT),
        (ConnectionRefusedError, REFUSED),
        (ConnectionError, BROKEN_OFF),
        (EOFError, BROKEN_OFF),
        (http.client.HTTPException, BROKEN_OFF),
        (ValueError, NO_ADDRESS),
    ]
    for kind, sentence in kinds:
        if isinstance(problem, kind):
            return sentence
    return NO_WAY if isinstance(problem, OSError) and problem.errno in _NO_WAY else NO_CONNECTION
