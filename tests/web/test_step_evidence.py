"""The facts that stand beside the texts of each step of a review."""

from datetime import timedelta

import pytest
from django.utils import timezone

from postmortem.models import Change, ChangeSearch, Entry, MetricSnapshot, Review
from tests import factories
from tests.web.test_reviews import client_of, step_address, texts

pytestmark = pytest.mark.django_db


@pytest.fixture
def review() -> Review:
    incident = factories.resolved_incident(
        impact_minutes=5, failure_percent="38", loss_amount="1200000", loss_currency="CNY"
    )
    return factories.review(incidents=[incident], is_open=True)


def test_the_impact_stands_beside_the_phenomenon(review):
    page = client_of(factories.user()).get(f"/reviews/{review.public_id}/").content.decode()

    shown = page.partition('id="step-phenomenon"')[2].partition('id="step-metric_anomaly"')[0]
    assert f"Impact of {review.incidents.get().public_id}" in shown
    assert "5 min" in shown
    assert "38 %" in shown
    assert "CNY 1,200,000" in shown


def test_starred_entries_lead_to_their_place_in_the_timeline(review):
    incident = review.incidents.get()
    filed = factories.filed_timeline(factories.participant(incident, factories.user("Ada")))
    factories.entry(filed, "Pager: orders fail.", is_starred=True)
    factories.entry(filed, "Made tea.")
    star = Entry.objects.get(is_starred=True)

    response = client_of(factories.user()).get(f"/reviews/{review.public_id}/")

    assert [one.entry for one in response.context["starred"]] == [star]
    assert f'/incidents/{incident.public_id}/#entry-{star.pk}"' in response.content.decode()


def test_starred_entries_of_a_sealed_timeline_stay_sealed_even_to_their_author(review):
    author = factories.user("Ada")
    sealed = factories.timeline(factories.participant(review.incidents.get(), author))
    factories.entry(sealed, "Nobody knows this yet.", is_starred=True)

    for reader in (author, factories.user(role="administrator")):
        page = client_of(reader).get(f"/reviews/{review.public_id}/").content.decode()
        assert "Nobody knows this yet." not in page


# --- step 2: measurements ---------------------------------------------------------------------------------

WINDOW = {"window_start": "2026-11-19T12:00", "window_end": "2026-11-19T12:10"}


def test_a_fetched_measurement_is_a_chart_with_its_figures_and_the_impact_shaded(review):
    factories.fetched_measurement(
        review, ["90", "200", "NaN", "95"], title="Threads <b>connected</b>", value=200.0, unit="threads"
    )

    page = (
        client_of(factories.user()).get(f"/reviews/{review.public_id}/?step=metric_anomaly").content.decode()
    )

    shown = page.partition('id="step-metric_anomaly"')[2].partition('id="step-change_correlation"')[0]
    assert "Threads &lt;b&gt;connected&lt;/b&gt;" in shown
    assert "200 threads" in shown
    assert "Fetched and frozen" in shown
    assert '<rect class="shade"' in shown
    assert 'class="line series-1"' in shown
    assert "{service=&quot;order&quot;}" in shown
    assert "max(threads_connected)" in shown


def test_reading_a_measurement_asks_no_server(review):
    """The network is blocked in tests, and the source is gone besides."""
    factories.fetched_measurement(review, source_name="Long gone")

    page = client_of(factories.user()).get(f"/reviews/{review.public_id}/")

    assert page.status_code == 200
    assert "Long gone" in page.content.decode()


