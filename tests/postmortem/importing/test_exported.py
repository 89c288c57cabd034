"""An exported postmortem is read back to the same facts and texts, whatever is written in them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortem.importing import cells, exported, exporting, placing

WRITABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\r")
TEXTS = st.text(WRITABLE, max_size=60) | st.sampled_from(
    [
        "<!-- /text -->", "\\<!-- text notes -->", "```\nnever closed", "~~~~", "# H\n\n## 1. Phenomenon",
        "| a | b |\n|--|--|", "a \\| b", "<br>", "&lt;br&gt;&#32;", "---\ntitle: x\n---",
        "  led\n trailed  ", "<!-- timeline -->\n| 2026 |", "1. *b* _c_ [d](e)", "\x85\u2028",
        "## Remediation items\n\n| RI-2026-0001 x |",
    ]
)  # fmt: skip
FILLED = TEXTS.filter(lambda text: text.strip())


@st.composite
def dossiers(draw: Any) -> dict[str, Any]:
    return {
        "id": "PM-2026-0001",
        "title": draw(FILLED),
        "state": "archived",
        "owner": draw(TEXTS),
        "facilitator": "Fay",
        "archived_at": None,
        "content_hash": "",
        "incidents": [
            {
                "id": "INC-2026-0001",
                "title": draw(TEXTS),
                "summary": draw(TEXTS),
                "severity": "P1",
                **dict.fromkeys(exported.MILESTONES),
                "started_at": "2026-11-20T02:00:00.123456+00:00",
                **dict.fromkeys(exported.FIGURES),
                "phase": draw(TEXTS),
                "is_drill": True,
                "impact_minutes": 5,
                "loss_amount": "1200000.00",
                "loss_currency": "CNY",
                "services": [{"service": "order", "part": "origin"}, {"service": "pay", "part": "affected"}],
                "participants": [{"name": draw(TEXTS), "role": "scribe"}],
            }
        ],
        "timeline": [
            {
                "by": draw(TEXTS),
                "at": "2026-11-20T10:00:00+08:00",
                "zone": "Asia/Shanghai",
                "kind": "note",
                "marker": "repair",
                "milestone": "",
                "is_starred": True,
                "text": text,
            }
            for text in draw(st.lists(FILLED, max_size=3))
        ],
        "steps": [
            {
                "step": step,
                "finding": draw(TEXTS),
                "evidence": draw(TEXTS),
                "signed_at": None,
                "signed_by": None,
            }
            for step in exported.STEPS
        ],
        "causes": [
            {
                "part": part,
                "is_primary": part == "root",
                "state": "verified",
                "statement": text,
                "evidence": evidence,
                "class": None,
                "whys": [{"why": why, "evidence": evidence} for why in whys],
            }
            for part, text, evidence, whys in draw(
                st.lists(
                    st.tuples(
                        st.sampled_from([*exported.PARTS]), FILLED, TEXTS, st.lists(FILLED, max_size=3)
                    ),
                    max_size=2,
                )
            )
        ],
        "lessons": {name: draw(TEXTS) for name in exported.LESSONS},
        "notes": draw(TEXTS),
        "checklist": [],
        "items": [],
        "addenda": [],
    }


@settings(max_examples=200, deadline=None)
@given(dossiers())
def test_what_is_written_is_read_back(dossier):
    draft = exported.read(exporting.write(dossier), services=["order", "pay"])

    assert draft is not None
    placed = placing.placed(draft, unsettled=[], heading="", times_heading="")
    incident = dossier["incidents"][0]
    assert draft.title
    assert draft.title.value == dossier["title"]
    assert draft.severity
    assert draft.severity.value == "P1"
    assert draft.started
    assert draft.started.local == incident["started_at"]
    assert {said.value: draft.extra["parts"][said.value] for said in draft.services} == {
        "order": "origin",
        "pay": "affected",
    }
    assert placed.summary == incident["summary"]
    assert placed.findings == {step["step"]: step["finding"] for step in dossier["steps"]}
    assert {step["step"]: draft.extra["evidence"].get(step["step"], "") for step in dossier["steps"]} == {
        step["step"]: step["evidence"] for step in dossier["steps"]
    }
    assert placed.lessons == dossier["lessons"]
    assert placed.notes == dossier["notes"]
    assert [(one.part, one.statement, one.evidence, [*one.whys]) for one in placed.causes] == [
        (one["part"], one["statement"], one["evidence"], one["whys"]) for one in dossier["causes"]
    ]
    assert [(one.moment.local, one.moment.zone, one.text) for one in draft.entries] == [
        (one["at"], one["zone"], one["text"]) for one in dossier["timeline"]
    ]
    figures = draft.extra["incident"]
    assert (figures["is_drill"], figures["impact_minutes"], figures["loss_amount"]) == (True, 5, "1200000.00")
    assert figures.get("phase", "") == incident["phase"]


@given(TEXTS)
def test_a_cell_is_one_line_and_loses_nothing(text):
    cell = cells.cell(text)

    assert cells.uncell(cell) == text
    assert len(cell.splitlines()) <= 1


@pytest.mark.parametrize(
    "text", ["", "---\ncloseloop: 1\n", "---\ncloseloop: 2\n---\n", "---\ncloseloop: 1\nx: {\n---\n"]
)
def test_what_is_no_export_is_not_read_as_one(text):
    assert exported.read(text) is None


@given(st.text(max_size=300))
def test_a_broken_export_never_fails(text):
    exported.read(f'---\ncloseloop: 1\ntitle: "x"\n---\n{text}')
