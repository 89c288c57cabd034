"""One long word, such as a URL in a title, widens no page and no table that fits without it."""

import pytest
from django.utils import timezone

from postmortem.models import CauseClass, Incident, Review
from remediation.models import VerificationCheck
from tests import factories
from tests.browser import OpenPage
from tests.factories import DAY
from tests.flows.acting import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "https://runbooks.example/" + "pool" * 24

# What reaches beyond its frame: the page itself, or a table.
_TOO_WIDE = """(frames) => [
  ...[document.documentElement, ...document.querySelectorAll(frames)]
    .filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => `${one.getAttribute("aria-label") ?? one.tagName}: ${one.scrollWidth}`),
]"""


@pytest.fixture
def ada():
    return factories.user("Ada", role="governor")


@pytest.fixture
def pages(ada) -> list[str]:
    """Every page on which a title stands that somebody typed."""
    now = timezone.now()
    order = factories.service("order")
    facts = {"started_at": now - DAY, "services": [order]}
    incident = factories.resolved_incident(LONG, **facts)
    factories.participant(incident, ada)
    review = factories.review(LONG, incidents=[incident], is_open=True, owner=ada, facilitator=ada)
    cause = factories.verified_cause(review, LONG)
    CauseClass.objects.filter(pk=CauseClass.objects.first().pk).update(name=LONG[:80])
    dates = {"agreed_at": now - 20 * DAY, "due_at": now - DAY}
    item = factories.item(LONG, owner=ada, service=order, review=review, causes=[cause], **dates)
    factories.item(LONG, service=order, state="regressed", **dates)
    VerificationCheck.objects.update(name=LONG[:120])
    check = item.verification_checks.get()
    # What is not over yet stands on the first page.
    factories.incident(LONG, **facts)
    return [
        "/", "/items/", "/items/board", f"/items/{item.public_id}/", f"/items/new?review={review.public_id}",
        "/incidents/", f"/incidents/{incident.public_id}/", "/reviews/", f"/reviews/{review.public_id}/",
        "/services/order/", f"/checks/{check.pk}/", "/report/", "/report/trends",
        f"/report/{now:%Y-%m}/figures/closure/", "/settings/cause-classes/", "/search?q=runbooks",
        "/notices/",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("width", "frames"),
    [
        (1280, ".table-wrap, .item-cards"),
        # On a phone tables of many numbers scroll, whatever their words.
        (390, ".table-wrap:has(.stacks), .item-cards"),
    ],
)
def test_long_word_widens_no_page(open_page: OpenPage, live_server, ada, pages, width, frames) -> None:
    assert Incident.objects.filter(title=LONG).exists()
    assert Review.objects.filter(title=LONG).exists()
    page = log_in(open_page, live_server.url, ada, width=width)

    found = {}
    for path in pages:
        page.goto(f"{live_server.url}{path}")
        assert page.locator("main h1").count() == 1
        found[path] = page.evaluate(_TOO_WIDE, frames)

    assert {path: wide for path, wide in found.items() if wide} == {}
