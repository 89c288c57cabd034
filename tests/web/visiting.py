"""Somebody who opens every page, sends every form, and leaves nothing behind."""

import re
from functools import cached_property
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import resolve

from accounts.models import User
from tests.web import places, reading
from tests.web.places import World
from tests.web.reading import Form, Page

FORM = "application/x-www-form-urlencoded"
# Parts of pages, which htmx asks for and puts into the frame that is there.
FRAGMENTS = {
    "cause_alike",
    "check_waiting",
    "checklist_waiting",
    "item_due",
    "check_try",
    "step_preview",
    "measurement_try",
    "timeline_reading",
    "wording_hints",
}
FOR_MACHINES = {"client_file", "healthz", "version"}
# Bytes that somebody sent us, which may do nothing in a browser.
FILES = {"evidence", "evidence_thumbnail"}
# What pages read from their query without a link or a form that says so.
_UNSAID = {
    "check_waiting": {"asked"},
    "checklist_waiting": {"asked"},
    "item_due": {"severity", "category"},
    "incident_mark": {"milestone"},
    "login": {"next"},
    "versions": {"after", "from", "to"},
}
_WRITES = re.compile(r'(INSERT|UPDATE|DELETE|WITH)\b(?! INTO "django_session"| "django_session")')
_VALUE_OF_TEMPLATE = re.compile(r"value-\d+-(?!kind)")
_INLINE = re.compile(
    r"<style|<script(?![^<>]*\ssrc=)|<[^<>]*\s(?:style|on[a-z]+|hx-on[\w:-]*)=", re.IGNORECASE
)


class Visitor:
    """Asks for pages as one person, or as nobody; what an answer changed is undone."""

    def __init__(self, world: World, person: User | None) -> None:
        self.world = world
        self.person = person
        self.client = Client(raise_request_exception=False)
        if person is not None:
            self.client.force_login(person)
        self._cookies = {name: morsel.value for name, morsel in self.client.cookies.items()}
        self._facts = facts()

    @cached_property
    def answers(self) -> dict[str, HttpResponseBase]:
        """To a GET of each page, by its name.

        Where a page is but the target of a form, also the page above it, as "above step_write".
        """
        found: dict[str, HttpResponseBase] = {}
        for place in places.pages():
            path = self.world.path(place)
            # The report has two addresses under one name.
            name = place.name if place.name not in found else place.route
            found[name] = self.ask("GET", path, is_known=place.name != "login")
            if found[name].status_code == 405:
                found[f"above {name}"] = self.ask("GET", path[: path.rindex("/") + 1])
        return found

    @cached_property
    def pages(self) -> dict[str, Page]:
        """The answers that are pages, read."""
        return {
            name: reading.read(response.text, at=response.request["PATH_INFO"])
            for name, response in self.answers.items()
            if response.status_code == 200 and response["Content-Type"].startswith("text/html")
        }

    def ask(self, method: str, path: str, *, is_known: bool = True, **request: Any) -> HttpResponseBase:
        """One request; its answer has `is_as_before`: whether a refusal left all rows as they were."""
        self.client.cookies = SimpleCookie(self._cookies if is_known else {})
        wrote: list[str] = []

        def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
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

    def post(self, form: Form, fields: dict[str, list[str]], **request: Any) -> HttpResponseBase:
        if form.files and all(fields.get(name) == [""] for name in form.files):
            chosen = {name: SimpleUploadedFile("order.log", b"pool at 247") for name in form.files}
            parts = encode_multipart(BOUNDARY, fields | chosen)
            return self.ask("POST", form.path, data=parts, content_type=MULTIPART_CONTENT, **request)
        data = urlencode(fields, doseq=True, errors="surrogatepass")
        return self.ask("POST", form.path, data=data, content_type=FORM, **request)

    def forms(self) -> dict[str, Form]:
        """A form that posts to each page, by the page's name; of several the one about its own record."""
        own = {place.name: self.world.path(place) for place in places.pages()}
        found: dict[str, Form] = {}
        for form in (form for page in self.pages.values() for form in page.forms if form.method == "post"):
            name = name_of(form.path)
            if name not in found or form.path == own[name]:
                found[name] = form
        for name in ("probe_template_new", "probe_template_edit"):
            # A row of values is for a place in the command, and the command that is filled in has none.
            fields = found[name].fields if name in found else {}
            fields |= {one: [""] for one in fields if _VALUE_OF_TEMPLATE.match(one)}
        return found

    def filters(self) -> dict[str, set[str]]:
        """The names of what each page reads from its query: those in links to it and in its search forms."""
        found = {name: set(asked) for name, asked in _UNSAID.items()}
        for page in self.pages.values():
            searches = [form for form in page.forms if form.method == "get"]
            asked = [(link, reading.query_names(link)) for link in page.links]
            asked += [(form.path, form.fields.keys() | form.choices) for form in searches]
            for link, names in asked:
                # The forms of the style guide are samples, which nobody reads.
                if names and link.startswith("/") and name_of(link) != "styleguide":
                    found.setdefault(name_of(link), set()).update(names)
        return found


def name_of(link: str) -> str:
    """The name of the page that a link leads to."""
    return resolve(urlsplit(link).path).url_name or ""


def facts() -> str:
    """A hash over all rows of ours; sessions are none."""
    ours = {"accounts", "postmortem", "remediation", "governance"}
    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ours
    ]
    rows = " UNION ALL ".join(
        f"SELECT '{table}' AS name, md5(string_agg(t::text, '' ORDER BY t::text)) AS hash FROM \"{table}\" t"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(rows)
        return str(sorted(cursor.fetchall()))


def faults(response: HttpResponseBase, *, name: str = "") -> list[str]:
    """What is wrong with an answer, whatever was asked: a failure, a lacking header or frame, inline code."""
    if response.status_code >= 500:
        raised = getattr(response, "exc_info", None)
        return [f"{response.status_code} {raised[1]!r}" if raised else str(response.status_code)]
    if name in FOR_MACHINES:
        return []
    found = []
    if response.get("X-Content-Type-Options") != "nosniff":
        found.append("no nosniff")
    if "no-store" not in response.get("Cache-Control", ""):
        found.append("may be stored")
    policy = response.get("Content-Security-Policy", "")
    if name in FILES and response.status_code == 200:
        return found if policy == "sandbox; default-src 'none'" else [*found, f"policy: {policy!r}"]
    if "script-src 'self'" not in policy or "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        found.append(f"policy: {policy!r}")
    if response.get("Content-Type", "").startswith("text/html") and not 300 <= response.status_code < 400:
        found += [f"inline: {match[0][:80]}" for match in _INLINE.finditer(response.text)]
        if name not in FRAGMENTS | {"admin"} and response.request["REQUEST_METHOD"] in {"GET", "POST"}:
            frame = ("web/app.css", 'id="main"', "<title>")
            found += [f"no {mark}" for mark in frame if mark not in response.text]
    return found
