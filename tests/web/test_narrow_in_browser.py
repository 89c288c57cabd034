"""On a phone: tables that become cards, pictures of which the right end is shown, strips without room."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from governance.models import Kpi, KpiValue
from tests import factories
from tests.browser import OpenPage
from tests.flows.acting import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Labels that are higher than their cell, and so hang into the next one.
_HANGING = """() => [...document.querySelectorAll('.table.stacks td[data-label]')].filter(cell => {
  const label = document.createElement('p'), style = getComputedStyle(cell, '::before');
  for (const name of ['width', 'fontSize', 'fontWeight', 'lineHeight']) label.style[name] = style[name];
  label.textContent = cell.dataset.label;
  document.body.append(label);
  const height = label.getBoundingClientRect().height;
  label.remove();
  return height > cell.getBoundingClientRect().height + 1;
}).map(cell => cell.dataset.label)"""


def test_label_of_a_card_stays_within_its_cell(open_page: OpenPage, live_server) -> None:
    ada = factories.user("Ada")
    started_at = datetime(2026, 5, 4, tzinfo=UTC)
    factories.resolved_incident("Orders fail", started_at=started_at, services=[factories.service("order")])
    page = log_in(open_page, live_server.url, ada, width=390)

    page.goto(f"{live_server.url}/report/2026-05/figures/recovery-people/")

    assert page.locator(".stacks td[data-label='Time to recover, by people']").count() == 1
    assert page.evaluate(_HANGING) == []
    # What a group is made of is there without pushing the table aside.
    assert page.eval_on_selector_all(
        ".split .table-wrap", "all => all.every(one => one.scrollWidth <= one.clientWidth)"
    )


def test_axis_of_a_trend_has_its_numbers_at_the_end_that_is_shown(open_page: OpenPage, live_server) -> None:
    ada = factories.user("Ada")
    for days in (10, 80):
        factories.resolved_incident(started_at=timezone.now() - timedelta(days=days), minutes=30)
    page = log_in(open_page, live_server.url, ada, width=390)

    page.goto(f"{live_server.url}/report/trends")

    places = page.eval_on_selector_all(
        ".courses .again", "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert places
    assert all(0 < right <= 390 for right in places)


def test_words_of_a_chart_are_readable(open_page: OpenPage, live_server) -> None:
    """The smallest words of the charts, in pixels of the window."""
    ada = factories.user("Ada")
    factories.resolved_incident("Orders fail", started_at=datetime(2026, 5, 4, tzinfo=UTC), minutes=30)
    kpi = Kpi.objects.create(slug="idle", name="Idle", created_by=ada, created_at=timezone.now())
    for day, value in enumerate((41, 19), start=1):
        at = timezone.now()
        KpiValue.objects.create(
            kpi=kpi, date=date(2026, 5, day), value=value, recorded_at=at, recorded_by=ada
        )
    page = log_in(open_page, live_server.url, ada, width=390)

    for path in ("/report/2026-05/", "/report/kpis"):
        page.goto(f"{live_server.url}{path}")
        sizes = page.eval_on_selector_all(
            ".chart:not(.sparkline) text", "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert sizes
        assert min(size for size in sizes if size) >= 11
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_outcomes_of_runs_stand_in_one_column(open_page: OpenPage, live_server) -> None:
    check = factories.item().verification_checks.get()
    for minutes, late in ((1, 0.4), (2, 3), (3, 4000)):
        slot = timezone.now() - timedelta(minutes=minutes)
        started_at = slot + timedelta(seconds=late)
        ended_at = started_at + timedelta(seconds=1)
        factories.check_run(check, slot=slot, started_at=started_at, finished_at=ended_at)
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=390)

    page.goto(f"{live_server.url}/checks/{check.pk}/")

    lefts = page.eval_on_selector_all(
        ".table.runs td:nth-child(2)", "all => all.map(one => one.getBoundingClientRect().left)"
    )
    assert len(lefts) == 3
    assert len(set(lefts)) == 1


def test_box_to_tick_stands_beside_its_title_and_the_act_waits_for_a_tick(
    open_page: OpenPage, live_server
) -> None:
    factories.item("Set a timeout")
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=390)

    page.goto(f"{live_server.url}/items/")

    box, title = page.locator("td.item-pick").bounding_box(), page.locator("tbody th").bounding_box()
    assert box["y"] == title["y"]
    assert box["x"] + box["width"] <= title["x"]
    bar = page.locator(".item-picks")
    assert bar.evaluate("one => getComputedStyle(one).position") == "static"
    page.check("[name=item]")
    assert bar.evaluate("one => getComputedStyle(one).position") == "sticky"


@pytest.mark.parametrize("width", [1280, 390])
def test_strip_shows_whole_marks_and_the_newest(open_page: OpenPage, live_server, width) -> None:
    ada = factories.user("Ada")
    check = factories.item(owner=ada).verification_checks.get()
    for minutes in range(20):
        outcome = "fail" if minutes == 0 else "pass"
        factories.check_run(check, outcome=outcome, slot=timezone.now() - timedelta(minutes=minutes + 1))
    page = log_in(open_page, live_server.url, ada, width=width)

    page.goto(f"{live_server.url}/")
    # Narrower than its marks, by no whole number of them.
    seen = page.locator(".strip").first.evaluate(
        """strip => {
          strip.style.inlineSize = "59px";
          const frame = strip.getBoundingClientRect();
          const marks = [...strip.children].map(mark => [mark.className, mark.getBoundingClientRect()]);
          const inside = marks.filter(([, box]) => box.top < frame.bottom && box.right > frame.left);
          return {
            cut: inside.filter(([, box]) => box.left < frame.left - 0.5 || box.top < frame.top - 0.5).length,
            whole: inside.length,
            right: inside.toSorted((one, other) => other[1].right - one[1].right)[0][0],
          };
        }"""
    )

    assert seen == {"cut": 0, "whole": 8, "right": "mark mark-fail"}


@pytest.mark.parametrize("width", [1280, 390])
def test_classes_of_causes_stay_a_table(open_page: OpenPage, live_server, width) -> None:
    page = log_in(open_page, live_server.url, factories.user(role="governor"), width=width)

    page.goto(f"{live_server.url}/settings/cause-classes/")

    table = page.locator("table.table")
    assert table.evaluate("one => getComputedStyle(one).display") == "table"
    assert page.locator(".table-wrap").evaluate("one => one.scrollWidth <= one.clientWidth")


def test_key_of_my_timeline_begins_in_its_line(open_page: OpenPage, live_server) -> None:
    ada = factories.user("Ada")
    incident = factories.incident(participants=[ada])
    page = log_in(open_page, live_server.url, ada)
    page.goto(f"{live_server.url}/incidents/{incident.public_id}/")

    page.keyboard.press("t")

    page.wait_for_url("**/timeline/#id_line")
    page.wait_for_selector("#id_line:focus")
