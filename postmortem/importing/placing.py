"""Pure: the texts of a draft as the fields of a postmortem take them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from postmortem.importing import inline, targets, zones
from postmortem.importing.draft import Cause, Draft, DraftEntry, Section
from postmortem.importing.lines import INLINE_LABEL

STEPS = ("phenomenon", "metric_anomaly", "change_correlation", "root_cause")
LESSONS = ("went_well", "went_badly", "luck")
_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\]\(([^)\n]{0,2000})\)")
_DEFINITION = re.compile(r"^ {0,3}\[([^\]\n]{1,100})\]:[ \t]+\S[^\n]{0,2000}$", re.MULTILINE)
_USE = re.compile(r"\[([^\]\[\n]{1,100})\](?!:|\()")
_TIME_WORDS = re.compile(
    rf"{zones.TOKEN.pattern}|(?<![a-z])(?:[ap]\.?m\.?|[ap]|t|z|on|at|st|nd|rd|th)(?![a-z])"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
    r"|[年月日号时点分]|上午|下午|晚上|凌晨|中午|早上|星期.|周.",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})([^`\n]*)$")


@dataclass(frozen=True)
class Placed:
    """Texts by the field they go to; Markdown without images."""

    summary: str
    findings: Mapping[str, str]
    lessons: Mapping[str, str]
    causes: tuple[Cause, ...]
    notes: str
    evidence: Mapping[str, str] = field(default_factory=dict)


def placed(draft: Draft, *, unsettled: Collection[int], heading: str, times_heading: str) -> Placed:
    """Where each text of a draft goes.

    Args:
        unsettled: numbers of the entries that go to no timeline; the notes keep them as written.
        heading: stands above those, in the reader's language.
        times_heading: stands above the times that an entry's moment says in other words: "Sep 27 2017 13:06".
    """
    if draft.extra.get("exact"):
        return _exact(draft)
    definitions = _definitions(draft)
    texts = {target: _field(draft, target, definitions) for target in targets.FIELDS}
    sections = [(one.start, _section(one, level=2)) for one in draft.rest if one.heading or one.text]
    pieces = [closed(text) for _start, text in sorted(sections, key=lambda one: one[0]) if text]
    left = [entry for number, entry in enumerate(draft.entries) if number in unsettled]
    if left:
        pieces += [f"## {heading}", *(closed(_entry(entry)) for entry in left)]
    worded = [
        entry.label
        for number, entry in enumerate(draft.entries)
        if number not in unsettled
        and re.search(r"[^\W\d_]", entry.label)
        and inline.plain(entry.label) not in entry_text(entry)
    ]
    if worded:
        pieces += [f"## {times_heading}", "\n".join(f"- {label}" for label in worded)]
    return Placed(
        summary=texts["summary"],
        findings={step: texts[step] for step in STEPS},
        lessons={lesson: texts[lesson] for lesson in LESSONS},
        causes=tuple(
            replace(cause, statement=inline.plain(_no_images(cause.statement), addresses_of(draft)))
            for cause in draft.causes
        ),
        notes=_no_images(_with_definitions("\n\n".join(pieces), definitions)),
    )


def _exact(draft: Draft) -> Placed:
    """An export of ours: each text as it stands."""
    return Placed(
        summary=draft.text_of("summary"),
        findings={step: draft.text_of(step) for step in STEPS},
        lessons={lesson: draft.text_of(lesson) for lesson in LESSONS},
        causes=draft.causes,
        notes="\n\n".join(one.text for one in draft.rest),
        evidence=draft.extra.get("evidence", {}),
    )


def entry_text(entry: DraftEntry, addresses: Mapping[str, str] | None = None) -> str:
    """The text of an entry, in plain words; a label that says more than one moment stays in it.

    Args:
        addresses: as `addresses_of` gives them for the document.

    >>> entry_text(DraftEntry(Moment(""), "ca. 18:30", "**Down**", 0, 0))
    'ca. 18:30: Down'
    """
    text = entry.text
    if not entry.text.startswith(entry.label) and not _is_plain(entry.label):
        label = entry.label.strip(" :：-–—|*_[](){}")
        text = f"{label}: {entry.text}"
    return inline.plain(_no_images(text), addresses)


def addresses_of(draft: Draft) -> dict[str, str]:
    """Where the links go that the document defines apart from its text, by their labels in lower case."""
    lines = _definitions(draft).items()
    return {label: line.split("]:", 1)[1].split()[0].strip("<>") for label, line in lines}


def _is_plain(label: str) -> bool:
    """Whether a label is a date and a time, and no more: no range, no "about"."""
    clocks = re.findall(r"\d{1,2}[:：]\d{2}(?::\d{2})?", label)
    if len(clocks) > 1 or re.search(r"[~≈?]|\d-\d{2}\b(?!-)", label[8:]):
        return False
    return not re.search(r"[^\W\d_]", _TIME_WORDS.sub("", label))


def _field(draft: Draft, target: str, definitions: Mapping[str, str]) -> str:
    pieces = [
        closed(_section(one, level=3, own=targets.OWN_HEADINGS.get(target, set())))
        for one in draft.sections
        if one.target == target
    ]
    text = "\n\n".join(piece for piece in pieces if piece)
    return _no_images(_with_definitions(text, definitions))


def _section(one: Section, *, level: int, own: Collection[str] = ()) -> str:
    if one.target == "front":
        return f"```\n{one.text}\n```" if "```" not in one.text else one.text
    heading = "" if not one.heading or targets.plain(one.heading) in own else f"{'#' * level} {one.heading}"
    text = one.text
    if own and (label := INLINE_LABEL.match(text)) and targets.plain(label[2]) in own:
        text = text[label.end() :]
    return "\n\n".join(part for part in (heading, text) if part)


def _entry(entry: DraftEntry) -> str:
    return f"{entry.text}" if entry.text.startswith(entry.label) else f"**{entry.label}**\n\n{entry.text}"


def closed(text: str) -> str:
    """A text whose block of code, if its end is missing, ends with it: what follows is none of it."""
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.match(line) if len(line) < 2000 else None
        if not fence and match:
            fence = match[1]
        elif fence and match and not match[2].strip() and match[1].startswith(fence):
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _definitions(draft: Draft) -> dict[str, str]:
    """The link definitions of the document: label in lower case -> the line."""
    found: dict[str, str] = {}
    texts = [one.text for one in (*draft.sections, *draft.rest)] + [one.text for one in draft.entries]
    for text in texts:
        for match in _DEFINITION.finditer(text):
            found.setdefault(match[1].lower(), match[0].strip())
    return found


def _with_definitions(text: str, definitions: Mapping[str, str]) -> str:
    """A text with those link definitions that it uses and that stand elsewhere in the document."""
    if not definitions or not text:
        return text
    has = {match[1].lower() for match in _DEFINITION.finditer(text)}
    used = dict.fromkeys(match[1].lower() for match in _USE.finditer(text))
    lines = [definitions[label] for label in used if label in definitions and label not in has]
    return "\n\n".join([text, "\n".join(lines)]) if lines else text


def _no_images(text: str) -> str:
    """Images as links: nothing is fetched, and the words stay."""
    return _IMAGE.sub(lambda match: f"[{match[1] or 'image'}]({match[2]})", text)
