"""What the caller may do at all; which rows they see is decided by the domain's access filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, User

if TYPE_CHECKING:
    # DRF reads its settings, which name this module, while it imports its views.
    from rest_framework.views import APIView


class ScopedAccess(BasePermission):
    """A token needs the scope `read` to look and `write` (or a narrow one) to change; viewers only read."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        is_safe = request.method in SAFE_METHODS
        scope = ApiToken.Scope.READ if is_safe else ApiToken.Scope.WRITE
        # A view may be content with a narrower scope for what it changes.
        enough = {scope} if is_safe else {scope, getattr(view, "narrow_scope", scope)}
        if isinstance(request.auth, ApiToken) and enough.isdisjoint(request.auth.scopes):
            message = _("The token lacks the scope “%(scope)s”.") % {"scope": scope.value}
            raise PermissionDenied(message, code="scope_missing")
        if not is_safe and not user.is_at_least(User.Role.MEMBER):
            raise PermissionDenied(_("A viewer may only read."), code="not_allowed")
        return True