def test_a_metric_is_tried_then_fetched_and_kept(review, prometheus):
    prometheus.show("page_threads", 42)
    source = factories.data_source("Cell 1", base_url=prometheus.url)
    now = timezone.now()
    data = {
        "source": source.pk,
        "promql": "page_threads",
        "window_start": (now - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S"),
        "window_end": (now + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    client, address = client_of(factories.user()), f"/reviews/{review.public_id}/measurements"

    tried = client.post(f"{address}/try", data)
    assert "What would be kept" in tried.content.decode()
    assert not MetricSnapshot.objects.exists()
    wrong = client.post(f"{address}/try", data | {"promql": "sum("})
    assert "Prometheus refuses the expression" in wrong.content.decode()
    kept = client.post(f"{address}/fetch", data | {"title": "Threads", "value": "42", "unit": "threads"})

    assert kept.url == f"/reviews/{review.public_id}/?step=metric_anomaly#step-metric_anomaly"
    snapshot = MetricSnapshot.objects.get()
    assert (snapshot.is_fetched, snapshot.source_name, snapshot.value) == (True, "Cell 1", 42.0)


def test_a_source_that_does_not_answer_keeps_what_was_typed(review):
    source = factories.data_source(base_url="http://127.0.0.1:1")
    data = WINDOW | {"source": source.pk, "promql": "up", "title": "Kept title"}

    response = client_of(factories.user()).post(f"/reviews/{review.public_id}/measurements/fetch", data)

    assert response.status_code == 422
    assert "The data source could not be asked" in response.content.decode()
    assert "Kept title" in response.content.decode()


def test_a_value_is_stated_by_hand_and_removed(review):
    client, address = client_of(factories.user()), f"/reviews/{review.public_id}/measurements"
    data = WINDOW | {"title": "Refused", "value": "47", "unit": "per second", "source_name": "A dashboard"}

    form = client.get(f"{address}/state").context["form"]
    assert form["window_start"].value() is not None
    client.post(f"{address}/state", data)

    snapshot = MetricSnapshot.objects.get()
    page = client.get(f"/reviews/{review.public_id}/?step=metric_anomaly").content.decode()
    assert "Stated, not fetched" in page
    assert "47 per second" in page
    assert client.get(f"/measurements/{snapshot.pk}/remove").status_code == 200
    client.post(f"/measurements/{snapshot.pk}/remove")
    assert not MetricSnapshot.objects.exists()


def test_under_a_signature_the_buttons_are_gone_and_the_acts_refused(review):
    snapshot = factories.measurement(review)
    change = factories.change(review.incidents.get(), verdict="cleared", reason="x")
    for step in review.steps.all()[:3]:
        factories.signed(step)
    client, here = client_of(factories.user()), f"/reviews/{review.public_id}/"

    page = client.get(here).content.decode()

    for act in ("/measurements/", f"/changes/{change.pk}/", "/changes/new", "/no-change"):
        assert act not in page
    data = WINDOW | {"title": "Late", "value": "1"}
    assert client.post(f"{here}measurements/state", data).status_code == 422
    assert client.post(f"/measurements/{snapshot.pk}/remove").status_code == 409
    assert client.post(f"/changes/{change.pk}/remove").status_code == 409
    assert MetricSnapshot.objects.exists()


# --- step 3: changes --------------------------------------------------------------------------------------


def test_changes_stand_in_order_with_their_distance_to_the_impact(review):
    incident = review.incidents.get()
    start = incident.started_at
    factories.change(incident, "After", happened_at=start + timedelta(minutes=2))
    factories.change(incident, "Long before", happened_at=start - timedelta(hours=9))
    factories.change(incident, "Just before", happened_at=start - timedelta(minutes=4))

    page = client_of(factories.user()).get(f"/reviews/{review.public_id}/").content.decode()

    shown = page.partition('id="changes"')[2].partition('id="step-root_cause"')[0]
    order = [shown.index(words) for words in ("Long before", "Just before", " began", ">After")]
    assert order == sorted(order)
    assert "4 min before" in shown
    assert "2 min after" in shown


def test_a_change_is_added_settled_edited_and_removed(review):
    incident = review.incidents.get()
    client, address = client_of(factories.user()), f"/incidents/{incident.public_id}/changes/new"
    data = {
        "title": "order 1.4.2",
        "kind": "deploy",
        "happened_at": "2026-11-19T11:56",
        "service": "",
        "url": "",
    }

    assert client.get(address).status_code == 200
    assert client.post(address, data).url.endswith("?step=change_correlation#step-change_correlation")
    change = Change.objects.get()
    assert (
        client.post(f"/changes/{change.pk}/judge", {"verdict": "culprit", "reason": " "}).status_code == 422
    )
    client.post(f"/changes/{change.pk}/judge", {"verdict": "culprit", "reason": "Rolled back, errors end."})
    client.post(f"/changes/{change.pk}/edit", data | {"title": "order 1.4.3"})

    change.refresh_from_db()
    assert (change.verdict, change.title, change.source) == ("culprit", "order 1.4.3", "person")
    bad = client.post(f"/changes/{change.pk}/edit", data | {"url": "javascript:alert(1)"})
    assert list(bad.context["form"].errors) == ["url"]
    client.post(f"/changes/{change.pk}/remove")
    assert not Change.objects.exists()


def test_a_change_around_an_incident_without_a_review_leads_back_to_the_incident():
    incident = factories.resolved_incident()
    data = {"title": "x", "kind": "flag", "happened_at": "2026-11-19T11:56", "service": "", "url": ""}

    response = client_of(factories.user()).post(f"/incidents/{incident.public_id}/changes/new", data)

    assert response.url == f"/incidents/{incident.public_id}/"


def test_none_found_is_stated_and_taken_back(review):
    client, here = client_of(factories.user()), f"/reviews/{review.public_id}/"

    client.post(f"{here}no-change", {"searched": "Deploys of order, two days back."})
    assert "Deploys of order, two days back." in client.get(here).content.decode()
    factories.change(review.incidents.get())
    refused = client.post(f"{here}no-change", {"searched": "Again."})
    client.post(f"{here}no-change/withdraw")

    assert refused.status_code == 422
    assert not ChangeSearch.objects.exists()


def test_a_suspect_that_is_left_stops_the_signature_and_is_named(review):
    for step in review.steps.all()[:2]:
        factories.signed(step)
    third = review.steps.get(position=3)
    factories.change(review.incidents.get(), "order 1.4.2")

    response = client_of(factories.user()).post(
        step_address(review, 3, "sign"), texts(third, "The deploy began it.", ""), follow=True
    )

    assert "Settle what these changes had to do with it: “order 1.4.2”." in response.content.decode()


# --- who sees it ------------------------------------------------------------------------------------------


def test_evidence_of_a_restricted_incident_does_not_exist_for_strangers():
    ada = factories.user("Ada")
    incident = factories.resolved_incident("Secret", is_restricted=True, participants=[ada])
    review = factories.review(incidents=[incident], is_open=True)
    snapshot, change = factories.measurement(review), factories.change(incident)
    stranger, here = client_of(factories.user(role="facilitator")), f"/reviews/{review.public_id}/"

    addresses = [f"{here}measurements/{act}" for act in ("fetch", "state")]
    addresses += [f"/changes/{change.pk}/{act}" for act in ("edit", "judge", "remove")]
    addresses += [f"{here}no-change", f"{here}no-change/withdraw", f"/measurements/{snapshot.pk}/remove"]
    addresses.append(f"/incidents/{incident.public_id}/changes/new")
    for address in addresses:
        assert stranger.get(address).status_code == 404, address
        assert client_of(ada).get(address).status_code == 200, address
    assert stranger.post(f"{here}measurements/try", {}).status_code == 404


def test_viewers_are_offered_nothing_to_change(review):
    snapshot, change = factories.measurement(review), factories.change(review.incidents.get())
    viewer, here = client_of(factories.user(role="viewer")), f"/reviews/{review.public_id}/"

    page = viewer.get(here).content.decode()

    assert "Threads connected" in page
    assert "order 1.4.2" in page
    for act in ("/measurements/", f"/changes/{change.pk}/", "/changes/new", "/no-change"):
        assert act not in page
    for address in (f"{here}measurements/fetch", f"{here}no-change", f"/changes/{change.pk}/judge"):
        assert viewer.get(address).status_code == 403
    assert viewer.post(f"/measurements/{snapshot.pk}/remove").status_code == 403


def test_vague_words_about_changes_are_marked_where_they_stand(review):
    incident = review.incidents.get()
    change = factories.change(incident, verdict="cleared", reason="It was probably <b>another</b> cell.")
    factories.change_search(review, "Maybe the deploys")
    client = client_of(factories.user())

    page = client.get(f"/reviews/{review.public_id}/?step=change_correlation").text
    part = page[page.index('id="step-change_correlation"') : page.index('id="step-root_cause"')]

    assert "2 vague words" in part
    assert "It was <mark>probably</mark> &lt;b&gt;another&lt;/b&gt; cell." in part
    assert "<mark>Maybe</mark> the deploys" in part
    # The same stands under the field while it is written.
    judged = client.get(f"/changes/{change.pk}/judge").text
    assert "<mark>probably</mark>" in judged
    assert "Blocks the signature." in judged
    factories.signed(review.steps.get(kind="change_correlation"))
    assert "<mark>" not in client.get(f"/reviews/{review.public_id}/").text
