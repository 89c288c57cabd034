"""Nothing that a browser can send makes a page fail, and no page lets its guard down.

The addresses come from the resolver, the forms and the filters from the pages themselves: what is added to
them is tried here without being named. What is nasty goes round in turns, so that each sort is tried often
and the whole in bearable time; with the shares raised everything is tried everywhere.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponseBase
from django.urls import resolve

from tests.web import places
from tests.web.reading import Form
from tests.web.visiting import FORM, Visitor, faults

pytestmark = pytest.mark.django_db

# Answers with 2xx to a form that was taken: a token's secret is shown once, in this very answer; a draft is
# sent by a script, which stays where it is. A step's words are saved before its signature may be refused.
ANSWERS_AT_ONCE = {
    "token_rotate", "channels", "tokens", "draft_save", "event_source_new", "event_secret_issue", "step_sign",
}  # fmt: skip

# Asks a Prometheus server before anything is kept, and there is none here.
ASKS_OUTSIDE = {"measurement_fetch"}

# So many of each go to each part of an address, filter or field; the next one gets the next ones.
PARTS_SHARE, QUERIES_SHARE, VALUES_SHARE = 6, 3, 2
NASTY_PARTS = [
    "0", "-1", "9" * 18, "9223372036854775808", "9" * 400, "%00", "%ff", "%ed%a0%80", "..", "%2e%2e%2f",
    "a%2Fb", "x" * 9000, "1.5", "1e9", quote("💥"), "INC-2026-9999", "0000-00", "9999-12", "2026-13",
    "1999-12", "00000000-0000-0000-0000-000000000000", quote("\u202e"), "%27%20OR%201=1--", quote("٣"),
]  # fmt: skip
NASTY_QUERIES = [
    "%00", "%ff%fe", "%ed%a0%80", quote("x" * 10_000), quote("💥"), "", "-1", "0", "9" * 400, "9" * 4400,
    "9223372036854775808", "1e400", "NaN", "garbage", "__x", "-started_at", "2026-02-30", "9999-99",
    "0001-01-01T00:00:00.000000Z~1", "9999-12-31T23:59:59.999999Z~9223372036854775808",
    "2026-01-01T00:00:00.000000Z~x", "%25s%7B0%7D", "%27%3B--", "%3Cscript%3E", "..%2F..",
    "%0d%0aSet-Cookie:%20a=b", quote("٣"),
]  # fmt: skip
# Asked of every list beside its own filters.
ALWAYS_ASKED = {"after", "before", "page", "sort", "q"}
NASTY_VALUES = [
    "x" * 100_000, "2026-02-30", "9999-99-99", "9999-12-31T23:59:59", "0001-01-01T00:00", "-1", "0", "1",
    "1e400", "NaN", "9223372036854775808", "9" * 4400, " ", "💥\u202e\ufeff", "<script>alert(1)</script>",
    "%s%n{0}{x.__class__}", "javascript:alert(1)", "http://[::1", "[[" * 4000, "'; DROP TABLE x; --",
    "a\r\nB: c", "\x01\x1b[2J", "٣", "+1h", "+99999h",
]  # fmt: skip
NASTY_ADMIN_QUERIES = [
    "q=%00", "q=x%27", "o=x.y.-1", "p=-1", "p=" + "9" * 30, "e=1", "all=x", "_facets=x", "pk=x", "pk__in=x",
    "id__exact=" + "9" * 30, "team__manager__password__startswith=a", "_popup=1&_to_field=x",
]  # fmt: skip

Problems = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def visitor(django_db_setup, django_db_blocker) -> Iterator[Visitor]:
    """The administrator, who may open and send everything."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = places.build()
        person = world.people["administrator"]
        person.is_staff = True
        person.save()
        yield Visitor(world, person)
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def forms(visitor: Visitor) -> dict[str, Form]:
    found = visitor.forms()
    found["login"].fields["username"] = [visitor.world.people["member"].email]
    # What the document does not say, a person must.
    found["import"].fields |= {"started_at": ["2026-01-05T10:00"], "zone": ["UTC"]}
    return found


def test_every_page_answers_in_its_frame_with_its_guard_up(visitor):
    problems: Problems = [
        (name, fault) for name, response in visitor.answers.items() for fault in faults(response, name=name)
    ]
    statuses = {place.name: visitor.answers[place.name].status_code for place in places.pages()}
    # It needs libraries that a machine may lack, and says so.
    assert statuses.pop("report_pdf") in {200, 409}
    # A refused step is shown under these; whoever loads one again is led to the step.
    assert [statuses.pop(name) for name in ("step_write", "step_sign")] == [302, 302]
    problems += [(name, status) for name, status in statuses.items() if status not in {200, 405}]
    problems += [(name, line) for name, page in visitor.pages.items() for line in page.inline]

    assert not problems, summary(problems)


