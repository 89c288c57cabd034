"""What of a text are the writer's own words; code, quotations, links and log lines are not."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LEVEL = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC"
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_QUOTE = re.compile(r" {0,3}>")
_ITEM = re.compile(r" *(?:[-*+•]|\d{1,9}[.)、])(?: |\t|$)")
_BLOCK = re.compile(r" {0,3}(?:#{1,6} |```|~~~|[-*+] |\d{1,9}[.)] |\|)")
_INDENTED = re.compile(r" {4}|\t")
# A line of a log begins with date and time or with its level.
_LOG = re.compile(
    rf"\W{{0,3}}\d{{4}}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[^\n]*\b(?:{_LEVEL})\b"
    rf"|(?:\[(?:{_LEVEL})\]|(?:{_LEVEL}):?\s+\d)"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S"
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Inline code, the target of a link, an address, what stands in quotation marks or is the title of a work.
_SPANS = re.compile(
    r"(?<!`)(`{1,3})(?!`)[^`\n]{1,2000}?(?<!`)\1(?!`)"
    r"|\]\([^()\s]{1,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?\)"
    r"|<https?://[^<>\s]{1,2000}>"
    r"|\b(?:https?|ftp)://[^\s<>\"'，。；、（）]{1,2000}"
    r"|“[^“”\n]{1,500}”|「[^「」\n]{1,500}」|『[^『』\n]{1,500}』|《[^《》\n]{1,200}》|\"[^\"\n]{1,500}\""
    r"|‘[^‘’\n]{1,300}’(?!\w)|(?<![\w'])'[^'\n]{1,200}'(?![\w'])"
)


def own_words(text: str) -> str:
    """The text with everything else blanked out; every offset stays."""
    # Fences first: what looks like a comment or a quotation inside of code is code.
    lines = [_blank(line) if is_others else line for line, is_others in _lines(text)]
    text = _SPANS.sub(lambda match: _blank(match[0]), "".join(lines))
    return _COMMENT.sub(lambda match: _blank(match[0]), text)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is code, a quotation or a log; read as Markdown does."""
    fence = ""
    is_quoted, is_in_list, follows_text = False, False, False
    for line in text.splitlines(keepends=True):
        opener = _FENCE.match(line)
        if fence:
            is_closing = opener and opener[1][0] == fence[0] and len(opener[1]) >= len(fence)
            if opener and is_closing and not line.strip().strip(fence[0]):
                fence = ""
            yield line, True
            continue
        if opener:
            fence, is_quoted, follows_text = opener[1], False, False
            yield line, True
            continue
        if not line.strip():
            is_quoted, follows_text = False, False
            yield line, False
            continue
        # The lines under a quotation belong to it until a blank line or a new block.
        is_quoted = bool(_QUOTE.match(line)) or (is_quoted and not _BLOCK.match(line))
        is_item, is_indented = bool(_ITEM.match(line)), bool(_INDENTED.match(line))
        # Under the point of a list an indented line is its text; elsewhere, after a blank line, it is code.
        is_code = is_indented and not is_in_list and not follows_text
        if not is_code:
            is_in_list = is_item or (is_in_list and (is_indented or follows_text or line[0] in " \t"))
            follows_text = True
        yield line, is_quoted or is_code or bool(_LOG.match(line))
