"""Pure: commands as lists of arguments, never as a string for a shell.

A pipeline is a list of argument lists, for example `[["kubectl", "get", "pods"], ["grep", "Pending"]]`: each
command's output is the next one's input. People write it in one line; this module reads that line with the
quoting rules of a POSIX shell and refuses everything else a shell would do.
"""

from __future__ import annotations

import shlex

from postmortem.errors import Invalid

MAX_COMMANDS = 10
MAX_ARGUMENTS = 100
MAX_ARGUMENT = 4000
MAX_LINE = 10_000

_SELECTING = frozenset({"grep", "egrep", "fgrep", "zgrep", "bzgrep", "xzgrep", "rg", "ag", "ugrep", "pgrep"})

# What a shell would act upon outside quotes; longer ones first.
_OPERATORS = ("&&", "||", ">>", "<<", ";", "&", "<", ">", "(", ")", "`", "\n")
_DOUBLE_QUOTE_ESCAPES = '"\\$`'


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


def parse(text: str, *, field: str = "pipeline") -> list[list[str]]:
    """Read a line such as `kubectl get pods -n order | grep -E "(Pending|Error)"`.

    Raises:
        Invalid: empty, an unclosed quote, or something only a shell could do (`;`, `&&`, `||`, `&`, `>`, `<`,
            `$(`, a backtick, a variable): the message names it.
    """
    line = text.strip()
    if not line:
        raise Invalid.of(_("Write a command."), field=field)
    if len(line) > MAX_LINE:
        raise Invalid.of(_("A command has at most %(longest)d characters."), field=field, longest=MAX_LINE)
    return check(_Reader(line, field).commands(), field=field)


def check(value: object, *, field: str = "pipeline") -> list[list[str]]:
    """The value, when it is a pipeline that can be run.

    Raises:
        Invalid: not a list of lists of texts, empty, too long, or with a NUL character.
    """
    if not isinstance(value, list) or not value:
        raise Invalid.of(_("A command is a list of argument lists."), field=field)
    if len(value) > MAX_COMMANDS:
        raise Invalid.of(_("A pipeline has at most %(most)d commands."), field=field, most=MAX_COMMANDS)
    return [_checked(argv, field=field) for argv in value]


def _checked(argv: object, *, field: str) -> list[str]:
    if not isinstance(argv, list) or not all(isinstance(argument, str) for argument in argv):
        raise Invalid.of(_("A command is a list of texts."), field=field)
    if not argv or not argv[0].strip():
        raise Invalid.of(_("A command of the pipeline is empty."), field=field)
    if len(argv) > MAX_ARGUMENTS:
        raise Invalid.of(_("A command has at most %(most)d arguments."), field=field, most=MAX_ARGUMENTS)
    for argument in argv:
        if len(argument) > MAX_ARGUMENT:
            raise Invalid.of(
                _("An argument has at most %(longest)d characters."), field=field, longest=MAX_ARGUMENT
            )
        if "\x00" in argument or not _is_encodable(argument):
            raise Invalid.of(_("An argument holds a character that no command can take."), field=field)
    return list(argv)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def show(pipeline: list[list[str]]) -> str:
    """The pipeline as one line that `parse` reads back.

    >>> show([["grep", "-E", "(Pending|Error)"], ["wc", "-l"]])
    "grep -E '(Pending|Error)' | wc -l"
    """
    return " | ".join(shlex.join(argv) for argv in pipeline)


def selects_lines(argv: list[str]) -> bool:
    """Whether a command's exit status says if it found a line, as grep's does: 0 yes, 1 no, else broken.

    >>> selects_lines(["/usr/bin/grep", "-E", "x"]), selects_lines(["kubectl", "get", "pods"])
    (True, False)
    """
    name = argv[0].rpartition("/")[2]
    return name in _SELECTING or (name in {"git", "busybox"} and argv[1:2] == ["grep"])


class _Reader:
    """Reads one line from left to right."""

    def __init__(self, line: str, field: str) -> None:
        self.line = line
        self.field = field
        self.at = 0

    def commands(self) -> list[list[str]]:
        commands: list[list[str]] = [[]]
        while self.at < len(self.line):
            if self.line[self.at] in " \t":
                self.at += 1
            elif self.line[self.at] == "|" and not self.line.startswith("||", self.at):
                self.at += 1
                commands.append([])
            else:
                is_first = not commands[-1]
                commands[-1].append(self._word(is_first=is_first))
        return commands

    def _word(self, *, is_first: bool) -> str:
        start = self.at
        if self.line[start] == "#":
            raise self._refusal("#")
        word = ""
        while self.at < len(self.line) and self.line[self.at] not in " \t|":
            word += self._piece()
        if self.line.startswith("||", self.at):
            raise self._refusal("||")
        written = self.line[start : self.at]
        if is_first and (written == "!" or _is_assignment(written)):
            raise self._refusal(written)
        return word

    def _piece(self) -> str:
        """One character, or one quoted run, as it counts after the shell's rules."""
        character = self.line[self.at]
        if character == "'":
            return self._until_quote()
        if character == '"':
            return self._double_quoted()
        if character == "\\":
            return self._escaped()
        for operator in _OPERATORS:
            if self.line.startswith(operator, self.at):
                raise self._refusal(operator)
        self._refuse_expansion()
        self.at += 1
        return character

    def _until_quote(self) -> str:
        end = self.line.find("'", self.at + 1)
        if end < 0:
            raise Invalid.of(_("A quote is not closed."), field=self.field)
        content = self.line[self.at + 1 : end]
        self.at = end + 1
        return content

    def _double_quoted(self) -> str:
        content = ""
        self.at += 1
        while self.at < len(self.line):
            character = self.line[self.at]
            if character == '"':
                self.at += 1
                return content
            if character == "\\" and self.line[self.at + 1 : self.at + 2] in tuple(_DOUBLE_QUOTE_ESCAPES):
                self.at += 1
                character = self.line[self.at]
            elif character == "`":
                raise self._refusal("`")
            else:
                self._refuse_expansion()
            content += character
            self.at += 1
        raise Invalid.of(_("A quote is not closed."), field=self.field)

    def _escaped(self) -> str:
        if self.at + 1 >= len(self.line) or self.line[self.at + 1] == "\n":
            raise self._refusal("\\")
        self.at += 2
        return self.line[self.at - 1]

    def _refuse_expansion(self) -> None:
        """`$` before a name, a brace, a parenthesis or a quote; a lone one, as in a pattern, is itself."""
        following = self.line[self.at + 1 : self.at + 2]
        if self.line[self.at] == "$" and (following.isalnum() or following in tuple("_({?!#@*$'-")):
            raise self._refusal(f"${following}")

    def _refusal(self, operator: str) -> Invalid:
        name = _("a line break") if operator == "\n" else operator
        return Invalid.of(
            _("%(operator)s is for a shell, and no shell runs here: write one pipeline, or quote it."),
            field=self.field,
            operator=name,
        )


def _is_assignment(word: str) -> bool:
    name, equals, _value = word.partition("=")
    return bool(equals) and name.isidentifier()
