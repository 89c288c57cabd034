"""What people and programs may do, as far as the trail must say who changed it, and when.

These rows belong to `accounts`, which knows no trail: the triggers that write it are declared here.
"""

from __future__ import annotations

from accounts.models import ApiToken, Membership, Team, User
from postmortem.models import recorded

_OF_PERSON = ["email", "name", "role", "is_active", "is_staff", "is_superuser", "is_service", "password"]
# All but when it was used last, which is written at every use.
_OF_TOKEN = [
    "key_id", "secret_digest", "name", "owner_id", "scopes", "created_at", "expires_at", "revoked_at",
    "repositories", "services", "networks", "previous_digest", "previous_until", "rotated_at",
]  # fmt: skip


class Person(User):
    """Adds to the trail who came, and when somebody was deactivated or may do something else.

    Answers for a past day need the second: an item whose owner left today had an owner yesterday. That a
    password changed is recorded, what it is made into is not; how pages look to somebody is their own affair.
    """

    class Meta:
        proxy = True
        triggers = (*recorded(kept=_OF_PERSON, hidden=["password"]),)


class IssuedToken(ApiToken):
    """Adds to the trail what tokens were made, changed and ended; never a digest of a secret."""

    class Meta:
        proxy = True
        triggers = (*recorded(kept=_OF_TOKEN, hidden=["secret_digest", "previous_digest"]),)


class LedTeam(Team):
    """Adds to the trail who manages a team, which lets them see what is restricted."""

    class Meta:
        proxy = True
        triggers = (*recorded(),)


class Belonging(Membership):
    """Adds to the trail who joined a team and who left it."""

    class Meta:
        proxy = True
        triggers = (*recorded(),)
