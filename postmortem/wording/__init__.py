"""Pure: words that nobody can check, and where they are.

Rules are data: a pack per language and kind in `packs/`. Code, quotations, links and log lines are left
alone, for they are not the writer's words.
"""

from postmortem.wording.lint import MAX_FINDINGS, Finding, Purpose, find
from postmortem.wording.packs import Kind, Rule, rules
from postmortem.wording.phrases import Term

__all__ = ["MAX_FINDINGS", "Finding", "Kind", "Purpose", "Rule", "Term", "find", "rules"]
