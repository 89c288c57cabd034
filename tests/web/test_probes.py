"""The pages of commands: what exactly runs, who lets it run, and what stops it."""

from dataclasses import replace

import pytest
from django.utils import timezone

from remediation import approvals, checklists, items
from remediation.checkspec import CheckSpec
from tests import factories

pytestmark = pytest.mark.django_db

COMMAND = CheckSpec(kind="shell", pipeline=[["kubectl", "get", "pods"], ["grep", "a b"]])


@pytest.fixture
def author():
    return factories.user("Author", role="administrator")


@pytest.fixture
def approver():
    return factories.user("Approver", role="administrator")


@pytest.fixture
def check(author):
    return items.add_check(factories.item(checks=0), spec=COMMAND, by=author, now=timezone.now())


def body(client, path):
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_command_waits_is_read_and_approved(client, check, approver):
    client.force_login(approver)
    assert f"/checks/{check.pk}/command" in body(client, "/probes/")
    page = body(client, f"/checks/{check.pk}/command")
    sha = approvals.sha_of(approvals.body_of_check(check))

    client.post(f"/checks/{check.pk}/approve", {"sha": sha})

    assert "Not approved." in page
    assert "[&quot;grep&quot;, &quot;a b&quot;]" in page
    assert "Approved." in body(client, f"/checks/{check.pk}/command")
    assert "Nothing waits" in body(client, "/probes/")


def test_author_is_offered_no_button(client, check, author):
    client.force_login(author)

    page = body(client, f"/checks/{check.pk}/command")

    assert "Let it run" not in page
    assert client.post(f"/checks/{check.pk}/approve", {"sha": "x"}).status_code in (302, 409)
    assert not approvals.standing(
        approvals.owner_of(check), approvals.body_of_check(check), now=timezone.now()
    ).approval


def test_changed_command_stands_beside_the_approved_one(client, check, author, approver):
    sha = approvals.sha_of(approvals.body_of_check(check))
    approvals.approve(check, sha=sha, by=approver, now=timezone.now())
    edited = replace(COMMAND, pipeline=[["kubectl", "delete", "pods"]])
    items.edit_check(check, spec=edited, by=author, now=timezone.now())
    client.force_login(approver)

    page = body(client, f"/checks/{check.pk}/command")

    assert "<ins>1. [&quot;kubectl&quot;, &quot;delete&quot;" in page
    assert "<del>1. [&quot;kubectl&quot;, &quot;get&quot;" in page
    assert "this changes something" in page
    assert "does not run" in body(client, f"/checks/{check.pk}/")


def test_query_has_no_page_of_a_command(client, approver):
    client.force_login(approver)
    check = factories.item().verification_checks.get()

    assert client.get(f"/checks/{check.pk}/command").status_code == 404


def test_hidden_command_is_not_there(client):
    review = factories.review(incidents=[factories.incident(is_restricted=True)])
    hidden = factories.check(
        factories.item(review=review), kind="shell", is_approved=False, name="Secret name"
    )
    client.force_login(factories.user(role="member"))

    assert client.get(f"/checks/{hidden.pk}/command").status_code == 404
    assert "Secret name" not in body(client, "/probes/")


def test_command_of_a_checklist_waits_is_read_and_approved(client, approver, author, settings):
    settings.SHELL_PROBES_ENABLED = True
    review = factories.review(is_open=True)
    entry = checklists.add(
        review, title="It answers", pipeline=[["true"]], expectation="success", by=author, now=timezone.now()
    )
    client.force_login(approver)
    where = f"/checklist/{entry.pk}/command"
    assert where in body(client, "/probes/")
    before = body(client, f"/reviews/{review.public_id}/checklist/")
    assert "Not approved." in body(client, where)

    sha = approvals.sha_of(approvals.body_of_entry(entry))
    client.post(f"/checklist/{entry.pk}/approve", {"sha": sha})

    assert "Waits for approval" in before
    assert "Waits for approval" not in body(client, f"/reviews/{review.public_id}/checklist/")
    assert "Approved." in body(client, where)
    assert "Nothing waits" in body(client, "/probes/")


def test_hidden_command_of_a_checklist_is_not_there(client):
    review = factories.review(incidents=[factories.incident(is_restricted=True)], is_open=True)
    entry = factories.checklist_entry(review, is_approved=False, title="Secret name")
    client.force_login(factories.user(role="member"))

    assert client.get(f"/checklist/{entry.pk}/command").status_code == 404
    assert client.post(f"/checklist/{entry.pk}/approve", {"sha": "x"}).status_code == 404
    assert "Secret name" not in body(client, "/probes/")


def test_switch_stops_commands_and_says_why(client, approver):
    client.force_login(approver)

    client.post("/probes/switch", {"turn": "off", "reason": "A worker was broken into"})
    stopped = body(client, "/probes/")
    client.post("/probes/switch", {"turn": "on", "reason": ""})

    assert "A worker was broken into" in stopped
    assert approvals.switched_off() is None


def test_check_page_says_when_it_flaps(client, approver):
    check = factories.item().verification_checks.get()
    for number in range(6):
        outcome = "pass" if number % 2 else "fail"
        factories.check_run(check, slot=factories.NOW - number * factories.HOUR, outcome=outcome)
    client.force_login(approver)

    assert "It flaps:" in body(client, f"/checks/{check.pk}/")
