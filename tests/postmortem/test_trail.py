import pytest
from django.db import DatabaseError, connection, transaction

from postmortem import trail
from postmortem.models import Incident, PublicIdCounter, Service, TrailEntry
from tests import factories
from tests.conftest import no_truncate_triggers
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_act_records_who_changed_what():
    person = factories.user()
    service = factories.service("order")

    with trail.act("services.rename", by=person):
        service.name = "Orders"
        service.save()

    entry = trail.of(service).first()
    assert (entry.act, entry.actor, entry.operation) == ("services.rename", person, "update")
    assert (entry.before, entry.after) == ({"name": "Order"}, {"name": "Orders"})


def test_act_that_fails_leaves_neither_change_nor_trail():
    service = factories.service("order")
    before = TrailEntry.objects.count()

    with pytest.raises(DatabaseError), trail.act("services.rename", by=None):
        Service.objects.update(name="X", tier=None)

    service.refresh_from_db()
    assert service.name == "Order"
    assert TrailEntry.objects.count() == before


def test_act_inside_an_act_keeps_its_name_and_gives_the_outer_back():
    outer, inner = factories.user(), factories.user()
    service = factories.service()

    with trail.act("outer.act", by=outer):
        with trail.act("inner.act", by=inner):
            Service.objects.filter(pk=service.pk).update(tier=3)
        Service.objects.filter(pk=service.pk).update(tier=4)
    Service.objects.filter(pk=service.pk).update(tier=1)

    recorded = [(entry.act, entry.actor) for entry in trail.of(service)[:3]]
    assert recorded == [("", None), ("outer.act", outer), ("inner.act", inner)]


def test_bulk_and_raw_statements_are_recorded_too():
    incident = factories.incident("Old")
    other = factories.incident("Other")

    Incident.objects.filter(pk__in=[incident.pk, other.pk]).update(title="Bulk")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE postmortem_incident SET title = 'Raw' WHERE id = %s", [incident.pk])
    Incident.objects.bulk_create([])

    titles = [entry.after["title"] for entry in trail.of(incident).filter(operation="update")]
    assert titles == ["Raw", "Bulk"]
    assert trail.of(other).filter(operation="update").count() == 1


def test_a_deleted_row_leaves_its_last_words():
    entry = factories.entry(text="Gone")
    key = entry.pk

    entry.delete()

    last = TrailEntry.objects.filter(model="postmortem_entry", object_id=key).first()
    assert (last.operation, last.before["text"], last.after) == ("delete", "Gone", None)


def test_an_update_that_changes_nothing_is_no_entry():
    service = factories.service()
    before = trail.of(service).count()

    service.save()

    assert trail.of(service).count() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE postmortem_trailentry SET act = 'x'",
        "DELETE FROM postmortem_trailentry",
    ],
)
def test_the_trail_is_append_only(statement):
    factories.service()

    with pytest.raises(DatabaseError, match="postmortem_trailentry"), transaction.atomic():
        run(statement)


def test_append_only_tables_refuse_truncate():
    triggers = dict(no_truncate_triggers())

    assert {
        "postmortem_trailentry",
        "remediation_itemtransition",
        "remediation_checkrun",
        "governance_gatedecision",
        "governance_governancereport",
    } <= triggers.keys()
    for table, trigger in triggers.items():
        # The trigger rests in the test database (tests/conftest.py); it is awake in this savepoint alone.
        with pytest.raises(DatabaseError, match=f"Cannot truncate rows from {table}"), transaction.atomic():
            run(f'ALTER TABLE "{table}" ENABLE TRIGGER "{trigger}"; TRUNCATE "{table}" CASCADE')


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_public_ids_count_per_prefix_and_year():
    assert trail.next_public_id("INC", now=NOW) == "INC-2026-0001"
    assert trail.next_public_id("INC", now=NOW) == "INC-2026-0002"
    assert trail.next_public_id("PM", now=NOW) == "PM-2026-0001"
    assert trail.next_public_id("INC", now=NOW.replace(year=2027)) == "INC-2027-0001"


def test_public_ids_grow_beyond_four_digits():
    PublicIdCounter.objects.create(prefix="INC", year=2026, last=9999)

    assert trail.next_public_id("INC", now=NOW) == "INC-2026-10000"
