"""The rules that the style sheet and the templates keep: contrast, nothing inline, nothing from elsewhere."""

import re
from math import cos, radians, sin
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STYLES = (ROOT / "web/static/web/app.css").read_text()
OURS = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "web").rglob("templates/**/*.html")]
SCRIPTS = sorted((ROOT / "web/static/web").glob("*.js"))

Colour = tuple[float, float, float]

GROUNDS = ("paper", "sheet", "raised", "sunken")
TONES = ("good", "info", "warn", "bad", "odd")


def tokens() -> dict[str, tuple[Colour, Colour]]:
    """Each colour token as linear sRGB, light and dark; those with transparency are left out."""
    number = r"([\d.]+)"
    colour = rf"oklch\({number} {number} {number}\)"
    found = re.findall(rf"--([\w-]+): light-dark\({colour}, {colour}\)", STYLES)
    return {name: (_linear(*map(float, v[:3])), _linear(*map(float, v[3:]))) for name, *v in found}


def _linear(lightness: float, chroma: float, hue: float) -> Colour:
    """OKLCH to linear sRGB. Source: Björn Ottosson, "A perceptual color space for image processing"."""
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2, "contrast ratio"."""
    light, dark = sorted(
        (0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


WORDS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent", "accent-strong") for ground in GROUNDS),
    *((f"{tone}-ink", ground) for tone in TONES for ground in (*GROUNDS, f"{tone}-wash")),
    *(("ink", f"{tone}-wash") for tone in TONES),
]
SHAPES = [
    *((f"{tone}-solid", ground) for tone in TONES for ground in ("paper", "sheet", "raised", f"{tone}-wash")),
    *(("edge", ground) for ground in ("paper", "sheet", "raised")),
    *(("focus", ground) for ground in GROUNDS),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), WORDS, ids=str)
def test_words_have_a_contrast_of_4_5(ink, ground, theme):
    values = tokens()

    assert contrast(values[ink][theme], values[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES, ids=str)
def test_shapes_and_edges_of_controls_have_a_contrast_of_3(shape, ground, theme):
    values = tokens()

    assert contrast(values[shape][theme], values[ground][theme]) >= 3.0


@pytest.mark.parametrize("template", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_has_nothing_inline_and_nothing_from_elsewhere(template):
    source = re.sub(
        r"\{% comment %\}.*?\{% endcomment %\}|\{[%#].*?[%#]\}", "", template.read_text(), flags=re.DOTALL
    )

    # Mail programs know no stylesheet, and no policy forbids them a style.
    assert template.parent.name == "emails" or not re.search(r"<style|\sstyle=", source)
    assert not re.search(r"\son[a-z]+=", source)
    assert not re.search(r"<script(?![^>]*\ssrc=)", source)
    assert not re.search(r"(?:src|srcset|action)=[\"']?(?:https?:)?//", source)
    assert not re.search(r"<link[^>]*href=[\"'](?:https?:)?//", source)


def test_styles_and_scripts_fetch_nothing_from_elsewhere():
    for source in (STYLES, *(script.read_text() for script in SCRIPTS)):
        assert not re.search(r"url\(|@import|https?://", source)


def test_scripts_use_no_eval():
    for script in SCRIPTS:
        assert not re.search(r"\beval\(|new Function|setAttribute\([\"']style|\.style\.", script.read_text())
