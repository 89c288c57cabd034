"""Nothing that a browser can send makes a page fail, and no page lets its guard down.

The addresses come from the resolver, the forms and the filters from the pages themselves: what is added to
them is tried here without being named.
"""

import hashlib
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from itertools import cycle, islice
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import resolve

from tests.web import places, reading
from tests.web.places import World
from tests.web.reading import Form, Page

pytestmark = pytest.mark.django_db

# Parts of pages, which htmx asks for and puts into the frame that is there.
FRAGMENTS = {"check_waiting", "item_due", "check_try", "step_preview"}
# Answers with 200 to a form that was taken: a token's secret is shown once, in this very answer.
ANSWERS_AT_ONCE = {"tokens"}
# Its buttons stand in the frame of every page.
IN_THE_FRAME = {"preferences", "logout"}

NASTY_PARTS = [
    "0", "-1", "9" * 18, "9223372036854775808", "9" * 400, "%00", "%ff", "%ed%a0%80", "..", "%2e%2e%2f", "a%2Fb",
    "x" * 9000, "1.5", "1e9", "%F0%9F%92%A5", "INC-2026-9999", "0000-00", "9999-12", "2026-13", "1999-12",
    "00000000-0000-0000-0000-000000000000", "%E2%80%AE", "%27%20OR%201=1--", "٣",
]  # fmt: skip
NASTY_QUERIES = [
    "%00", "%ff%fe", "%ed%a0%80", quote("x" * 10_000), quote("💥"), "", "-1", "0", "9" * 400, "9223372036854775808",
    "1e400", "NaN", "garbage", "__x", "-started_at", "2026-02-30", "9999-99", "0001-01-01T00:00:00.000000Z~1",
    "9999-12-31T23:59:59.999999Z~9223372036854775808", "2026-01-01T00:00:00.000000Z~x", "%25s%7B0%7D",
    "%27%3B--", "%3Cscript%3E", "..%2F..", "%0d%0aSet-Cookie:%20a=b", "٣",
]  # fmt: skip
# Asked of every list beside its own filters.
ALWAYS_ASKED = ["after", "before", "page", "sort", "q"]
NASTY_VALUES = [
    "x" * 100_000, "2026-02-30", "9999-99-99", "9999-12-31T23:59:59", "0001-01-01T00:00", "-1", "0", "1e400", "NaN",
    "9223372036854775808", "9" * 4400, " ", "💥\u202e\ufeff", "<script>alert(1)</script>", "%s%n{0}{x.__class__}",
    "javascript:alert(1)", "http://[::1", "[[" * 4000, "'; DROP TABLE x; --", "a\r\nB: c", "\x01\x1b[2J", "٣", "+1h",
    "+99999h",
]  # fmt: skip
# Each field gets this many of them, the next field the next ones.
SHARE = 3

_INLINE = re.compile(r"<style|<script(?![^<>]*\ssrc=)|<[^<>]*\s(?:style|on[a-z]+|hx-on[\w:-]*)=", re.IGNORECASE)


