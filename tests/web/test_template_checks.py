"""A check made of a template: its values are asked, its command runs without a second person."""

import pytest
from django.utils import timezone

from remediation import approvals, catalogue
from remediation.models import VerificationCheck
from tests import factories

pytestmark = pytest.mark.django_db

VALUES = {
    "check-value_program": "python3",
    "check-value_option": "--version",
    "check-value_version": "3.11.2",
    "check-name": "",
    "check-interval_seconds": "3600",
    "check-passes_needed": "3",
    "check-fails_needed": "2",
    "intent": "save",
}


@pytest.fixture
def item():
    return factories.item()


@pytest.fixture
def member(client):
    client.force_login(factories.user())
    return client


def test_form_of_a_check_offers_the_templates(member, item):
    page = member.get(f"/items/{item}/checks/new").content.decode()

    assert f"/items/{item}/checks/templates/version-drift" in page
    assert f"/items/{item}/checks/templates/db-pool-headroom" in page


def test_template_makes_a_command_that_may_run(member, item):
    answer = member.post(f"/items/{item}/checks/templates/version-drift", VALUES)

    check = VerificationCheck.objects.get(template__gt="")
    assert answer.status_code == 302
    assert (check.pipeline, check.name, check.interval_seconds) == (
        [["python3", "--version"]],
        "Version drift",
        3600,
    )
    assert check.parameters == {"program": "python3", "option": "--version", "version": "3.11.2"}
    assert approvals.unapproved([check], now=timezone.now()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("check-value_version", "; rm -rf /", "check-value_version"),
        ("check-value_version", "", "check-value_version"),
        ("check-value_program", "bash", "check-value_program"),
        ("check-passes_needed", "0", "check-passes_needed"),
    ],
    ids=["not its pattern", "missing", "no choice", "no count"],
)
def test_unfit_value_is_refused_at_its_field(member, item, name, value, said):
    answer = member.post(f"/items/{item}/checks/templates/version-drift", VALUES | {name: value})

    assert answer.status_code == 422
    assert f'id="id_{said}_error"' in answer.content.decode()
    assert not VerificationCheck.objects.filter(template__gt="").exists()


def test_query_of_a_template_is_tried_and_asks_its_source(member, item, prometheus):
    source = factories.data_source(base_url=prometheus.url)
    prometheus.show("mysql_global_status_threads_connected", 181)
    values = {
        "check-data_source": str(source.pk),
        "check-value_metric": "mysql_global_status_threads_connected",
        "check-value_instance": "nowhere",
        "check-value_most": "180",
    }
    asked = {**VALUES, **values}
    for name in ("check-value_program", "check-value_option", "check-value_version"):
        del asked[name]
    path = f"/items/{item}/checks/templates/db-pool-headroom"

    tried = member.post(path, asked | {"intent": "try"}).content.decode()
    assert "answers nothing" in tried
    assert not VerificationCheck.objects.filter(template__gt="").exists()
    member.post(path, asked)
    assert VerificationCheck.objects.get(template__gt="").promql == (
        'max({__name__="mysql_global_status_threads_connected", instance="nowhere"})'
    )


def test_edit_shows_the_values_and_keeps_the_template(member, item):
    member.post(f"/items/{item}/checks/templates/version-drift", VALUES)
    check = VerificationCheck.objects.get(template__gt="")

    page = member.get(f"/checks/{check.pk}/edit").content.decode()
    member.post(f"/checks/{check.pk}/edit", VALUES | {"check-value_version": "3.12.1"})

    check.refresh_from_db()
    assert 'value="3.11.2"' in page
    assert (check.template, check.parameters["version"], check.version) == ("version-drift", "3.12.1", 2)
    assert approvals.unapproved([check], now=timezone.now()) == []


def test_unknown_and_withdrawn_templates_are_not_there(member, item):
    administrator = factories.user(role="administrator")
    body = {"title": "It ends", "description": "", "kind": "shell", "pipeline": [["true"]], "parameters": []}
    row = catalogue.write(slug="it-ends", body=body, by=administrator, now=timezone.now())
    assert member.get(f"/items/{item}/checks/templates/it-ends").status_code == 200
    catalogue.withdraw(row, by=administrator, now=timezone.now())

    assert member.get(f"/items/{item}/checks/templates/it-ends").status_code == 404
    assert member.get(f"/items/{item}/checks/templates/none").status_code == 404


def test_viewer_and_outsider_make_none(client, item):
    client.force_login(factories.user(role="viewer"))
    assert client.get(f"/items/{item}/checks/templates/version-drift").status_code == 403
    hidden = factories.item(review=factories.review(incidents=[factories.incident(is_restricted=True)]))
    client.force_login(factories.user())
    assert client.get(f"/items/{hidden}/checks/templates/version-drift").status_code == 404
