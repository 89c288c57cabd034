"""What people keep for themselves: views of a list."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class SavedView(models.Model):
    """Filters and order of the list of incidents under a name of one's own; its link works for everybody."""

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views")
    name = models.CharField(_("name of the view"), max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_has_a_name_of_its_own"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_default=True), name="one_saved_view_is_the_default"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_a_name"),
        )

    def __str__(self) -> str:
        return self.name