class Visitor:
    """Asks for pages as the administrator; whatever an answer changed is undone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(raise_request_exception=False)
        self.client.force_login(world.people["administrator"])
        self._session = self.client.cookies["sessionid"].value
        self._facts = facts()
        self.pages = self._read_pages()

    def ask(self, method: str, path: str, *, is_known: bool = True, **request) -> HttpResponseBase:
        """One request, from which nothing stays; its answer has been looked over for what no answer may have."""
        self.client.cookies = SimpleCookie({"sessionid": self._session} if is_known else {})
        with transaction.atomic():
            response = self.client.generic(method, path, **request)
            if response.status_code < 400:
                # What the database would say at the end of the request, it has to say now.
                connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
            response.is_as_before = facts() == self._facts if method != "GET" else True
            transaction.set_rollback(True)
        return response

    def post(self, form: Form, fields: dict[str, list[str]], **request) -> HttpResponseBase:
        data = urlencode(fields, doseq=True, errors="surrogatepass")
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", form.path, data=data, content_type=kind, **request)

    def forms(self) -> dict[str, Form]:
        """A form that posts to each page, by the page's name."""
        found: dict[str, Form] = {}
        for page in self.pages.values():
            for form in page.forms:
                name = resolve(urlsplit(form.path).path).url_name
                if form.method == "post" and len(form.fields) > len(found.get(name, Form("", "")).fields):
                    found[name] = form
        return found

    def filters(self) -> dict[str, set[str]]:
        """The names of what each page reads from its query: those in links to it and in its search forms."""
        found: dict[str, set[str]] = {}
        for page in self.pages.values():
            asked = [(link, reading.query_names(link)) for link in page.links]
            asked += [(form.path, set(form.fields) | form.choices) for form in page.forms if form.method == "get"]
            for link, names in asked:
                if names and link.startswith("/"):
                    found.setdefault(resolve(urlsplit(link).path).url_name, set()).update(names)
        return found

    def _read_pages(self) -> dict[str, Page]:
        login = self.ask("GET", "/login", is_known=False)
        found = {"login": reading.read(login.text, at="/login")}
        for place in places.pages():
            path = self.world.path(place)
            response = self.ask("GET", path)
            if response.status_code == 405:
                # The target of a form that stands, perhaps, in the page above it.
                path = path[: path.rindex("/") + 1]
                response = self.ask("GET", path)
            if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
                found[place.name] = reading.read(response.text, at=path)
        return found


@pytest.fixture(scope="module")
def visitor(django_db_setup, django_db_blocker) -> Iterator[Visitor]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = places.build()
        boss = world.people["administrator"]
        boss.is_staff = True
        boss.save()
        yield Visitor(world)
        transaction.set_rollback(True)


def facts() -> str:
    """A hash over all rows but those of sessions."""
    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in {"accounts", "postmortem", "remediation", "governance"}
    ]
    rows = " UNION ALL ".join(
        f"SELECT '{table}' AS name, md5(string_agg(t::text, '' ORDER BY t::text)) AS hash FROM \"{table}\" t"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(rows)
        return str(sorted(cursor.fetchall()))


def faults(response: HttpResponseBase, *, name: str = "") -> list[str]:
    """What is wrong with an answer, whatever was asked."""
    found = []
    if response.status_code >= 500:
        raised = getattr(response, "exc_info", None)
        return [f"{response.status_code} {raised[1]!r}" if raised else str(response.status_code)]
    if response.get("X-Content-Type-Options") != "nosniff":
        found.append("no nosniff")
    if "no-store" not in response.get("Cache-Control", ""):
        found.append("may be stored")
    if not response.get("Content-Type", "").startswith("text/html") or response.streaming:
        return found
    if response.status_code < 300 or response.status_code >= 400:
        html = response.text
        found += [f"inline: {match[0][:80]}" for match in _INLINE.finditer(html)]
        if name not in FRAGMENTS and response.request["REQUEST_METHOD"] not in {"HEAD", "OPTIONS"}:
            found += [f"no {mark}" for mark in ("web/app.css", 'id="main"', "<title>") if mark not in html]
    policy = response.get("Content-Security-Policy", "")
    if "script-src 'self'" not in policy or "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        found.append(f"policy: {policy!r}")
    return found


def test_every_page_answers_in_its_frame_with_its_guard_up(visitor):
    problems = []
    for place in places.pages():
        response = visitor.ask("GET", visitor.world.path(place))
        if response.status_code not in {200, 302, 405}:
            problems.append((place.name, response.status_code))
        problems += [(place.name, fault) for fault in faults(response, name=place.name)]
    for name, page in visitor.pages.items():
        problems += [(name, line) for line in page.inline]
    assert problems == []


def test_every_form_is_found_and_understood(visitor):
    """So that the nasty ones below are spoilt in one place only: a rule may refuse it, its shape may not."""
    forms = visitor.forms()
    takes_posts = {
        place.name
        for place in places.pages()
        if visitor.ask("POST", visitor.world.path(place)).status_code not in {404, 405}
    }

    assert forms.keys() == takes_posts
    refused = {}
    for name, form in forms.items():
        response = visitor.post(form, form.fields, is_known=name != "login")
        if response.status_code not in {200, 302} or faults(response, name=name):
            refused[name] = (response.status_code, faults(response, name=name))
    assert refused == {}
