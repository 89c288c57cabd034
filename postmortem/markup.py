"""Render what people write (Markdown) to HTML that cannot hurt the reader, once, when it is saved.

A column `x` of Markdown has a column `x_html` beside it. Whoever stores `x` calls `keep(record, "x")`; pages
show `shown(record.x, record.x_html)`, in templates `{{ record|prose:"x" }}`, and never render.
"""

from __future__ import annotations

import re
from hashlib import sha256
from xml.etree.ElementTree import Element

import nh3
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from postmortem.errors import Invalid

# Counts up when the same text gives other HTML; `manage.py render_again` then renders what is stored anew.
RENDERER = 1
MAX_CHARACTERS = 64 * 1024
# For each opening bracket the renderer walks to its partner, or to the end of the paragraph when there is
# none; for each heading and rule it copies the rest of its paragraph. Up to so many characters that takes
# about a second; `"[" * 500` before a long line would take ten.
MAX_WALK = 1_000_000
MAX_COPY = 10_000_000

_TAGS = frozenset(
    {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong"}
    | {"table", "tbody", "td", "th", "thead", "tr", "ul"}
)
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
_LANGUAGE = re.compile(r"language-[A-Za-z0-9_+-]{1,30}")
# A comment, so that what is stored is HTML as it stands.
_STAMP = re.compile(r"<!--(?P<version>\d{1,6}):(?P<hash>[0-9a-f]{32})-->")
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_DIVIDER = re.compile(r"^ {0,3}(?:#{1,6}|=+[ \t]*$|(?:[-*_][ \t]*)+$)", re.MULTILINE)
_FENCED = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)


class _LowerHeadings(Treeprocessor):
    """The page has its own h1 and h2: the writer's headings begin below them."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if re.fullmatch(r"h[1-6]", element.tag):
                element.tag = f"h{min(6, int(element.tag[1]) + 2)}"


class _Plain(Extension):
    """Markdown without HTML, its headings lowered."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        md.treeprocessors.register(_LowerHeadings(md), "lower_headings", 5)
        # What looks like HTML is shown as written: logs are full of `<`, and reading it takes seconds.
        md.preprocessors.deregister("html_block")
        md.inlinePatterns.deregister("html")


def stored(text: str, *, field: str = "text") -> str:
    """What belongs into the column beside a text: its HTML, stamped with renderer and text; "" for no text.

    Raises:
        Invalid: as `render`.
    """
    return f"<!--{RENDERER}:{_hash(text)}-->{render(text, field=field)}" if text.strip() else ""


def stored_if_possible(text: str) -> str:
    """As `stored`, but "" where the text cannot be rendered: it is then shown as it stands."""
    try:
        return stored(text)
    except Invalid:
        return ""


def keep(record: object, *fields: str) -> None:
    """Set `x_html` of a record for each field `x`, before it is saved.

    Raises:
        Invalid: as `render`; `field` says which.
    """
    for field in fields:
        setattr(record, f"{field}_html", stored(getattr(record, field), field=field))


def shown(text: str, html: str) -> SafeString:
    """A text for the reader: the stored HTML, where it is of this very text, else the text as it stands.

    A statement that changed the text alone leaves HTML of the old one behind: that must not be shown as the
    new one, and rendering would make a reader wait.
    """
    stamp = _STAMP.match(html)
    if stamp is not None and stamp["hash"] == _hash(text):
        return mark_safe(html[stamp.end() :])  # noqa: S308 - sanitised when it was stored
    return mark_safe(linebreaks(text, autoescape=True) if text.strip() else "")  # noqa: S308 - escaped


def is_current(text: str, html: str) -> bool:
    """Whether the stored HTML is of this text and by this renderer."""
    if not text.strip():
        return html == ""
    return html.startswith(f"<!--{RENDERER}:{_hash(text)}-->")


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def render(text: str, *, field: str = "text") -> str:
    """The text as sanitised HTML: tables, fenced code and lists; no images; HTML is shown, not obeyed.

    Raises:
        Invalid: too long, or so many unpaired brackets or headings outside code that rendering would take
            seconds.
    """
    _guard(text, field)
    try:
        html = Markdown(
            extensions=["tables", "fenced_code", "sane_lists", "nl2br", _Plain()], output_format="html"
        ).convert(text)
    except RecursionError as error:
        raise Invalid(_("Lists or quotations are nested too deeply here."), field=field) from error
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_only_languages,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def _guard(text: str, field: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise Invalid(_("This has more than %(count)d characters.") % {"count": MAX_CHARACTERS}, field=field)
    outside = _FENCED.sub("", text)
    paragraphs = _BLANK_LINES.split(outside)
    if sum(map(_walk, paragraphs)) > MAX_WALK:
        raise Invalid(_("Too many “[” without “]”; put logs between ``` lines."), field=field)
    if sum(len(_DIVIDER.findall(paragraph)) * len(paragraph) for paragraph in paragraphs) > MAX_COPY:
        raise Invalid(_("Too many headings or rules; put logs between ``` lines."), field=field)


def _walk(paragraph: str) -> int:
    """How many characters lie between brackets, counted once for each pair around them."""
    return _between("[", "]", paragraph) + _between("(", ")", paragraph)


def _between(opening: str, closing: str, paragraph: str) -> int:
    depth = total = 0
    last = 0
    for match in re.finditer(f"[{re.escape(opening + closing)}]", paragraph):
        total += depth * (match.start() - last)
        last = match.start()
        depth = depth + 1 if match[0] == opening else max(0, depth - 1)
    return total + depth * (len(paragraph) - last)


def _only_languages(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class" and not _LANGUAGE.fullmatch(value):
        return None
    return value
