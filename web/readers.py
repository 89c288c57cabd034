"""Who reads a page: the person of the session, with what every page shows of them, in one statement."""

from functools import cache

from django.contrib.auth.backends import ModelBackend
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from governance.models import Notice


class Readers(ModelBackend):
    """As Django's own; the person also knows `unread`, how many notices they have not read."""

    def user_can_authenticate(self, user: User | None) -> bool:
        """Not a service account: it has tokens, and no pages."""
        return super().user_can_authenticate(user) and not getattr(user, "is_service", False)

    def get_user(self, user_id: int) -> User | None:
        user = _readers().filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


# Built once: every page asks for its reader, and putting the question together takes longer than asking it.
@cache
def _readers() -> QuerySet[User]:
    mine = Notice.objects.filter(recipient=OuterRef("pk"), read_at=None).order_by().values("recipient")
    counted = Subquery(mine.annotate(count=Count("pk")).values("count"), output_field=IntegerField())
    return User.objects.annotate(unread=Coalesce(counted, Value(0))).order_by("pk")
