"""The Chinese catalogue: complete, as new as the code, compiled, true to its placeholders, seen on pages."""

import ast
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.services import require_program

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "locale/zh_Hans/LC_MESSAGES"

Key = tuple[str, str]


def key(message: Message) -> Key:
    """What gettext looks a message up by: its context and its (singular) English."""
    text = message.id if isinstance(message.id, str) else message.id[0]
    return message.context or "", text


def messages(catalogue: Catalog) -> dict[Key, Message]:
    return {key(message): message for message in catalogue if message.id}


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def says(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    return read(FOLDER / "django.po")


def test_catalogue_has_no_untranslated_and_no_fuzzy_entry(chinese):
    # A header marked fuzzy makes msgfmt skip the character set and the plural rule.
    assert not chinese.fuzzy
    assert [key(one) for one in messages(chinese).values() if one.fuzzy or not all(says(one))] == []


_MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}


def test_no_text_of_the_code_is_out_of_sight_of_the_extraction(chinese):
    """xgettext does not look into f-strings, so what is translated there is never asked for."""
    known = {text for _context, text in messages(chinese)}
    missing = [
        (str(file.relative_to(ROOT)), call.args[0].value)
        for package in ("accounts", "api", "governance", "ops", "postmortem", "remediation", "web")
        for file in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in _MARKS
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value not in known
    ]

    assert missing == []


def test_catalogue_has_every_text_of_the_code(chinese, tmp_path):
    require_program("xgettext", "apt-get install gettext")
    copy = tmp_path / "code"
    others = (".*", "__pycache__", "tests", "benchmarks", "docs", "staticfiles", "test-results")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*others))

    subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "makemessages", "--locale", "zh_Hans"],
        cwd=copy,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.test_settings"},
        check=True,
        capture_output=True,
    )

    extracted = read(copy / "locale/zh_Hans/LC_MESSAGES/django.po")
    assert sorted(messages(extracted).keys() - messages(chinese).keys()) == [], "run `make messages`"


def test_compiled_catalogue_says_what_the_source_says(chinese):
    compiled = BytesIO()
    write_mo(compiled, chinese)
    compiled.seek(0)
    expected = {place: says(message) for place, message in messages(read_mo(compiled)).items()}

    with (FOLDER / "django.mo").open("rb") as file:
        shipped = {place: says(message) for place, message in messages(read_mo(file)).items()}

    assert shipped == expected, "run `make messages`"


def test_translations_keep_placeholders_and_tags(chinese):
    kept = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w*\}|</?\w[^>]*>")
    broken = []
    for message in messages(chinese).values():
        # Of a plural the last English form counts: the first may leave the number out.
        english = message.id if isinstance(message.id, str) else message.id[-1]
        broken += [
            (english, text) for text in says(message) if set(kept.findall(text)) != set(kept.findall(english))
        ]

    assert broken == []


class _Words(HTMLParser):
    """What a page shows or reads out: its text and the attributes that are words.

    Left out are code, ids, and what the page itself marks as English: findings are kept as CI got them.
    """

    UNREAD = ("script", "style", "code", "pre", "textarea")
    VOID = ("meta", "link", "input", "br", "hr", "img", "rect", "path", "circle", "line")

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attrs}
        if tag not in self.VOID:
            is_code = tag in self.UNREAD or bool({"id", "mono"} & set(names.get("class", "").split()))
            self._open.append((tag, is_code or (tag != "html" and names.get("lang") == "en")))
        self.found |= {
            names[name].strip() for name in ("title", "placeholder", "aria-label", "alt") if names.get(name)
        }

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(is_exempt for _, is_exempt in self._open):
            self.found.add(" ".join(data.split()))


# English that stays English: examples of code in placeholders, and names of zones.
_ALLOWED = re.compile(
    r"kubectl |PGPASSWORD=secret://|sum\(rate\(|https?://|\S+@\S+$|[A-Z]\w+(/[\w+-]+)+$"
    r"|n: TTR \d+, TTD \d+, TTM \d+$"
)


