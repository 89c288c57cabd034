"""The gate's policy as a file: read with the line of everything that is wrong, and written as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from django.utils.translation import gettext as _

from governance import gates
from governance.models import GatePolicy
from postmortem.errors import DomainError

MOST_BYTES = 1024 * 1024
_LISTS = frozenset({*gates.PATTERNS, "not_counting"})


class PolicyFileWrong(DomainError):
    """The file says something that no policy says; details["line"] counts from 1."""

    code = "policy_file_wrong"

    @property
    def line(self) -> int:
        return int(self.details["line"])


@dataclass(frozen=True)
class PolicyFile:
    """What a file wants.

    Attributes:
        rows: of each row its facts, as `gates.replace` takes them.
        lines: of each row the line of each fact; "" is the row itself.
    """

    rows: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, int]]

    def at_its_line(self, refusal: DomainError) -> PolicyFileWrong:
        """A refusal of `gates.plan` or `gates.replace`, with the line that it is about."""
        place = int(refusal.details.get("row", len(self.lines) - 1))
        lines = self.lines[place] if 0 <= place < len(self.lines) else {"": 1}
        line = lines.get(refusal.field, lines[""])
        words = f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message
        return PolicyFileWrong(words, field=refusal.field, details={"line": line})


def read(text: str) -> PolicyFile:
    """The rows of a file: YAML with one key, `gate`, a list of rows by the names of `gates.FACTS`.

    Raises:
        PolicyFileWrong: no YAML, a field that does not exist or stands twice, or a value of another kind.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise _wrong(1, _("The file may have at most %(count)d bytes.") % {"count": MOST_BYTES})
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(mark.line + 1 if mark else 1, f"YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(1, f"YAML: {str(error)[:200] or 'nested too deeply'}") from None
    fields = _fields(root, {"gate"})
    if "gate" not in fields:
        raise _wrong(1, _("There must be a list of rows under “gate”."))
    rows, lines = [], []
    for node in _entries(fields["gate"], _("There must be a list of rows under “gate”.")):
        said = _fields(node, set(gates.FACTS))
        if "name" not in said:
            raise _wrong(_line(node), _("Each row needs a name: by it the row is recognised."))
        rows.append({name: _value(loader, name, value) for name, value in said.items()})
        lines.append({"": _line(node)} | {name: _line(value) for name, value in said.items()})
    return PolicyFile(rows, lines)


def write(rows: Iterable[GatePolicy]) -> str:
    """The rows as a file; what is as in a new row is left out, but for name and mode."""
    usual = gates.facts_of(GatePolicy())
    wanted = []
    for row in rows:
        facts = gates.facts_of(row)
        wanted.append(
            {
                name: _plain(value)
                for name, value in facts.items()
                if name in {"name", "mode"} or value != usual[name]
            }
        )
    return yaml.safe_dump({"gate": wanted}, sort_keys=False, allow_unicode=True, width=100)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _fields(node: yaml.Node | None, known: set[str]) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(_line(node), _("Fields with values are needed here."))
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name not in known:
            choices = ", ".join(sorted(known))
            raise _wrong(
                _line(key),
                _("There is no such field: %(name)s. There are: %(choices)s.")
                % {"name": str(name)[:40] or "?", "choices": choices},
            )
        if name in found:
            raise _wrong(_line(key), _("%(name)s stands twice.") % {"name": name})
        found[name] = value
    return found


def _entries(node: yaml.Node, otherwise: str) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise _wrong(_line(node), otherwise)
    return list(node.value)


def _value(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if name in _LISTS:
        return [_scalar(loader, name, entry) for entry in _entries(node, f"{name}: {_('Give a list.')}")]
    return _scalar(loader, name, node)


def _scalar(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise _wrong(_line(node), _("%(name)s: one value is needed here.") % {"name": name})
    # YAML takes a bare off for false; the mode of that name is meant.
    if name not in {"asks_audit", "fails_open", "waivers_alone", "most_uses"}:
        return node.value
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError):
        raise _wrong(_line(node), _("%(name)s: this cannot be read.") % {"name": name}) from None


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1


def _wrong(line: int, message: str) -> PolicyFileWrong:
    return PolicyFileWrong(message, details={"line": line})
