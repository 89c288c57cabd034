"""The page of the merged timeline and its exports: filters in the address, three zones, nothing sealed."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def ada():
    return factories.user("Ada", time_zone="Asia/Shanghai")


@pytest.fixture
def bo():
    return factories.user("Bo")


@pytest.fixture
def incident(ada, bo):
    return factories.resolved_incident(
        "Orders fail", started_at=at(6), detected_at=at(6, 2), acknowledged_at=None, mitigated_at=None,
        resolved_at=at(7), participants=[ada, bo],
    )  # fmt: skip


@pytest.fixture
def entries(ada, bo, incident):
    mine, theirs = incident.participants.order_by("id")
    one = factories.filed_timeline(mine)
    one.entries.all().delete()
    other = factories.filed_timeline(theirs)
    other.entries.all().delete()
    first = factories.entry(
        one, "Pool at 247", happened_at=at(6, 5), zone="Europe/Berlin", is_starred=True, milestone="detected"
    )
    second = factories.entry(
        other, "=kubectl get `pods`\n```", happened_at=at(17), kind="command", marker="diagnosis"
    )
    factories.evidence_file(first, thumbnail=b"small", label="grafana.png")
    return first, second


def test_page_shows_days_gaps_milestones_pictures_and_where_accounts_differ(ada, incident, entries):
    page = client_of(ada).get(f"/incidents/{incident}/merged/").text

    assert "2 Mar 2026" in page
    assert "3 Mar 2026" in page
    assert ">14:05:00<" in page
    assert "55 min without an entry" in page
    assert "Where accounts differ" in page
    assert "+3 min" in page
    assert f'src="/evidence/{entries[0].evidence.get().pk}/thumbnail"' in page


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("kind=command", "kubectl", "Pool at"),
        ("starred=1", "Pool at", "kubectl"),
        ("marker=diagnosis", "kubectl", "Pool at 247<"),
        ("kind=dream&person=x&marker=x&starred=7&zone=x", "kubectl", "Nothing fits"),
        ("kind=log", "Nothing fits these filters", "kubectl"),
    ],
)
def test_filters_stand_in_the_address(ada, incident, entries, query, shown, hidden):
    page = client_of(ada).get(f"/incidents/{incident}/merged/?{query}").text
    timeline = page[page.index('aria-label="Merged timeline"') :]

    assert shown in timeline
    assert hidden not in timeline


def test_one_person_is_chosen(ada, bo, incident, entries):
    page = client_of(ada).get(f"/incidents/{incident}/merged/?person={bo.pk}").text

    assert "kubectl" in page
    assert f'id="entry-{entries[0].pk}"' not in page


@pytest.mark.parametrize(("zone", "clock"), [("", "14:05:00"), ("utc", "06:05:00"), ("written", "07:05:00")])
def test_zone_is_switched(ada, incident, entries, zone, clock):
    page = client_of(ada).get(f"/incidents/{incident}/merged/?zone={zone}").text

    assert f">{clock}<" in page
    assert ("<small>Europe/Berlin</small>" in page) == (zone == "written")


def test_sealed_entries_are_in_no_page_and_no_export(ada, incident):
    factories.entry(factories.timeline(incident.participants.last()), "A sealed word", milestone="detected")
    reader = client_of(factories.user(role="administrator"))

    for address in ("", "export.csv", "export.md"):
        answer = reader.get(f"/incidents/{incident}/merged/{address}")
        assert answer.status_code == 200
        assert "A sealed word" not in answer.getvalue().decode()
        assert ">Bo<" not in answer.getvalue().decode()
        assert "Where accounts differ" not in answer.getvalue().decode()
    own = client_of(incident.participants.last().user).get(f"/incidents/{incident}/merged/").text
    assert "A sealed word" in own


def test_restricted_incident_has_no_merged_timeline_for_strangers(ada):
    incident = factories.incident(is_restricted=True)
    review = factories.review(incidents=[incident])

    for address in ("", "export.csv", "export.md"):
        for base in (f"/incidents/{incident}", f"/reviews/{review}"):
            assert client_of(ada).get(f"{base}/merged/{address}").status_code == 404


def test_csv_has_what_the_page_has(ada, incident, entries):
    answer = client_of(ada).get(f"/incidents/{incident}/merged/export.csv?kind=command")

    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row["milestone"] for row in rows[:3]] == ["started", "detected", "resolved"]
    assert rows[3] == {
        "incident": str(incident), "at_utc": "2026-03-02T17:00:00Z", "zone": "Asia/Shanghai",
        "local_time": "2026-03-03 01:00:00", "person": "Bo", "kind": "command", "marker": "diagnosis",
        "milestone": "", "starred": "", "text": "'=kubectl get `pods`\n```", "files": "",
    }  # fmt: skip
    assert len(rows) == 4


def test_markdown_reads_as_it_was_written(ada, incident, entries):
    factories.entry(entries[0].timeline, "# not a *heading*\n1. not <b>a</b> list", happened_at=at(6, 6))

    text = client_of(ada).get(f"/incidents/{incident}/merged/export.md").text

    assert text.startswith(f"# Timeline of {incident}: Orders fail\n")
    assert "## 2026-03-03" in text
    assert "- **14:05:00 Asia/Shanghai** · Ada · Note · Detected · ★" in text
    assert "  ````text\n  =kubectl get `pods`\n  ```\n  ````" in text
    assert "  \\# not a \\*heading\\*  \n  \\1. not \\<b\\>a\\</b\\> list" in text
    assert "grafana.png (`sha256:" in text
    assert "Ada: 2026-03-02 06:05:00 UTC (+3 min)" in text


def test_incidents_of_one_review_stand_together(ada, incident, entries):
    other = factories.resolved_incident("Mail fails", started_at=at(5), resolved_at=at(8))
    factories.filed_timeline(factories.participant(other), text="Queue at 9000")
    review = factories.review("Orders and mail", incidents=[incident, other])

    page = client_of(ada).get(f"/reviews/{review}/merged/").text

    assert "Queue at 9000" in page
    assert "Pool at 247" in page
    assert f'href="/incidents/{other}/"' in page
    assert client_of(ada).get(f"/reviews/{review}/merged/export.md").text.count(str(other)) >= 2


@pytest.mark.parametrize("count", [1, 200])
def test_page_takes_the_same_queries_for_any_number_of_entries(
    ada, incident, entries, count, django_assert_num_queries
):
    for number in range(count):
        factories.entry(entries[0].timeline, str(number), happened_at=at(6, 7))
    client = client_of(ada)

    with django_assert_num_queries(8):
        assert client.get(f"/incidents/{incident}/merged/").status_code == 200
