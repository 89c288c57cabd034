"""Words are found in any text, Chinese ones inside longer words."""

import pytest
from django.db import connection

from postmortem import searching, selecting
from postmortem.models import Incident
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def words_of(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(closeloop_words(%s))", [text])
        return set(cursor.fetchone()[0])


def is_found(text, asked):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT closeloop_words(%s) @@ to_tsquery('simple', %s)", [text, searching.query(asked)]
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("数据库连接池耗尽", "连接池"),
        ("数据库连接池耗尽", "数据"),
        ("数据库连接池耗尽", "池"),
        ("数据库连接池耗尽", "尽"),
        ("数据库连接池耗", "耗"),
        ("订单p99延迟升高", "延迟 p99"),
        ("Pod容器重启", "pod 容器"),
        ("The connection pool ran dry", "connection pool"),
        ("The connection pool ran dry", "POOL conn"),
        ("order-service is down", "order serv"),
        ("see INC-2026-0017", "inc-2026-00"),
        ("host 10.0.3.17:5432 refused", "10.0.3.17"),
        ("ＴＬＳ　handshake", "tls"),
        ("résumé—naïve", "naïve"),
        ("データベース接続", "ベース"),
    ],
)
def test_words_are_found(text, asked):
    assert is_found(text, asked)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("数据库连接池耗尽", "连池"),
        ("数据库连接池耗尽", "连接池 超时"),
        ("The pool ran dry", "ool"),
        ("The pool ran dry", "po "),  # a space ends the word
        ("The pool ran dry", "pool wet"),
    ],
)
def test_other_words_are_not(text, asked):
    assert not is_found(text, asked)


@pytest.mark.parametrize("asked", ["", "   ", "'", "\\", "&|!():*<->", "“”", "!!", "\u3000"])
def test_a_query_without_words_looks_for_nothing(asked):
    assert searching.query(asked) == ""


@pytest.mark.parametrize(
    "asked", ["'; DROP TABLE x --", "a' | 'b", "a:*", "!a", "a <-> b", "\\'a", "𠀀𠀁", "a" * 5000]
)
def test_no_query_breaks_the_language(asked):
    is_found("anything", asked)


def test_both_sides_cut_alike():
    """Every pair that a query names is among the words of the same text."""
    for run in ("连", "连接", "连接池", "连接池耗", "数据库连接池耗尽了"):
        asked = {run[place : place + 2] for place in range(max(1, len(run) - 1))}
        assert asked <= words_of(f"x{run}y, {run}")


def test_the_longest_text_can_be_indexed():
    text = "".join(chr(0x4E00 + n % 20_000) for n in range(65_536))
    incident = factories.incident(summary=text)

    assert found("一丁") == [incident]


def found(asked, **filters):
    return list(selecting.narrowed(Incident.objects.all(), now=NOW, q=asked, **filters))


def test_incidents_are_found_whoever_wrote_them():
    incident = factories.incident("订单服务数据库连接池耗尽", summary="Nobody could pay.")
    assert found("连接池") == found("nobody pay") == found(incident.public_id.lower()) == [incident]

    Incident.objects.filter(pk=incident.pk).update(title="Changed by a bulk update")
    assert (found("连接池"), found("bulk upd")) == ([], [incident])

    with connection.cursor() as cursor:
        cursor.execute("UPDATE postmortem_incident SET summary = '缓存雪崩'")
    assert found("雪崩") == [incident]

    incident.service_links.all().delete()
    incident.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM postmortem_incidentwords")
        assert cursor.fetchone() == (0,)


def test_the_index_answers():
    """Planned as a look-up in the GIN index as soon as there is something to save."""
    rows = selecting.narrowed(Incident.objects.all(), now=NOW, q="连接池").order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "incident_by_words" in rows.explain()
