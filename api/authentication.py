"""Who asks: the owner of a token, or the person of a browser session."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts import addresses, attempts, tokens
from accounts.models import ApiToken, User


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer clp_…`: the token acts for its owner, within its scopes."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if header.partition(" ")[0].lower() not in {"bearer", "token"}:
            return None
        now = timezone.now()
        presented = tokens.read_header(header, address=addresses.of_request(request.META))
        token = tokens.find(presented, now=now) if presented else None
        if token is None:
            attempts.token_refused(
                key_id=presented.key_id if presented else "", address=addresses.of_request(request.META)
            )
            # One answer for unknown, revoked and expired: a guesser learns nothing from it.
            raise AuthenticationFailed(_("The token is unknown, revoked or expired."), code="token_not_valid")
        if not tokens.may_be_used_from(token, presented.address):
            raise PermissionDenied(_("The token may not be used from this address."), code="token_limited")
        if token.last_used_at is None or token.last_used_at < now - tokens.NOTED_EVERY:
            tokens.note_use(token.pk, now=now)
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Closeloop"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The person who is logged in, for the documentation page; changes need the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as refusal:
            raise PermissionDenied(str(refusal.detail), code="csrf_failed") from None
