"""On a phone: tables that become cards and pictures of which the right end is shown."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

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
