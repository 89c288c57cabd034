"""The demo's items: their checks can pass, their past is one that the engine could have written."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.utils import timezone

from ops.story import people, sources, tell
from ops.story.items import CLAIMABLE
from ops.story.people import Cast
from remediation import items
from remediation.models import CheckRun, DataSource, RemediationItem, VerificationCheck

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:9191"


@pytest.fixture(scope="module")
def cast(django_db_setup, django_db_blocker) -> Iterator[Cast]:
    """Told once, for that takes long; what a test does is taken back after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        cast = people.gather(password="correct horse battery staple")
        tell.tell(cast, now=timezone.now())
        yield cast
        transaction.set_rollback(True)


def test_errors_of_the_past_fit_the_kind_of_check(cast):
    runs = CheckRun.objects.filter(outcome="error")

    assert set(runs.values_list("kind", "error_code", "error")) == {
        ("prometheus", "timeout", "No answer within 10 s."),
        ("shell", "timeout", "It was ended after 10 s."),
    }


def test_the_runtime_variable_is_read_from_a_process_by_the_shipped_template(cast):
    check = VerificationCheck.objects.get(name="Runtime variable present")

    assert (check.template, check.reads) == ("runtime-variable", "/proc/shop-payment/environ")
    assert check.pipeline == [["grep", "-z", "-q", "^GODEBUG="]]


def test_checks_rest_until_there_is_a_prometheus_and_run_from_then_on(cast):
    queries = VerificationCheck.objects.filter(kind="prometheus")
    assert set(queries.values_list("is_paused", flat=True)) == {True}

    sources.connect(URL, by=cast.people["demo"], now=timezone.now())

    assert DataSource.objects.get().base_url == URL
    still = queries.filter(is_paused=True)
    assert set(still.values_list("item__state", flat=True)) == {"wont_do"}


def test_a_source_that_somebody_pointed_elsewhere_stays(cast):
    DataSource.objects.update(base_url="https://prometheus.example.org")

    sources.connect(URL, by=cast.people["demo"], now=timezone.now())

    assert DataSource.objects.get().base_url == "https://prometheus.example.org"
    assert VerificationCheck.objects.filter(kind="prometheus", is_paused=False).count() == 0


def test_the_item_to_try_was_red_and_can_be_claimed_by_who_logs_in_first(cast):
    item = RemediationItem.objects.get(title=CLAIMABLE)
    assert item.owner == cast.people["demo"]

    claimed = items.claim_fix(item, by=item.owner, now=timezone.now())

    assert claimed.state == "fix_claimed"
    assert claimed.never_red_reason == ""
