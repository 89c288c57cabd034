"""Pictures of the demo: what a screenshot of a dashboard would show, drawn when the demo is told."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

_SIZE = (960, 420)
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 60, 930, 370
_SECONDS = 300
_PAPER, _INK, _GRID = "#111827", "#e5e7eb", "#374151"
_OPEN, _ASKED, _LIMIT = "#60a5fa", "#fbbf24", "#f87171"


def connections(*, limit: int, demand: int) -> bytes:
    """Open and asked-for connections over five minutes, with the limit, as a PNG.

    Args:
        limit: connections that the database allows.
        demand: the most that were asked for at once.
    """
    image = Image.new("RGB", _SIZE, _PAPER)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=16)
    top = demand * 1.15

    def at(second: float, value: float) -> tuple[float, float]:
        x = _LEFT + (_RIGHT - _LEFT) * second / _SECONDS
        return x, _BOTTOM - (_BOTTOM - _TOP) * value / top

    pen.text((_LEFT, 20), "Threads_connected, mysql-order-1", fill=_INK, font=font)
    for value in range(0, int(top), 50):
        pen.line([at(0, value), at(_SECONDS, value)], fill=_GRID)
        pen.text((20, at(0, value)[1] - 9), f"{value}", fill=_INK, font=font)
    for minute in range(6):
        pen.text((at(minute * 60, 0)[0] - 18, _BOTTOM + 12), f"14:0{2 + minute}", fill=_INK, font=font)
    asked = [at(second, _asked_for(second, demand)) for second in range(0, _SECONDS + 1, 2)]
    opened = [at(second, min(limit, _asked_for(second, demand))) for second in range(0, _SECONDS + 1, 2)]
    pen.line(asked, fill=_ASKED, width=2, joint="curve")
    pen.line(opened, fill=_OPEN, width=4, joint="curve")
    pen.line([at(0, limit), at(_SECONDS, limit)], fill=_LIMIT, width=2)
    for place, (words, colour) in enumerate(
        [("open", _OPEN), ("asked for", _ASKED), (f"max_connections = {limit}", _LIMIT)]
    ):
        pen.text((480 + 110 * place, 20), words, fill=colour, font=font)
    kept = BytesIO()
    image.save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _asked_for(second: float, demand: int) -> float:
    """90 before, up to the demand within 40 seconds, and down again once the load test is stopped."""
    rise = min(1.0, second / 40)
    fall = min(1.0, max(0.0, (second - 170) / 70))
    return 90 + (demand - 90) * rise - (demand - 121) * fall
