"""Pure: the words of a Markdown text where nothing renders it: titles, entries of a timeline, causes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# Longer texts are logs, whose stars and underscores are their own.
LONGEST = 20_000
_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})[ \t]*([^`\n]*)$")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(?=\S)")
_CODE = re.compile(r"(?<![`\w])(`{1,3})(?!`)(?P<words>[^\n]{1,1000}?)(?<!`)\1(?![`\w])")
_LINK = re.compile(
    r"!?\[(?P<words>[^\[\]\n]{1,500})\]"
    r"\(\s*<?(?P<address>(?:[^()\s<>]|\([^()\s]{0,200}\)){1,2000})>?(?:\s+[\"'](?P<title>[^\"'\n]{0,200})[\"'])?\s*\)"
)
_REFERENCE = re.compile(r"!?\[(?P<words>[^\[\]\n]{1,500})\]\[(?P<label>[^\[\]\n]{0,100})\]")
_ADDRESS = re.compile(r"<((?:https?|ftp|mailto):[^\s<>]{1,2000})>")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# A mark opens before a character and closes after one. Those that part two words stay, or these would be one;
# so do underscores: most of them are part of a name.
_EMPHASIS = (
    re.compile(r"(?<!\w)\*\*(?=\S)(?P<words>[^\n]{1,1000}?)(?<=\S)\*\*(?!\w)"),
    re.compile(r"(?<!\w)~~(?=\S)(?P<words>[^\n]{1,1000}?)(?<=\S)~~(?!\w)"),
    re.compile(r"(?<![*\w/])\*(?=[^\s*])(?P<words>[^\n*]{1,1000}?)(?<=[^\s*])\*(?![*\w])"),
)
# Stands for what is taken out of a text until its marks are gone; no document holds it.
_KEPT = re.compile("\x00(\\d+)\x00")


def plain(text: str, addresses: Mapping[str, str] | None = None) -> str:
    """The text without marks: bold, italics, code, headings; a link is its words and its address.

    Args:
        addresses: of links that the document defines elsewhere, by their labels in lower case.

    >>> plain("**OUTAGE BEGINS**, see [the graph](https://example.org/g) of `http_500s`")
    'OUTAGE BEGINS, see the graph (https://example.org/g) of http_500s'
    """
    if len(text) > LONGEST or "\x00" in text:
        return text
    return "\n".join(_blocks(text, addresses or {})) if re.search(r"[*_`~\[<\\#]", text) else text


def linked(text: str) -> tuple[str, str]:
    """The words of a text and the one web address that it names; "" for none, or several.

    >>> linked("[OPS-1](https://example.org/1)")
    ('OPS-1', 'https://example.org/1')
    """
    found = {match["address"] for match in _LINK.finditer(text)}
    words = plain(_LINK.sub(lambda match: match["words"], text)).strip()
    found |= set(re.findall(r"https?://[^\s<>|]+", words))
    addresses = [one for one in found if one.startswith(("http://", "https://"))]
    return words, addresses[0] if len(found) == len(addresses) == 1 else ""


def _blocks(text: str, addresses: Mapping[str, str]) -> list[str]:
    """Lines without marks; those of a block of code are as they are, and its fences are gone."""
    found: list[str] = []
    is_code = False
    for line in text.split("\n"):
        if fence := _FENCE.match(line):
            is_code = not is_code
            # The name of the language is a word of the document.
            found += [fence[1].strip()] * bool(fence[1].strip())
        else:
            found.append(line if is_code else _spans(line, addresses))
    return found


def _spans(line: str, addresses: Mapping[str, str]) -> str:
    kept: list[str] = []

    def keep(words: str) -> str:
        kept.append(words)
        return f"\x00{len(kept) - 1}\x00"

    line = _HEADING.sub("", line)
    line = _CODE.sub(lambda match: keep(match["words"].strip()), line)
    line = _ESCAPED.sub(lambda match: keep(match[1]), line)
    line = _LINK.sub(lambda match: _of_link(match, keep), line)
    line = _REFERENCE.sub(lambda match: _of_reference(match, addresses, keep), line)
    line = _ADDRESS.sub(lambda match: keep(match[1]), line)
    line = re.sub(r"https?://[^\s<>|)\]*]+", lambda match: keep(match[0]), line)
    for mark in _EMPHASIS:
        line = mark.sub(lambda match: match["words"], line)
    while _KEPT.search(line):
        line = _KEPT.sub(lambda match: kept[int(match[1])], line)
    return line


def _of_link(match: re.Match[str], keep: Callable[[str], str]) -> str:
    words, address = match["words"], match["address"]
    if words == address:
        return keep(address)
    about = f"{address}, {match['title']}" if match["title"] else address
    return f"{words} ({keep(about)})"


def _of_reference(match: re.Match[str], addresses: Mapping[str, str], keep: Callable[[str], str]) -> str:
    address = addresses.get((match["label"] or match["words"]).lower(), "")
    return f"{match['words']} ({keep(address)})" if address else match[0]
