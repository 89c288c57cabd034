"""The icon set: our own drawings on a 16 by 16 grid, stroked with the colour of the text around them.

Inline, because an icon that says a state must be there with the words, without a second request.
A drawing is the inside of an `<svg>`; `_SOLID` marks parts that are filled instead of stroked.
"""

# A drawing is one line, however long: breaking a path helps nobody.
# ruff: noqa: E501

_SOLID = 'fill="currentColor" stroke="none"'
_RING = '<circle cx="8" cy="8" r="6"/>'
_DISC = f'<circle cx="8" cy="8" r="6.75" {_SOLID}/>'
_SHIELD = '<path d="M8 1.75 13.25 3.5v4.25c0 3.2-2.2 5.4-5.25 6.5-3.05-1.1-5.25-3.3-5.25-6.5V3.5z"/>'
_PAGE = '<path d="M3.5 2.5a1 1 0 0 1 1-1h4.75L12.5 4.75V13.5a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1z"/>'


def _bars(filled: int) -> str:
    """Four rising bars, the first `filled` of them solid: a severity without its colour."""
    drawn = []
    for index in range(4):
        height = 4 + index * 3
        x, y = 1.5 + index * 3.5, 14 - height
        if index < filled:
            drawn.append(f'<rect x="{x}" y="{y}" width="2.5" height="{height}" rx=".6" {_SOLID}/>')
        else:
            drawn.append(
                f'<rect x="{x + 0.5}" y="{y + 0.5}" width="1.5" height="{height - 1}" rx=".4" stroke-width="1"/>'
            )
    return "".join(drawn)


