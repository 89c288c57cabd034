"""Who reads a page: the person of the session, with what every page shows of them, in one statement."""

from django.contrib.auth.backends import ModelBackend

from accounts.models import User

# Every page asks for its reader, and putting the question together in Python takes longer than asking it.
_READER = """
    SELECT reader.*, (
        SELECT count(*) FROM governance_notice WHERE recipient_id = reader.id AND read_at IS NULL
    ) AS unread
    FROM accounts_user AS reader WHERE reader.id = %s
"""


class Readers(ModelBackend):
    """As Django's own; the person also knows `unread`, how many notices they have not read."""

    def user_can_authenticate(self, user: User | None) -> bool:
        """Not a service account: it has tokens, and no pages."""
        return super().user_can_authenticate(user) and not getattr(user, "is_service", False)

    def get_user(self, user_id: int) -> User | None:
        user = next(iter(User.objects.raw(_READER, [user_id])), None)
        return user if user is not None and self.user_can_authenticate(user) else None
