"""Every page as axe sees it, in both themes: the list of pages is the resolver's own."""

from collections import Counter, defaultdict

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page

from tests.web import places
from tests.web.places import Place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The second theme has the same page in other colours.
COLOURS = {"runOnly": ["color-contrast"]}
# Swagger UI brings colours of its own.
NOT_OURS = {"api_docs"}
# Words with fewer pages than this are visited together.
FEW = 9


def by_first_word() -> dict[str, list[Place]]:
    """Every page, under the first word of its address; words with few pages together."""
    found = defaultdict(list)
    words = Counter(_word(place) for place in places.pages())
    for place in places.pages():
        found[_word(place) if words[_word(place)] >= FEW else "others"].append(place)
    return dict(sorted(found.items()))


def _word(place: Place) -> str:
    return place.route.split("/")[0]


def addresses(world: places.World, some: list[Place], client: Client) -> list[str]:
    """The addresses of those that are pages: no file, no part of a page, no target of a form."""
    found = []
    for place in some:
        if place.name in NOT_OURS:
            continue
        path = world.path(place)
        answer = client.get(path)
        is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        if is_page and b"<html" in b"".join(answer)[:300]:
            found.append(path)
    return found


def violations(page: Page, **options: object) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]}" for rule in found for node in rule["nodes"]
    ]


@pytest.mark.parametrize("word", list(by_first_word()))
def test_every_page_is_accessible_in_both_themes(open_page, live_server, client, word):
    world = places.build()
    administrator = world.people["administrator"]
    client.force_login(administrator)
    page = open_page()
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([session])
    problems = []
    for path in addresses(world, by_first_word()[word], client):
        # Opened anew for each theme: the colours of a page that is switched are on their way for a while.
        for scheme, options in (("light", {}), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.goto(f"{live_server.url}{path}")
            problems += [(path, scheme, line) for line in violations(page, **options)]

    assert not problems, "\n".join(map(str, problems))


def test_no_page_is_left_out():
    visited = [place for some in by_first_word().values() for place in some]

    assert sorted(visited, key=str) == sorted(places.pages(), key=str)
