"""Nothing that a browser can send makes a page fail, and no page lets its guard down.

The addresses come from the resolver, the forms and the filters from the pages themselves: what is added to
them is tried here without being named.
"""

import hashlib
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from io import BytesIO
from itertools import cycle, islice
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.apps import apps
from django.conf import settings
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
FOR_MACHINES = {"healthz", "version"}
# Answers with 200 to a form that was taken: a token's secret is shown once, in this very answer.
ANSWERS_AT_ONCE = {"tokens"}
# What pages read from their query without a link or a form that says so.
UNSAID = {
    "check_waiting": {"asked"},
    "item_due": {"severity", "category"},
    "incident_mark": {"milestone"},
    "login": {"next"},
}

NASTY_PARTS = [
    "0", "-1", "9" * 18, "9223372036854775808", "9" * 400, "%00", "%ff", "%ed%a0%80", "..", "%2e%2e%2f", "a%2Fb",
    "x" * 9000, "1.5", "1e9", "%F0%9F%92%A5", "INC-2026-9999", "0000-00", "9999-12", "2026-13", "1999-12",
    "00000000-0000-0000-0000-000000000000", "%E2%80%AE", "%27%20OR%201=1--", quote("٣"),
]  # fmt: skip
NASTY_QUERIES = [
    "%00", "%ff%fe", "%ed%a0%80", quote("x" * 10_000), quote("💥"), "", "-1", "0", "9" * 400, "9223372036854775808",
    "9" * 4400, "1e400", "NaN", "garbage", "__x", "-started_at", "2026-02-30", "9999-99", "0001-01-01T00:00:00.000000Z~1",
    "9999-12-31T23:59:59.999999Z~9223372036854775808", "2026-01-01T00:00:00.000000Z~x", "%25s%7B0%7D",
    "%27%3B--", "%3Cscript%3E", "..%2F..", "%0d%0aSet-Cookie:%20a=b", quote("٣"),
]  # fmt: skip
# Asked of every list beside its own filters.
ALWAYS_ASKED = ["after", "before", "page", "sort", "q"]
NASTY_VALUES = [
    "x" * 100_000, "2026-02-30", "9999-99-99", "9999-12-31T23:59:59", "0001-01-01T00:00", "-1", "0", "1", "1e400",
    "NaN", "9223372036854775808", "9" * 4400, " ", "💥\u202e\ufeff", "<script>alert(1)</script>", "%s%n{0}{x.__class__}",
    "javascript:alert(1)", "http://[::1", "[[" * 4000, "'; DROP TABLE x; --", "a\r\nB: c", "\x01\x1b[2J", "٣", "+1h",
    "+99999h",
]  # fmt: skip
# So many of them go to each part, filter or field; the next one gets the next ones.
PARTS_SHARE, QUERIES_SHARE, VALUES_SHARE = 11, 5, 3

_WRITES = re.compile(r'(INSERT|UPDATE|DELETE|WITH)\b(?! INTO "django_session"| "django_session")')
_INLINE = re.compile(r"<style|<script(?![^<>]*\ssrc=)|<[^<>]*\s(?:style|on[a-z]+|hx-on[\w:-]*)=", re.IGNORECASE)


