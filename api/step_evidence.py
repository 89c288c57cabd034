"""The typed evidence of steps 2 and 3: measurements, changes, and the search for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, creation, detail, listing, one, removal
from api.shapes import Answer, ById, Count, Figure, Moment, Page, Person, Strict, service_field
from postmortem import access, changes, measurements
from postmortem.models import MAX_PROMQL, Change, ChangeSearch, Incident, MetricSnapshot, Review
from remediation import snapshots
from remediation.models import DataSource


class Window(Strict):
    """What every measurement says of itself."""

    title = serializers.CharField(max_length=200, help_text="What it shows.")
    window_start = Moment()
    window_end = Moment()
    unit = serializers.CharField(max_length=40, allow_blank=True, required=False)


class Measurement(Window):
    """A metric to fetch from a data source, now and once."""

    source = ById(queryset=DataSource.objects.all(), help_text="The id of a data source.")
    promql = serializers.CharField(max_length=MAX_PROMQL)
    value = Figure(required=False, allow_null=True, help_text="The figure that is read off it.")
    step_seconds = Count(
        min_value=1, required=False, help_text="Between two points; for about 240 of them unless given."
    )


class Statement(Window):
    """A measurement that a person states, because no data source can be asked."""

    value = Figure()
    source_name = serializers.CharField(
        max_length=80, allow_blank=True, required=False, help_text="Where it was read."
    )
    promql = serializers.CharField(max_length=MAX_PROMQL, allow_blank=True, required=False)


class MeasuredSeries(serializers.Serializer):
    labels = serializers.DictField(child=serializers.CharField())
    points = serializers.ListField(
        child=serializers.ListField(), help_text="[seconds since 1970, value as the server wrote it]."
    )


class MeasurementAnswer(Answer):
    value = Figure(allow_null=True)
    is_fetched = serializers.BooleanField(help_text="False: a person stated it.")
    series = MeasuredSeries(many=True, allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())
    added_by = Person()

    class Meta:
        model = MetricSnapshot
        fields = (
            "id", "title", "value", "unit", "is_fetched", "source_name", "promql", "window_start",
            "window_end", "step_seconds", "series", "hidden_series", "warnings", "fetched_at", "added_by",
            "added_at",
        )  # fmt: skip


class ChangeFacts(Strict):
    happened_at = Moment()
    kind = serializers.ChoiceField(Change.Kind.choices)
    title = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=500, allow_blank=True, required=False, help_text="http or https.")
    service = service_field(required=False, allow_null=True)
    external_key = serializers.CharField(
        max_length=200,
        allow_blank=True,
        required=False,
        help_text="Names the change for you: sent again it is corrected, never doubled.",
    )


class Judgement(Strict):
    verdict = serializers.ChoiceField(Change.Verdict.choices)
    reason = serializers.CharField(
        max_length=4000, allow_blank=True, required=False, default="", help_text="Only a suspect needs none."
    )


class Search(Strict):
    searched = serializers.CharField(max_length=4000, help_text="What was searched, over which time.")


class ChangeAnswer(Answer):
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True)
    url = serializers.CharField(allow_blank=True)
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    judged_by = Person(allow_null=True)
    added_by = Person()

    class Meta:
        model = Change
        fields = (
            "id", "incident", "happened_at", "kind", "title", "url", "service", "external_key", "source",
            "verdict", "reason", "judged_by", "judged_at", "added_by", "added_at",
        )  # fmt: skip


class SearchAnswer(Answer):
    stated_by = Person()

    class Meta:
        model = ChangeSearch
        fields = ("searched", "stated_by", "stated_at")


class _OfReview(Resource):
    """What belongs to one review that the caller may see."""

    tag = "reviews"
    ordering = ("id",)

    def review(self, name: str) -> Review:
        found: Review = one(access.reviews(self.request.user), public_id=name)
        return found


class Measurements(_OfReview):
    def visible(self) -> QuerySet[MetricSnapshot]:
        return MetricSnapshot.objects.filter(access.review_q(self.request.user, "step__review__"))

    def whole(self, rows: QuerySet[MetricSnapshot]) -> QuerySet[MetricSnapshot]:
        return rows.select_related("added_by")

    def find(self, **url: Any) -> Any:
        review = self.review(url["review"])
        if "measurement" not in url:
            return review
        return one(self.visible().filter(step__review=review), pk=url["measurement"])

    list = listing(
        "The measurements of step 2.",
        gives=MeasurementAnswer,
        rows=lambda view, *, review: view.visible().filter(step__review=view.review(review)),
    )
    take = creation(
        "Fetch a metric over a window from a data source and keep it as evidence of step 2.",
        snapshots.take,
        takes=Measurement,
        gives=MeasurementAnswer,
        of=True,
    )
    state = creation(
        "State a measurement of step 2 by hand; it is shown as stated, not fetched.",
        measurements.state,
        takes=Statement,
        gives=MeasurementAnswer,
        of=True,
    )
    remove = removal("Take a measurement off step 2.", measurements.remove)


def _report(incident: Incident, *, by: User, now: datetime, **facts: Any) -> Change:
    return changes.record(incident, source=Change.Source.API, by=by, now=now, **facts)


class Changes(Resource):
    """What changed around an incident."""

    tag = "changes"
    ordering = ("happened_at", "id")

    def visible(self) -> QuerySet[Change]:
        return Change.objects.filter(access.incident_q(self.request.user, "incident__"))

    def whole(self, rows: QuerySet[Change]) -> QuerySet[Change]:
        return rows.select_related("incident", "service", "judged_by", "added_by")

    def find(self, **url: Any) -> Any:
        incident = one(access.incidents(self.request.user), public_id=url["incident"])
        return one(incident.changes.all(), pk=url["change"]) if "change" in url else incident

    list = listing(
        "The changes around an incident, the earliest first.",
        gives=ChangeAnswer,
        takes=Page,
        rows=lambda view, *, incident: view.visible().filter(incident=view.find(incident=incident)),
    )
    report = creation(
        "Report a change around an incident. The same external_key again corrects it and never doubles it:"
        " 200, where a new one is 201.",
        _report,
        takes=ChangeFacts,
        gives=ChangeAnswer,
        of=True,
        is_new=lambda change, now: change.added_at == now,
    )
    edit = act(
        "Correct what is said of a change.",
        changes.edit,
        takes=ChangeFacts,
        gives=ChangeAnswer,
        partial=True,
    )
    judge = act(
        "Say what a change had to do with the incident, and why.",
        changes.judge,
        takes=Judgement,
        gives=ChangeAnswer,
    )
    remove = removal("Take a change back that was reported by mistake.", changes.remove)


class ChangeSearches(_OfReview):
    """The statement that no change was found."""

    def find(self, **url: Any) -> Review:
        return self.review(url["review"])

    def stated(self, *, review: str) -> ChangeSearch:
        found: ChangeSearch = one(self.whole(ChangeSearch.objects.all()), step__review=self.review(review))
        return found

    def whole(self, rows: QuerySet[ChangeSearch]) -> QuerySet[ChangeSearch]:
        return rows.select_related("stated_by")

    retrieve = detail("What was searched when no change was found.", gives=SearchAnswer, of=stated)
    state = creation(
        "State that no change explains what happened, and where one was searched for.",
        changes.state_none,
        takes=Search,
        gives=SearchAnswer,
        of=True,
    )
    withdraw = removal("Take the statement back that no change was found.", changes.withdraw_none)
