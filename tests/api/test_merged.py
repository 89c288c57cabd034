"""The merged timeline as a table and a document: by the filters of the page, with nothing hidden."""

import csv
import io
from datetime import timedelta

import pytest

from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.factories import HOUR, NOW

EXPORTS = [".csv", ".md"]


@pytest.fixture
def incident(member):
    member.user.time_zone = "Asia/Shanghai"
    member.user.save()
    found = factories.resolved_incident(
        "Orders fail",
        started_at=NOW - 5 * HOUR,
        detected_at=None,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=NOW - HOUR,
    )
    timeline = factories.filed_timeline(factories.participant(found, factories.user("Bo")))
    timeline.entries.all().delete()
    factories.entry(
        timeline, "Pager", kind="alert", happened_at=NOW - 4 * HOUR, zone="Europe/Berlin", is_starred=True
    )
    factories.entry(timeline, "=kubectl get pods", kind="command", happened_at=NOW - 3 * HOUR)
    return found


def rows_of(answer) -> list[dict[str, str]]:
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_table_has_every_event_and_no_formula(member, incident):
    rows = rows_of(member.get(f"incidents/{incident}/merged-timeline.csv"))

    assert [(row["milestone"], row["kind"], row["text"]) for row in rows] == [
        ("started", "milestone", ""),
        ("", "alert", "Pager"),
        ("", "command", "'=kubectl get pods"),
        ("resolved", "milestone", ""),
    ]
    assert {row["incident"] for row in rows} == {str(incident)}


@pytest.mark.parametrize(
    ("zone", "alert"),
    [
        ({}, ("Asia/Shanghai", "2026-11-20 16:00:00")),
        ({"zone": "mine"}, ("Asia/Shanghai", "2026-11-20 16:00:00")),
        ({"zone": "utc"}, ("UTC", "2026-11-20 08:00:00")),
        ({"zone": "written"}, ("Europe/Berlin", "2026-11-20 09:00:00")),
    ],
)
def test_times_stand_in_the_zone_asked_for(member, incident, zone, alert):
    rows = rows_of(member.get(f"incidents/{incident}/merged-timeline.csv", **zone))

    assert [(row["zone"], row["local_time"]) for row in rows if row["kind"] == "alert"] == [alert]
    assert {row["at_utc"] for row in rows if row["kind"] == "alert"} == {"2026-11-20T08:00:00Z"}


def test_document_reads_as_the_page_does(member, incident):
    answer = member.get(f"incidents/{incident}/merged-timeline.md", zone="utc")

    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.content.decode().startswith(f"# Timeline of {incident}: Orders fail\n")
    assert "- **08:00:00 UTC** · Bo · Alert · ★" in answer.content.decode()
    assert "*1 h without an entry*" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"kind": "command"}, ["command"]),
        ({"starred": "true"}, ["alert"]),
        ({"marker": "repair"}, []),
    ],
)
def test_exports_are_narrowed_as_the_timeline_is(member, incident, query, shown):
    rows = rows_of(member.get(f"incidents/{incident}/merged-timeline.csv", **query))
    text = member.get(f"incidents/{incident}/merged-timeline.md", **query).content.decode()

    assert [row["kind"] for row in rows if row["kind"] != "milestone"] == shown
    assert ("Pager" in text, "kubectl" in text) == ("alert" in shown, "command" in shown)


def test_person_who_is_not_there_is_named(member, incident):
    answer = member.get(f"incidents/{incident}/merged-timeline.csv", person=2**40)

    assert list(assert_problem(answer, 400, "invalid")["errors"]) == ["person"]


def test_review_exports_all_of_its_incidents(member, incident):
    other = factories.resolved_incident("Mail fails", started_at=NOW - 4 * HOUR)
    factories.filed_timeline(factories.participant(other), text="Queue at 9000")
    review = factories.review("Orders and mail", incidents=[incident, other])

    rows = rows_of(member.get(f"reviews/{review}/merged-timeline.csv"))
    text = member.get(f"reviews/{review}/merged-timeline.md").content.decode()

    assert {row["incident"] for row in rows} == {str(incident), str(other)}
    assert "Queue at 9000" in text
    assert "Pager" in text


@pytest.mark.parametrize("export", EXPORTS)
def test_what_is_sealed_is_in_no_export(member, incident, export):
    author = factories.user("Cy")
    timeline = factories.timeline(factories.participant(incident, author))
    factories.entry(timeline, "A sealed word", milestone="detected", happened_at=NOW - 4 * HOUR)
    review = factories.review(incidents=[incident])

    for path in (f"incidents/{incident}", f"reviews/{review}"):
        hidden = member.get(f"{path}/merged-timeline{export}").content.decode()
        own = Caller(author).get(f"{path}/merged-timeline{export}").content.decode()
        assert "sealed word" not in hidden
        assert "Cy" not in hidden
        assert "sealed word" in own


@pytest.mark.parametrize("export", EXPORTS)
def test_restricted_incident_has_no_exports_for_strangers(member, export):
    hidden = factories.incident(is_restricted=True)
    review = factories.review(incidents=[hidden])

    for path in (f"incidents/{hidden}", f"reviews/{review}"):
        assert_problem(member.get(f"{path}/merged-timeline{export}"), 404, "not_found")


@pytest.mark.parametrize("export", EXPORTS)
def test_what_makes_no_sense_is_refused_by_name(member, incident, export):
    for query in ({"zone": "Mars"}, {"kind": "gossip"}, {"person": "x"}, {"since": "x"}):
        problem = assert_problem(
            member.get(f"incidents/{incident}/merged-timeline{export}", **query), 400, "invalid"
        )
        assert set(problem["errors"]) == set(query)


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("count", [1, 3])
def test_export_costs_the_same_queries_for_any_number_of_entries(
    member, incident, export, count, django_assert_num_queries
):
    timeline = incident.participants.get().timeline
    for number in range(count):
        entry = factories.entry(
            timeline, f"Note {number}", happened_at=NOW - 2 * HOUR + timedelta(minutes=number)
        )
        factories.evidence_file(entry)

    with django_assert_num_queries(6 if export == ".md" else 5):
        assert member.get(f"incidents/{incident}/merged-timeline{export}").status_code == 200
