"""The settings in groups: every reader finds what is theirs, and nothing that would be refused."""

import pytest

from tests import factories
from web import settings_map

pytestmark = pytest.mark.django_db


def sections(reader) -> set[str]:
    """The names of all pages that the map offers this reader, group by group."""
    return {
        page.name
        for _label, members in settings_map.GROUPS
        for page in members
        if page.is_for(reader)
        and any(one["url"] for one in settings_map.shown(reader, page.section)["groups"])
    }


def test_each_role_is_offered_more():
    offered = [sections(factories.user(role=role)) for role in ("member", "governor", "administrator")]

    assert offered[0] < offered[1] < offered[2]
    assert "web:sla" not in offered[0]
    assert "web:data_sources" not in offered[1]


def test_manager_of_a_team_looks_after_its_channels():
    manager = factories.user()
    assert "web:channels" not in sections(manager)
    factories.team(manager=manager)

    assert "web:channels" in sections(manager)


@pytest.mark.parametrize("role", ["viewer", "member", "governor", "administrator"])
def test_what_is_offered_opens(client, role):
    reader = factories.user(role=role)
    client.force_login(reader)
    urls = [
        one["url"]
        for _label, members in settings_map.GROUPS
        for one in settings_map.shown(reader, members[0].section)["groups"]
        + settings_map.shown(reader, members[0].section)["pages"]
        if not one["is_elsewhere"]
    ]

    assert {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_page_says_where_the_reader_is(client):
    client.force_login(factories.user(role="administrator"))

    page = client.get("/settings/sla/").content.decode()

    assert page.count('aria-current="true"') == 1
    assert 'href="/settings/sla/" aria-current="page"' in page
    assert "/settings/data-sources/" in page
    assert "/settings/password" not in page
