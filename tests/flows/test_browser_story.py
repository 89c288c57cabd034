"""The same story by clicking, in Chromium, in both languages, with a worker and a Prometheus behind it."""

import re
from datetime import datetime, timedelta

import pytest
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from playwright.sync_api import Page, expect

from postmortem.models import Incident
from remediation.models import CheckRun, CheckStanding, RemediationItem
from tests import factories
from tests.browser import OpenPage
from tests.servers import Prometheus, StartProcess, wait_until

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SERIES = 'browser_pool_in_use{service="order"}'
STEPS = ["phenomenon", "metric_anomaly", "change_correlation", "root_cause"]


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh-hans", "zh-Hans")])
def test_story_by_clicking(
    open_page: OpenPage,
    live_server,
    prometheus: Prometheus,
    celery_worker: StartProcess,
    language: str,
    tag: str,
) -> None:
    person = factories.user("Lin", role="facilitator", language=language, time_zone="Asia/Shanghai")
    service = factories.service("order")
    source = factories.data_source(base_url=prometheus.url)
    prometheus.show(SERIES, 247)
    celery_worker("checks,default")
    page = open_page(language=tag)
    page.set_default_timeout(15_000)

    _log_in(page, live_server.url, person.email)
    expect(page.locator("html")).to_have_attribute("lang", tag)
    _declare(page, live_server.url, service.pk, person.pk)
    _file_timeline(page)
    _review(page)
    _promise(page, person.pk, service.pk, source.pk)
    page.goto(live_server.url + f"/reviews/{_review_id()}/")
    _confirm(page, "/archive")
    expect(page.locator("main")).to_contain_text(re.compile("[0-9a-f]{64}"))

    item = RemediationItem.objects.get()
    page.goto(f"{live_server.url}/items/{item}/")
    check_url = f"{live_server.url}/checks/{item.verification_checks.get().pk}/"
    _run(page, check_url, expected="fail")

    # The fix: the value falls, the owner claims it, a run verifies it.
    prometheus.show(SERIES, 120)
    page.goto(f"{live_server.url}/items/{item}/")
    _click_through(page, "/claim", fill={"fix_url": "https://git.example/order/812"})
    _run(page, check_url, expected="pass")
    item.refresh_from_db()
    assert item.state == "verified"
    page.goto(f"{live_server.url}/services/order/")
    expect(page.locator("main")).to_contain_text("PASS")

    # The fix is undone.
    prometheus.show(SERIES, 199)
    _run(page, check_url, expected="fail")
    item.refresh_from_db()
    assert item.state == "regressed"
    page.goto(f"{live_server.url}/services/order/")
    expect(page.locator("main")).to_contain_text("ITEM_REGRESSED")
    month = timezone.localdate()
    page.goto(f"{live_server.url}/report/{month:%Y-%m}/")
    expect(page.locator("main")).to_contain_text("INC-")


