"""Every page as axe sees it, in both themes: the list of pages is the resolver's own."""

from collections import Counter, defaultdict

from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page

from tests.web import places
from tests.web.places import Place

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


def halves() -> tuple[list[str], list[str]]:
    """The words in two lists with about as many pages each: two processes share the work."""
    first: list[str] = []
    second: list[str] = []
    counts = {word: len(some) for word, some in by_first_word().items()}
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        shorter = min(first, second, key=lambda words: sum(counts[word] for word in words))
        shorter.append(word)
    return first, second


def problems(word: str, page: Page, url: str, client: Client) -> list[str]:
    """What axe finds on the pages of a word, as an administrator sees them."""
    world = places.build()
    client.force_login(world.people["administrator"])
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}
    page.context.add_cookies([session])
    found = []
    for path in addresses(world, by_first_word()[word], client):
        # Opened anew for each theme: the colours of a page that is switched are on their way for a while.
        for scheme, options in (("light", {}), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.goto(f"{url}{path}")
            found += [f"{path} {scheme} {line}" for line in violations(page, **options)]
    return found
