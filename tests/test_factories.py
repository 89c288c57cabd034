"""The factories themselves: one of each, and the deferred constraints hold."""

from itertools import pairwise

import pytest
from django.db import connection

from remediation.models import ItemTransition, RemediationItem
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", RemediationItem.State.values)
def test_item_arrives_in_each_state_with_its_history(state):
    item = factories.item(state=state)

    connection.check_constraints()
    item.refresh_from_db()
    assert item.state == state
    moves = [(row.from_state, row.to_state) for row in item.transitions.order_by("at", "id")]
    assert moves[0] == ("", "open")
    assert moves[-1][1] == state
    assert all(earlier[1] == later[0] for earlier, later in pairwise(moves))


def test_archived_review_has_everything():
    review = factories.archived_review()

    assert review.is_archived
    assert [step.is_signed for step in review.steps.all()] == [True] * 4
    assert review.checklist.count() == 1
    assert ItemTransition.objects.filter(item__review=review).count() == 1


def test_every_factory_makes_a_row():
    factories.api_token()
    factories.filed_timeline()
    factories.entry()
    factories.cause()
    factories.checklist_entry()
    factories.check_run()
    factories.data_source()
    factories.sla_policies()
    factories.check(factories.item(), kind="shell")

    connection.check_constraints()


@pytest.mark.django_db(transaction=True)
def test_rows_of_policy_survive_a_transactional_test_part_one():
    factories.archived_review()


@pytest.mark.django_db(transaction=True)
def test_rows_of_policy_survive_a_transactional_test_part_two():
    assert len(factories.sla_policies()) == 5
    assert factories.severity("P0").review_hours == 48
