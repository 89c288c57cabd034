"""The points of "what went badly": read them out of the text, keep them in step with it, decline one."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import SequenceMatcher

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, values
from postmortem.causes import open_review
from postmortem.errors import Invalid
from postmortem.models import LessonPoint, Review

MAX_POINTS = 50
_LONGEST = LessonPoint._meta.get_field("text").max_length or 0
# A point that was reworded keeps its answer when this much of it stayed.
_ALIKE = 0.6
_ITEM = re.compile(r" {0,3}(?:[-*+•]|\d{1,3}[.)、])\s+(?=\S)")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_DEFINITION = re.compile(r" {0,3}\[[^\]]{1,100}\]:\s+\S.*")
_NO_POINT = re.compile(r"\s*(?:#{1,6}\s.*|[-*_=]{3,}|[-–—.]|n/?a|none|无|没有)?[.。]?\s*", re.IGNORECASE)


def split(text: str) -> list[str]:
    """The points of a text: each list item of the first level, or else each paragraph, on one line.

    Headings, rules, targets of links and words such as "none" are no points, nor a paragraph that leads
    to the next point ("This made it worse:"); what a point quotes between ``` lines is left out.
    """
    points: list[str] = []
    paragraphs: set[int] = set()
    is_open = is_quoted = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            is_quoted = not is_quoted
            continue
        if is_quoted:
            continue
        if not line.strip() or _DEFINITION.fullmatch(line):
            is_open = False
        elif (match := _ITEM.match(line)) is not None:
            points.append(line[match.end() :])
            is_open = True
        elif _NO_POINT.fullmatch(line):
            is_open = False
        elif points and (is_open or line.startswith(("  ", "\t"))):
            points[-1] += " " + line.strip()
        else:
            paragraphs.add(len(points))
            points.append(line)
            is_open = True
    cut = [
        " ".join(point.split())[:_LONGEST]
        for number, point in enumerate(points)
        if not _NO_POINT.fullmatch(point)
        and not (number in paragraphs and number < len(points) - 1 and _leads_on(point))
    ]
    return list(dict.fromkeys(cut))[:MAX_POINTS]


def _leads_on(point: str) -> bool:
    return point.rstrip("*_ \t").endswith((":", "："))


def sync(review: Review) -> None:
    """Bring the points of a locked review in step with its text; a reworded point keeps its answer."""
    wanted = split(review.went_badly)
    had = {point.text: point for point in review.lesson_points.all()}
    kept = {text: had.pop(text) for text in wanted if text in had}
    for text in wanted:
        if text in kept:
            continue
        twin = max(had.values(), key=lambda point: _likeness(point.text, text), default=None)
        if twin is not None and _likeness(twin.text, text) >= _ALIKE:
            kept[text] = had.pop(twin.text)
    for gone in had.values():
        gone.delete()
    for position, text in enumerate(wanted, start=1):
        point = kept.get(text) or LessonPoint(review=review)
        if (point.position, point.text) != (position, text):
            point.position, point.text = position, text
            point.save()


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def unread(review: Review) -> list[str]:
    """Points of the text that are no rows yet: it was stored by another way than `write_lessons`."""
    known = set(review.lesson_points.values_list("text", flat=True))
    return [text for text in split(review.went_badly) if text not in known]


def answer(point: LessonPoint, *, reason: str, by: User, now: datetime) -> LessonPoint:
    """Say why a point needs no item, or with "" take that back; part of `plan.answer_lesson`.

    Raises:
        Invalid: the reason is too long.
        NotAllowed: a reason from somebody below a facilitator; it is an approval.
        ReviewNotOpen, Archived: nothing was written.
    """
    reason = values.text(reason, field="reason", longest=2000).strip()
    open_review(point.review)
    point = LessonPoint.objects.select_for_update(of=("self",)).select_related("review").get(pk=point.pk)
    if reason != point.declined_because:
        access.need(by, User.Role.FACILITATOR if reason else User.Role.MEMBER)
        point.declined_because = reason
        point.declined_by, point.declined_at = (by, now) if reason else (None, None)
        point.save()
    return point


def refuse_unanswered(point: LessonPoint, *, has_items: bool) -> None:
    """Refuse an answer that is none.

    Raises:
        Invalid: neither an item nor a reason.
    """
    if not has_items and not point.declined_because:
        raise Invalid(_("Name an item, or say why none is needed."), field="items")
