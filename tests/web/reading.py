"""Reads a page as a browser would: its links, its forms with what they would send, code written inline."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

Attributes = dict[str, str]

# What fits into an empty field, by its name: a rule looks at a spoilt field when the others are sound.
_WORDS = {
    "username": "ada@example.com",
    "password": "correct horse battery staple",
    "old_password": "correct horse battery staple",
    "new_password1": "another horse entirely",
    "new_password2": "another horse entirely",
    "duplicate_of": "",
    "happened_at": "+1m",
    "line": "+1m restarted it",
    "pipeline": "kubectl get pods | grep Pending",
    "command": "kubectl get pods | grep Pending",
    "promql": "pool_waiting",
    "pattern": "Pending",
    "threshold": "1",
    "value": "200",
    "url": "https://git.example.com/shop/order/1",
    "base_url": "http://127.0.0.1:9090",
    "address": "https://chat.example.com/hook/0123456789abcdef",
    "secret": "",
    # The first way to sign in is none.
    "credential": "",
    "ca_certificates": "",
    "networks": "",
    "service_names": "ordr = order",
    # A token of every scope takes no limits.
    "only_repositories": "",
    "repositories": "shop/order",
    "branches": "main",
    "excused_labels": "no-postmortem",
    "covered_labels": "needs-postmortem",
    "excused_paths": "docs/*",
    "covered_paths": "src/*",
    "only_services": "",
    "only_networks": "",
    "day_5": "",
    "day_6": "",
    "holidays": "2026-10-01",
    "loss_currency": "CNY",
    "slug": "search",
    "env": "",
    "secret_value": "correct horse battery staple",
    "fix_url": "https://git.example.com/shop/order/1",
    "tracker_url": "https://tracker.example.com/1",
}
_LEFT_EMPTY = {"date", "datetime-local", "number", "search"}


@dataclass
class Form:
    """A form, or a button of one that goes elsewhere.

    Attributes:
        fields: what a browser would send at once, with the gaps filled.
        choices: the names of selects, radios and checkboxes.
        files: the names of files that must be chosen.
    """

    path: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


@dataclass
class Page:
    """What is found in one page."""

    links: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    # What the content security policy forbids, with its line.
    inline: list[str] = field(default_factory=list)


def read(html: str, *, at: str, fills_gaps: bool = True) -> Page:
    """Read the page that was got from the path `at`; its forms with their gaps filled, or as they are."""
    reader = _Reader(at, fills_gaps=fills_gaps)
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self, at: str, *, fills_gaps: bool) -> None:
        super().__init__()
        self._fills_gaps = fills_gaps
        self.page = Page()
        self._at = at
        self._open: list[Form] = []
        self._select: tuple[Form, str, list[tuple[str, bool]], bool] | None = None
        self._textarea: tuple[Form, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.inline += _forbidden(tag, given, self.getpos()[0])
        for name in ("href", "hx-get"):
            if tag in {"a", "div", "button"} and given.get(name):
                self.page.links.append(urljoin(self._at, given[name]))
        if tag == "form":
            method = given.get("method", "get").lower()
            self._open = [Form(urljoin(self._at, given.get("action", "")), method)]
            self.page.forms += self._open
            if "hx-post" in given:
                self._another(given["hx-post"])
        if self._open and tag == "div" and "hx-post" in given:
            self._another(given["hx-post"])
        # What stands in a <template> is a row that is not there yet.
        if self._open and "disabled" not in given and "__prefix__" not in given.get("name", ""):
            self._handle_field(tag, given)
        for asks in ("data-read", "data-autosave"):
            if asks in given and self._open:
                self._another(given[asks])
        if tag == "button" and "hx-post" in given and not self._open:
            self.page.forms.append(Form(urljoin(self._at, given["hx-post"]), "post"))

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            form, name = self._textarea
            form.fields[name] = [form.fields[name][0] + data.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select is not None:
            form, name, options, is_needed = self._select
            usable = [value for value, _chosen in options if value]
            # A check needs a data source where it asks one a query, and only then.
            is_needed = is_needed or name.endswith("data_source")
            # Not the first: of people that is often somebody who is there already.
            chosen = [value for value, is_chosen in options if is_chosen] or (options[:1] and [options[0][0]])
            is_gap = is_needed and self._fills_gaps and chosen in ([], [""])
            form.fields[name] = usable[-1:] if is_gap else chosen
            self._select = None
        elif tag == "textarea" and self._textarea is not None:
            form, name = self._textarea
            form.fields[name] = [form.fields[name][0] or self._word(name)]
            self._textarea = None
        elif tag == "form":
            for form in self._open[1:]:
                form.fields |= {
                    name: values for name, values in self._open[0].fields.items() if name not in form.fields
                }
                form.choices |= self._open[0].choices
            self._open = []

    def _handle_field(self, tag: str, given: Attributes) -> None:
        form, name, kind = self._open[0], given.get("name", ""), given.get("type", "text")
        if tag == "button":
            for goes in ("formaction", "hx-post"):
                if goes in given:
                    self._another(given[goes])
                    form = self._open[-1]
            # Of several buttons one is pressed: the first.
            if name and name not in form.fields:
                form.fields[name] = [given.get("value", "")]
        elif tag == "select" and name:
            form.choices.add(name)
            self._select = (form, name, [], "required" in given)
        elif tag == "option" and self._select is not None:
            self._select[2].append((given.get("value", ""), "selected" in given))
        elif tag == "textarea" and name:
            form.fields[name] = [""]
            self._textarea = (form, name)
        elif tag == "input" and name and kind in {"checkbox", "radio"}:
            form.choices.add(name)
            is_first = name not in form.fields
            if (
                "checked" in given
                or (is_first and kind == "radio")
                or (self._fills_gaps and name in {"items", "origins", "scopes"})
            ):
                chosen = [] if kind == "radio" else form.fields.get(name, [])
                form.fields[name] = [*chosen, given.get("value", "on")]
        elif tag == "input" and name and kind == "file":
            form.fields[name] = [""]
            form.files |= {name} if "required" in given else set()
        elif tag == "input" and name and kind not in {"submit", "button"}:
            form.fields[name] = [
                given.get("value") or self._word(name, "" if kind in _LEFT_EMPTY else "A word")
            ]

    def _word(self, name: str, other: str = "A word") -> str:
        return _WORDS.get(name.rpartition("-")[2], other) if self._fills_gaps else ""

    def _another(self, path: str) -> None:
        other = Form(urljoin(self._at, path), "post")
        self._open.append(other)
        self.page.forms.append(other)


def _forbidden(tag: str, given: Attributes, line: int) -> Iterator[str]:
    is_data = given.get("type") == "application/json"
    if tag == "style" or (tag == "script" and "src" not in given and not is_data):
        yield f"line {line}: <{tag}>"
    for name, value in given.items():
        if name == "style" or name.startswith(("on", "hx-on")) or "javascript:" in value.lower():
            yield f"line {line}: <{tag} {name}={value!r}>"


def query_names(link: str) -> set[str]:
    """The names of the filters in a link."""
    return set(parse_qs(urlsplit(link).query, keep_blank_values=True))
