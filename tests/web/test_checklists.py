"""The page of an executable checklist: what it asks, its runs, and what leaves as a script (R6)."""

import pytest
from django.test import Client

from postmortem.models import ChecklistEntry, Review
from remediation import verification
from remediation.models import ChecklistRun
from tests import factories
from tests.services import require_program

pytestmark = pytest.mark.django_db

LINE = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'


@pytest.fixture
def review() -> Review:
    return factories.review(is_open=True)


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.user("Mia"))
    return client


def page(client: Client, review: Review) -> str:
    return client.get(f"/reviews/{review.public_id}/checklist/").content.decode()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("echo order-1 Running", "Pass"),
        ("echo order-2 Pending", "Fail"),
        ("echo no route to cluster >&2; exit 1", "Error"),
    ],
)
def test_entry_is_run_from_the_page_and_its_outcome_shown(client, review, settings, said, word):
    settings.SHELL_PROBES_ENABLED = True
    require_program("bwrap", "apt-get install bubblewrap")
    pipeline = [["sh", "-c", said, "kubectl"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]]
    entry = factories.checklist_entry(review, pipeline=pipeline)

    client.post(f"/checklist/{entry.pk}/run")
    waiting = page(client, review)
    asked = client.get(f"/reviews/{review.public_id}/checklist/waiting?asked=0")
    verification.execute("shell")
    shown = page(client, review)

    assert "1 run is not finished." in waiting
    assert 'hx-trigger="load delay:1s"' in waiting
    assert "asked=1" in asked.content.decode()
    assert client.get(f"/reviews/{review.public_id}/checklist/waiting")["HX-Refresh"] == "true"
    assert f"<span>{word}</span>" in shown or f">{word}<" in shown
    assert "Mia" in shown


def test_button_explains_where_commands_are_off(client, review, settings):
    settings.SHELL_PROBES_ENABLED = False
    factories.checklist_entry(review)

    shown = page(client, review)

    assert "Commands are switched off on this installation" in shown
    assert "/run" not in shown
    assert not ChecklistRun.objects.exists()


def test_query_is_written_edited_moved_and_removed(client, review):
    factories.data_source("Cell 1", base_url="http://127.0.0.1:9")
    factories.checklist_entry(review, title="first")
    data = {
        "title": "Few wait",
        "kind": "promql",
        "promql": "pool_waiting",
        "comparator": "<",
        "threshold": "5",
        "source_name": "Cell 1",
    }

    client.post(f"/reviews/{review.public_id}/checklist/add", data)
    entry = review.checklist.get(kind="promql")
    client.post(f"/checklist/{entry.pk}/move", {"direction": "up"})
    client.post(f"/checklist/{entry.pk}/edit", data | {"threshold": "7", "version": "1"})
    conflict = client.post(f"/checklist/{entry.pk}/edit", data | {"threshold": "9", "version": "1"})

    assert [one.title for one in review.checklist.all()] == ["Few wait", "first"]
    assert ChecklistEntry.objects.get(pk=entry.pk).threshold == 7
    assert conflict.status_code == 409
    assert conflict.context["form"]["threshold"].theirs == "7.0"
    client.post(f"/checklist/{entry.pk}/remove")
    assert [one.title for one in review.checklist.all()] == ["first"]


def test_exports_are_downloads_of_what_the_page_shows(client, review):
    factories.checklist_entry(review)
    here = f"/reviews/{review.public_id}/checklist"

    script, markdown, data = (client.get(f"{here}/{kind}") for kind in ("script", "markdown", "json"))

    assert script["Content-Disposition"] == f'attachment; filename="{review.public_id}-checklist.sh"'
    assert script.content.decode().startswith("#!/bin/sh\n")
    assert "- [ ] **No pod of order hangs**" in markdown.content.decode()
    assert data.json()["checklist"][0]["command"].startswith("kubectl get pods -n order | grep -E")


def test_hidden_checklist_does_not_exist(client):
    hidden = factories.review(incidents=[factories.resolved_incident(is_restricted=True)], is_open=True)
    entry = factories.checklist_query(hidden)
    here = f"/reviews/{hidden.public_id}/checklist"

    for kind in ("", "script", "markdown", "json", "waiting"):
        assert client.get(f"{here}/{kind}").status_code == 404
    for address in (f"{here}/run", f"/checklist/{entry.pk}/run", f"/checklist/{entry.pk}/move"):
        assert client.post(address).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_page_asks_the_database_the_same_however_many_entries(
    client, review, django_assert_num_queries, count
):
    for _ in range(count):
        factories.checklist_query(review)
    page(client, review)

    with django_assert_num_queries(7):
        page(client, review)
