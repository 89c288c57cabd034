"""Pure: split what somebody pastes (a shell history, a log, a list of notes) into events with their moments.

Nothing is lost: the pieces, one after another, are the text. Nothing is guessed: an event without a moment,
or with one that can be read in two ways, says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from postmortem import moments, speakers
from postmortem.errors import Invalid

COMMAND, LOG, NOTE = "command", "log", "note"

# A stamp stands this near to the beginning of its line.
_HEAD = 200
# In an object the time may stand behind other fields.
_LONG_HEAD = 4000


@dataclass(frozen=True)
class Piece:
    """One event of a pasted text.

    Attributes:
        raw: its lines as they were pasted, line breaks included.
        at: aware, in UTC; None when it has no moment that is certain.
        zone: the IANA zone that the text itself named, or "".
        kind: "command", "log" or "note".
        text: what it says; of a log the whole lines, of a history the command alone.
        line: the number of its first line, from 1.
        problem: why `at` is None: "no_time", "unclear" (no such time, or several), or "day": it is a heading.
    """

    raw: str
    at: datetime | None
    zone: str
    kind: str
    text: str
    line: int
    problem: str = ""


@dataclass(frozen=True)
class _Stamp:
    """What the beginning of a line says."""

    at: datetime | None
    kind: str
    text: str
    zone: str = ""
    problem: str = ""
    # Of a heading that names a day: noon of it, from which the times below it are read.
    day: datetime | None = None
    # The lines after a bare stamp are what happened then: "#1700000000" in a history of bash.
    is_bare: bool = False


@dataclass(frozen=True)
class _Around:
    zone: tzinfo
    now: datetime
    reference: datetime


_Reader = Callable[[str, _Around], _Stamp | None]


def split(text: str, *, zone: tzinfo, now: datetime, reference: datetime) -> list[Piece]:
    """The events of a pasted text, in the order of the text.

    Read are: histories of zsh (`: 1700000000:0;cmd`) and bash (`#1700000000`, numbered with or without
    HISTTIMEFORMAT); logs that begin with ISO 8601, syslog, journalctl, nginx, Apache, klog, Java, Python or
    Docker stamps, JSON lines and logfmt; conversations with a line of name and time above each message; lines
    as `moments.read_line` reads them. A line without a stamp belongs to the event before it, as those of a
    stack trace do.

    Args:
        zone: of stamps that name none.
        now: years are inferred from here, and nothing lies later.
        reference: the day of stamps that are a time of day only, and what "+5m" counts from.
    """
    around = _Around(zone, now, reference)
    margin = _margin(text)
    # What somebody says may begin with a time of its own.
    readers = [_speaker, _bare] if speakers.is_conversation(text) else _READERS
    pieces: list[Piece] = []
    # A list of lines and not a text that grows: long texts must not be copied for each of their lines.
    lines: list[str] = []
    begun: tuple[_Stamp, int] | None = None
    last: _Reader | None = None
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        stamp, reader = _stamp_of(line[margin:], around, last, readers)
        last = reader or last
        is_first_after_bare = begun is not None and begun[0].is_bare and len(lines) == 1
        if stamp is None or (is_first_after_bare and stamp.at is None):
            if begun is None:
                begun = _Stamp(None, NOTE, "", problem="no_time"), number
            lines.append(line)
            continue
        if begun is not None:
            pieces.append(_piece(*begun, lines))
        begun, lines = (stamp, number), [line]
        if moment := stamp.at or stamp.day:
            around = replace(around, reference=moment)
    if begun is not None and lines:
        pieces.append(_piece(*begun, lines))
    return pieces


def _margin(text: str) -> int:
    """How far the whole text is indented."""
    starts = [len(line) - len(line.lstrip(" \t")) for line in text.splitlines() if line.strip()]
    return min(starts, default=0)


def _piece(stamp: _Stamp, line: int, lines: list[str]) -> Piece:
    raw = "".join(lines)
    if stamp.is_bare:
        told = "".join(lines[1:])
        text = f"{stamp.text} {told}" if stamp.text else told
    elif stamp.text:
        text = stamp.text + ("\n" + "".join(lines[1:]) if len(lines) > 1 else "")
    else:
        text = raw
    return Piece(raw, stamp.at, stamp.zone, stamp.kind, text.strip("\r\n").rstrip(), line, stamp.problem)


def _stamp_of(
    line: str, around: _Around, last: _Reader | None, readers: Sequence[_Reader]
) -> tuple[_Stamp | None, _Reader | None]:
    """What the line's beginning says, and who could read it."""
    head = line[: _HEAD if line[:1] != "{" else _LONG_HEAD].rstrip("\r\n")
    if not head.strip():
        return None, None
    for reader in readers:
        if reader in _ONLY_IN_ROWS and last not in {None, reader}:
            continue
        if head[0] in " \t" and reader is not _numbered:
            continue
        try:
            stamp = reader(head, around)
        except (Invalid, ValueError, OverflowError):
            # There is a stamp, and it means no moment or several: the line is an event all the same.
            kind = NOTE if reader in {_note, _speaker} else LOG
            return _Stamp(None, kind, "", problem="unclear"), reader
        if stamp is None:
            continue
        if stamp.at is not None and stamp.at > around.now + moments.CLOCK_SKEW:
            stamp = replace(stamp, at=None, problem="unclear")
        if stamp.text and not stamp.is_bare:
            stamp = replace(stamp, text=stamp.text + line[len(head) :].rstrip("\r\n"))
        return stamp, reader
    return None, None


