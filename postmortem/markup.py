"""Render what people write (Markdown) to HTML that cannot hurt the reader."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import nh3
from django.utils.translation import gettext as _
from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from postmortem.errors import Invalid

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
