"""Incidents that still may break a rule: few, among all that a service ever had."""

from __future__ import annotations

from django.db import models

from postmortem.models import Incident, Service


class UnsettledIncident(models.Model):
    """A service and an incident that began there, which must have an archived postmortem and has none yet.

    Triggers write it alone (governance/migrations/0025): the audit would otherwise look at every incident of
    a service, for ever. A row too many costs a look; a row too few would be a wrong pass.
    """

    # Without constraints of the database: rows go with the link between the two, by its trigger.
    service = models.ForeignKey(Service, models.CASCADE, db_constraint=False, db_index=False)
    incident = models.ForeignKey(Incident, models.CASCADE, db_constraint=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["service", "incident"], name="unsettled_incident_once_for_each_service"
            ),
        )

    def __str__(self) -> str:
        return f"{self.incident_id} of {self.service_id}"
