"""Charts of counts as SVG text: columns side by side, as `web.charts` draws lines.

Every second series is hollow: two of them differ without colour, and on paper. The page that shows a chart
has the same counts in a table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 170, 40, 8, 14, 26
NARROW, WIDE = 400, 720
# More names than this do not fit beside each other.
MOST_NAMES = 12


@dataclass(frozen=True)
class Series:
    """What one colour stands for."""

    name: str
    tone: str


@dataclass(frozen=True)
class Group:
    """The columns over one name, a count for each series."""

    name: str
    counts: Sequence[int]


def columns(groups: Sequence[Group], series: Sequence[Series], *, label: str) -> SafeString:
    """Counts side by side for each name.

    Args:
        label: what is counted, for screen readers.

    Returns:
        An `<svg>`, or "" when nothing was counted.
    """
    highest = max((count for group in groups for count in group.counts), default=0)
    if not highest:
        return mark_safe("")
    width = NARROW if len(groups) * len(series) <= 5 else WIDE
    top, ticks = _ticks(highest)
    room = (width - LEFT - RIGHT) / len(groups)
    drawn: list[SafeString] = []
    for place, group in enumerate(groups):
        drawn += _group(group, series, left=LEFT + place * room, room=room, top=top)
    return format_html(
        '<svg class="chart columns{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>',
        " narrow" if width == NARROW else "",
        width,
        HEIGHT,
        label,
        _grid(ticks, top, width),
        format_html_join("", "{}", ((one,) for one in drawn)),
        _names(groups, room),
    )


def small(numbers: Sequence[int]) -> SafeString:
    """Small columns of some counts, for a table row; their numbers stand in its title. "" where all are 0."""
    most = max(numbers, default=0)
    if not most:
        return mark_safe("")
    width = 100 / len(numbers)
    # A week without any is a faint line, so that the others have their place.
    heights = [max(26 * number / most, 1) for number in numbers]
    drawn = (
        (
            "bar tone-info" if number else "bar faint",
            f"{place * width + 1:.1f}",
            f"{27 - height:.1f}",
            f"{width - 2:.1f}",
            f"{height:.1f}",
        )
        for place, (number, height) in enumerate(zip(numbers, heights, strict=True))
    )
    return format_html(
        '<svg class="chart sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img">'
        "<title>{}</title>{}</svg>",
        " ".join(str(number) for number in numbers),
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', drawn),
    )


def _group(
    group: Group, series: Sequence[Series], *, left: float, room: float, top: float
) -> list[SafeString]:
    thick = min(room * 0.72 / len(series), 44)
    first = left + (room - thick * len(series)) / 2
    drawn = []
    for index, (one, count) in enumerate(zip(series, group.counts, strict=True)):
        if not count:
            continue
        y = _y(count, top)
        x = first + index * thick
        title = f"{group.name} · {one.name}: {count}"
        drawn.append(
            format_html(
                '<rect class="bar tone-{}{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
                one.tone,
                " hollow" if index % 2 else "",
                f"{x + 1:.1f}",
                f"{y:.1f}",
                f"{thick - 2:.1f}",
                f"{HEIGHT - BOTTOM - y:.1f}",
                title,
            )
        )
        # A handful of columns has room for its counts; of many the axis tells them.
        if room / len(series) >= 24:
            drawn.append(
                format_html(
                    '<text x="{}" y="{}" text-anchor="middle">{}</text>',
                    f"{x + thick / 2:.1f}",
                    f"{y - 3:.1f}",
                    count,
                )
            )
    return drawn


def _ticks(highest: int) -> tuple[float, list[int]]:
    """The top of the axis and whole numbers to mark on it."""
    raw = max(highest / 4, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= raw)
    top = step * math.ceil(highest / step)
    return float(top), list(range(0, top + 1, step))


def _y(count: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / top


def _grid(ticks: Sequence[int], top: float, width: int) -> SafeString:
    end = width - RIGHT
    rows = ((f"{_y(tick, top):.1f}", end, f"{_y(tick, top) + 3.5:.1f}", tick, end + 8) for tick in ticks)
    # The numbers at the right are shown where only that end of the picture is, as on a phone.
    return format_html_join(
        "",
        f'<path class="grid" d="M{LEFT} {{0}}H{{1}}"/>'
        f'<text x="{LEFT - 6}" y="{{2}}" text-anchor="end">{{3}}</text>'
        '<text class="again" x="{4}" y="{2}">{3}</text>',
        rows,
    )


def _names(groups: Sequence[Group], room: float) -> SafeString:
    every = -(-len(groups) // MOST_NAMES)
    # The last one is what people look for, so counting goes back from it.
    shown = [place for place in range(len(groups)) if (len(groups) - 1 - place) % every == 0]
    rows = ((f"{LEFT + (place + 0.5) * room:.1f}", HEIGHT - 8, groups[place].name) for place in shown)
    return format_html_join("", '<text x="{}" y="{}" text-anchor="middle">{}</text>', rows)