ICONS: dict[str, str] = {
    # Places
    "home": '<path d="M2.5 7.25 8 2.5l5.5 4.75V13a.5.5 0 0 1-.5.5H9.75V10h-3.5v3.5H3a.5.5 0 0 1-.5-.5z"/>',
    "incident": '<path d="M1.5 8.5h2.75l2-5.5 3.25 10.5 2-5h3"/>',
    "items": '<path d="m2 4 1.25 1.25L5.5 3M2 11.25l1.25 1.25L5.5 10.25M8.25 4.25H14M8.25 11.5H14"/>',
    "service": '<path d="m8 1.75 6 3.1-6 3.1-6-3.1zM2 8l6 3.1L14 8M2 11.15l6 3.1 6-3.1"/>',
    "gate": (
        '<circle cx="4" cy="3.5" r="1.75"/><circle cx="4" cy="12.5" r="1.75"/><circle cx="12" cy="8.75" r="1.75"/>'
        '<path d="M4 5.25v5.5M4 5.5c.25 2.2 2 3.25 6.25 3.25"/>'
    ),
    "report": '<path d="M2 13.75h12M4.25 11V8M8 11V3M11.75 11V5.5" stroke-width="2"/>',
    "settings": (
        '<path d="M2 4.5h5.5M11.5 4.5H14M2 11.5h2.5M8.5 11.5H14"/>'
        '<circle cx="9.5" cy="4.5" r="1.75"/><circle cx="6.5" cy="11.5" r="1.75"/>'
    ),
    "postmortem": _PAGE + '<path d="m5.75 9.5 1.5 1.5 3-3"/>',
    "archive": '<rect x="1.75" y="2.5" width="12.5" height="3.5" rx=".75"/><path d="M3 6v7a.5.5 0 0 0 .5.5h9a.5.5 0 0 0 .5-.5V6M6.5 9h3"/>',
    "team": (
        '<circle cx="6" cy="5.25" r="2.5"/><path d="M1.5 13.5c.2-2.9 1.9-4.5 4.5-4.5s4.3 1.6 4.5 4.5'
        'M10.5 3a2.4 2.4 0 0 1 0 4.5M12 9.25c1.6.55 2.4 1.95 2.5 4.25"/>'
    ),
    "user": '<circle cx="8" cy="5.25" r="2.75"/><path d="M2.75 14c.3-3.2 2.2-4.75 5.25-4.75S12.95 10.8 13.25 14"/>',
    # Actions
    "search": '<circle cx="7" cy="7" r="4.5"/><path d="m10.4 10.4 3.6 3.6"/>',
    "menu": '<path d="M2 4.25h12M2 8h12M2 11.75h12"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "check": '<path d="m3 8.5 3.25 3.25L13 5"/>',
    "edit": '<path d="M10.75 2.75 13.25 5.25 5.5 13H3v-2.5zM9 4.5 11.5 7"/>',
    "attach": '<path d="m13.25 7.5-5.4 5.4a3.3 3.3 0 0 1-4.7-4.7l5.7-5.7a2.2 2.2 0 0 1 3.1 3.1l-5.5 5.5a1.1 1.1 0 0 1-1.6-1.6l4.9-4.9"/>',
    "trash": '<path d="M2.5 4h11M6 4V2.5h4V4M4 4l.6 9.5h6.8L12 4M6.75 6.75v4M9.25 6.75v4"/>',
    "copy": (
        '<rect x="5.5" y="5.5" width="8.5" height="8.5" rx="1.25"/>'
        '<path d="M3 10.5h-.25A.75.75 0 0 1 2 9.75v-7A.75.75 0 0 1 2.75 2h7a.75.75 0 0 1 .75.75V3"/>'
    ),
    "download": '<path d="M8 2v8M4.75 7 8 10.25 11.25 7M2.5 13.5h11"/>',
    "external": '<path d="M9 2.5h4.5V7M13.5 2.5 7.5 8.5M11.5 9.5V13a.5.5 0 0 1-.5.5H3a.5.5 0 0 1-.5-.5V5a.5.5 0 0 1 .5-.5h3.5"/>',
    "filter": '<path d="M2 3.5h12M4.25 8h7.5M6.5 12.5h3"/>',
    "link": (
        '<path d="m6.75 9.25 2.5-2.5M7 4.75l1.25-1.25a2.8 2.8 0 0 1 4.25 4.25L11 9'
        'M5 7 3.5 8.25a2.8 2.8 0 0 0 4.25 4.25L9 11.25"/>'
    ),
    "play": '<path d="M4.5 2.75v10.5L13 8z"/>',
    "refresh": '<path d="M13.5 8a5.5 5.5 0 1 1-1.7-3.95L13.5 5.5M13.5 2.25V5.5h-3.25"/>',
    "sign": '<path d="M2 13.5h12M3 10.5c2.5-1 5-7.5 6-7.5s-2.25 7-.75 7 1.5-2 2.5-2 .5 1.5 2 1.5"/>',
    "logout": '<path d="M6.5 2.5H3a.5.5 0 0 0-.5.5v10a.5.5 0 0 0 .5.5h3.5M10.5 11l3-3-3-3M13.5 8h-7"/>',
    "more": f'<circle cx="3.25" cy="8" r="1.25" {_SOLID}/><circle cx="8" cy="8" r="1.25" {_SOLID}/><circle cx="12.75" cy="8" r="1.25" {_SOLID}/>',
    "keyboard": '<rect x="1.5" y="4" width="13" height="8.5" rx="1.25"/><path d="M4 6.75h.01M6.65 6.75h.01M9.3 6.75h.01M12 6.75h.01M5 9.75h6"/>',
    # Arrows
    "right": '<path d="m6 3.5 4.5 4.5L6 12.5"/>',
    "left": '<path d="M10 3.5 5.5 8l4.5 4.5"/>',
    "down": '<path d="M3.5 6 8 10.5 12.5 6"/>',
    "up": '<path d="M3.5 10 8 5.5l4.5 4.5"/>',
    "arrow-right": '<path d="M2.5 8h11M9.5 4l4 4-4 4"/>',
    "sort": '<path d="M5 6.25 8 3.25l3 3M5 9.75l3 3 3-3"/>',
    "trend-up": '<path d="m2 11.5 4-4 2.5 2.5L14 4.5M10 4.5h4v4"/>',
    "trend-down": '<path d="m2 4.5 4 4L8.5 6l5.5 5.5M10 11.5h4v-4"/>',
    # Facts
    "clock": _RING + '<path d="M8 4.5V8l2.5 1.75"/>',
    "calendar": '<rect x="2" y="3" width="12" height="11" rx="1.25"/><path d="M2 6.5h12M5.25 1.5V4M10.75 1.5V4"/>',
    "flag": '<path d="M3.5 14.5v-12M3.5 3c3-1.5 5.5 1.5 9 0v6c-3.5 1.5-6-1.5-9 0"/>',
    "pause": '<path d="M5.75 3.5v9M10.25 3.5v9"/>',
    "stop": '<rect x="3.75" y="3.75" width="8.5" height="8.5" rx="1.25"/>',
    "lock": '<rect x="3" y="7" width="10" height="7" rx="1.25"/><path d="M5.25 7V4.75a2.75 2.75 0 0 1 5.5 0V7"/>',
    "star": '<path d="m8 1.75 1.9 3.9 4.35.6-3.15 3 .75 4.25L8 11.5l-3.85 2 .75-4.25-3.15-3 4.35-.6z"/>',
    "globe": _RING
    + '<path d="M2 8h12M8 2c2 1.8 2.75 3.8 2.75 6S10 12.2 8 14c-2-1.8-2.75-3.8-2.75-6S6 3.8 8 2"/>',
    "sun": '<circle cx="8" cy="8" r="3"/><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3.05 3.05l1.05 1.05M11.9 11.9l1.05 1.05M3.05 12.95l1.05-1.05M11.9 4.1l1.05-1.05"/>',
    "moon": '<path d="M13.5 9.75A6 6 0 1 1 6.25 2.5a4.75 4.75 0 0 0 7.25 7.25"/>',
    "screen": '<rect x="1.75" y="2.5" width="12.5" height="8.5" rx="1.25"/><path d="M5.5 14h5M8 11v3"/>',
    "info": _RING + '<path d="M8 7.5v3.25M8 5.1v.01"/>',
    "help": _RING
    + '<path d="M6.25 6.5c0-1.1.7-1.75 1.75-1.75s1.75.7 1.75 1.6c0 1.4-1.75 1.4-1.75 2.65M8 11.25v.01"/>',
    "warning": '<path d="M8 2.25 14.5 13.5h-13zM8 6.5v3.25M8 11.6v.01"/>',
    "alarm": '<path d="M5.35 1.75h5.3l3.6 3.6v5.3l-3.6 3.6h-5.3l-3.6-3.6v-5.3zM8 4.9v3.6M8 11v.01"/>',
    "bell": '<path d="M3.75 11.5V7a4.25 4.25 0 0 1 8.5 0v4.5M2.25 11.5h11.5M6.75 14h2.5"/>',
    "inbox": '<path d="M2 9.5V13a.5.5 0 0 0 .5.5h11a.5.5 0 0 0 .5-.5V9.5M2 9.5 4 3h8l2 6.5M2 9.5h3.5c0 1.4 1 2.25 2.5 2.25s2.5-.85 2.5-2.25H14"/>',
    # Timeline kinds and markers
    "command": '<path d="m2.5 4 4 4-4 4M8 12.5h5.5"/>',
    "log": '<path d="M2.5 3.5h11M2.5 6.5h8M2.5 9.5h11M2.5 12.5h5.5"/>',
    "screenshot": '<rect x="1.75" y="3" width="12.5" height="10" rx="1.25"/><circle cx="5.5" cy="6.5" r="1.25"/><path d="m2 11.5 3.5-2.75 2.5 2 3-3.25 3 3"/>',
    "note": '<path d="M2.5 3a.5.5 0 0 1 .5-.5h10a.5.5 0 0 1 .5.5v6.5l-4 4H3a.5.5 0 0 1-.5-.5zM13.5 9.5h-4v4M5.25 5.75h5.5M5.25 8.5h2.5"/>',
    "decision": '<path d="m8 1.75 3 3-3 3-3-3zM8 7.75v2M8 9.75c-2.75 0-4 .75-4 4M8 9.75c2.75 0 4 .75 4 4"/>',
    "change": '<circle cx="8" cy="8" r="2.75"/><path d="M1.5 8h3.75M10.75 8h3.75"/>',
    "detection": '<path d="M1.5 8C3 5.25 5.25 3.75 8 3.75S13 5.25 14.5 8C13 10.75 10.75 12.25 8 12.25S3 10.75 1.5 8"/><circle cx="8" cy="8" r="1.75"/>',
    "diagnosis": '<circle cx="7" cy="7" r="4.5"/><path d="m10.4 10.4 3.6 3.6M4.75 7.25h1.1l.9-1.75 1.15 2.75.75-1h.6"/>',
    "repair": '<path d="M9.75 6.25 3.5 12.5M13.5 4.5a3.25 3.25 0 0 1-4.25 4l-5 5a1.24 1.24 0 0 1-1.75-1.75l5-5a3.25 3.25 0 0 1 4-4.25L9.75 4.25l2 2z"/>',
    # States: each has its own outline, so that none needs its colour to be told apart
    "ring": _RING,
    "counted": _DISC,
    "half": _RING + f'<path d="M8 4.25a3.75 3.75 0 0 1 0 7.5z" {_SOLID}/>',
    "claimed": _RING + '<path d="M8 11V5.25M5.5 7.5 8 5l2.5 2.5"/>',
    "watching": '<circle cx="8" cy="8" r="6" stroke-dasharray="2.6 2.112"/>'
    f'<circle cx="8" cy="8" r="2.25" {_SOLID}/>',
    "dashed": '<circle cx="8" cy="8" r="6" stroke-dasharray="2.6 2.112"/><path d="M5.5 8h5"/>',
    "slash": _RING + '<path d="m3.9 12.1 8.2-8.2"/>',
    "closed": _DISC + '<path class="knock" d="m4.9 8.25 2.2 2.2 4.2-4.5"/>',
    "reopened": '<path d="M2.75 8.5a5.25 5.25 0 1 0 1.6-4.2L2.5 6M2.5 2.5V6H6" stroke-width="2"/>',
    "cross": _DISC + '<path class="knock" d="m5.6 5.6 4.8 4.8M10.4 5.6l-4.8 4.8"/>',
    "bolt": f'<path d="M9.25 1 2.75 9H7l-.75 6L13 6.75H8.5z" {_SOLID}/>',
    "queued": _RING + '<path d="M5.25 8h.01M8 8h.01M10.75 8h.01"/>',
    "drill": '<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.5"/><path d="M8 .75v3M8 12.25v3M.75 8h3M12.25 8h3"/>',
    "shield-check": _SHIELD + '<path d="m5.5 7.9 1.8 1.8 3.2-3.5"/>',
    "shield-cross": _SHIELD + '<path d="m6 5.9 4 4M10 5.9l-4 4"/>',
    "shield-question": _SHIELD
    + '<path d="M6.5 6.4c0-.95.6-1.5 1.5-1.5s1.5.6 1.5 1.35C9.5 7.45 8 7.45 8 8.5M8 10.6v.01"/>',
    "bars-0": _bars(0),
    "bars-1": _bars(1),
    "bars-2": _bars(2),
    "bars-3": _bars(3),
    "bars-4": _bars(4),
}
