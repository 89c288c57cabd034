"""Pure: whether a request proves that it comes from whoever knows one of our secrets.

Every comparison takes the same time whatever is compared, and every secret is tried.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

# How far the sender's clock, and the time under way, may differ from our clock.
WINDOW = timedelta(minutes=5)
_SIGNING_PREFIX = "whsec_"


def by_authorization(header: str, secrets: Sequence[str]) -> int | None:
    """Which secret an Authorization header presents, as a bearer token or as any user's password.

    Returns:
        Its place among `secrets`, or None.
    """
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return _same(value.strip(), secrets)
    if scheme.lower() == "basic":
        try:
            said = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return _same(said.partition(":")[2], secrets)
    return None


def by_token(header: str, secrets: Sequence[str]) -> int | None:
    """Which secret a header holds as it is: GitLab's X-Gitlab-Token."""
    return _same(header, secrets)


def by_hub_signature(header: str, body: bytes, secrets: Sequence[str]) -> int | None:
    """Which secret signed the body: GitHub's X-Hub-Signature-256, "sha256=" and the digest in hex."""
    found = None
    for place, secret in enumerate(secrets):
        wanted = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
        if _equal(header.strip(), wanted):
            found = place
    return found


def by_standard_signature(
    *, message_id: str, timestamp: str, signature: str, body: bytes, secrets: Sequence[str], now: datetime
) -> int | None:
    """Which secret signed a message as Standard Webhooks has it: headers webhook-id, -timestamp, -signature.

    Signed is "id.timestamp.body"; the header may list several signatures, "v1," before each. Outside of
    `WINDOW` a message proves nothing, or whoever overheard one could send it for ever.
    """
    if not message_id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return None
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > WINDOW:
        return None
    said = [one[3:] for one in signature.split() if one.startswith("v1,")]
    signed = f"{message_id}.{timestamp}.".encode() + body
    found = None
    for place, secret in enumerate(secrets):
        wanted = base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()
        if any([_equal(one, wanted) for one in said]):  # noqa: C419 # all of them, for constant time
            found = place
    return found


def _key(secret: str) -> bytes:
    """The bytes that sign: what follows "whsec_" is base64; a secret without it is used as it is."""
    if secret.startswith(_SIGNING_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_SIGNING_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def _same(said: str, secrets: Sequence[str]) -> int | None:
    found = None
    for place, secret in enumerate(secrets):
        if _equal(said, secret):
            found = place
    return found


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
