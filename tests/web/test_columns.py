"""Columns are text: each count has a mark with its words, and nothing is drawn off the canvas."""

import re

import pytest

from web.columns import HEIGHT, Group, Series, columns

ONE = [Series("Incidents", "info")]
TWO = [Series("Agreed", "info"), Series("Verified", "good")]


def drawn(*counts, series=ONE):
    return columns([Group(f"n{place}", one) for place, one in enumerate(counts)], series, label="<Counts>")


def test_each_count_has_a_column_with_its_words():
    chart = drawn([3, 0], [1, 2], series=TWO)

    assert re.findall("<title>(.*?)</title>", chart) == [
        "n0 · Agreed: 3",
        "n1 · Agreed: 1",
        "n1 · Verified: 2",
    ]
    assert chart.count("hollow") == 1
    assert 'aria-label="&lt;Counts&gt;"' in chart
    assert "style=" not in chart


def test_columns_are_as_high_as_their_counts():
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"><title', drawn([10], [5], [1]))]

    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[0] == pytest.approx(10 * heights[2], abs=1)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 99, 100, 101, 12_345, 10**9])
def test_columns_stay_on_the_canvas_with_whole_numbers_beside_them(count):
    chart = drawn([count], [1])

    tops = [float(y) for y in re.findall(r'<rect class="bar[^"]*" x="[\d.]+" y="([\d.-]+)"', chart)]
    assert all(0 <= y <= HEIGHT for y in tops)
    ticks = [int(text) for text in re.findall(r'text-anchor="end">(\d+)<', chart)]
    assert ticks[0] == 0
    assert ticks[-1] >= count
    assert 2 <= len(ticks) <= 6


@pytest.mark.parametrize("counts", [[], [[0]], [[0], [0]]])
def test_nothing_counted_draws_nothing(counts):
    assert drawn(*counts) == ""


def test_of_many_names_the_last_is_shown_and_they_do_not_touch():
    chart = drawn(*[[place + 1, place] for place in range(24)], series=TWO)

    names = re.findall(r">(n\d+)<", chart)
    assert names[-1] == "n23"
    assert len(names) == 12
