"""What the list of incidents can be narrowed to: the choices there are, and the form that shows them."""

import json
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.http import QueryDict
from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from accounts.models import User
from web.forms.incident_filters import IncidentFilters

# Everything there is to choose from, in one statement: of each kind one row, a list of (order, value, label)
# as JSON, for the same text is the same choices. Tags are suggested from what everybody may see.
_NAMES = """
    SELECT kind, json_agg(json_build_array(place, value, label) ORDER BY place, value)::text FROM (
        SELECT 'severity', to_char(rank, '0000000000'), code, name FROM postmortem_severity
        UNION ALL SELECT 'service', slug, slug, slug FROM postmortem_service
        UNION ALL SELECT 'team', lower(name), slug, name FROM accounts_team
        UNION ALL SELECT 'person', lower(name), id::text, COALESCE(NULLIF(name, ''), email)
            FROM accounts_user WHERE is_active
        UNION ALL SELECT CASE WHEN is_default THEN 'default' ELSE 'view' END, query, id::text, name
            FROM postmortem_savedview WHERE user_id = %s
        UNION ALL (SELECT DISTINCT 'tag', tag, tag, tag FROM (
            SELECT unnest(tags) AS tag FROM (
                SELECT tags FROM postmortem_incident WHERE NOT is_restricted
                ORDER BY started_at DESC, id DESC LIMIT 300
            ) AS newest
        ) AS found LIMIT 100)
    ) AS known (kind, place, value, label) GROUP BY kind
"""


def of_reader(user: User) -> tuple[dict[str, str], list[SimpleNamespace]]:
    """What there is to choose from, by kind as text for `filters`, and the reader's own views."""
    with connection.prepared() as cursor:
        cursor.execute(_NAMES, [user.pk])
        names: dict[str, str] = dict(cursor.fetchall())
    views = [
        SimpleNamespace(pk=pk, name=name, query=query, is_default=kind == "default")
        for kind in ("default", "view")
        for query, pk, name in json.loads(names.pop(kind, "[]"))
    ]
    views.sort(key=lambda view: view.name.casefold())
    return names, views


def _named(kind: str, written: str) -> list[tuple[str, str]]:
    # The shipped names of severities are translated.
    return [
        (value, f"{value} · {gettext(label)}" if kind == "severity" else label)
        for _order, value, label in json.loads(written)
    ]


def filters(query: QueryDict, names: dict[str, str]) -> tuple[dict[str, Any], SafeString]:
    """The filters in force, as `selecting.narrowed` takes them, and the form that shows them."""
    asked = [(name, query[name]) for name in (*IncidentFilters.base_fields, "sort") if query.get(name)]
    offered = tuple(sorted(names.items()))
    zone = timezone.get_current_timezone_name()
    chosen, html = _filters_kept(tuple(asked), offered, get_language(), zone)
    return dict(chosen), html


# A form of a dozen fields and hundreds of choices takes as long as reading the rows, and is mostly the same.
@lru_cache(maxsize=64)
def _filters_kept(
    asked: tuple[tuple[str, str], ...],
    offered: tuple[tuple[str, str], ...],
    language: str | None,
    zone: str,
) -> tuple[dict[str, Any], SafeString]:
    """As above; language and zone are those in force, named so that they are part of the key."""
    query = dict(asked)
    names = {kind: _named(kind, written) for kind, written in offered}
    form = IncidentFilters(query, names=names)
    tags = [value for value, _label in names.get("tag", [])]
    shown = {"filters": form, "tags": tags, "sort": query.get("sort", "")}
    return form.chosen(), get_template("incidents/_filters.html").render(shown)
