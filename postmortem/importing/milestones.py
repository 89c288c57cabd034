"""Pure: when an incident started, was detected and ended, and the other facts of a document."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from postmortem.importing import facts, vocabulary
from postmortem.importing.chronology import Known
from postmortem.importing.context import dates_in
from postmortem.importing.draft import Draft, DraftEntry, Moment, Said
from postmortem.importing.moments import label_of

# A document tells of an incident within so many days of the dates at its head.
MOST_DAYS_APART = 7
# So many pairs of entries are compared.
MOST_PAIRS = 10_000
# Minutes by which a stated length and the moments of a timeline may differ.
SLACK = 2
# So much of an entry is its headline.
_HEADLINE = 400


def started_by_entries(entries: Sequence[DraftEntry]) -> Moment | None:
    """The start as the timeline tells it: an entry that says so, or a first entry that is a symptom."""
    for entry in entries:
        if _says_start(entry.text[:_HEADLINE]):
            return entry.moment
    first = entries[0] if entries else None
    if first is None:
        return None
    if _is_symptom(first.text):
        return first.moment
    return replace(first.moment, doubts=(*first.moment.doubts, "first_entry"))


def _is_symptom(text: str) -> bool:
    """Whether an entry tells of harm, and of no work that may have led to it."""
    head = text[:_HEADLINE]
    return bool(
        vocabulary.SYMPTOM.search(head)
        and not vocabulary.CHANGE.search(head)
        and not vocabulary.PLANNED.search(head)
    )


def _says_start(text: str) -> bool:
    """Whether an entry is about a start: at its beginning or set off in bold, not in passing."""
    match = vocabulary.STARTS.search(text)
    if not match or vocabulary.NOT_SO.search(text[max(0, match.start() - 80) : match.start()]):
        return False
    return match.start() <= 24 or text[max(0, match.start() - 3) : match.start()].endswith(
        ("**", "**(", "(", "__")
    )


def _says_end(pattern: re.Pattern[str], text: str) -> bool:
    return any(
        not vocabulary.NOT_SO.search(text[max(0, match.start() - 80) : match.start()])
        for match in pattern.finditer(text)
    )


def ended_by_entries(entries: Sequence[DraftEntry]) -> Moment | None:
    """The end as the timeline tells it: the one entry that says so; of several the last, in doubt."""
    for pattern in (vocabulary.ENDS, vocabulary.RESTORED):
        found = [entry for entry in entries if _says_end(pattern, entry.text[:1500])]
        if len(found) == 1:
            after = entries[entries.index(found[0]) + 1 :]
            if pattern is vocabulary.ENDS or not any(
                vocabulary.AGAIN.search(entry.text[:_HEADLINE]) for entry in after
            ):
                return found[0].moment
            return replace(found[0].moment, doubts=(*found[0].moment.doubts, "trouble_after"))
        if found:
            return replace(found[-1].moment, doubts=(*found[-1].moment.doubts, "several_ends"))
    if entries:
        last = entries[-1].moment
        return replace(last, doubts=(*last.doubts, "last_entry"))
    return None


def detected_by_entries(entries: Sequence[DraftEntry]) -> Moment | None:
    """The first entry that tells of an alert or a first report."""
    found = next((entry for entry in entries if vocabulary.DETECTS.search(entry.text[:80])), None)
    return found.moment if found else None


def ended_after_start(started: Moment, minutes: float, entries: Sequence[DraftEntry]) -> Moment | None:
    """The entry that tells of an end as long after the start as the document says it lasted."""
    if not started.is_sure:
        return None
    for entry in entries:
        if entry.moment.is_sure and any(
            _says_end(one, entry.text[:1500]) for one in (vocabulary.ENDS, vocabulary.RESTORED)
        ):
            gap = _gap(started, entry.moment)
            if gap is not None and abs(gap - minutes) <= SLACK:
                return entry.moment
    return None


def started_before_end(ended: Moment, minutes: float, entries: Sequence[DraftEntry]) -> Moment | None:
    """The entry that lies as long before the end as the document says it lasted, when there is one."""
    if not ended.is_sure:
        return None
    for entry in entries:
        gap = _gap(entry.moment, ended)
        if gap is not None and abs(gap - minutes) <= SLACK:
            return entry.moment
    return None


def span_of_length(minutes: float, entries: Sequence[DraftEntry]) -> tuple[Moment | None, Moment | None]:
    """The first entry or a symptom, and the last entry or an end, that lie as far apart as it lasted.

    Only where one pair alone does: a stated length and two moments that were written down apart from it
    agree by chance once in many.
    """
    begins = [one for one in entries if one.moment.is_sure and (one is entries[0] or _is_symptom(one.text))]
    ends = [
        one
        for one in entries
        if one.moment.is_sure
        and (
            one is entries[-1]
            or any(_says_end(said, one.text[:1500]) for said in (vocabulary.ENDS, vocabulary.RESTORED))
        )
    ]
    if len(begins) * len(ends) > MOST_PAIRS:
        return None, None
    found = {
        (first.moment, last.moment)
        for first in begins
        for last in ends
        if (gap := _gap(first.moment, last.moment)) is not None
        and gap > 0
        and abs(gap - minutes) <= SLACK / 2
    }
    return found.pop() if len(found) == 1 else (None, None)


# --- all facts together ------------------------------------------------------------------------------------


def with_facts(
    draft: Draft, text: str, known: Known, front: dict[str, tuple[str, int, int]], services: Collection[str]
) -> Draft:
    """The draft with its facts: milestones, duration, severity and services."""
    heads = [
        (one.text, one.start)
        for one in (*draft.sections, *draft.rest)
        if one.target in {"summary", "intro", "phenomenon"} and one.text
    ]
    heads = [(said, text.find(said[:200], start)) for said, start in heads]
    titled = [(draft.title.value, draft.title.start)] if draft.title else []
    pairs = [
        facts.Pair(facts.name_of(name.replace("_", " ")) or facts.name_of(name), *said, is_front=True)
        for name, said in front.items()
    ]
    for one in (*draft.sections, *draft.rest):
        if one.target not in {"front", "actions"}:
            pairs += facts.labelled(one.text, text.find(one.text[:200], one.start))
            pairs += facts.headed(one.heading, one.text, one.start, one.end)
    stated_days = [pair for pair in pairs if pair.name in {"date", "started"}]
    if not known.said and stated_days:
        days = [day for pair in stated_days for day in dates_in(pair.value, known)]
        in_front = {said[0] for said in front.values()}
        if days and not all(pair.value in in_front for pair in stated_days):
            known = replace(known, said=(days[0],))
    durations = _durations(pairs, titled, heads)
    started, detected, ended = _milestones(draft, pairs, heads, known, durations)
    duration = _fitting(started, ended, durations) or (durations[0] if durations else None)
    return replace(
        draft,
        started=started,
        detected=detected,
        ended=ended,
        duration_minutes=duration,
        severity=facts.severity_in(pairs, draft.title),
        services=facts.services_in(pairs, [*titled, *heads], services),
    )


def _durations(
    pairs: Sequence[facts.Pair], titled: list[tuple[str, int]], heads: list[tuple[str, int]]
) -> list[Said]:
    """The lengths that labels state, such as those of repair and of resolution; else that of the prose."""
    found = [
        Said(f"{minutes:g}", pair.start, pair.end)
        for pair in pairs
        if pair.name == "duration" and (minutes := facts.minutes_in(pair.value)) is not None
    ]
    if not found:
        # "03:15 to 04:45 (90 minutes)": a range with its length, or "Recovery: 5 minutes".
        for pair in pairs:
            is_span = pair.name in {"date", "started"}
            aside = pair.value.replace("（", "(").partition("(")[2] if is_span else pair.value
            is_length = is_span or (pair.name == "ended" and label_of(pair.value) is None)
            if is_length and aside and (minutes := facts.minutes_in(aside)) is not None:
                found.append(Said(f"{minutes:g}", pair.start, pair.end))
    if not found and (told := facts.duration_in([*titled, *heads])):
        found.append(told)
    return found


def _gap(started: Moment | None, ended: Moment | None) -> float | None:
    """Minutes from one sure moment to another."""
    if not (started and ended and started.is_sure and ended.is_sure):
        return None
    first, last = datetime.fromisoformat(started.local), datetime.fromisoformat(ended.local)
    if started.zone != ended.zone:
        if not (started.zone and ended.zone):
            return None
        first, last = first.replace(tzinfo=ZoneInfo(started.zone)), last.replace(tzinfo=ZoneInfo(ended.zone))
    return (last - first).total_seconds() / 60


def _fitting(started: Moment | None, ended: Moment | None, durations: Sequence[Said]) -> Said | None:
    """The stated length that is the one from start to end."""
    gap = _gap(started, ended)
    if gap is None:
        return None
    return next((one for one in durations if one.is_sure and abs(float(one.value) - gap) <= SLACK), None)


def _milestones(
    draft: Draft,
    pairs: Sequence[facts.Pair],
    heads: Sequence[tuple[str, int]],
    known: Known,
    durations: Sequence[Said],
) -> tuple[Moment | None, Moment | None, Moment | None]:
    all_stated = {
        name: [m for pair in pairs if pair.name == name and (m := facts.moment_of(pair, known))]
        for name in ("started", "detected", "ended")
    }
    # "Date of incident: 2024-03-05 14:03"; the date of the front matter is that of writing, and what stands
    # below the timeline may be that of a commit.
    head = draft.entries[0].start if draft.entries else 0
    dated = [pair for pair in pairs if pair.name == "date" and not pair.is_front and pair.start < head]
    all_stated["started"] += [m for pair in dated if (m := facts.moment_of(pair, known)) and "T" in m.local]
    stated = {name: next(iter(found), None) for name, found in all_stated.items()}
    duration = durations[0] if durations else None
    told_start = told_end = None
    for pair in pairs:
        if pair.name in {"date", "duration", "started"}:
            one, other = facts.span_of(pair, known)
            told_start, told_end = told_start or one, told_end or other
    for said, offset in heads:
        one, other = facts.told(said, offset, known)
        told_start, told_end = told_start or _near(one, known), told_end or _near(other, known)
    by_entries = started_by_entries(draft.entries) if draft.order != "newest_first" else None
    if duration and duration.is_sure and not any((stated["started"], told_start, stated["ended"], told_end)):
        told_start, told_end = span_of_length(float(duration.value), draft.entries)
    ended = stated["ended"] or told_end or ended_by_entries(draft.entries)
    started = stated["started"] or told_start
    if started is None or not started.is_sure:
        started = by_entries if by_entries and (by_entries.is_sure or started is None) else started
    if (started is None or not started.is_sure) and ended and duration and duration.is_sure:
        started = started_before_end(ended, float(duration.value), draft.entries) or started
    if started and (ended is None or not ended.is_sure) and duration and duration.is_sure:
        ended = ended_after_start(started, float(duration.value), draft.entries) or ended
    if ended is stated["ended"]:
        # Repaired at one moment, resolved at another: the one that the stated length leads to.
        begun = started if started and started.is_sure else stated["detected"]
        ended = next((one for one in all_stated["ended"] if _fitting(begun, one, durations)), ended)
    duration = _fitting(started, ended, durations) or duration
    detected = stated["detected"] or detected_by_entries(draft.entries)
    if "several_incidents" in draft.doubts:
        started, detected, ended = (
            replace(m, doubts=(*m.doubts, "several_incidents")) if m else None
            for m in (started, detected, ended)
        )
    return _in_order(started, detected, ended, duration)


def _near(moment: Moment | None, known: Known) -> Moment | None:
    """A moment of the prose; one far from the day of the title or the file is in doubt."""
    anchors = (*known.said, *known.weak)
    if moment is None or not moment.local or not anchors:
        return moment
    day = date.fromisoformat(moment.local[:10])
    if min(abs((day - one).days) for one in anchors) > MOST_DAYS_APART:
        return replace(moment, doubts=(*moment.doubts, "far_from_document"))
    return moment


def _in_order(
    started: Moment | None, detected: Moment | None, ended: Moment | None, duration: Said | None
) -> tuple[Moment | None, Moment | None, Moment | None]:
    """An end before the start puts both in doubt; so does a length that the stated one contradicts."""
    gap = _gap(started, ended)
    if started and ended and gap is not None:
        stated = float(duration.value) if duration and duration.is_sure else None
        if gap < 0 or (stated and not stated / 3 <= gap <= stated * 3):
            started = replace(started, doubts=(*started.doubts, "contradicted"))
            ended = replace(ended, doubts=(*ended.doubts, "contradicted"))
    if detected and detected.is_sure:
        is_outside = (started and started.is_sure and detected.local < started.local) or (
            ended and ended.is_sure and detected.local > ended.local
        )
        if is_outside:
            detected = replace(detected, doubts=(*detected.doubts, "contradicted"))
    return started, detected, ended
