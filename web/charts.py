"""Charts as SVG text made on the server: the same picture with and without scripts, on paper and in a test.

Looks come from classes and presentation attributes only, for the content security policy allows no
style attributes. Every mark has a `<title>`; the page that shows a chart has the same rows in a table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from web.badges import look
from web.canvas import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    beside,
    bounds,
    is_drawable,
    months,
    ticks,
)

# Places of a line that are no further apart leave no room for a word between them.
_CLOSE = 6
# Over so long a time nobody asks for the hour.
_LONG = timedelta(days=90)


@dataclass(frozen=True)
class Point:
    """One check run to draw: its moment, its value if it had one, its outcome."""

    at: datetime
    value: float | None
    outcome: str


def figure(value: float | None) -> str:
    """A value in at most five significant digits: “204”, “0.038”, “1.2e+09”; “–” for None."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return {math.inf: "+Inf", -math.inf: "−Inf"}.get(value, "NaN")
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.5g}"


def value_line(
    points: Sequence[Point],
    *,
    threshold: float | None,
    comparator: str = "",
    baseline: float | None = None,
    label: str = "",
) -> SafeString:
    """The values of check runs over time, with the threshold they are held against.

    Args:
        points: oldest first. A run without a value breaks the line and leaves a tick at the foot.
        threshold: where the dashed line goes; None draws none.
        comparator: shown beside the threshold, for example "<".
        baseline: where it stood once, a dotted line; None draws none.
        label: what the values are, for screen readers.

    Returns:
        An `<svg>`, or "" when fewer than two runs had a finite value.
    """
    drawable = [point.value for point in points if is_drawable(point.value)]
    if len(drawable) < 2:
        return mark_safe("")
    levels = [level for level in (threshold, baseline) if is_drawable(level)]
    scale = _scale(points, [*drawable, *levels])
    course = _course_of(points, scale)
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        label or _("Values of the last runs"),
        _value_axis(scale),
        _time_axis(points, scale),
        format_html('<path class="line" d="{}"/>', _path(points, scale)),
        format_html_join("", "{}", ((_mark(point, scale),) for point in points)),
        # Last, so that their words stand over the line.
        _baseline_line(baseline, scale, course),
        _threshold_line(threshold, comparator, scale, course),
    )


def sparkline(points: Sequence[Point], *, threshold: float | None = None, label: str = "") -> SafeString:
    """A small line without axes, for a card or a table row; "" when there is nothing to draw."""
    drawable = [(index, point.value) for index, point in enumerate(points) if is_drawable(point.value)]
    if len(drawable) < 2:
        return mark_safe("")
    values = [value for _index, value in drawable] + ([threshold] if is_drawable(threshold) else [])
    low, high = bounds(values)
    step = 100 / (len(points) - 1)

    def height(value: float) -> float:
        return 26 - 24 * (value - low) / (high - low)

    path = " ".join(
        f"{'M' if place == 0 else 'L'}{index * step:.1f} {height(value):.1f}"
        for place, (index, value) in enumerate(drawable)
    )
    limit = mark_safe("")
    if is_drawable(threshold):
        level = f"{height(threshold):.1f}"
        limit = format_html('<path class="goal" d="M0 {}H100"/>', level)
    return format_html(
        '<svg class="chart sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img">'
        "<title>{}</title>{}"
        '<path class="line" d="{}"/></svg>',
        label or _("Last value: %(value)s") % {"value": figure(drawable[-1][1])},
        limit,
        path,
    )


def _scale(points: Sequence[Point], values: Sequence[float]) -> Scale:
    low, high = bounds(values)
    return Scale(low, high, points[0].at.timestamp(), points[-1].at.timestamp())


def _value_axis(scale: Scale) -> SafeString:
    rows = (
        (f"{scale.y(tick):.1f}", f"{scale.y(tick) + 3.5:.1f}", figure(tick))
        for tick in ticks(scale.low, scale.high)
    )
    # On a phone a frame shows the right end first: beyond it, in the frame's margin, they stand again.
    return format_html_join(
        "",
        f'<path class="grid" d="M{LEFT} {{0}}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 8}" y="{{1}}" text-anchor="end">{{2}}</text>'
        f'<text class="again" x="{WIDTH - RIGHT + 8}" y="{{1}}">{{2}}</text>',
        rows,
    )


