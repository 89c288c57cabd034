"""What everything that leaves the house has in common: the row is the queue, and who claims it sends it."""

from __future__ import annotations

from django.db import models


class Outgoing(models.Model):
    """Something on its way to somebody; a worker that died with it loses it once its lease has ended."""

    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