def test_every_form_is_found_and_taken(visitor, forms):
    """So that the nasty ones below are spoilt in one place only."""
    targets = {
        place.name
        for place in places.pages()
        if visitor.ask("POST", visitor.world.path(place)).status_code not in {404, 405}
    }

    assert forms.keys() == targets
    refused = {
        name: (response.status_code, faults(response, name=name))
        for name, form in forms.items()
        if name not in ASKS_OUTSIDE
        if (response := send(visitor, name, form, form.fields)).status_code not in {200, 204, 302}
        or faults(response, name=name)
    }
    assert refused == {}


def test_nasty_part_of_an_address_is_not_found(visitor):
    problems: Problems = []
    nasties = cycle(NASTY_PARTS)
    for place in places.pages():
        sound = visitor.world.parts | visitor.world.of_page.get(place.name, {})
        # The target of a form says 405 to a GET before it reads its address.
        method = "POST" if visitor.answers[place.name].status_code == 405 else "GET"
        for spoilt in place.parts:
            for nasty in islice(nasties, PARTS_SHARE):
                path = place.filled(sound | {spoilt: nasty})
                problems += trouble(visitor, method, path, {302, 400, 404, 405}, name=place.name)
        problems += trouble(visitor, "GET", visitor.world.path(place) + "%00", {400}, name=place.name)

    assert not problems, summary(problems)


def test_nasty_query_is_forgotten_or_refused(visitor):
    problems: Problems = []
    nasties = cycle(NASTY_QUERIES)
    asked = visitor.filters()
    for place in places.pages():
        path = visitor.world.path(place)
        # A page that reads nothing gets a taste.
        names = sorted(asked[place.name] | ALWAYS_ASKED) if place.name in asked else ["page"]
        for name in names:
            for nasty in islice(nasties, QUERIES_SHARE if place.name in asked else 1):
                query = f"{name}=1&{name}[]=1&{name}={nasty}"
                problems += trouble(visitor, "GET", f"{path}?{query}", name=place.name)
        everything = urlencode(dict.fromkeys(names, "garbage"))
        problems += trouble(visitor, "GET", f"{path}?{everything}", {200, 302, 404, 405}, name=place.name)

    assert not problems, summary(problems)


def test_nasty_field_is_refused_and_writes_nothing(visitor, forms):
    problems: Problems = []
    tried: set[str] = set()
    nasties = cycle(["", *NASTY_VALUES])
    for name, form in forms.items():
        for field in sorted(form.fields.keys() - {"csrfmiddlewaretoken"}):
            # What is chosen from a list is but compared with it; and many forms share their fields.
            is_light = field in form.choices or field in tried
            spoilt = [[one] for one in islice(nasties, 1 if is_light else VALUES_SHARE)]
            spoilt.append([*form.fields[field], "1", "other"] if field in form.choices else [""])
            tried.add(field)
            for values in spoilt:
                response = send(visitor, name, form, form.fields | {field: values})
                problems += [(name, field, values[0][:40], fault) for fault in damage(response, name)]

    assert not problems, summary(problems)


def test_broken_body_is_refused_with_a_page(visitor, forms):
    problems: Problems = []
    # Those that may be taken for an empty form cost a page each; each form gets some.
    lenient = cycle(LENIENT_BODIES)
    for name, form in forms.items():
        sound = urlencode(form.fields, doseq=True).encode()
        takes_files = getattr(resolve(urlsplit(form.path).path).func, "takes_files", False)
        most = settings.UPLOAD_MAX_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        bodies = [*strict_bodies(sound, most), *((None, what) for what in islice(lenient, 2))]
        for status, body in bodies:
            response = visitor.ask("POST", form.path, is_known=name != "login", **body)
            problems += [(name, str(body)[:80], fault) for fault in damage(response, name)]
            if status not in {None, response.status_code}:
                problems.append((name, str(body)[:80], response.status_code))

    assert not problems, summary(problems)


PARTS = "multipart/form-data; boundary=x"
LENIENT_BODIES: list[dict[str, Any]] = [
    {"data": b"", "content_type": FORM},
    {"data": b"title=x", "content_type": ""},
    {"data": b'{"title": 1}', "content_type": "application/json"},
    {"data": b"=%ff&%ed%a0%80=&\xff=\xfe&&&;", "content_type": FORM},
    {"data": b"title=x", "content_type": f"{FORM}; charset=klingon"},
    {"data": b"title=x", "content_type": FORM, "CONTENT_LENGTH": ""},
    {"data": b"--x\r\n--x\r\n\r\n--x--", "content_type": PARTS},
]


