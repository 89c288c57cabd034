"""Pure: a checklist as a script that any POSIX shell runs, as a Markdown task list, and as data.

The script says the same of a command as a run on a page does (`remediation.probes.shell`): an expectation
fails or passes only when every command worked; else it is an error. It asks nothing of the shell but POSIX:
there is no `pipefail`, so each command of a pipeline leaves its exit status in a file.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from postmortem import pipelines

EXPECTATIONS = {"match": "some line matches", "no_match": "no line matches", "success": "exit status 0"}


@dataclass(frozen=True)
class Entry:
    """One entry of a checklist: the columns of `ChecklistEntry`."""

    position: int
    title: str
    kind: str
    pipeline: list[list[str]] | None = None
    expectation: str = ""
    pattern: str = ""
    promql: str = ""
    comparator: str = ""
    threshold: float | None = None
    source_name: str = ""


_HEAD = r"""#!/bin/sh
# %(name)s
# An executable checklist, exported by Closeloop. It needs: %(needs)s.%(server)s
# Exit status: 0 every expectation holds; 1 one fails; 2 one could not be told.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/checklist.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
passed=0 failed=0 errors=0

begin() {
  rm -f "$work"/*
  : >"$work/out"
  : >"$work/err"
  verdict='' why=''
}

# told NUMBER TITLE: prints what $verdict and $why say, and a little of what was printed.
told() {
  case $verdict in
    PASS) passed=$((passed + 1)) ;;
    FAIL) failed=$((failed + 1)) ;;
    *) errors=$((errors + 1)) verdict=ERROR ;;
  esac
  printf '%%-5s %%s. %%s\n' "$verdict" "$1" "$2"
  if [ -n "$why" ]; then printf '      %%s\n' "$why"; fi
  if [ "$verdict" != PASS ]; then
    cat "$work/out" "$work/err" 2>/dev/null | LC_ALL=C tr -d '\000-\010\013-\037\177' |
      sed -n 's/^/      /;1,5p'
  fi
}

# judge NUMBER TITLE EXPECTATION PATTERN SELECTS COMMANDS: the last command SELECTS lines, as grep does,
# or not; command n of COMMANDS ended with the status in $work/n.
judge() {
  stage=1 status=''
  while [ "$stage" -le "$6" ]; do
    status=''
    if [ -s "$work/$stage" ]; then read -r status <"$work/$stage"; fi
    case $status in
      0) ;;
      '') why="command $stage did not end" ;;
      126 | 127) why="command $stage did not start" ;;
      # A reader that has seen enough ends the writer before it (SIGPIPE); that is no failure.
      141 | 269) if [ "$stage" -eq "$6" ]; then why="command $stage ended with status $status"; fi ;;
      *) if [ "$stage" -lt "$6" ]; then why="command $stage ended with status $status"; fi ;;
    esac
    if [ -n "$why" ]; then break; fi
    stage=$((stage + 1))
  done
  if [ -n "$why" ]; then
    verdict=ERROR
  elif [ "$3" = success ]; then
    case $status in
      0) verdict=PASS ;;
      1) verdict=FAIL ;;
      *) why="it ended with status $status" ;;
    esac
  else
    search "$@"
    case $3$found in
      matchyes | no_matchno) verdict=PASS ;;
      matchno | no_matchyes) verdict=FAIL ;;
    esac
  fi
  told "$1" "$2"
}

# search: sets $found to yes or no; else $why says why not.
search() {
  found=''
  if [ "$5" = yes ] && [ -z "$4" ]; then
    case $status in
      0) found=yes ;;
      1) found=no ;;
      *) why="it ended with status $status" ;;
    esac
  elif [ "$5" = yes ] && [ "$status" = 0 ] && [ ! -s "$work/out" ]; then
    why='it found something and printed nothing'
  elif [ "$5" = yes ] && [ "$status" = 1 ] && [ ! -s "$work/out" ]; then
    found=no
  elif [ "$status" != 0 ]; then
    why="it ended with status $status"
  elif [ -z "$4" ]; then
    if [ -s "$work/out" ]; then found=yes; else found=no; fi
  else
    grep -E -e "$4" "$work/out" >/dev/null 2>>"$work/err"
    case $? in
      0) found=yes ;;
      1) found=no ;;
      *) why='the pattern could not be searched' ;;
    esac
  fi
}
"""

_PROMETHEUS = r"""
# compare NUMBER TITLE COMPARATOR THRESHOLD: every series of the answer in $work/out must satisfy it.
compare() {
  status=''
  if [ -s "$work/1" ]; then read -r status <"$work/1"; fi
  if [ -z "${PROMETHEUS_URL-}" ]; then
    why='PROMETHEUS_URL is not set'
  elif [ "$status" = 127 ]; then
    why='curl is not there'
  elif [ "$status" != 0 ]; then
    why="curl ended with status $status"
  else
    # Inside a JSON text each quote has a backslash before it, so what is looked for here is no label.
    answer=$(LC_ALL=C awk -v op="$3" -v limit="$4" '
      function holds(text, number) {
        if (text == "NaN") return 0
        if (text == "+Inf" || text == "Inf") number = 1.7e308
        else if (text == "-Inf") number = -1.7e308
        else number = text + 0
        if (op == "<") return number < limit + 0
        if (op == "<=") return number <= limit + 0
        if (op == "==") return number == limit + 0
        if (op == "!=") return number != limit + 0
        if (op == ">=") return number >= limit + 0
        return number > limit + 0
      }
      { all = all $0 }
      END {
        gsub(/": +/, "\":", all); gsub(/, +/, ",", all)
        if (all !~ /"status":"success"/) { print "ERROR the server did not take the query"; exit }
        key = "\"value\":"
        if (all ~ /"resultType":"scalar"/) key = "\"result\":"
        else if (all !~ /"resultType":"vector"/) { print "ERROR the answer is no vector"; exit }
        count = 0; bad = ""; first = ""
        while (match(all, key "\\[[^],\"]*,\"[^\"]*\"\\]")) {
          found = substr(all, RSTART, RLENGTH); all = substr(all, RSTART + RLENGTH)
          sub(/^.*,"/, "", found); sub(/"\]$/, "", found)
          count++
          if (count == 1) first = found
          if (bad == "" && !holds(found)) bad = found
        }
        if (count == 0) print "ERROR no data"
        else if (bad != "") print "FAIL " bad
        else print "PASS " first
      }' "$work/out" 2>>"$work/err")
    verdict=${answer%% *}
    case $verdict in
      PASS | FAIL) why="value ${answer#* }, must be $3 $4" ; : >"$work/out" ;;
      *) why=${answer#* } ;;
    esac
  fi
  told "$1" "$2"
}
"""

_FOOT = r"""
printf '%s passed, %s failed, %s errors\n' "$passed" "$failed" "$errors"
if [ "$errors" -gt 0 ]; then exit 2; fi
if [ "$failed" -gt 0 ]; then exit 1; fi
"""


def script(name: str, entries: Sequence[Entry]) -> str:
    """The checklist as a POSIX shell script.

    Args:
        name: what it is called at its top, for example "PM-2026-0001: Orders failed".
    """
    needs = dict.fromkeys(argv[0] for one in entries for argv in one.pipeline or [])
    asks_prometheus = any(one.kind == "promql" for one in entries)
    if asks_prometheus:
        needs |= {"curl": None, "awk": None}
    words = {
        "name": _one_line(name),
        "needs": ", ".join(_one_line(need) for need in needs) or "nothing",
        "server": "\n# PROMETHEUS_URL names the Prometheus server to ask." if asks_prometheus else "",
    }
    parts = [_HEAD % words, _PROMETHEUS if asks_prometheus else ""]
    parts += [_query(one) if one.kind == "promql" else _command(one) for one in entries]
    if not entries:
        parts.append("\nerrors=1 # the checklist is empty\n")
    return "".join([*parts, _FOOT])


def _command(one: Entry) -> str:
    commands = one.pipeline or []
    lines = []
    for number, argv in enumerate(commands, start=1):
        # `exec` takes a program and never a builtin or a function; a leading dash would be its option.
        words = "exit 127" if argv[0].startswith("-") else "exec " + " ".join(_quoted(word) for word in argv)
        stdin = " </dev/null" if number == 1 else ""
        lines.append(f'{{ ({words}) 2>>"$work/err"{stdin}; echo $? >"$work/{number}"; }}')
    selects = "yes" if pipelines.selects_lines(commands[-1]) else "no"
    title, pattern = _quoted(_one_line(one.title)), _quoted(one.pattern)
    return (
        f"\n# {one.position}. {_one_line(one.title)}\nbegin\n"
        + " |\n  ".join(lines)
        + f' >"$work/out"\njudge {one.position} {title} {one.expectation}'
        f" {pattern} {selects} {len(commands)}\n"
    )


def _query(one: Entry) -> str:
    # A query too long for an address is posted.
    get = "--get " if len(one.promql) < 2000 else ""
    query = _quoted(f"query={one.promql}")
    title = _quoted(_one_line(one.title))
    return (
        f"\n# {one.position}. {_one_line(one.title)} ({_one_line(one.source_name)})\nbegin\n"
        'if [ -n "${PROMETHEUS_URL-}" ]; then\n'
        f"  (exec curl -sS --max-time 10 {get}--data-urlencode {query} \\\n"
        '    --url "${PROMETHEUS_URL%/}/api/v1/query") >"$work/out" 2>"$work/err" </dev/null\n'
        '  echo $? >"$work/1"\n'
        "fi\n"
        f"compare {one.position} {title} {_quoted(one.comparator)} {one.threshold!r}\n"
    )


def _quoted(word: str) -> str:
    return shlex.quote(word)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def expectation(one: Entry) -> str:
    """When an entry passes, in English, as the exports say it."""
    if one.kind == "promql":
        return f"every series {one.comparator} {one.threshold:g}"
    words = EXPECTATIONS[one.expectation]
    return f"{words}: {one.pattern}" if one.pattern else words


def markdown(name: str, entries: Sequence[Entry]) -> str:
    """The checklist as a task list, each entry with what to run and when it passes."""
    lines = [f"# {_one_line(name)}", ""]
    for one in entries:
        text, language = (
            (one.promql, "promql") if one.kind == "promql" else (pipelines.show(one.pipeline or []), "sh")
        )
        fence = "```"
        while fence in text:
            fence += "`"
        title = _one_line(one.title).replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_")
        lines += [
            f"- [ ] **{title.replace('<', '&lt;')}**",
            "",
            f"  {fence}{language}",
            *(f"  {line}" for line in text.split("\n")),
            f"  {fence}",
            "",
            f"  Passes with: `{expectation(one).replace('`', chr(39))}`",
            "",
        ]
    return "\n".join(lines)


def data(one: Entry) -> dict[str, Any]:
    """An entry as the JSON export shows it."""
    common = {"position": one.position, "title": one.title, "kind": one.kind}
    if one.kind == "promql":
        asked = ("promql", "comparator", "threshold", "source_name")
        return common | {name: getattr(one, name) for name in asked}
    return common | {
        "command": pipelines.show(one.pipeline or []),
        "pipeline": one.pipeline,
        "expectation": one.expectation,
        "pattern": one.pattern,
    }