class Visitor:
    """Asks for pages as the administrator; whatever an answer changed is undone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(raise_request_exception=False)
        self.client.force_login(world.people["administrator"])
        self._session = self.client.cookies["sessionid"].value
        self._facts = facts()
        self.answers = self._get_pages()
        self.pages = {
            name: reading.read(response.text, at=response.request["PATH_INFO"])
            for name, response in self.answers.items()
            if response.status_code == 200 and response["Content-Type"].startswith("text/html")
        }

    def ask(self, method: str, path: str, *, is_known: bool = True, **request) -> HttpResponseBase:
        """One request, from which nothing stays; its answer has been looked over for what no answer may have."""
        self.client.cookies = SimpleCookie({"sessionid": self._session} if is_known else {})
        wrote: list[str] = []

        def watch(execute, sql, parameters, many, context):
            if _WRITES.match(sql):
                wrote.append(sql)
            return execute(sql, parameters, many, context)

        with transaction.atomic(), connection.execute_wrapper(watch):
            response = self.client.generic(method, path, **request)
            if method == "POST" and response.status_code < 400:
                # What the database would say at the end of the request, it has to say now.
                connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
            # Only a redirect says that something was stored.
            response.is_as_before = response.status_code == 302 or not wrote or facts() == self._facts
            transaction.set_rollback(True)
        return response

    def post(self, form: Form, fields: dict[str, list[str]], **request) -> HttpResponseBase:
        data = urlencode(fields, doseq=True, errors="surrogatepass")
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", form.path, data=data, content_type=kind, **request)

    def forms(self) -> dict[str, Form]:
        """A form that posts to each page, by the page's name; of several the one about its own record."""
        own = {place.name: self.world.path(place) for place in places.pages()}
        found: dict[str, Form] = {}
        for form in (form for page in self.pages.values() for form in page.forms if form.method == "post"):
            name = resolve(urlsplit(form.path).path).url_name
            if name not in found or form.path == own[name]:
                found[name] = form
        found["login"].fields["username"] = [self.world.people["member"].email]
        return found

    def filters(self) -> dict[str, set[str]]:
        """The names of what each page reads from its query: those in links to it and in its search forms."""
        found = {name: set(asked) for name, asked in UNSAID.items()}
        for page in self.pages.values():
            asked = [(link, reading.query_names(link)) for link in page.links]
            asked += [(form.path, set(form.fields) | form.choices) for form in page.forms if form.method == "get"]
            for link, names in asked:
                # The forms of the style guide are samples, which nobody reads.
                if names and link.startswith("/") and not link.startswith("/styleguide"):
                    found.setdefault(resolve(urlsplit(link).path).url_name, set()).update(names)
        return found

    def _get_pages(self) -> dict[str, HttpResponseBase]:
        """The answer to each page; where a page is but the target of a form, the page above it."""
        found = {}
        for place in places.pages():
            path = self.world.path(place)
            found[place.name] = self.ask("GET", path, is_known=place.name != "login")
            if found[place.name].status_code == 405:
                found[f"above {place.name}"] = self.ask("GET", path[: path.rindex("/") + 1])
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
    found: list[str] = []
    if name in FOR_MACHINES:
        return [str(response.status_code)] if response.status_code >= 500 else found
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
        if name not in FRAGMENTS | {'admin'} and response.request["REQUEST_METHOD"] not in {"HEAD", "OPTIONS"}:
            found += [f"no {mark}" for mark in ("web/app.css", 'id="main"', "<title>") if mark not in html]
    policy = response.get("Content-Security-Policy", "")
    if "script-src 'self'" not in policy or "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        found.append(f"policy: {policy!r}")
    return found


def test_every_page_answers_in_its_frame_with_its_guard_up(visitor):
    problems = [
        (name, fault) for name, response in visitor.answers.items() for fault in faults(response, name=name)
    ]
    for place in places.pages():
        if visitor.answers[place.name].status_code not in {200, 405}:
            problems.append((place.name, visitor.answers[place.name].status_code))
    for name, page in visitor.pages.items():
        problems += [(name, line) for line in page.inline]
    assert not problems, summary(problems)


def test_every_form_is_found_and_understood(visitor):
    """So that the nasty ones below are spoilt in one place only."""
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


def test_nasty_part_of_an_address_is_not_found(visitor):
    problems = []
    nasties = cycle(NASTY_PARTS)
    for place in places.pages():
        sound = visitor.world.parts | visitor.world.of_page.get(place.name, {})
        for spoilt in place.parts:
            for nasty in islice(nasties, PARTS_SHARE):
                path = place.filled(sound | {spoilt: nasty})
                problems += trouble(visitor, "GET", path, {302, 400, 404, 405}, name=place.name)
        problems += trouble(visitor, "GET", visitor.world.path(place) + "%00", {400}, name=place.name)
    assert not problems, summary(problems)