def strict_bodies(sound: bytes, most: int) -> list[tuple[int, dict[str, Any]]]:
    """Bodies that are no whole form, each with the answer that fits."""
    huge = b"y" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    title, file = (
        b'--x\r\nContent-Disposition: form-data; name="title"%s\r\n\r\n' % end for end in FILE_OR_NOT
    )
    cut = {"content_type": FORM, "CONTENT_LENGTH": str(len(sound) + 10), "wsgi.input": BytesIO(sound)}
    many = b"&".join(b"x%d=" % number for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1))
    return [
        (400, {"data": sound + b"&x=%00", "content_type": FORM}),
        (400, {"data": sound + b"&%00=x", "content_type": FORM}),
        (400, {"data": sound, "content_type": f"{FORM}; charset=utf-16"}),
        (400, {"data": many, "content_type": FORM}),
        (413, {"data": b"x=" + huge, "content_type": FORM}),
        (413, {"data": file + b"y" * most + b"\r\n--x--\r\n", "content_type": PARTS}),
        (400, {"data": sound, "content_type": "multipart/form-data"}),
        (400, {"data": title + b"Or", "content_type": PARTS}),
        (400, {"data": title + b"Orders fail\r\n--x\r\n", "content_type": PARTS}),
        (400, cut),
        (400, {"data": sound, "content_type": FORM, "CONTENT_LENGTH": "many"}),
        (400, {"data": sound, "content_type": FORM, "CONTENT_LENGTH": "-1"}),
    ]


FILE_OR_NOT = (b"", b'; filename="f"')


def test_form_without_proof_of_origin_is_refused_with_a_page(visitor, forms):
    visitor.client.handler.enforce_csrf_checks = True
    wrong = {}
    for name, form in forms.items():
        own = form.fields.get("csrfmiddlewaretoken", [""])
        for token, headers in (([""], {}), (["x" * 64], {}), (own, {"HTTP_ORIGIN": "https://evil.example"})):
            fields = form.fields | {"csrfmiddlewaretoken": token}
            response = send(visitor, name, form, fields, **headers)
            if response.status_code != 403 or damage(response, ""):
                wrong[name, token[0]] = (response.status_code, damage(response, ""))
    visitor.client.handler.enforce_csrf_checks = False

    assert wrong == {}


def test_other_methods_never_fail(visitor):
    problems: Problems = []
    methods = cycle(["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
    for place in places.pages():
        for method in islice(methods, 3):
            path = visitor.world.path(place)
            problems += trouble(visitor, method, path, {200, 302, 405}, name=place.name)

    assert not problems, summary(problems)


def test_admin_site_never_fails(visitor):
    problems: Problems = []
    nasties, queries = cycle(NASTY_PARTS), cycle(NASTY_ADMIN_QUERIES)
    for place in places.admin_pages():
        path = "/" + re.sub(r"<[^>]*>", "1", place.route)
        asked = [path, *(f"{path}?{query}" for query in islice(queries, 1))]
        if "<" in place.route:
            asked += ["/" + re.sub(r"<[^>]*>", nasty, place.route) for nasty in islice(nasties, 2)]
        for address in asked:
            problems += trouble(visitor, "GET", address, {200, 302, 400, 403, 404, 405}, name="admin")

    assert not problems, summary(problems)


def send(visitor: Visitor, name: str, form: Form, fields: dict[str, list[str]], **headers: str) -> Any:
    """Send a form; that of the login as nobody, whom alone it concerns."""
    return visitor.post(form, fields, is_known=name != "login", **headers)


def trouble(
    visitor: Visitor, method: str, address: str, allowed: set[int] | None = None, *, name: str
) -> Problems:
    """Ask, and say what is wrong with the answer."""
    path, _mark, query = address.partition("?")
    response = visitor.ask(method, path, QUERY_STRING=query, is_known=name != "login")
    found: Problems = [(method, address[:120], fault) for fault in damage(response, name)]
    if allowed is not None and response.status_code not in allowed:
        found.append((method, address[:120], response.status_code))
    return found


def damage(response: HttpResponseBase, name: str) -> list[str]:
    """What is wrong with an answer, and whether a refusal wrote something all the same."""
    is_whole = response.is_as_before or name in ANSWERS_AT_ONCE
    return faults(response, name=name) + ([] if is_whole else ["something was written"])


def summary(problems: Problems) -> str:
    return "\n".join(str(problem) for problem in problems[:60])
