"""The tags that draw states, moments and durations, and the parts of a form."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.http import HttpRequest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from web.badges import LOOKS
from web.icons import ICONS
from web.moments import distance_words, duration_words

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def draw(source: str, request: HttpRequest | None = None, **context: object) -> str:
    return Template(source).render(Context({"request": request, "now": NOW} | context))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=47), "47 s"),
        (timedelta(minutes=17), "17 min"),
        (timedelta(minutes=5, seconds=12), "5 min 12 s"),
        (timedelta(hours=1, seconds=5), "1 h"),
        (timedelta(days=1, hours=4, minutes=59), "1 d 4 h"),
        (timedelta(days=1, minutes=59), "1 d"),
        (-timedelta(minutes=3), "−3 min"),
    ],
)
def test_duration_has_at_most_two_units(value, words):
    assert duration_words(value) == words


def test_duration_takes_seconds_and_works_as_filter():
    assert draw("{% duration 90 %}|{{ 90|duration }}|{{ none|duration }}") == "1 min 30 s|1 min 30 s|–"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "just now"),
        (NOW - timedelta(seconds=50), "1 min ago"),
        (NOW - timedelta(hours=2, minutes=59), "2 h ago"),
        (NOW + timedelta(days=3, hours=1), "in 3 d"),
        (NOW - timedelta(days=89), "89 d ago"),
        (NOW - timedelta(days=200), "6 mo ago"),
        (NOW + timedelta(days=800), "in 2 y"),
    ],
)
def test_distance_is_one_unit_rounded_down(moment, words):
    assert distance_words(moment, NOW) == words


def test_moment_says_when_in_the_zone_of_the_reader():
    with timezone.override(ZoneInfo("Asia/Shanghai")):
        html = draw("{% moment at %}", at=NOW - timedelta(hours=2))

    assert html == (
        '<time datetime="2026-11-20T10:00:00Z" title="20 Nov 2026, 18:00:00 CST (UTC+08:00)">2 h ago</time>'
    )


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("exact", "20 Nov 2026, 10:00"),
        ("both", "20 Nov 2026, 10:00 · 2 h ago"),
        ("time", "10:00:00"),
        ("day", "20 Nov 2026"),
    ],
)
def test_moment_has_styles(style, words):
    with timezone.override("UTC"):
        html = draw("{% moment at style %}", at=NOW - timedelta(hours=2), style=style)

    assert f">{words}</time>" in html


def test_moment_shows_days_and_missing_moments():
    html = draw("{% moment day %}|{% moment nothing %}", day=date(2026, 11, 3), nothing=None)

    assert html == '<time datetime="2026-11-03">3 Nov 2026</time>|<span class="none">–</span>'


def test_badge_has_a_shape_and_a_word():
    html = draw('{% badge "item_state" "regressed" %}')

    assert 'class="badge tone-bad loud"' in html
    assert "<svg" in html
    assert "<span>Regressed</span>" in html


def test_badge_as_a_glyph_keeps_its_word_for_readers_who_cannot_see_it():
    html = draw('{% badge "outcome" "no_data" style="glyph" %}')

    assert 'title="No data"' in html
    assert "<title>No data</title>" in html


def test_badge_shows_an_unknown_value_as_written_and_escaped():
    html = draw('{% badge "outcome" value %}{% badge "no such kind" 7 %}', value="<b>")

    assert "&lt;b&gt;" in html
    assert "<span>7</span>" in html


@pytest.mark.parametrize("kind", sorted(LOOKS))
def test_looks_use_icons_and_tones_that_exist(kind):
    for look in LOOKS[kind].values():
        assert look.icon in ICONS
        assert look.tone in {"mute", "info", "good", "warn", "bad", "odd"}


@pytest.mark.parametrize("kind", sorted(set(LOOKS) - {"flag"}))
def test_states_of_one_kind_differ_in_shape_not_only_in_colour(kind):
    shapes = [look.icon for look in LOOKS[kind].values()]

    assert len(shapes) == len(set(shapes))


def test_query_with_keeps_the_other_filters():
    request = RequestFactory().get("/items/", {"owner": "7", "state": "open", "after": "abc"})

    html = draw('{% query_with state="verified" after=None %}', request)

    assert html == "?owner=7&amp;state=verified"


def test_query_with_of_nothing_is_an_empty_query():
    assert draw("{% query_with after=None %}", RequestFactory().get("/items/", {"after": "x"})) == "?"


@pytest.mark.parametrize(
    ("query", "order", "href"),
    [
        ("", "ascending", "?sort=-due"),
        ("?sort=due", "ascending", "?sort=-due"),
        ("?sort=-due&after=x", "descending", "?sort=due"),
        ("?sort=title", "none", "?sort=due"),
    ],
)
def test_sort_header_says_the_order_and_offers_the_other(query, order, href):
    request = RequestFactory().get(f"/items/{query}")

    html = draw('{% sort_header "due" "Due" default="due" %}', request)

    assert f'aria-sort="{order}"' in html
    assert f'href="{href}"' in html


def test_strip_draws_each_run_and_sums_them_up_in_words():
    runs = [SimpleNamespace(outcome=outcome, finished_at=NOW) for outcome in ("fail", "pass", "pass", "")]

    html = draw('{% strip runs "Pool" %}', runs=runs)

    assert 'aria-label="Pool: Fail 1, Pass 2, Not run yet 1"' in html
    assert html.count("mark-pass") == 2


def test_strip_without_runs_says_so():
    assert "No runs yet" in draw("{% strip runs %}", runs=[])


@pytest.mark.parametrize(("value", "width"), [(None, "0.00"), (-3, "0.00"), (23, "92.00"), (99, "100.00")])
def test_meter_stays_between_nothing_and_all(value, width):
    html = draw("{% meter value 25 target=24 %}", value=value)

    assert f'class="meter-fill" y="1" width="{width}"' in html
    assert 'class="meter-target" x="96.00"' in html


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Lin Yue", "LY"),
        ("王小明", "明"),
        ("ada", "A"),
        ("", "?"),
        ("Ana María Ruiz", "AR"),
        ("Lin Wei 林薇", "LW"),
    ],
)
def test_avatar_shows_initials(name, initials):
    assert f">{initials}</span>" in draw("{% avatar name %}", name=name)


def test_person_marks_who_left():
    gone = SimpleNamespace(pk=1, is_active=False)

    assert "(inactive)" in draw("{% person gone %}", gone=gone)


class SampleForm(forms.Form):
    title = forms.CharField(help_text="One sentence.")
    kind = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect, required=False)
    is_drill = forms.BooleanField(required=False)


def test_field_names_its_help_and_errors_once():
    form = SampleForm({"title": ""})

    html = render_to_string("_field.html", {"field": form["title"]})

    assert html.count('aria-describedby="id_title_helptext id_title_error"') == 1
    assert html.count('id="id_title_helptext"') == 1
    assert html.count('id="id_title_error"') == 1
    assert 'aria-invalid="true"' in html


def test_field_of_choices_is_a_fieldset_with_a_legend():
    html = render_to_string("_field.html", {"field": SampleForm()["kind"]})

    assert "<fieldset" in html
    assert "<legend>Kind" in html


def test_form_errors_lead_to_their_fields():
    form = SampleForm({"title": ""})

    html = render_to_string("_form_errors.html", {"form": form})

    assert '<a href="#id_title">Title</a>: This field is required.' in html
    assert 'role="alert"' in html
