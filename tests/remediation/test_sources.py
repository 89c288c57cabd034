"""Data sources are named by administrators, and their addresses hold no secret."""

import pytest

from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import sources
from remediation.models import DataSource
from tests import factories

NOW = factories.NOW


@pytest.fixture
def ada(db):
    return factories.user("Ada", role="administrator")


def test_source_is_added_and_the_trail_knows_by_whom(ada):
    source = sources.add(name=" Cell 1 ", base_url="https://prometheus.example.org/cell/ ", by=ada, now=NOW)

    assert (source.name, source.base_url) == ("Cell 1", "https://prometheus.example.org/cell")
    assert [(entry.act, entry.actor) for entry in trail.of(source)] == [("data_sources.add", ada)]


def test_source_is_edited(ada):
    source = factories.data_source("Cell 1")

    sources.edit(source, base_url="http://10.0.0.7:9090", by=ada, now=NOW)

    source.refresh_from_db()
    assert (source.name, source.base_url) == ("Cell 1", "http://10.0.0.7:9090")


@pytest.mark.parametrize("role", ["viewer", "member", "governor"])
def test_only_an_administrator_names_sources(db, role):
    somebody, source = factories.user(role=role), factories.data_source()

    with pytest.raises(NotAllowed):
        sources.add(name="x", base_url="http://10.0.0.7", by=somebody, now=NOW)
    with pytest.raises(NotAllowed):
        sources.edit(source, name="x", by=somebody, now=NOW)

    assert DataSource.objects.get() == source


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "Taken"}, "name"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "prometheus:9090"}, "base_url"),
        ({"base_url": "ftp://10.0.0.7"}, "base_url"),
        ({"base_url": "http://me:secret@10.0.0.7"}, "base_url"),
        ({"base_url": "http://10.0.0.7?token=secret"}, "base_url"),
        ({"base_url": "http://10.0.0.7#x"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
    ],
)
def test_wrong_value_is_refused_by_its_field(ada, fields, field):
    factories.data_source("Taken")

    with pytest.raises(Invalid) as refusal:
        sources.add(**{"name": "Cell 1", "base_url": "http://10.0.0.7"} | fields, by=ada, now=NOW)

    assert refusal.value.field == field
    assert DataSource.objects.count() == 1


def test_own_name_is_not_taken(ada):
    source = factories.data_source("Cell 1")

    sources.edit(source, name="Cell 1", base_url="http://10.0.0.8", by=ada, now=NOW)

    assert DataSource.objects.get().base_url == "http://10.0.0.8"
