"""R13 against the instance itself, as its own process with a real database."""

import hashlib
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tokens
from governance.models import GateDecision
from tests import factories
from tests.clients.asking import COMMANDS, KINDS, ask, run

both = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def order(transactional_db):
    return factories.service("order", repositories=["shop/order"])


def token(*scopes, **where):
    return factories.api_token(scopes=scopes or ["audit", "gate"], now=timezone.now(), **where)


def archived(order):
    return factories.archived_review(incidents=[factories.resolved_incident(services=[order])])


def change(kind, url, secret, description, tmp_path, **where):
    file = tmp_path / "description"
    file.write_text(description)
    arguments = ["change", "--repository", "shop/order", "--change-id", "!42", "--commits", "none"]
    return ask(kind, *arguments, "--description-file", str(file), url=url, token=secret, **where)


def audit(kind, url, secret, service="order", *more):
    return ask(kind, "audit", "--service", service, *more, url=url, token=secret)


@both
def test_service_in_order_passes(instance, order, kind):
    ended = audit(kind, instance, token()[1])

    assert (ended.status, ended.out.startswith("closeloop: PASS: audit order")) == (0, True), ended.said


@both
def test_overdue_item_blocks_and_says_what_to_do(instance, order, kind):
    item = factories.item(service=order, due_at=timezone.now() - timedelta(days=1))

    ended = audit(kind, instance, token()[1])

    assert ended.status == 1
    assert f"ITEM_OVERDUE {item.public_id}: " in ended.out
    assert "Next: Make the fix and claim it" in ended.out
    assert f"See:  {instance}/items/{item.public_id}/" in ended.out
    assert f"Decision: {instance}/gate/{GateDecision.objects.get().pk}/" in ended.out


@both
def test_silent_check_is_unknown_and_blocks(instance, order, kind):
    factories.item(service=order, state="verifying", due_at=timezone.now() + timedelta(days=9))

    ended = audit(kind, instance, token()[1])

    assert (ended.status, ended.out.startswith("closeloop: UNKNOWN")) == (1, True), ended.said


@both
def test_change_that_names_an_archived_postmortem_passes(instance, order, kind, tmp_path):
    review = archived(order)

    ended = change(kind, instance, token()[1], f"Pool.\n\nPostmortem: {review.public_id}\n", tmp_path)

    assert ended.status == 0, ended.said
    kept = GateDecision.objects.get()
    assert (kept.change_id, kept.request["description"].strip()) == (
        "!42",
        f"Pool.\n\nPostmortem: {review.public_id}",
    )


@both
@pytest.mark.parametrize(
    ("description", "code"),
    [("Pool.", "POSTMORTEM_NOT_NAMED"), ("Postmortem: PM-2026-9999", "PM_UNKNOWN")],
)
def test_change_that_names_none_is_blocked(instance, order, kind, tmp_path, description, code):
    ended = change(kind, instance, token()[1], description, tmp_path)

    assert (ended.status, code in ended.out) == (1, True), ended.said


@both
def test_refusals_of_the_instance_end_with_2(instance, order, kind):
    row, revoked = token()
    tokens.revoke(row, now=timezone.now())
    unknown = "clp_" + "0" * 12 + "." + "x" * 43
    cases = {
        "401": audit(kind, instance, revoked),
        "401 unknown": audit(kind, instance, unknown),
        "403": audit(kind, instance, token("gate")[1]),
        "404": audit(kind, instance, token()[1], "nothing"),
        "400": audit(kind, instance, token()[1], "order", "--date", "2999-01-01"),
        "not a page": ask(kind, "audit", "--service", "order", url=f"{instance}/nowhere", token=token()[1]),
    }

    assert {name: ended.status for name, ended in cases.items()} == dict.fromkeys(cases, 2)
    assert "Renew the token" in cases["401"].err
    assert "scope" in cases["403"].err
    assert not GateDecision.objects.exists()


@both
def test_database_that_is_down_ends_with_2(instance_without_database, kind):
    ended = audit(kind, instance_without_database, "clp_" + "0" * 12 + "." + "x" * 43)

    assert ended.status == 2
    assert "503" in ended.err


@both
def test_date_and_service_belong_to_the_answer(instance, order, kind):
    ended = audit(kind, instance, token()[1], "order", "--date", "2026-11-01")

    assert (ended.status, "order on 2026-11-01" in ended.out) == (0, True), ended.said


@pytest.mark.parametrize("name", ["closeloop_gate.py", "closeloop-gate.sh", "pre-receive"])
def test_instance_serves_the_clients_with_its_address(instance, name):
    with urllib.request.urlopen(f"{instance}/ci/{name}") as response:
        body = response.read()
        etag = response.headers["ETag"]

    assert etag == f'"{hashlib.sha256(body).hexdigest()}"'
    assert body.rstrip().endswith(b"# closeloop-gate: the whole file is here")
    assert (instance.encode() in body) is (name != "pre-receive")
    request = urllib.request.Request(f"{instance}/ci/{name}", headers={"If-None-Match": etag})
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(request)


@both
def test_client_as_served_knows_where_to_ask(instance, order, kind, tmp_path):
    name = "closeloop_gate.py" if kind == "python" else "closeloop-gate.sh"
    file = tmp_path / name
    with urllib.request.urlopen(f"{instance}/ci/{name}") as response:
        file.write_bytes(response.read())

    ended = run([*COMMANDS[kind][:-1], str(file), "audit", "--service", "order"], CLOSELOOP_TOKEN=token()[1])

    assert ended.status == 0, ended.said
