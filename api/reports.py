from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.resource import Resource, detail, listing
from api.shapes import Answer
from governance.models import GovernanceReport


class ReportAnswer(Answer):
    class Meta:
        model = GovernanceReport
        fields = ("month",)


class Reports(Resource):
    ordering = ("-month",)

    def visible(self) -> Any:
        return GovernanceReport.objects.all()

    list = listing("The published reports.", gives=ReportAnswer)
    retrieve = detail("One.", gives=ReportAnswer)