def _log_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/login")
    page.fill("[name=username]", email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")


def _declare(page: Page, address: str, service: int, person: int) -> None:
    began = datetime.now(tz=timezone.get_fixed_timezone(8 * 60)) - timedelta(hours=3)
    page.click('main a[href="/incidents/new"]')
    page.fill("[name=title]", "Connection pool exhausted")
    page.select_option("[name=severity]", label=_option(page, "severity", "P1"))
    page.check(f'[name=origins][value="{service}"]')
    page.fill("[name=started_at]", began.strftime("%Y-%m-%dT%H:%M"))
    page.fill("[name=detected_at]", (began + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M"))
    page.fill("[name=resolved_at]", (began + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M"))
    page.select_option('[name="people-0-user"]', str(person))
    page.click("main form button.primary")
    page.wait_for_url(f"{address}/incidents/INC-*/")


def _file_timeline(page: Page) -> None:
    incident = page.url
    page.click('main a[href$="/timeline/"] >> nth=0')
    page.fill("[name=line]", "+2m Threads_connected stands at 200, password=hunter2hunter2")
    page.click('form[action$="/timeline/"] button.primary')
    expect(page.locator("main")).to_contain_text("Threads_connected")
    expect(page.locator("main")).not_to_contain_text("hunter2")
    _confirm(page, "/timeline/file")
    page.goto(incident)


def _review(page: Page) -> None:
    page.click('main a[href$="/review"]')
    page.click("main form button.primary")
    page.wait_for_url(re.compile("/reviews/PM-"))
    review = page.url.split("#")[0]
    _confirm(page, "/open")
    _write(page, "phenomenon", "Probably 38 % of the orders failed.")
    expect(page.locator("mark").first).to_contain_text("robably")
    for kind in STEPS[:3]:
        page.goto(review)
        _write(page, kind, "38 % of the orders failed.")
        expect(page.locator(f"#{_anchor(kind)}")).to_be_attached()
    page.goto(f"{review}causes/new")
    page.fill("[name=statement]", "The pool has no upper bound.")
    page.check("[name=part][value=root]")
    page.check("[name=is_primary]")
    page.click("main form button.primary")
    _click_through(
        page, "/settle", fill={"evidence": "Reproduced in staging."}, check="[name=state][value=verified]"
    )
    page.goto(review)
    _write(page, "root_cause", "With the cap the same load passes.")
    page.goto(f"{review}checklist/add")
    page.fill("[name=title]", "No pod is pending")
    page.fill("[name=pipeline]", "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'")
    page.check("[name=expectation][value=no_match]")
    page.click("main form button.primary")
    page.goto(review)


def _promise(page: Page, person: int, service: int, source: int) -> None:
    page.click('main a[href*="/items/new?review="]')
    page.fill("[name=title]", "Cap the pool at 180")
    page.select_option("[name=owner]", str(person))
    page.select_option("[name=service]", str(service))
    page.select_option("[name=category]", "technical_debt")
    page.select_option("[name=kind]", "prevent")
    page.check("[name=causes]")
    page.check("[name=check-kind][value=prometheus]")
    page.select_option("[name=check-data_source]", str(source))
    page.fill("[name=check-promql]", f"sum({SERIES}")
    page.fill("[name=check-threshold]", "180")
    page.select_option("[name=check-comparator]", "<=")
    _reveal(page, "[name=check-passes_needed]")
    page.fill("[name=check-passes_needed]", "1")
    page.fill("[name=check-fails_needed]", "1")
    page.click("main form button.primary[value=save] >> nth=-1")
    # Prometheus itself says what is wrong with the expression.
    expect(page.locator("main")).to_contain_text("unclosed left parenthesis")
    page.fill("[name=check-promql]", SERIES)
    page.click("main form button.primary[value=save] >> nth=-1")
    page.wait_for_url(re.compile("/items/RI-"))


def _write(page: Page, kind: str, finding: str) -> None:
    form = page.locator(f'form[action$="/steps/{kind}/write"]')
    form.locator("[name=finding]").fill(finding)
    form.locator("[name=evidence]").fill("Access log of the gateway.")
    form.locator("button.primary").click()
    page.wait_for_load_state()


def _run(page: Page, check_url: str, *, expected: str) -> None:
    """Press "run now"; the page shows the new run by itself as soon as the worker has done it."""
    page.goto(check_url)
    rows = page.locator("main tbody tr")
    before = rows.count()
    page.click('form[action$="/run"] button')
    # The page asks for a while and then says that it takes longer: on a busy machine, look again.
    unfinished = CheckStanding.objects.filter(Q(run_id__isnull=False) | Q(next_run_at__lte=Now()))
    wait_until(lambda: not unfinished.exists(), seconds=90, what="the run")
    if rows.count() == before:
        page.goto(check_url)
    expect(rows).not_to_have_count(before, timeout=30_000)
    expect(page.locator('main [aria-busy="true"]')).to_have_count(0)
    assert CheckRun.objects.latest("slot").outcome == expected


def _confirm(page: Page, suffix: str) -> None:
    page.click(f'main a[href$="{suffix}"], main button[data-dialog$="{suffix}"]')
    page.click(f'dialog[open] form[action$="{suffix}"] button:not([type=button])')
    page.wait_for_load_state()


def _click_through(page: Page, suffix: str, *, fill: dict[str, str], check: str = "") -> None:
    page.click(f'main a[href$="{suffix}"]')
    page.wait_for_url(re.compile(f"{suffix}$"))
    if check:
        page.check(check)
    for name, value in fill.items():
        page.fill(f"[name={name}]", value)
    page.click("main form button.primary")
    page.wait_for_load_state()


def _reveal(page: Page, selector: str) -> None:
    if not page.locator(selector).is_visible():
        page.locator("details", has=page.locator(selector)).locator("summary").click()


def _option(page: Page, name: str, start: str) -> str:
    labels = page.locator(f"[name={name}] option").all_inner_texts()
    return next(label for label in labels if label.startswith(start))


def _anchor(kind: str) -> str:
    return f"step-{kind}"


def _review_id() -> str:
    return Incident.objects.get().review.public_id
