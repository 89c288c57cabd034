"""How well the wording rules tell vague actions from concrete ones, and how much they find in real documents.

Goals: "vague" against "concrete" in English with a precision of 0.9 and a recall of 0.8; fewer than 6
findings in 1,000 words of running text.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scores import Table
from postmortem import wording
from postmortem.wording import Purpose

PRECISION, RECALL, PER_THOUSAND = 0.9, 0.8, 6.0
LABELS = ("vague", "concrete", "borderline", "done", "question", "not_an_action")
LANGUAGES = {"en": "English", "zh": "Chinese"}


def tables(data: Path) -> Iterator[Table]:
    items = json.loads((data / "lint" / "action_items.json").read_text(encoding="utf-8"))["items"]
    yield _told_apart(items)
    yield _by_label(items)
    yield _in_documents(sorted((data / "postmortems").glob("*/*.md")))


def half(item: dict[str, Any]) -> str:
    """The half of an item: rules were tuned on A; B shows whether they only fit what they were tuned on."""
    return "AB"[zlib.crc32(item["id"].encode()) % 2]


def is_found(item: dict[str, Any]) -> bool:
    """Whether the rules call this action vague."""
    return any(found.kind == "action" for found in wording.find(item["text"], purpose=Purpose.ITEM))


def precision_and_recall(items: Sequence[dict[str, Any]]) -> tuple[Counter[str], float, float]:
    """Of "vague" over the items labelled vague and concrete: counts (tp, fp, fn, tn), precision, recall."""
    count = Counter(
        ("t" if is_found(item) == (item["label"] == "vague") else "f") + ("p" if is_found(item) else "n")
        for item in items
        if item["label"] in {"vague", "concrete"}
    )
    found, vague = count["tp"] + count["fp"], count["tp"] + count["fn"]
    return count, count["tp"] / found if found else 1.0, count["tp"] / vague if vague else 1.0


def _told_apart(items: list[dict[str, Any]]) -> Table:
    rows, missed = [], []
    for code, language in LANGUAGES.items():
        spoken = [item for item in items if item["lang"] == code]
        for name in ("A", "B", "both"):
            count, precision, recall = precision_and_recall(
                [item for item in spoken if name == "both" or half(item) == name]
            )
            counts = [count[cell] for cell in ("tp", "fp", "fn", "tn")]
            rows.append([f"{language}, {name}", *counts, f"{precision:.2f}", f"{recall:.2f}"])
            if code == "en" and name == "both" and (precision < PRECISION or recall < RECALL):
                missed.append(f"vague actions in English: precision {precision:.2f}, recall {recall:.2f}")
    head = ["vague against concrete", "right", "wrong", "overlooked", "rightly left", "precision", "recall"]
    return Table("Vague action items", head, rows, missed)


def _by_label(items: list[dict[str, Any]]) -> Table:
    rows = []
    for label in LABELS:
        labelled = [item for item in items if item["label"] == label]
        rows.append([label, len(labelled), sum(map(is_found, labelled))])
    return Table("Action items called vague, by label", ["label", "items", "called vague"], rows)


def words(text: str) -> float:
    """How long a text is: Latin words, and two Chinese characters for a word."""
    return (
        len(re.findall(r"[^\W\d_\u2e80-\u9fff]+(?:['’-]\w+)*", text))
        + len(re.findall(r"[\u4e00-\u9fff]", text)) / 2
    )


def _in_documents(paths: Sequence[Path]) -> Table:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    length: Counter[str] = Counter()
    for path in paths:
        text = path.read_text(encoding="utf-8")
        is_chinese = len(re.findall(r"[\u4e00-\u9fff]", text)) > 200
        for corpus in (path.parent.name, "all Chinese" if is_chinese else "all English"):
            found[corpus].update(one.kind for one in wording.find(text, purpose=Purpose.STEP))
            length[corpus] += round(words(text))
    rows, missed = [], []
    for corpus in sorted(found, key=lambda name: (name.startswith("all "), name)):
        rate = 1000 * found[corpus]["hedging"] / length[corpus]
        rows.append([corpus, length[corpus], found[corpus]["hedging"], f"{rate:.1f}", found[corpus]["blame"]])
        if corpus.startswith("all ") and rate >= PER_THOUSAND:
            missed.append(f"{corpus}: {rate:.1f} findings in 1,000 words")
    head = ["documents, read as step texts", "words", "hedging", "in 1,000 words", "blame"]
    return Table("Findings in whole documents", head, rows, missed)
