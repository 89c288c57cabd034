"""How well causes that came back are told from those that only look so, on documents grouped by reading.

A document stands for a cause: its title and what its headings call summary, cause, analysis or conclusion.
Its folder stands for the service. "Likely" is what a page calls likely, "suggested" what it shows at all.
Goals: each certain pair is likely, no trap is. The group of an earlier and a later document is compared
with all documents as candidates, as a page would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from benchmarks.scores import Table
from postmortem import likeness
from postmortem.likeness import Likeness, Text

_CAUSAL = re.compile(
    r"cause|why|conclusion|summary|analysis|what (happened|went wrong)|problem"
    r"|原因|分析|总结|现象|背景|概述|结论",
    re.IGNORECASE,
)
_FRONT = re.compile(r"\A(---|\+\+\+)\n(.*?)\n\1\n", re.DOTALL)
_TITLE = re.compile(r'^title\s*[:=]\s*"?(.*?)"?\s*$', re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6} .*)$", re.MULTILINE)


def tables(data: Path) -> Iterator[Table]:
    folder = data / "postmortems"
    names = [str(path.relative_to(data)) for path in sorted(folder.rglob("*.md"))]
    texts = [_text(data / name, key) for key, name in enumerate(names)]
    groups = json.loads((data / "recurrence" / "groups.json").read_text(encoding="utf-8"))["groups"]
    rows, missed = [], []
    for group in groups:
        members = [names.index(name) for name in group["documents"]]
        pairs = [_pair(later, earlier, texts) for earlier, later in combinations(members, 2)]
        best = max(pairs, key=lambda pair: pair.score if pair else 0.0)
        verdict = "-" if best is None else "likely" if best.is_likely else "suggested"
        score, words = (f"{best.score:.2f}", ", ".join(best.shared_words)) if best else ("-", "")
        rows.append((group["name"], group["strength"], verdict, score, words))
        if group["strength"] == "certain" and verdict != "likely":
            missed.append(f"recurrence: “{group['name']}” is certain and {verdict}")
        if group["strength"] == "trap" and verdict == "likely":
            missed.append(f"recurrence: “{group['name']}” is a trap and called likely")
    yield Table(
        "Recurrence: groups judged by reading",
        ("group", "strength", "told", "score", "shared words"),
        rows,
        missed,
    )
    yield _everything(texts)


def _everything(texts: list[Text]) -> Table:
    """How often something is suggested at all: a suggestion that is always there helps nobody."""
    found = [likeness.rank(text, texts[: text.key], most=5) for text in texts]
    likely = sum(one.is_likely for row in found for one in row)
    shown = sum(len(row) for row in found)
    return Table(
        f"Recurrence: suggestions for {len(texts)} documents",
        ("documents with a likely one", "likely", "documents with a suggestion", "suggestions"),
        [(sum(any(one.is_likely for one in row) for row in found), likely, sum(map(bool, found)), shown)],
    )


def _pair(later: int, earlier: int, texts: list[Text]) -> Likeness | None:
    others = [text for text in texts if text.key != later]
    found = likeness.rank(texts[later], others, most=len(texts))
    return next((one for one in found if one.key == earlier), None)


def _text(path: Path, key: int) -> Text:
    return Text(key, causal(path.read_text(encoding="utf-8")), (), (path.parent.name,))


def causal(markdown: str) -> str:
    """What a document says about the cause, as far as its headings tell."""
    front = _FRONT.match(markdown)
    title = _TITLE.search(front[2]) if front else None
    first, *rest = _HEADING.split(markdown[front.end() :] if front else markdown)
    parts = [title[1] if title else "", first]
    for heading, body in zip(rest[::2], rest[1::2], strict=True):
        if heading.startswith("# ") or _CAUSAL.search(heading):
            parts += [heading, body]
    return "\n".join(parts)
