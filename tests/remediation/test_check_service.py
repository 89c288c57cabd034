"""A check carries the service of its item, whoever writes it and wherever the item goes."""

import pytest

from remediation.models import RemediationItem, VerificationCheck
from tests import factories as f

pytestmark = pytest.mark.django_db


def test_check_gets_the_service_of_its_item():
    item = f.item(service=f.service("order"), checks=2)

    assert {check.service for check in item.verification_checks.all()} == {item.service}


def test_check_written_in_bulk_gets_the_service_of_its_item():
    item = f.item()
    sample = item.verification_checks.get()
    sample.pk, sample.service_id = None, f.service("another").pk

    VerificationCheck.objects.bulk_create([sample])

    assert {check.service for check in item.verification_checks.all()} == {item.service}


def test_check_follows_its_item_to_another_service():
    item, other = f.item(checks=2), f.service("payment")

    RemediationItem.objects.filter(pk=item.pk).update(service=other)

    assert {check.service for check in item.verification_checks.all()} == {other}