def test_nasty_query_is_forgotten_or_refused(visitor):
    problems = []
    nasties = cycle(NASTY_QUERIES)
    asked = visitor.filters()
    for place in places.pages():
        path, names = visitor.world.path(place), sorted(asked.get(place.name, set()) | set(ALWAYS_ASKED))
        # Pages that read nothing get a taste; each filter gets its share, the next filter the next ones.
        for name in names if place.name in asked else names[:1]:
            for nasty in islice(nasties, QUERIES_SHARE if place.name in asked else 1):
                problems += trouble(visitor, "GET", f"{path}?{name}=1&{name}[]=1&{name}={nasty}", name=place.name)
        if place.name in asked:
            everything = urlencode(dict.fromkeys(names, "garbage"))
            problems += trouble(visitor, "GET", f"{path}?{everything}", {200, 302, 404, 405}, name=place.name)
    assert not problems, summary(problems)


def test_nasty_field_is_refused_and_writes_nothing(visitor):
    problems = []
    nasties = cycle(NASTY_VALUES)
    for name, form in visitor.forms().items():
        for field in sorted(form.fields.keys() - {"csrfmiddlewaretoken"}):
            others = {key: values for key, values in form.fields.items() if key != field}
            spoilt = [[""], *([one] for one in islice(nasties, VALUES_SHARE))]
            if field in form.choices:
                spoilt.append([*form.fields[field], "1", "other"])
            for values in spoilt:
                response = visitor.post(form, others | {field: values}, is_known=name != "login")
                where = (name, field, values[0][:40])
                problems += [(*where, fault) for fault in faults(response, name=name)]
                if not is_whole(response, name):
                    problems.append((*where, response.status_code, "something was written"))
    assert not problems, summary(problems)


def summary(problems: list) -> str:
    return "\n".join(str(problem) for problem in problems[:60])


def test_broken_body_is_refused_with_a_page(visitor):
    problems = []
    for name, form in visitor.forms().items():
        for what, (allowed, request) in broken_bodies(form).items():
            response = visitor.ask("POST", form.path, is_known=name != "login", **request)
            found = faults(response, name=name)
            if allowed is not None and response.status_code not in allowed:
                found.append(response.status_code)
            if not is_whole(response, name):
                found.append("something was written")
            problems += [(name, what, fault) for fault in found]
    assert not problems, summary(problems)


