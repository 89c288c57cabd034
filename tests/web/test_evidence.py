"""Evidence files on pages: sent to whom they are open, harmless in a browser, attached and taken off."""

from io import BytesIO

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from postmortem.models import EvidenceFile
from tests import factories, files

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def upload(data: bytes, name: str = "screen.png") -> dict:
    return {"file": SimpleUploadedFile(name, data, content_type="image/png")}


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def entry(ada):
    incident = factories.resolved_incident(participants=[ada, factories.user("Nia")])
    return factories.entry(factories.timeline(incident.participants.first()))


def test_a_picture_is_attached_and_shown(ada, entry):
    client = client_of(ada)

    response = client.post(f"/entries/{entry.pk}/attach", upload(files.picture()))

    file = EvidenceFile.objects.get()
    assert response.status_code == 302
    page = client.get(response.url.partition("#")[0]).text
    assert f'src="/evidence/{file.pk}/thumbnail"' in page
    whole, small = client.get(f"/evidence/{file.pk}/"), client.get(f"/evidence/{file.pk}/thumbnail")
    assert (whole["Content-Type"], small["Content-Type"]) == ("image/png", "image/webp")
    assert Image.open(BytesIO(whole.getvalue())).size == (640, 360)
    for answer in (whole, small):
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"] == 'inline; filename="screen.png"'
        assert answer["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize(
    ("data", "name", "content_type", "disposition"),
    [
        (files.LOG, "order.log", "text/plain; charset=utf-8", 'inline; filename="order.log"'),
        (files.SVG, "x.png", "application/octet-stream", 'attachment; filename="x.svg"'),
        (
            files.HTML,
            "日志.log",
            "application/octet-stream",
            "attachment; filename*=utf-8''%E6%97%A5%E5%BF%97.html",
        ),
        (files.PDF, "plan", "application/pdf", 'attachment; filename="plan.pdf"'),
    ],
)
def test_nothing_that_could_run_is_shown(ada, entry, data, name, content_type, disposition):
    client = client_of(ada)
    client.post(f"/entries/{entry.pk}/attach", upload(data, name))

    answer = client.get(f"/evidence/{EvidenceFile.objects.get().pk}/")

    assert (answer["Content-Type"], answer["Content-Disposition"]) == (content_type, disposition)
    assert client.get(f"/evidence/{EvidenceFile.objects.get().pk}/thumbnail").status_code == 404


def test_what_was_masked_is_said(ada, entry):
    client = client_of(ada)

    response = client.post(f"/entries/{entry.pk}/attach", upload(files.LOG, "order.log"), follow=True)

    assert "1 secret was masked before anything was stored: a secret value in line 1." in response.text
    assert "hunter22" not in response.text
    assert "连接池耗尽" in response.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (files.bomb(), "too many pixels"),
        (files.picture()[:200], "damaged or cut off"),
        (b"", "The file is empty."),
        (b"PK\x03\x04\x00\x01", "Files of this type are not kept"),
        (b"x" * 10_100_000, "too large"),
    ],
    ids=["bomb", "cut off", "empty", "type", "large"],
)
def test_a_refused_file_names_the_field(ada, entry, data, words):
    response = client_of(ada).post(f"/entries/{entry.pk}/attach", upload(data))

    assert response.status_code == 422
    assert words in response.text
    assert "file" in response.context["form"].errors
    assert not EvidenceFile.objects.exists()


def test_a_body_over_the_bound_is_refused_before_it_is_read(ada, entry):
    response = client_of(ada).post(f"/entries/{entry.pk}/attach", upload(b"x" * settings.UPLOAD_MAX_BYTES))

    assert response.status_code == 413
    assert "11 MB" in response.text


def test_a_form_elsewhere_takes_no_more_than_before(ada):
    response = client_of(ada).post("/incidents/new", upload(b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE))

    assert response.status_code == 413


def test_a_file_that_was_cut_off_on_its_way_is_refused(ada, entry):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.log"\r\n\r\nhalf a log'

    response = client_of(ada).post(
        f"/entries/{entry.pk}/attach", data=body, content_type="multipart/form-data; boundary=x"
    )

    assert response.status_code == 400


def test_a_sealed_file_does_not_exist_for_anybody_else(ada, entry):
    file = factories.evidence_file(entry, thumbnail=b"small")
    other = entry.timeline.participant.incident.participants.last().user
    for person in (other, factories.user(role="administrator")):
        for address in ("", "thumbnail", "remove"):
            assert client_of(person).get(f"/evidence/{file.pk}/{address}").status_code == 404
        assert client_of(person).post(f"/entries/{entry.pk}/attach", upload(files.LOG)).status_code == 404
        page = client_of(person).get(f"/incidents/{entry.timeline.participant.incident}/").text
        assert f"/evidence/{file.pk}/" not in page
    assert client_of(ada).get(f"/evidence/{file.pk}/").status_code == 200

    client_of(ada).post(f"/incidents/{entry.timeline.participant.incident}/timeline/file")
    assert client_of(other).get(f"/evidence/{file.pk}/").status_code == 200
    assert (
        f"/evidence/{file.pk}/thumbnail"
        in client_of(other).get(f"/incidents/{entry.timeline.participant.incident}/").text
    )


def test_a_file_of_a_restricted_incident_does_not_exist_for_strangers():
    incident = factories.incident(is_restricted=True, participants=[factories.user()])
    file = factories.evidence_file(incident)

    assert client_of(factories.user()).get(f"/evidence/{file.pk}/").status_code == 404
    assert client_of(incident.people.get()).get(f"/evidence/{file.pk}/").status_code == 200


def test_files_of_an_incident_and_of_a_step(ada):
    incident = factories.resolved_incident()
    review = factories.review(incidents=[incident], is_open=True)
    client = client_of(ada)

    client.post(f"/incidents/{incident}/attach", upload(files.picture("JPEG"), "grafana.jpg"))
    client.post(f"/reviews/{review}/steps/metric_anomaly/attach", upload(files.PDF, "plan.pdf"))

    of_incident, of_step = EvidenceFile.objects.order_by("pk")
    assert (of_incident.incident, of_step.step.kind) == (incident, "metric_anomaly")
    assert "plan.pdf" in client.get(f"/reviews/{review}/").text
    assert "grafana.jpg" in client.get(f"/incidents/{incident}/").text
    client.post(f"/evidence/{of_incident.pk}/remove")
    assert "grafana.jpg" not in client.get(f"/incidents/{incident}/").text
    viewer = client_of(factories.user(role="viewer"))
    assert viewer.post(f"/incidents/{incident}/attach", upload(files.LOG)).status_code == 403


def test_a_file_whose_bytes_are_lost_is_not_found(ada, entry):
    file = factories.evidence_file(entry)
    from postmortem import vault

    vault.discard([file.stored_as])

    assert client_of(ada).get(f"/evidence/{file.pk}/").status_code == 404