def english_in(html: str) -> list[str]:
    """The texts of a page with two English words or more and no Chinese."""
    words = _Words()
    words.feed(html)
    return sorted(
        text
        for text in words.found
        if len(re.findall(r"[A-Za-z]{2,}", text)) > 1
        and not re.search(r"[\u4e00-\u9fff]", text)
        and not _ALLOWED.match(text)
    )


LISTS = [
    "home", "incidents", "incident_new", "reviews", "items", "item_new", "services", "service_new", "gate",
    "connect", "report", "search", "settings", "password", "tokens", "wording", "data_sources",
]  # fmt: skip


@pytest.fixture
def reader(db: None) -> Client:
    """An administrator who reads Chinese."""
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(factories.user("林薇", role="administrator", language="zh-hans"))
    return client


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    html = response.content.decode()
    assert '<html lang="zh' in html
    return html


@pytest.mark.parametrize("name", LISTS)
def test_page_in_chinese_shows_no_english(reader, name):
    assert english_in(page(reader, reverse(f"web:{name}"))) == []


@pytest.fixture
def story(db: None) -> list[str]:
    """The addresses of one incident and of what followed from it, all of it written in Chinese."""
    people = [factories.user(name) for name in ("陈浩", "王敏")]
    team = factories.team("订单团队", manager=people[0])
    service = factories.service("order", name="订单", team=team)
    incident = factories.resolved_incident(
        "连接池耗尽", services=[service], participants=people, severity="P0", declared_by=people[0]
    )
    for participant in incident.participants.all():
        factories.filed_timeline(participant, text="重启了订单服务。")
    review = factories.review(
        "连接池复盘", incidents=[incident], is_open=True, owner=people[0], facilitator=people[1]
    )
    for step in review.steps.all()[:2]:
        factories.signed(factories.written(step, finding="下单失败。", evidence="见网关日志。"))
    cause = factories.cause(
        review, "连接没有上限。", is_primary=True, state="verified", evidence="压测重现。"
    )
    item = factories.item(
        "限制连接数",
        review=review,
        causes=[cause],
        service=service,
        team=team,
        owner=people[0],
        state="verified",
    )
    check = item.verification_checks.get()
    factories.check_run(check, outcome="pass")
    factories.check_run(check, slot=factories.NOW - 2 * factories.HOUR, outcome="error")
    return [
        reverse("web:incident", args=[incident.public_id]),
        reverse("web:incident_edit", args=[incident.public_id]),
        reverse("web:review", args=[review.public_id]),
        reverse("web:review_document", args=[review.public_id]),
        reverse("web:cause_new", args=[review.public_id]),
        reverse("web:item", args=[item.public_id]),
        reverse("web:check", args=[check.pk]),
        reverse("web:check_edit", args=[check.pk]),
        reverse("web:service", args=[service.slug]),
        *(reverse(f"web:{name}") for name in ("incidents", "reviews", "items", "services")),
    ]


def test_pages_of_a_story_in_chinese_show_no_english(reader, story):
    assert {address: found for address in story if (found := english_in(page(reader, address)))} == {}


ROWS = {"people-TOTAL_FORMS": "0", "people-INITIAL_FORMS": "0"}
SHORT = {"old_password": factories.PASSWORD, "new_password1": "short", "new_password2": "short"}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("incident_new", ROWS),
        ("incident_new", ROWS | {"started_at": "soon", "impact_minutes": "-1", "failure_percent": "x"}),
        ("item_new", {"kind": "detect"}),
        ("service_new", {"slug": "order", "name": "订单", "tier": "9"}),
        ("password", SHORT),
        ("settings", {"time_zone": "x"}),
        ("tokens", {"scopes": "x"}),
        ("data_sources", {"name": "x", "base_url": "ftp://x"}),
    ],
)
def test_refused_form_in_chinese_shows_no_english(reader, name, sent):
    factories.service("order", name="订单", team=factories.team("订单团队"))

    response = reader.post(reverse(f"web:{name}"), sent)

    assert response.status_code == 422
    assert english_in(response.content.decode()) == []


def test_login_page_follows_the_language_of_the_browser(db):
    html = page(Client(headers={"accept-language": "zh-CN,zh;q=0.9"}), reverse("web:login"))

    assert english_in(html) == []