# --- histories -----------------------------------------------------------------------------------------

_ZSH = re.compile(r": (\d{9,11}):\d{1,6};(.*)", re.DOTALL)
_BASH = re.compile(r"#(\d{9,11})\s*")
_NUMBERED = re.compile(
    r"[ \t]*\d{1,6}\*?[ \t]{2}(?:\[?(?P<stamp>\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}(?::\d{2})?)\]?"
    r"(?P<offset>[ \t]?(?:Z|[+-]\d{2}:?\d{2})(?=\s))?[ \t]+|(?P<clock>\d{1,2}:\d{2}(?::\d{2})?)[ \t]+)?"
    r"(?P<command>\S.*)"
)
_PROMPT = re.compile(
    r"(?:[\w.-]{1,32}@[\w.-]{1,64}[: ][^$#%>\n]{0,100}[$#%>❯]|\[[^\]\n]{1,80}\][$#]|[$❯]) (?P<command>\S.*)"
)


def _zsh(line: str, around: _Around) -> _Stamp | None:
    match = _ZSH.match(line)
    return _Stamp(_epoch(match[1]), COMMAND, match[2], zone="") if match else None


def _bash(line: str, around: _Around) -> _Stamp | None:
    match = _BASH.fullmatch(line)
    return _Stamp(_epoch(match[1]), COMMAND, "", is_bare=True) if match else None


def _numbered(line: str, around: _Around) -> _Stamp | None:
    match = _NUMBERED.match(line)
    if match is None:
        return None
    command = match["command"]
    written = f"{match['stamp']}{match['offset'] or ''}" if match["stamp"] else match["clock"]
    if not written:
        return _Stamp(None, COMMAND, command, problem="no_time")
    return _Stamp(_moment(written, around), COMMAND, command)


def _prompt(line: str, around: _Around) -> _Stamp | None:
    match = _PROMPT.match(line)
    return _Stamp(None, COMMAND, match["command"], problem="no_time") if match else None


# --- logs ----------------------------------------------------------------------------------------------

_CLOCK = r"\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
_ZONE = r"(?:[ \t]?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})(?![\w:]))?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# Before an ISO stamp stand: brackets, a level, the name of a container or a program, a priority.
_ISO = re.compile(
    rf"(?<![\d/.:-])(?P<date>\d{{4}}([-/])\d{{2}}\2\d{{2}})[T ](?P<clock>{_CLOCK})(?P<zone>{_ZONE})"
)
_SYSLOG = re.compile(
    rf"(?:<\d{{1,3}}>)?\[?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?(?P<date>{_MONTH}[ ]{{1,2}}\d{{1,2}}) "
    rf"(?P<clock>{_CLOCK})(?P<zone>{_ZONE})(?: (?P<year>\d{{4}}))?(?=[\]\s])"
)
_COMMON = re.compile(
    rf"\S{{1,100}} \S{{1,100}} \S{{1,100}} \[(?P<date>\d{{2}}/{_MONTH}/\d{{4}}):(?P<clock>{_CLOCK})"
    rf"(?P<zone>{_ZONE})\]"
)
_KLOG = re.compile(rf"[IWEF](?P<month>\d{{2}})(?P<day>\d{{2}}) (?P<clock>{_CLOCK})\s+\d+ \S+:\d+\]")
_UNIX = re.compile(r"\[?(\d{10}(?:\.\d{1,9})?|\d{13})\]?(?=\s)")
_LOGFMT = re.compile(
    r"(?:\S{1,40}=\S{0,80} ){0,3}(?:time|ts|t|timestamp)=\"?"
    r"(?P<stamp>\d{4}-\d{2}-\d{2}T[^\s\"]{5,30}|\d{10,13}(?:\.\d{1,9})?(?=[\s\"]))"
)
_JSON_TIME = re.compile(
    r"\"(?:@timestamp|timestamp|time|ts|t|asctime|eventTime)\"\s*:\s*"
    r"(?:\"(?P<text>[^\"]{8,40})\"|(?P<number>\d{10,16}(?:\.\d{1,9})?))"
)
_CLOCK_FIRST = re.compile(rf"\[?(?P<clock>{_CLOCK})(?P<zone>{_ZONE})\]?(?=[\s|:,-])")
_FROM_NOW = re.compile(r"now$|现在$|此刻$|ago$|前$", re.IGNORECASE)
# What stands after a clock in a log, and in no note.
_LOG_WORDS = re.compile(
    r"\[?\s*(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRIT|CRITICAL|SEVERE)\b"
    r"|\[[\w.:#/ -]{1,60}\]"
)


