"""Evidence by API: the same refusals, nothing sealed or restricted, bytes only to be saved."""

import pytest
from django.conf import settings

from postmortem.models import EvidenceFile
from tests import factories, files
from tests.api.conftest import Caller, assert_problem


@pytest.fixture
def entry(member):
    incident = factories.resolved_incident(participants=[member.user, factories.user("Nia")])
    return factories.entry(factories.timeline(incident.participants.first()))


@pytest.fixture
def address(entry):
    return f"incidents/{entry.timeline.participant.incident}/timeline/entries/{entry.pk}/evidence"


def test_a_log_is_attached_fetched_and_taken_off(member, entry, address):
    made = member.upload(address, files.LOG, name="order.log")

    assert made.status_code == 201
    body = made.json()
    assert (body["entry"], body["label"], body["media_type"]) == (entry.pk, "order.log", "text/plain")
    assert (body["masked_count"], body["masked"]) == (1, [{"line": 1, "kind": "value"}])
    assert "hunter22" not in made.content.decode()
    content = member.get(f"evidence/{body['id']}/content")
    assert content["Content-Disposition"] == 'attachment; filename="order.log"'
    assert content["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert b"[masked]" in content.getvalue()
    assert member.get(f"evidence/{body['id']}").json()["sha256"] == body["sha256"]
    timeline = member.get(f"incidents/{entry.timeline.participant.incident}/timeline").json()
    assert [file["id"] for file in timeline["entries"][0]["evidence"]] == [body["id"]]
    assert member.delete(f"evidence/{body['id']}").status_code == 204
    assert_problem(member.get(f"evidence/{body['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04\x00", files.bomb(), files.picture()[:300], files.moving("GIF"), b"\xff\xfex\x00"],
    ids=["empty", "type", "bomb", "cut off", "moving", "UTF-16"],
)
def test_a_bad_file_is_refused_by_name(member, address, data):
    problem = assert_problem(member.upload(address, data), 400, "invalid")

    assert list(problem["errors"]) == ["file"]
    assert not EvidenceFile.objects.exists()


def test_a_form_that_is_none_is_refused(member, address):
    assert_problem(member.post(address, {"file": "x"}), 415, "unsupported_media_type")
    for body, kind, code in [
        (b"", "multipart/form-data; boundary=x", "invalid"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", None),
        (b"--x--", "multipart/form-data", None),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno file\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "invalid",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\ny\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "invalid",
        ),
    ]:
        response = member.client.generic("POST", f"/api/v1/{address}", body, kind)
        assert response.status_code == 400, (body, response.content)
        assert code is None or response.json()["code"] == code
    large = member.upload(address, b"x" * settings.UPLOAD_MAX_BYTES)
    assert_problem(large, 413, "too_large")
    assert not EvidenceFile.objects.exists()


def test_after_filing_a_file_stays(member, entry, address):
    file = member.upload(address, files.picture()).json()["id"]
    member.post(f"incidents/{entry.timeline.participant.incident}/timeline/file")

    assert_problem(member.upload(address, files.picture()), 409, "timeline_filed")
    assert_problem(member.delete(f"evidence/{file}"), 409, "timeline_filed")


def test_a_sealed_file_is_found_by_nobody_else(member, entry, address):
    file = member.upload(address, files.picture()).json()["id"]
    incident = entry.timeline.participant.incident
    other = Caller(incident.participants.last().user)

    for caller in (other, Caller(factories.user(role="administrator"))):
        assert_problem(caller.get(f"evidence/{file}"), 404, "not_found")
        assert_problem(caller.get(f"evidence/{file}/content"), 404, "not_found")
        assert_problem(caller.delete(f"evidence/{file}"), 404, "not_found")
        assert_problem(caller.upload(address, files.picture()), 404, "not_found")
        assert caller.get(f"incidents/{incident}/evidence").json()["items"] == []
    member.post(f"incidents/{incident}/timeline/file")
    assert [one["id"] for one in other.get(f"incidents/{incident}/evidence").json()["items"]] == [file]
    assert other.get(f"evidence/{file}/content").status_code == 200


def test_incident_and_step_take_files(member, django_assert_num_queries):
    incident = factories.resolved_incident()
    review = factories.review(incidents=[incident], is_open=True)

    assert member.upload(f"incidents/{incident}/evidence", files.picture()).status_code == 201
    assert member.upload(f"reviews/{review}/steps/phenomenon/evidence", files.PDF).status_code == 201
    for count in (1, 3):
        while EvidenceFile.objects.filter(incident=incident).count() < count:
            factories.evidence_file(incident)
        with django_assert_num_queries(3):
            assert len(member.get(f"incidents/{incident}/evidence").json()["items"]) == count


def test_file_that_is_larger_than_what_is_kept_is_too_large(member, address):
    problem = assert_problem(
        member.upload(address, b"x" * (settings.EVIDENCE_MAX_BYTES + 1), name="a.txt"), 413, "too_large"
    )

    assert list(problem["errors"]) == ["file"]
