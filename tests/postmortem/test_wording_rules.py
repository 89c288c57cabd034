"""The rule packs: each rule finds its bad example, and nothing at all is found in its good one."""

import pytest

from postmortem import wording
from postmortem.wording import Kind, Purpose, packs, texts
from postmortem.wording.lint import STATE_INSTEAD

RULES = wording.rules()
# Where a rule is asked for: in a text of this purpose.
PURPOSE = {Kind.HEDGING: Purpose.STEP, Kind.BLAME: Purpose.STEP, Kind.ACTION: Purpose.ITEM}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_bad_example(rule):
    assert rule.id in {found.rule for found in wording.find(rule.bad, purpose=PURPOSE[rule.kind])}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_good_example_of_a_rule_is_sound(rule):
    assert wording.find(rule.good, purpose=PURPOSE[rule.kind]) == []
    assert wording.find(rule.good, purpose=Purpose.STEP) == []


def test_rules_have_ids_of_their_own_and_every_kind_speaks_both_languages():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert {(kind, language) for kind in Kind for language in ("en", "zh")} == {
        (rule.kind, rule.language) for rule in RULES
    }


def test_only_hedging_blocks_a_signature():
    assert {rule.kind for rule in RULES if rule.blocks} == {Kind.HEDGING}


def test_texts_of_the_rules_are_listed_for_translation_and_no_others():
    used = {text for rule in RULES for text in (rule.why, rule.suggestion)} | {STATE_INSTEAD}

    assert set(texts.TEXTS) == used
    assert len(texts.TEXTS) == len(used)


@pytest.mark.parametrize("level", ["", 'level = "shouts"\n'])
def test_pack_with_a_level_that_is_none_is_refused(tmp_path, level):
    texts_of_rule = "".join(f'{name} = "x"\n' for name in ("id", "why", "suggestion", "bad", "good"))
    pack = tmp_path / "blame.en.toml"
    pack.write_text(f'kind = "blame"\nlanguage = "en"\n[[rules]]\n{texts_of_rule}patterns = ["x"]\n{level}')

    with pytest.raises(KeyError):
        packs._read(pack)