def _iso(line: str, around: _Around) -> _Stamp | None:
    match = _ISO.search(line, 0, 100)
    if match is None or not _leads(line[: match.start()]):
        return None
    return _log(f"{match['date']}T{match['clock']}{match['zone'].strip()}", around)


def _leads(before: str) -> bool:
    """Whether what stands before a stamp is a heading, such as "web-1  | ", and no sentence."""
    return len(before) <= 60 and len(before.split()) <= 4 and not re.search(r"[.!?。，,;]\s", before)


def _syslog(line: str, around: _Around) -> _Stamp | None:
    if match := _SYSLOG.match(line):
        year = f" {match['year']}" if match["year"] else ""
        return _log(f"{match['date']}{year} {match['clock']}{match['zone']}", around)
    return None


def _common(line: str, around: _Around) -> _Stamp | None:
    if match := _COMMON.match(line):
        return _log(f"{match['date'].replace('/', ' ')} {match['clock']}{match['zone']}", around)
    return None


def _klog(line: str, around: _Around) -> _Stamp | None:
    if match := _KLOG.match(line):
        return _log(f"{match['month']}-{match['day']} {match['clock']}", around)
    return None


def _unix(line: str, around: _Around) -> _Stamp | None:
    if match := _UNIX.match(line):
        return _Stamp(_epoch(match[1]), LOG, "")
    return None


def _json(line: str, around: _Around) -> _Stamp | None:
    if not line.startswith("{"):
        return None
    match = _JSON_TIME.search(line)
    if match is None:
        return _Stamp(None, LOG, "", problem="no_time") if _is_object(line) else None
    return _Stamp(_epoch(match["number"]), LOG, "") if match["number"] else _log(match["text"], around)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _logfmt(line: str, around: _Around) -> _Stamp | None:
    match = _LOGFMT.match(line)
    if match is None:
        return None
    is_number = re.fullmatch(r"\d{10,13}(?:\.\d+)?", match["stamp"])
    return _Stamp(_epoch(match["stamp"]), LOG, "") if is_number else _log(match["stamp"], around)


def _clock_log(line: str, around: _Around) -> _Stamp | None:
    match = _CLOCK_FIRST.match(line)
    if match is None or not _LOG_WORDS.match(line[match.end() :].lstrip(" \t|:,-")):
        return None
    return _log(f"{match['clock']}{match['zone']}", around)


def _note(line: str, around: _Around) -> _Stamp | None:
    try:
        found = moments.read_line(line, reference=around.reference, zone=around.zone, now=around.now)
    except Invalid:
        if day := _day(line, around):
            return _Stamp(None, NOTE, "", problem="day", day=day)
        raise
    if found is None:
        day = _day(line, around) if line.startswith("#") else None
        return _Stamp(None, NOTE, "", problem="day", day=day) if day else None
    # "Now" and "an hour ago" were said when it was written, not when it is pasted.
    if _FROM_NOW.search(found.written):
        return None
    command = _PROMPT.match(found.text)
    text = command["command"] if command else found.text
    # A moment alone on its line is about the lines below it.
    return _Stamp(found.at, COMMAND if command else NOTE, text, zone=found.zone, is_bare=not text)


def _speaker(line: str, around: _Around) -> _Stamp | None:
    found = speakers.header(line)
    if found is None:
        return None
    return _Stamp(_moment(found.written, around), NOTE, f"{found.name}:", is_bare=True)


def _bare(line: str, around: _Around) -> _Stamp | None:
    """A moment alone on its line: somebody went on speaking."""
    stamp = _note(line, around) if len(line) < 40 else None
    return stamp if stamp is not None and stamp.is_bare else None


def _day(line: str, around: _Around) -> datetime | None:
    """Noon of the day that a line names and nothing else."""
    bare = line.strip(" \t*#:：[]()=-")
    if len(bare) > 40:
        return None
    try:
        return _moment(f"{bare} 12:00", around)
    except (Invalid, ValueError, OverflowError):
        return None


def _log(written: str, around: _Around) -> _Stamp:
    zone = "UTC" if re.search(r"(?:Z|UTC|GMT)$", written.strip()) else ""
    return _Stamp(_moment(written, around), LOG, "", zone=zone)


def _moment(written: str, around: _Around) -> datetime:
    return moments.parse(written, reference=around.reference, zone=around.zone, now=around.now)


def _epoch(written: str) -> datetime:
    value = float(written)
    # Milliseconds and microseconds are written by some.
    while value > 99_999_999_999:
        value /= 1000
    return datetime.fromtimestamp(value, UTC)


# Those that cannot be anything else come first.
_READERS: list[_Reader] = [
    *(_zsh, _bash, _numbered, _klog, _json, _common, _syslog, _iso, _logfmt),
    *(_unix, _clock_log, _note, _prompt),
]
# A number at the beginning of a line means something only where every line has one.
_ONLY_IN_ROWS = {_unix, _numbered}
