"""The pages of probe templates: what each does, filled with samples; written, written anew, retired."""

import pytest

from remediation import catalogue
from remediation.models import ProbeTemplate
from tests import factories

pytestmark = pytest.mark.django_db

PODS = {
    "title": "Pods that hang",
    "slug": "pods-that-hang",
    "description": "No pod of a namespace may hang.",
    "kind": "shell",
    "command": "kubectl get pods -n {namespace} | grep -E '({word}|CrashLoopBackOff)'",
    "expectation": "no_match",
    "pattern": "{word}",
    "timeout_seconds": "10",
    "has_examples": "on",
    "passes_with": "",
    "passes_status": "1",
    "fails_with": "order-7  0/1  Pending\r\n",
    "fails_status": "0",
    "version": "0",
    "value-TOTAL_FORMS": "3",
    "value-INITIAL_FORMS": "0",
    "value-0-name": "namespace",
    "value-0-label": "Namespace",
    "value-0-kind": "text",
    "value-0-pattern": "[a-z-]+",
    "value-0-sample": "order",
    "value-1-name": "word",
    "value-1-kind": "choice",
    "value-1-choices": "Pending\r\nUnknown",
    "value-1-default": "Pending",
    "intent": "save",
}
QUERY = {
    **{name: value for name, value in PODS.items() if not name.startswith("value-1")},
    "kind": "prometheus",
    "promql": 'max(pool_used{instance="{namespace}"})',
    "comparator": "<=",
    "threshold": "180",
    "passes_with": "180",
    "fails_with": "181",
}


@pytest.fixture
def administrator(client):
    client.force_login(factories.user("Root", role="administrator"))
    return client


def page(client, path, status=200):
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def test_template_is_written_shown_and_used(administrator):
    answer = administrator.post("/probes/templates/new", PODS)

    assert (answer.status_code, answer["Location"]) == (302, "/probes/templates/pods-that-hang/")
    template = catalogue.find("pods-that-hang")
    assert template.pipeline[1] == ["grep", "-E", "({word}|CrashLoopBackOff)"]
    assert [(one.outcome, one.status) for one in template.examples] == [("pass", 1), ("fail", 0)]
    shown = page(administrator, "/probes/templates/pods-that-hang/")
    assert (
        "[&quot;kubectl&quot;, &quot;get&quot;, &quot;pods&quot;, &quot;-n&quot;, &quot;order&quot;]" in shown
    )
    assert "Pods that hang" in page(administrator, "/probes/templates/")
    item = factories.item()
    assert "Namespace" in page(administrator, f"/items/{item}/checks/templates/pods-that-hang")


def test_query_with_bounds_is_written(administrator):
    bounds = {"value-1-name": "most", "value-1-kind": "number", "value-1-least": "1", "value-1-most": "500"}
    body = QUERY | bounds | {"threshold": "{most}", "value-1-sample": "180"}

    assert administrator.post("/probes/templates/new", body).status_code == 302

    shown = page(administrator, "/probes/templates/pods-that-hang/?most=501")
    assert "outside 1 to 500" in shown
    assert "&lt;= 500" in page(administrator, "/probes/templates/pods-that-hang/?most=500")


def test_preview_stores_nothing_and_keeps_what_was_typed(administrator):
    answer = administrator.post("/probes/templates/new", PODS | {"intent": "try"}).content.decode()

    assert "&quot;order&quot;]" in answer
    assert 'value="pods-that-hang"' in answer
    assert not ProbeTemplate.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"command": "kubectl get pods; rm -rf {word}"}, "command", "no shell runs here"),
        ({"command": "{namespace} {word}"}, "command", "fixed, or one of declared choices"),
        ({"command": ""}, "command", "Write a command"),
        ({"pattern": "({word}"}, "pattern", "not a regular expression"),
        ({"pattern": ""}, "pattern", "A pattern is missing"),
        ({"fails_with": "all runs"}, "passes_with", "ends as “pass”, not as “fail”"),
        ({"slug": "db-pool-headroom"}, "slug", "brings a template of this name"),
        ({"slug": "new"}, "slug", "brings a template of this name"),
        ({"timeout_seconds": "301"}, "timeout_seconds", "300"),
    ],
    ids=["shell", "program", "no command", "pattern", "no pattern", "example", "shipped", "new", "time-out"],
)
def test_unfit_template_is_refused_at_its_field(administrator, changes, field, words):
    answer = administrator.post("/probes/templates/new", PODS | changes)
    said = answer.content.decode()

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in said
    assert words in said
    assert not ProbeTemplate.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value-0-name": "other"}, "Used and declared values differ: namespace, other."),
        ({"value-0-name": "Name space"}, "“Name space” is no name"),
        ({"value-0-name": ""}, "Give the value a name"),
        ({"value-1-choices": ""}, "word has no choices"),
        ({"value-0-sample": "a b"}, "does not match"),
        ({"value-0-kind": "number", "value-0-least": "2", "value-0-most": "1"}, "Nothing lies within"),
        ({"value-0-kind": "number", "value-0-least": "1e300"}, "too large"),
        ({"value-TOTAL_FORMS": ""}, "ManagementForm"),
    ],
    ids=["unused", "name", "no name", "choices", "sample", "bounds", "bound", "rows"],
)
def test_unfit_value_is_refused(administrator, changes, words):
    answer = administrator.post("/probes/templates/new", PODS | changes)

    assert answer.status_code == 422
    assert words.lower() in answer.content.decode().lower()
    assert not ProbeTemplate.objects.exists()


