"""R6 as the specification states it, by hand in Chromium: an entry, its runs, its script, and the archive."""

import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from postmortem.models import ChecklistEntry, Review
from remediation import verification
from tests import factories
from tests.browser import OpenPage
from tests.flows.acting import log_in, send
from tests.services import require_program

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LINE = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'
# What `kubectl` may do, and what the checklist then says; the sandbox of a run finds no stub of a test,
# so there the same words are said by a shell.
SAYS = [
    ("echo order-1 Running", "pass", "Pass", 0),
    ("echo order-1 Running; echo order-2 Pending", "fail", "Fail", 1),
    ("echo no route to cluster >&2; exit 1", "error", "Error", 2),
]


def test_checklist_is_written_run_and_taken_elsewhere(
    open_page: OpenPage, live_server, settings, tmp_path: Path
) -> None:
    """R6: PASS when kubectl works and nothing matches, FAIL on a match, ERROR when kubectl itself fails."""
    settings.SHELL_PROBES_ENABLED = True
    require_program("bwrap", "apt-get install bubblewrap")
    lin = factories.user("Lin", role="facilitator")
    review = factories.complete_review(owner=lin, facilitator=lin)
    ChecklistEntry.objects.all().delete()
    page = log_in(open_page, live_server.url, lin)
    here = f"{live_server.url}/reviews/{review}/"

    # Without an entry nothing is archived; what is missing leads to the field.
    page.goto(here)
    expect(page.locator("#gaps")).to_contain_text("The checklist has no entry.")
    page.goto(f"{here}archive")
    send(page, "main form button.primary")
    expect(page.locator("main .message")).to_contain_text("The checklist has no entry.")
    assert not Review.objects.get().is_archived
    page.goto(here)
    page.click("#gaps a:has-text('The checklist has no entry.')")
    expect(page.locator("[name=title]")).to_be_focused()
    page.keyboard.type("No pod of order hangs")
    page.fill("[name=pipeline]", "看一下监控; ls")
    send(page, "main form button.primary")
    expect(page.locator("#id_pipeline_error")).to_be_visible()
    assert not ChecklistEntry.objects.exists()
    page.fill("[name=pipeline]", LINE)
    page.check("[name=expectation][value=no_match]")
    send(page, "main form button.primary")
    entry = ChecklistEntry.objects.get()
    assert entry.expectation == "no_match"
    assert entry.pipeline == [
        ["kubectl", "get", "pods", "-n", "order"],
        ["grep", "-E", "(Pending|CrashLoopBackOff)"],
    ]

    # The script really runs.
    page.goto(f"{here}checklist/")
    page.click("main summary:has-text('Export')")
    with page.expect_download() as download:
        page.click("a:has-text('Shell script')")
    script = tmp_path / "checklist.sh"
    download.value.save_as(script)
    for says, _outcome, _word, status in SAYS:
        assert _run(script, tmp_path, says) == status, says

    # Nobody runs it here before an administrator who did not write it has read it.
    expect(page.locator(f"#entry-{entry.pk} button:has-text('Run now')")).to_have_count(0)
    other = log_in(open_page, live_server.url, factories.user("Ada", role="administrator"))
    other.goto(f"{live_server.url}/probes/")
    other.click("a:has-text('No pod of order hangs')")
    expect(other.locator("pre").first).to_contain_text('["kubectl", "get", "pods", "-n", "order"]')
    send(other, "button:has-text('Let it run for 90 days')")
    expect(other.locator("main")).to_contain_text("Approved.")
    page.goto(f"{here}checklist/")
    expect(page.locator(f"#entry-{entry.pk} button:has-text('Run now')")).to_be_visible()

    # Run now: the outcome stands on the page, with who asked.
    for says, outcome, word, _status in SAYS:
        pipeline = [["sh", "-c", says, "kubectl"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]]
        ChecklistEntry.objects.filter(pk=entry.pk).update(pipeline=pipeline)
        factories.approve_command(ChecklistEntry.objects.get(pk=entry.pk))
        page.goto(f"{here}checklist/")
        send(page, f"#entry-{entry.pk} button:has-text('Run now')")
        verification.execute("shell")
        page.goto(f"{here}checklist/")
        expect(page.locator(f"#entry-{entry.pk}")).to_contain_text(word)
        expect(page.locator(f"#entry-{entry.pk}")).to_contain_text("Lin")
        assert entry.runs.latest("id").outcome == outcome

    page.goto(here)
    page.click("#gaps a:has-text('Archive')")
    send(page, "dialog[open] button.primary")
    assert Review.objects.get().is_archived
    page.goto("about:blank")


def _run(script: Path, folder: Path, says: str) -> int:
    stubs = folder / "stubs"
    stubs.mkdir(exist_ok=True)
    (stubs / "kubectl").write_text(f"#!/bin/sh\n{says}\n")
    (stubs / "kubectl").chmod(0o755)
    env = {"PATH": f"{stubs}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    return subprocess.run(
        ["sh", str(script)], env=env, capture_output=True, timeout=30, check=False
    ).returncode
