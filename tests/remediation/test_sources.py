"""Data sources are named by administrators, and their addresses hold no secret."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from django.db import IntegrityError

from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import sources, verification
from remediation.models import CheckRun, DataSource
from remediation.probes.access import Access
from remediation.probes.addresses import AddressRefused
from tests import factories

NOW = factories.NOW


@pytest.fixture
def ada(db):
    return factories.user("Ada", role="administrator")


def test_source_is_added_and_the_trail_knows_by_whom(ada):
    source = sources.add(name=" Cell 1 ", base_url="https://prometheus.example.org/cell/ ", by=ada, now=NOW)

    assert (source.name, source.base_url) == ("Cell 1", "https://prometheus.example.org/cell")
    assert [(entry.act, entry.actor) for entry in trail.of(source)] == [("data_sources.add", ada)]


def test_source_is_edited(ada):
    source = factories.data_source("Cell 1")

    sources.edit(source, base_url="http://10.0.0.7:9090", by=ada, now=NOW)

    source.refresh_from_db()
    assert (source.name, source.base_url) == ("Cell 1", "http://10.0.0.7:9090")


@pytest.mark.parametrize("role", ["viewer", "member", "governor"])
def test_only_an_administrator_names_sources(db, role):
    somebody, source = factories.user(role=role), factories.data_source()

    with pytest.raises(NotAllowed):
        sources.add(name="x", base_url="http://10.0.0.7", by=somebody, now=NOW)
    with pytest.raises(NotAllowed):
        sources.edit(source, name="x", by=somebody, now=NOW)

    assert DataSource.objects.get() == source


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "Taken"}, "name"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "prometheus:9090"}, "base_url"),
        ({"base_url": "ftp://10.0.0.7"}, "base_url"),
        ({"base_url": "http://me:secret@10.0.0.7"}, "base_url"),
        ({"base_url": "http://10.0.0.7?token=secret"}, "base_url"),
        ({"base_url": "http://10.0.0.7#x"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"base_url": "http://169.254.169.254/"}, "base_url"),
        ({"base_url": "http://[fe80::1]:9090"}, "base_url"),
        ({"base_url": "http://0.0.0.0:9090"}, "base_url"),
    ],
)
def test_wrong_value_is_refused_by_its_field(ada, fields, field):
    factories.data_source("Taken")

    with pytest.raises(Invalid) as refusal:
        sources.add(**{"name": "Cell 1", "base_url": "http://10.0.0.7"} | fields, by=ada, now=NOW)

    assert refusal.value.field == field
    assert DataSource.objects.count() == 1


def test_own_name_is_not_taken(ada):
    source = factories.data_source("Cell 1")

    sources.edit(source, name="Cell 1", base_url="http://10.0.0.8", by=ada, now=NOW)

    assert DataSource.objects.get().base_url == "http://10.0.0.8"


BEARER = {"auth": "bearer", "credential": "tok-1"}
HOST = "https://p.example.org"


@pytest.fixture
def signed(ada):
    return sources.add(name="Signed", base_url=HOST, **BEARER, by=ada, now=NOW)


def test_source_signs_in(ada, signed):
    basic = sources.add(
        name="Basic", base_url=HOST, auth="basic", username="me", credential="päss", by=ada, now=NOW
    )

    assert sources.access_of(signed).authorization == "Bearer tok-1"
    assert sources.access_of(basic).authorization == "Basic bWU6cMOkc3M="
    assert sources.access_of(factories.data_source("Open")).authorization == ""


@pytest.mark.parametrize(
    "change", [{"name": "New"}, {"credential": "", "is_enabled": True}, {"networks": ["10.0.0.0/8"]}]
)
def test_credential_stays_when_it_goes_to_the_same_place(ada, signed, change):
    sources.edit(signed, **change, by=ada, now=NOW)

    assert sources.access_of(DataSource.objects.get()).authorization == "Bearer tok-1"


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://evil.example.org"},
        {"base_url": "https://p.example.org:8443"},
        {"base_url": "http://p.example.org"},
        {"auth": "basic", "username": "me"},
        {"is_tls_verified": False},
    ],
)
def test_credential_is_forgotten_when_it_could_go_elsewhere(ada, signed, change):
    sources.edit(signed, **change, by=ada, now=NOW)

    source = DataSource.objects.get()
    assert (source.auth, bool(source.credential)) == ("none", False)


def test_new_credential_goes_with_a_new_address(ada, signed):
    sources.edit(signed, base_url="https://q.example.org", credential="tok-2", by=ada, now=NOW)

    assert sources.access_of(DataSource.objects.get()).authorization == "Bearer tok-2"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"auth": "bearer"}, "credential"),
        ({"auth": "bearer", "credential": "a\nb"}, "credential"),
        ({"auth": "bearer", "credential": "ключ"}, "credential"),
        ({"auth": "basic", "credential": "x"}, "username"),
        ({"auth": "basic", "credential": "x", "username": "a:b"}, "username"),
        ({"credential": "x"}, "auth"),
        ({"auth": "digest"}, "auth"),
        ({"ca_certificates": "nonsense"}, "ca_certificates"),
        ({"networks": ["10.0.0.0/99"]}, "networks"),
        ({"networks": ["10.0.0.0/8"] * 21}, "networks"),
        ({"base_url": "http://10.0.0.7:6379"}, "base_url"),
    ],
)
def test_wrong_way_in_is_refused_by_its_field(ada, fields, field):
    with pytest.raises(Invalid) as refusal:
        sources.add(**{"name": "Cell 1", "base_url": HOST} | fields, by=ada, now=NOW)

    assert refusal.value.field == field
    assert not DataSource.objects.exists()


def test_without_keys_no_credential_is_taken(ada, settings):
    settings.FIELD_KEYS = {}

    with pytest.raises(sources.KeysMissing):
        sources.add(name="x", base_url=HOST, **BEARER, by=ada, now=NOW)


def test_database_refuses_a_sign_in_without_its_credential(ada):
    with pytest.raises(IntegrityError, match="source_signs_in_with_what_it_needs"):
        factories.data_source("x", auth="bearer")


def test_source_in_use_is_not_deleted_and_another_is(ada):
    used = factories.item().verification_checks.get().data_source
    idle = factories.data_source("Idle")

    with pytest.raises(sources.SourceInUse) as refusal:
        sources.remove(used, by=ada, now=NOW)
    sources.remove(idle, by=ada, now=NOW)

    assert refusal.value.details == {"checks": 1}
    assert list(DataSource.objects.all()) == [used]


def test_only_an_administrator_deletes_and_tries(db):
    source, somebody = factories.data_source(), factories.user(role="governor")

    with pytest.raises(NotAllowed):
        sources.remove(source, by=somebody, now=NOW)
    with pytest.raises(NotAllowed):
        verification.test_source(source, by=somebody)


class Guarded(BaseHTTPRequestHandler):
    """A Prometheus that wants a token, and a page that says more than it should."""

    heard: ClassVar[list[str]] = []

    def do_GET(self):
        self.heard.append(self.headers.get("Authorization") or "")
        right = self.headers.get("Authorization") == "Bearer tok-1"
        body = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}'
        if not right:
            body = b'{"status":"error","errorType":"internal","error":"the inner secret of this server"}'
        self.send_response(200 if right else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def guarded():
    Guarded.heard = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_trying_a_source_signs_in_and_tells_a_verdict_only(ada, guarded):
    right = sources.add(name="Right", base_url=guarded, **BEARER, by=ada, now=NOW)
    wrong = sources.add(name="Wrong", base_url=guarded, auth="bearer", credential="no", by=ada, now=NOW)

    assert verification.test_source(right, by=ada).outcome == "pass"
    refused = verification.test_source(wrong, by=ada)

    assert (refused.outcome, "inner secret" in refused.error) == ("error", False)


def test_engine_signs_in_to_each_source_as_that_source(ada, guarded):
    right = sources.add(name="Right", base_url=guarded, **BEARER, by=ada, now=NOW)
    wrong = sources.add(name="Wrong", base_url=guarded, auth="bearer", credential="no", by=ada, now=NOW)
    off = sources.add(name="Off", base_url=guarded, **BEARER, is_enabled=False, by=ada, now=NOW)
    item = factories.item(checks=0)
    checks = [factories.check(item, data_source=source, threshold=2.0) for source in (right, wrong, off)]

    verification.execute_prometheus()

    outcomes = {
        run.verification_check.data_source.name: (run.outcome, run.error_code)
        for run in CheckRun.objects.filter(verification_check__in=checks)
    }
    assert outcomes == {
        "Right": ("pass", ""),
        "Wrong": ("error", "internal"),
        "Off": ("error", "source_disabled"),
    }
    assert sorted(Guarded.heard) == ["Bearer no", "Bearer tok-1"]


def test_source_reaches_only_its_networks():
    access = Access(networks=("10.0.0.0/8", "127.0.0.2/32"))

    access.check_address("10.1.2.3", allow_loopback=False)
    access.check_address("127.0.0.2", allow_loopback=False)
    for address in ("192.168.1.1", "127.0.0.1", "169.254.169.254", "8.8.8.8"):
        with pytest.raises(AddressRefused):
            access.check_address(address, allow_loopback=False)


def test_a_named_network_never_opens_what_is_forbidden_to_all():
    access = Access(networks=("169.254.0.0/16", "0.0.0.0/0"))

    with pytest.raises(AddressRefused):
        access.check_address("169.254.169.254", allow_loopback=False)
