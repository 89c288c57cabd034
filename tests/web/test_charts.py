"""Charts are text: what they draw can be read, and nothing they are given breaks them."""

import math
import re
from datetime import UTC, datetime, timedelta

import pytest

from web.charts import Course, Point, Share, courses, figure, shares, sparkline, value_line
from web.columns import small

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def points(*values: float | None, outcome: str = "pass") -> list[Point]:
    return [Point(START + index * timedelta(minutes=5), value, outcome) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.0, "0"),
        (204.0, "204"),
        (-3.0, "-3"),
        (0.038, "0.038"),
        (1_200_000.0, "1\u202f200\u202f000"),
        (1.2e12, "1.2e+12"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "−Inf"),
    ],
)
def test_figure_is_short(value, words):
    assert figure(value) == words


def test_value_line_draws_each_run_with_a_title_and_the_threshold():
    drawn = value_line(
        [*points(180.0, 190.0), Point(START + timedelta(minutes=10), 210.0, "fail")],
        threshold=200.0,
        comparator="<",
    )

    assert drawn.count("<circle") == 2
    assert drawn.count("<rect") == 1
    assert "Fail · 210 · 20 Nov 2026, 12:10" in drawn
    assert "must be &lt; 200" in drawn


@pytest.mark.parametrize(("written", "shown"), [(">=", "≥"), ("<=", "≤"), ("==", "="), ("!=", "≠")])
def test_threshold_is_said_as_people_write_it(written, shown):
    assert f"must be {shown} 90<" in value_line(points(80.0, 95.0), threshold=90.0, comparator=written)


def test_bars_that_are_compared_are_as_wide_as_their_counts():
    drawn = [
        shares([Share("Came back", back, "bad"), Share("New", new, "mute")], label="A class", full=4)
        for back, new in ((1, 3), (0, 1))
    ]

    assert [re.findall(r' x="([\d.]+)" y="0" width="([\d.]+)"', bar) for bar in drawn] == [
        [("0.000", "24.700"), ("25.000", "74.700")],
        [("0.000", "24.700")],
    ]


def test_value_line_shows_a_gap_where_a_run_had_no_value():
    drawn = value_line(points(1.0, 2.0, None, 3.0, 4.0), threshold=None)

    (path,) = re.findall(r'class="line" d="([^"]+)"', drawn)
    assert path.count("M") == 2
    assert path.count("L") == 2


@pytest.mark.parametrize("values", [(), (1.0,), (None, None), (math.nan, math.inf), (1e301, -1e301)])
def test_value_line_draws_nothing_where_there_is_no_line(values):
    assert value_line(points(*values), threshold=1.0) == ""


@pytest.mark.parametrize(
    "values", [(5.0, 5.0), (0.0, 0.0), (1e299, -1e299), (1e-300, 2e-300), (-1.0, math.nan, 1.0)]
)
def test_value_line_keeps_every_mark_on_the_canvas(values):
    drawn = value_line(points(*values), threshold=values[0])

    heights = [float(height) for height in re.findall(r'cy="([^"]+)"', drawn)]
    assert heights
    assert all(0 <= height <= 190 for height in heights)


def test_charts_carry_no_styles_and_escape_words():
    drawn = value_line(points(1.0, 2.0), threshold=1.0, comparator="<", label="<b>") + sparkline(
        points(1.0, 2.0), label="<b>"
    )

    assert "style=" not in drawn
    assert "<b>" not in drawn


def test_sparkline_needs_two_values():
    assert sparkline(points(1.0)) == ""
    assert "Last value: 2" in sparkline(points(1.0, 2.0), threshold=3.0)


def test_counts_are_columns_as_high_as_they_are_many():
    drawn = small([0, 5, 10])

    assert "<title>0 5 10</title>" in drawn
    assert re.findall(r'class="([^"]+)" x="[^"]+" y="[^"]+" width="[^"]+" height="([^"]+)"', drawn) == [
        ("bar faint", "1.0"),
        ("bar tone-info", "13.0"),
        ("bar tone-info", "26.0"),
    ]
    assert small([0, 0]) == ""


def course(*values: float | None) -> Course:
    return Course([(START + index * timedelta(minutes=1), value) for index, value in enumerate(values)])


def drawn_courses(*lines: Course, **more) -> str:
    window = {"start": START, "end": START + timedelta(minutes=10), "gap": timedelta(seconds=90)}
    return courses(lines, **window | more)


def test_courses_draw_each_series_with_a_stroke_of_its_own():
    drawn = drawn_courses(*[course(1.0, 2.0)] * 9)

    assert drawn.count('class="line series-1"') == 1
    assert drawn.count('class="line series-7"') == 3


def test_courses_break_where_points_are_missing_or_no_numbers():
    missing = Course([(START, 1.0), (START + timedelta(minutes=5), 2.0)])

    for line in (missing, course(1.0, math.nan, 2.0), course(1.0, None, 2.0), course(1.0, math.inf, 2.0)):
        (path,) = re.findall(r'series-1" d="([^"]+)"', drawn_courses(line))
        assert path.count("M") == 2


def test_courses_shade_the_impact_within_the_window():
    early = (START - timedelta(hours=1), START + timedelta(minutes=5), "Impact of <INC>")
    later = (START + timedelta(hours=1), START + timedelta(hours=2), "Another day")

    drawn = drawn_courses(course(1.0, 2.0), shaded=[early, later])

    (shade,) = re.findall(r'<rect class="shade" x="([\d.]+)" y="12" width="([\d.]+)"', drawn)
    assert [float(figure) for figure in shade] == [58.0, 325.0]
    assert "Impact of &lt;INC&gt;" in drawn


def test_courses_of_nothing_draw_nothing():
    assert drawn_courses() == ""
    assert drawn_courses(course(math.nan, None)) == ""
    assert drawn_courses(course(1.0), end=START) == ""
    assert drawn_courses(course(1e308, -1e308)) == ""


def monthly(*values: float | None) -> list[Point]:
    moments = [datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(len(values))]
    return [Point(at, value, "pass") for at, value in zip(moments, values, strict=True)]


def test_months_between_the_ends_have_their_names():
    drawn = value_line(monthly(*range(24)), threshold=None)

    names = re.findall(r">(\d{4}-\d\d)<", drawn)
    assert names == ["2026-01", "2026-05", "2026-09", "2027-01", "2027-05", "2027-09", "2027-12"]


def test_two_months_have_two_names():
    drawn = value_line(monthly(1.0, None, None, None, 2.0), threshold=None)

    names = re.findall(r">(\d{4}-\d\d)<", drawn)
    assert names[0] == "2026-01"
    assert names[-1] == "2026-05"
    assert len(names) == len(set(names))


def test_words_of_a_level_stand_where_the_line_is_not():
    level = 50.0
    above_right = value_line(monthly(10.0, 20.0, 30.0, 20.0, 10.0, 5.0), threshold=None, baseline=level)
    # This one runs along right above its level, and below it at the left.
    crossing = value_line(monthly(0.0, 49.0, 49.0, 55.0, 55.0, 55.0), threshold=None, baseline=level)

    def place(drawn: str) -> tuple[str, str, float]:
        line = float(re.search(r'class="baseline" d="M\d+ ([\d.]+)', drawn)[1])
        x, y, anchor = re.search(
            r'class="goal-label" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"', drawn
        ).groups()
        return anchor, "above" if float(y) < line else "below", float(x)

    assert place(above_right)[:2] == ("end", "above")
    assert place(crossing)[:2] == ("end", "below")