def broken_bodies(form: Form) -> dict[str, tuple[set[int] | None, dict]]:
    """Bodies that are no form, each with the answers that fit; None is any answer but a failure."""
    plain = "application/x-www-form-urlencoded"
    parts = "multipart/form-data; boundary=x"
    sound = urlencode(form.fields, doseq=True).encode()
    return {
        "nothing": (None, {"data": b"", "content_type": plain}),
        "no type": (None, {"data": sound, "content_type": ""}),
        "JSON": (None, {"data": b'{"title": 1}', "content_type": "application/json"}),
        "NUL": ({400}, {"data": sound + b"&x=%00", "content_type": plain}),
        "NUL in a name": ({400}, {"data": sound + b"&%00=x", "content_type": plain}),
        "no text": (None, {"data": b"=%ff&%ed%a0%80=&\xff=\xfe&&&;", "content_type": plain}),
        "charset": ({400}, {"data": sound, "content_type": f"{plain}; charset=utf-16"}),
        "no charset": (None, {"data": sound, "content_type": f"{plain}; charset=klingon"}),
        "too big": ({413}, {"data": b"x=" + b"y" * settings_limit(), "content_type": plain}),
        "too many": ({400}, {"data": b"&".join(b"x%d=" % number for number in range(600)), "content_type": plain}),
        "cut off": (
            {400},
            {"data": b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nOr', "content_type": parts},
        ),
        "no boundary": ({400}, {"data": sound, "content_type": "multipart/form-data"}),
        "no end": ({400}, {"data": b"--x\r\n--x\r\n\r\n--", "content_type": parts}),
        "big file": (
            {413},
            {
                "data": b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
                + b"y" * settings_limit()
                + b"\r\n--x--\r\n",
                "content_type": parts,
            },
        ),
        "short": (
            {400},
            {"content_type": plain, "CONTENT_LENGTH": str(len(sound) + 10), "wsgi.input": BytesIO(sound)},
        ),
        "no length": (None, {"data": sound, "content_type": plain, "CONTENT_LENGTH": ""}),
        "nonsense length": ({400}, {"data": sound, "content_type": plain, "CONTENT_LENGTH": "many"}),
        "negative length": ({400}, {"data": sound, "content_type": plain, "CONTENT_LENGTH": "-1"}),
    }


def test_form_without_proof_of_origin_is_refused_with_a_page(visitor):
    visitor.client.handler.enforce_csrf_checks = True
    try:
        answers = {
            (name, what): visitor.post(form, form.fields | {"csrfmiddlewaretoken": [token]}, **headers)
            for name, form in visitor.forms().items()
            for what, token, headers in (
                ("none", "", {}),
                ("wrong", "x" * 64, {}),
                ("stranger", form.fields["csrfmiddlewaretoken"][0], {"HTTP_ORIGIN": "https://evil.example"}),
            )
            if name != "styleguide"
        }
    finally:
        visitor.client.handler.enforce_csrf_checks = False

    wrong = {
        key: (answer.status_code, faults(answer, name=key[0]))
        for key, answer in answers.items()
        if answer.status_code != 403 or faults(answer) or not answer.is_as_before
    }
    assert wrong == {}


def test_other_methods_never_fail(visitor):
    problems = []
    methods = cycle(["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
    for place in places.pages():
        for method in islice(methods, 6):
            path = visitor.world.path(place)
            problems += trouble(visitor, method, path, {200, 302, 403, 404, 405}, name=place.name)
    assert not problems, summary(problems)


def test_admin_site_never_fails(visitor):
    problems = []
    nasties = cycle(NASTY_PARTS)
    queries = cycle(["q=%00", "q=x%27", "o=x.y.-1", "p=-1", "p=" + "9" * 30, "e=1", "all=x", "_facets=x", "pk=x",
                     "pk__in=x", "id__exact=" + "9" * 30, "team__manager__password__startswith=a", "_popup=1&_to_field=x"])
    for place in places.admin_pages():
        path = "/" + re.sub(r"<[^>]*>", "1", place.route)
        allowed = {200, 302, 403, 404, 405}
        problems += trouble(visitor, "GET", path, allowed, name="admin")
        for query in islice(queries, 3):
            problems += trouble(visitor, "GET", f"{path}?{query}", allowed | {400}, name="admin")
        if "<" in place.route:
            for nasty in islice(nasties, 4):
                spoilt = "/" + re.sub(r"<[^>]*>", nasty, place.route)
                problems += trouble(visitor, "GET", spoilt, allowed | {400}, name="admin")
    assert not problems, summary(problems)


def settings_limit() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def trouble(visitor: Visitor, method: str, path: str, allowed: set[int] | None = None, *, name: str = "") -> list:
    """Ask, and say what is wrong with the answer."""
    path, _mark, query = path.partition("?")
    response = visitor.ask(method, path, QUERY_STRING=query, is_known=name != "login")
    found = faults(response, name=name)
    if allowed is not None and response.status_code not in allowed:
        found.append(str(response.status_code))
    return [(method, path[:100], query[:60], fault) for fault in found]


def is_whole(response: HttpResponseBase, name: str) -> bool:
    """Whether an answer that took nothing wrote nothing."""
    return response.is_as_before or name in ANSWERS_AT_ONCE
