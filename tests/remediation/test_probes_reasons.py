"""Why a server could not be reached, in words."""

import asyncio
import errno
import socket
import ssl

import pytest

from remediation.probes import reasons
from remediation.probes.addresses import AddressRefused
from remediation.probes.http import BadAddress, Broken, TooLarge


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), reasons.NAME_NOT_FOUND),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), reasons.NAME_SERVER_SILENT),
        (ConnectionRefusedError(), reasons.REFUSED),
        (ConnectionResetError(), reasons.BROKEN_OFF),
        (asyncio.IncompleteReadError(b"", 1), reasons.BROKEN_OFF),
        (Broken("The connection ended early"), reasons.BROKEN_OFF),
        (TimeoutError(), reasons.TIMED_OUT),
        (ssl.SSLCertVerificationError(), reasons.BAD_CERTIFICATE),
        (ssl.SSLError(), reasons.NO_ENCRYPTION),
        (OSError(errno.EHOSTUNREACH, "No route to host"), reasons.NO_WAY),
        (OSError(), reasons.NO_CONNECTION),
        (AddressRefused("10.0.0.1 is a private address"), reasons.NOT_ALLOWED),
        (TooLarge(), reasons.TOO_LARGE),
        (BadAddress("ftp://x"), reasons.NO_ADDRESS),
    ],
)
def test_words_say_what_to_look_at_and_no_class_of_python(problem, words):
    assert reasons.words(problem) == words
