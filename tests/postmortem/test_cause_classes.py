"""The catalogue of cause classes: a tree that governors keep."""

import threading
import time
from contextlib import suppress

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from postmortem import cause_classes, causes
from postmortem.cause_classes import ClassInUse
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import CauseClass
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def governor():
    return factories.user(role="governor")


def get(slug: str) -> CauseClass:
    return CauseClass.objects.get(slug=slug)


def add(governor, slug: str = "new", name: str = "New", **fields) -> CauseClass:
    return cause_classes.add(slug=slug, name=name, by=governor, now=NOW, **fields)


def test_new_installation_has_the_usual_classes_on_two_levels():
    nodes = cause_classes.tree()

    tops = [node.cause_class.slug for node in nodes if node.level == 1]
    assert len(tops) == 13
    assert {"capacity", "configuration", "code", "dependency", "release", "data", "network"} <= set(tops)
    assert {node.level for node in nodes} == {1, 2}
    pool = next(node for node in nodes if node.cause_class.slug == "capacity-pool")
    assert pool.words == "Capacity › Connection or thread pool exhausted"


def test_shipped_names_are_translated_and_written_ones_stand(governor):
    from django.utils import translation

    with translation.override("zh-hans"):
        assert get("capacity").words != "Capacity"
        assert add(governor, name="Tape drives").words == "Tape drives"


def test_governor_adds_renames_moves_and_retires(governor):
    row = add(governor, parent=get("code"), description="Fresh.")

    cause_classes.edit(row, name="Newer", parent=get("data"), is_retired=True, by=governor, now=NOW)

    again = get("new")
    assert (again.name, again.parent, again.description, again.is_retired) == (
        "Newer",
        get("data"),
        "Fresh.",
        True,
    )


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_others_change_nothing(role):
    person = factories.user(role=role)

    for act in (
        lambda: add(person),
        lambda: cause_classes.edit(get("code"), name="X", by=person, now=NOW),
        lambda: cause_classes.remove(get("design-overload"), by=person, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"slug": "code"}, "slug"),
        ({"slug": "no spaces"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"name": " "}, "name"),
        ({"name": "Capacity"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"parent": "capacity"}, "parent"),
    ],
)
def test_unfit_value_is_refused_by_name(governor, fields, field):
    before = CauseClass.objects.count()

    with pytest.raises(Invalid) as refusal:
        add(governor, **fields)

    assert refusal.value.field == field
    assert CauseClass.objects.count() == before


def test_class_cannot_stand_below_itself(governor):
    for parent in ("capacity", "capacity-pool"):
        with pytest.raises(Invalid) as refusal:
            cause_classes.edit(get("capacity"), parent=get(parent), by=governor, now=NOW)
        assert refusal.value.field == "parent"


def test_database_refuses_a_ring():
    with pytest.raises(IntegrityError, match="its own ancestor"), transaction.atomic():
        CauseClass.objects.filter(slug="capacity").update(parent=get("capacity-pool"))


def test_tree_has_four_levels_at_most(governor):
    third = add(governor, "third", "Third", parent=get("code-logic"))
    fourth = add(governor, "fourth", "Fourth", parent=third)

    with pytest.raises(Invalid):
        add(governor, "fifth", "Fifth", parent=fourth)
    with pytest.raises(Invalid):
        cause_classes.edit(get("code"), parent=get("data"), by=governor, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_make_no_ring():
    one = CauseClass.objects.create(slug="one", name="One")
    other = CauseClass.objects.create(slug="other", name="Other")

    def move(row: CauseClass, parent: CauseClass) -> None:
        # Raw statements may end in a deadlock instead; that is a refusal too.
        with suppress(IntegrityError, OperationalError), transaction.atomic():
            CauseClass.objects.filter(pk=row.pk).update(parent=parent)
            time.sleep(0.3)

    def move_the_other() -> None:
        move(other, one)
        connection.close()

    thread = threading.Thread(target=move_the_other)
    thread.start()
    move(one, other)
    thread.join(10)

    placed = CauseClass.objects.filter(pk__in=[one.pk, other.pk], parent__isnull=False)
    assert placed.count() <= 1


def test_class_in_use_is_not_deleted(governor):
    factories.cause(cause_class=get("design-overload"))

    with pytest.raises(ClassInUse) as refusal:
        cause_classes.remove(get("design-overload"), by=governor, now=NOW)
    assert refusal.value.details == {"causes": 1, "children": 0}
    with pytest.raises(ClassInUse) as refusal:
        cause_classes.remove(get("design"), by=governor, now=NOW)
    assert refusal.value.details == {"causes": 0, "children": 3}

    cause_classes.remove(get("design-no-guard"), by=governor, now=NOW)
    assert not CauseClass.objects.filter(slug="design-no-guard").exists()


def test_retired_class_is_kept_and_not_given_any_more(governor):
    review = factories.review(is_open=True)
    by = factories.user()
    cause = factories.cause(review, cause_class=get("design-overload"))
    cause_classes.edit(get("design"), is_retired=True, by=governor, now=NOW)

    kept = causes.edit(
        cause, statement="Too many panels.", part="root", cause_class=get("design-overload"), by=by, now=NOW
    )
    assert kept.cause_class == get("design-overload")
    with pytest.raises(Invalid) as refusal:
        causes.record(
            review, statement="Again.", part="root", cause_class=get("design-overload"), by=by, now=NOW
        )
    assert refusal.value.field == "cause_class"


def test_trail_records_changes_of_the_catalogue(governor):
    from postmortem import trail

    row = add(governor)
    cause_classes.edit(row, name="Newer", by=governor, now=NOW)

    acts = [(entry.act, entry.actor) for entry in trail.of(row)]
    assert acts == [("cause_classes.edit", governor), ("cause_classes.add", governor)]