def _time_axis(points: Sequence[Point], scale: Scale) -> SafeString:
    first, last = timezone.localtime(points[0].at), timezone.localtime(points[-1].at)
    form = "H:i" if first.date() == last.date() else _("j M, H:i")
    if last - first > _LONG:
        form = "Y-m"
    places = [(f"{LEFT}", "start", date_format(first, form))]
    if form == "Y-m":
        places += [(f"{scale.x(at):.1f}", "middle", date_format(at, form)) for at in months(first, last)]
    places.append((f"{WIDTH - RIGHT}", "end", date_format(last, form)))
    return format_html_join("", f'<text x="{{}}" y="{HEIGHT - 6}" text-anchor="{{}}">{{}}</text>', places)


def _course_of(points: Sequence[Point], scale: Scale) -> list[tuple[float, float]]:
    """Places on the canvas along a line, close enough together that no word fits between two of them."""
    places: list[tuple[float, float]] = []
    for one, other in pairwise(points):
        if not (is_drawable(one.value) and is_drawable(other.value)):
            continue
        left, right = scale.x(one.at), scale.x(other.at)
        first, last = scale.y(one.value), scale.y(other.value)
        steps = max(int(max(abs(right - left), abs(last - first)) / _CLOSE), 1)
        places += [
            (left + (right - left) * step / steps, first + (last - first) * step / steps)
            for step in range(steps + 1)
        ]
    return places


def _baseline_line(baseline: float | None, scale: Scale, course: Sequence[tuple[float, float]]) -> SafeString:
    if baseline is None or not is_drawable(baseline):
        return mark_safe("")
    y = scale.y(baseline)
    words = _("baseline %(value)s") % {"value": figure(baseline)}
    return format_html(
        '<path class="baseline" d="M{} {}H{}"><title>{words}</title></path>'
        '<text class="goal-label" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>',
        LEFT, f"{y:.1f}", WIDTH - RIGHT, words=words, **beside(y, words, course, is_right_first=True),
    )  # fmt: skip


# As people write them; what programs write stands for them in our arguments.
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def _threshold_line(
    threshold: float | None, comparator: str, scale: Scale, course: Sequence[tuple[float, float]] = ()
) -> SafeString:
    if threshold is None or not is_drawable(threshold):
        return mark_safe("")
    y = scale.y(threshold)
    words = _("must be %(comparator)s %(threshold)s") % {
        "comparator": _SIGNS.get(comparator, comparator),
        "threshold": figure(threshold),
    }
    return format_html(
        '<path class="goal" d="M{} {}H{}"><title>{words}</title></path>'
        '<text class="goal-label" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>',
        LEFT, f"{y:.1f}", WIDTH - RIGHT, words=words, **beside(y, words, course, is_right_first=False),
    )  # fmt: skip


def _path(points: Sequence[Point], scale: Scale) -> str:
    """Line pieces between neighbours that both have a value: a gap is shown as a gap."""
    parts, is_drawing = [], False
    for point in points:
        if not is_drawable(point.value):
            is_drawing = False
            continue
        parts.append(f"{'L' if is_drawing else 'M'}{scale.x(point.at):.1f} {scale.y(point.value):.1f}")
        is_drawing = True
    return "".join(parts)


def _mark(point: Point, scale: Scale) -> SafeString:
    """A pass is a dot, a fail a square, a run without a value a tick at the foot."""
    x = scale.x(point.at)
    shown = look("outcome", point.outcome)
    when = date_format(timezone.localtime(point.at), _("j M Y, H:i"))
    title = f"{shown.word} · {figure(point.value)} · {when}"
    if not is_drawable(point.value):
        foot = HEIGHT - BOTTOM
        return format_html(
            '<path class="line tone-{}" d="M{} {}v8"><title>{}</title></path>',
            shown.tone,
            f"{x:.1f}",
            foot + 3,
            title,
        )
    y = scale.y(point.value)
    if point.outcome == "fail":
        return format_html(
            '<rect class="bar tone-{}" x="{}" y="{}" width="7" height="7"><title>{}</title></rect>',
            shown.tone, f"{x - 3.5:.1f}", f"{y - 3.5:.1f}", title,
        )  # fmt: skip
    return format_html(
        '<circle class="bar tone-{}" cx="{}" cy="{}" r="2.5"><title>{}</title></circle>',
        shown.tone,
        f"{x:.1f}",
        f"{y:.1f}",
        title,
    )