def test_value_of_a_query_outside_a_matcher_is_refused(administrator):
    answer = administrator.post("/probes/templates/new", QUERY | {"promql": "pool_used > {namespace}"})

    assert answer.status_code == 422
    assert "A value stands inside a quoted matcher." in answer.content.decode()


def test_edit_makes_a_version_and_never_writes_over_another(administrator):
    administrator.post("/probes/templates/new", PODS)
    assert 'value="1"' in page(administrator, "/probes/templates/pods-that-hang/edit")

    second = administrator.post(
        "/probes/templates/pods-that-hang/edit", PODS | {"version": "1", "title": "B"}
    )
    late = administrator.post("/probes/templates/pods-that-hang/edit", PODS | {"version": "1", "title": "C"})

    assert (second.status_code, late.status_code) == (302, 422)
    assert "Version 2 was written meanwhile" in late.content.decode()
    assert (catalogue.find("pods-that-hang").title, catalogue.find("pods-that-hang").version) == ("B", 2)
    taken = administrator.post("/probes/templates/new", PODS)
    assert taken.status_code == 422
    assert "There is a template of this name." in taken.content.decode()


def test_retired_template_is_offered_no_more_until_it_is_written_anew(administrator, client):
    administrator.post("/probes/templates/new", PODS)
    asked = page(administrator, "/probes/templates/pods-that-hang/retire")
    administrator.post("/probes/templates/pods-that-hang/retire")

    assert "Retire “Pods that hang”?" in asked
    assert catalogue.find("pods-that-hang") is None
    assert "No new check is made of it" in page(administrator, "/probes/templates/pods-that-hang/")
    administrator.post("/probes/templates/pods-that-hang/edit", PODS | {"version": "1"})
    assert catalogue.find("pods-that-hang").version == 2


def test_member_reads_and_writes_nothing(client):
    factories.probe_template("it-ends")
    retired = factories.probe_template("old")
    catalogue.withdraw(retired, by=factories.user(role="administrator"), now=retired.created_at)
    client.force_login(factories.user())

    listed = page(client, "/probes/templates/")
    assert "It ends" in listed
    assert "/probes/templates/new" not in listed
    assert "/probes/templates/old/" not in listed
    assert "/edit" not in page(client, "/probes/templates/it-ends/")
    page(client, "/probes/templates/old/", 404)
    page(client, "/probes/templates/new", 403)
    assert client.post("/probes/templates/it-ends/edit", PODS | {"version": "1"}).status_code == 403
    assert client.post("/probes/templates/it-ends/retire").status_code == 403
    assert catalogue.find("it-ends").version == 1


def test_row_that_was_changed_past_closeloop_is_offered_to_nobody(administrator):
    row = factories.probe_template("it-ends")
    body = row.body | {"pipeline": [["sh", "-c", "id"]]}
    ProbeTemplate.objects.filter(pk=row.pk).update(body=body)

    assert "changed past Closeloop" in page(administrator, "/probes/templates/")
    page(administrator, "/probes/templates/it-ends/", 404)


def test_shipped_template_shows_its_examples_and_no_buttons(administrator):
    shown = page(administrator, "/probes/templates/db-pool-headroom/")

    assert "181" in shown
    assert "/edit" not in shown
    page(administrator, "/probes/templates/db-pool-headroom/edit", 404)
