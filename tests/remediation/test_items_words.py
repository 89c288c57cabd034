"""What an item says and how it is sorted; which causes it answers."""

import pytest

from postmortem.errors import Archived, EditConflict, Invalid, NotAllowed
from postmortem.models import TrailEntry
from remediation import items
from remediation.items import NeedsWaiver, WrongState
from remediation.models import RemediationItem
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def policies(db):
    factories.sla_policies()


def test_edit_keeps_a_version_and_refuses_an_older_one():
    item = factories.item("Old")
    items.edit(item, title="New", kind="detect", version=1, by=item.owner, now=NOW)

    with pytest.raises(EditConflict) as refusal:
        items.edit(item, title="Mine", kind="mitigate", version=1, by=item.owner, now=NOW)

    assert refusal.value.details == {
        "mine": {"title": "Mine", "kind": "mitigate"},
        "theirs": {"title": "New", "kind": "detect"},
        "version": 2,
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"title": ""}, "title"), ({"kind": "heal"}, "kind"), ({"category": "luck"}, "category"),
     ({"tracker_url": "see above"}, "tracker_url")],
)  # fmt: skip
def test_edit_names_what_it_refuses(fields, field):
    item = factories.item()

    with pytest.raises(Invalid) as refusal:
        items.edit(item, **fields, by=item.owner, now=NOW)

    assert refusal.value.field == field
    assert RemediationItem.objects.get().version == 1


def test_another_category_makes_the_deadline_earlier_and_never_later():
    """R9: a missing tool is due fourteen days after it was agreed."""
    debt = factories.item(severity="P3", agreed_at=NOW, due_at=NOW + 60 * DAY, policy_version="sla-5v1")
    tool = factories.item(severity="P3", category="missing_tool", agreed_at=NOW, due_at=NOW + 14 * DAY)

    kept = tool.policy_version
    became_tool = items.edit(debt, category="missing_tool", by=debt.owner, now=NOW + DAY)
    became_debt = items.edit(tool, category="technical_debt", by=tool.owner, now=NOW + DAY)

    assert (became_tool.due_at, became_tool.policy_version) == (NOW + 14 * DAY, factories.sla_version(1))
    assert (became_debt.due_at, became_debt.policy_version) == (NOW + 14 * DAY, kept)


def test_a_category_by_which_the_item_were_overdue_is_refused():
    item = factories.item(severity="P3", agreed_at=NOW, due_at=NOW + 60 * DAY)

    with pytest.raises(NeedsWaiver) as refusal:
        items.edit(item, category="missing_tool", by=item.owner, now=NOW + 15 * DAY)

    assert (refusal.value.code, refusal.value.field) == ("needs_waiver", "category")
    item.refresh_from_db()
    assert (item.category, item.due_at, item.version) == ("technical_debt", NOW + 60 * DAY, 1)


@pytest.mark.parametrize("state", ["fix_claimed", "verifying", "verified", "wont_do"])
def test_the_category_stays_once_the_fix_is_claimed(state):
    item = factories.item(state=state)

    with pytest.raises(WrongState):
        items.edit(item, category="process_defect", by=item.owner, now=NOW)
    assert items.edit(item, kind="detect", by=item.owner, now=NOW).kind == "detect"


def test_a_missing_tool_later_than_fourteen_days_needs_a_waiver():
    """R9."""
    due_at, version = items.due_date(severity=factories.severity("P4"), category="missing_tool", now=NOW)

    assert (due_at, version) == (NOW + 14 * DAY, factories.sla_version(1))


class TestCauses:
    def test_the_causes_an_item_answers_are_replaced_and_the_trail_says_so(self):
        review = factories.review(is_open=True)
        first, second = factories.cause(review), factories.cause(review, "Nobody watched.")
        item = factories.item(review=review, causes=[first])

        items.answer_causes(item, causes=[second], by=item.owner, now=NOW)

        assert list(item.causes.all()) == [second]
        rows = TrailEntry.objects.filter(
            model="remediation_remediationitem_causes", act="items.answer_causes"
        )
        assert sorted((row.operation, (row.before or row.after)["rootcause_id"]) for row in rows) == [
            ("delete", first.pk),
            ("insert", second.pk),
        ]
        assert {row.actor for row in rows} == {item.owner}

    def test_causes_of_another_review_and_refuted_ones_are_refused(self):
        review = factories.review(is_open=True)
        item, free = factories.item(review=review), factories.item()
        refuted = factories.cause(review, state="refuted", evidence="Another cell.")

        for one, cause in ((item, factories.cause()), (free, factories.cause(review)), (item, refuted)):
            with pytest.raises(Invalid) as refusal:
                items.answer_causes(one, causes=[cause], by=item.owner, now=NOW)
            assert refusal.value.field == "causes"
        with pytest.raises(NotAllowed):
            items.answer_causes(item, causes=[], by=factories.user(role="viewer"), now=NOW)

    def test_the_plan_of_an_archived_postmortem_grows_and_never_shrinks(self):
        review = factories.archived_review()
        [item] = review.items.all()

        with pytest.raises(Archived):
            items.answer_causes(item, causes=[], by=item.owner, now=NOW)
        kept = list(item.causes.all())
        assert items.answer_causes(item, causes=kept, by=item.owner, now=NOW)

    def test_what_no_item_answers_is_named(self):
        review = factories.review(is_open=True)
        answered = factories.verified_cause(review)
        left = factories.verified_cause(review, "Nobody watched.", is_primary=False)
        factories.cause(review, "Maybe the network.")
        open_point = factories.lesson_point(review)
        factories.lesson_point(
            review, "It rained.", declined_because="Weather.", declined_by=review.owner, declined_at=NOW
        )
        factories.item(review=review, causes=[answered])

        found = items.unanswered(review)

        assert (found.causes, found.lessons) == ([left], [open_point])
        assert found