@dataclass(frozen=True)
class Share:
    """One part of a whole: its words, its count and its tone."""

    label: str
    count: int
    tone: str


def shares(parts: Sequence[Share], *, label: str, full: int = 0) -> SafeString:
    """A bar made of its parts, each as wide as its count; "" when there is nothing to divide.

    Args:
        full: the count at which a bar is as wide as its room, where several are compared; 0 for its own sum.
    """
    count = sum(part.count for part in parts)
    if not count:
        return mark_safe("")
    whole = max(full, count)
    drawn, x = [], 0.0
    for part in parts:
        width = 100 * part.count / whole
        if part.count:
            title = f"{part.label}: {part.count}"
            drawn.append((part.tone, f"{x:.3f}", f"{max(width - 0.3, 0.3):.3f}", title))
        x += width
    return format_html(
        '<svg class="shares" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}</svg>",
        label,
        format_html_join(
            "",
            '<rect class="share tone-{}" x="{}" y="0" width="{}" height="4"><title>{}</title></rect>',
            drawn,
        ),
    )


@dataclass(frozen=True)
class Course:
    """What one series did: its points, oldest first; None where the value was no number."""

    points: Sequence[tuple[datetime, float | None]]


# So many lines look different from each other; further ones are drawn faintly.
LINES_TOLD_APART = 6


def courses(
    lines: Sequence[Course],
    *,
    start: datetime,
    end: datetime,
    gap: timedelta,
    shaded: Sequence[tuple[datetime, datetime, str]] = (),
    label: str = "",
    threshold: float | None = None,
    comparator: str = "",
) -> SafeString:
    """Several series over one window, the incidents shaded behind them.

    Args:
        gap: points further apart than this are not joined.
        threshold, comparator: what the values are held against; None draws no line.
        shaded: (from, to, words) of each time to shade; what lies outside the window is cut off.

    Returns:
        An `<svg>`, or "" when no point has a finite value. The line with index n has the class
        `series-{n + 1}`, so that a legend can show the same stroke.
    """
    finite = [value for line in lines for _at, value in line.points if is_drawable(value)]
    if not finite or end <= start:
        return mark_safe("")
    low, high = bounds([*finite, threshold] if is_drawable(threshold) else finite)
    scale = Scale(low, high, start.timestamp(), end.timestamp())
    window = [Point(start, None, ""), Point(end, None, "")]
    # The first lines are the ones that the legend explains: they lie on top.
    drawn = [
        (f"series-{min(index, LINES_TOLD_APART) + 1}", _course_path(line, scale, gap))
        for index, line in reversed(list(enumerate(lines)))
    ]
    return format_html(
        '<svg class="chart courses" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        label,
        format_html_join("", "{}", ((_shade(part, start, end, scale),) for part in shaded)),
        _value_axis(scale),
        _time_axis(window, scale),
        format_html_join("", '<path class="line {}" d="{}"/>', drawn),
        _threshold_line(threshold, comparator, scale),
    )


def _shade(part: tuple[datetime, datetime, str], start: datetime, end: datetime, scale: Scale) -> SafeString:
    first, last, words = max(part[0], start), min(part[1], end), part[2]
    if last <= first:
        return mark_safe("")
    left, right = scale.x(first), scale.x(last)
    return format_html(
        '<rect class="shade" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        '<path class="shade-edge" d="M{} {}V{}"/><text class="shade-label" x="{}" y="{}">{}</text>',
        f"{left:.1f}", TOP, f"{max(right - left, 1.5):.1f}", HEIGHT - TOP - BOTTOM, words,
        f"{left:.1f}", TOP, HEIGHT - BOTTOM, f"{left:.1f}", TOP - 3, _("impact"),
    )  # fmt: skip


def _course_path(line: Course, scale: Scale, gap: timedelta) -> str:
    parts: list[str] = []
    before: datetime | None = None
    for at, value in line.points:
        if not is_drawable(value):
            before = None
            continue
        place = f"{scale.x(at):.1f} {scale.y(value):.1f}"
        if before is not None and at - before <= gap:
            parts.append(f"L{place}")
        else:
            # A lone point is a line of no length, which round caps show as a dot.
            parts.append(f"M{place}L{place}")
        before = at
    return "".join(parts)
