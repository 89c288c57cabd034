"""`/badges/<service>.svg`: the standing of a service as a picture, off unless the installation wants it."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import escape
from django.views.decorators.http import require_safe

from governance import audit, badges

_COLOURS = {"PASS": "#1a7f37", "FAIL": "#b3261e", "UNKNOWN": "#6b5b00"}
# Verdana's widths are near enough to this for letters of 11 pixels.
_LETTER, _MARGIN = 7, 10
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img"
  aria-label="{label}: {verdict}">
<title>{label}: {verdict}</title>
<rect width="{width}" height="20" rx="3" fill="#3a3a3a"/>
<path fill="{colour}" d="M{left} 0h{right_less}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left_middle}" y="14">{label}</text><text x="{right_middle}" y="14">{verdict}</text>
</g>
</svg>
"""


@require_safe
def badge(request: HttpRequest, slug: str) -> HttpResponse:
    """One badge; 404 where there is none to show, for a wrong key as for an unknown service."""
    mode = settings.SERVICE_BADGES
    if mode == "off" or (mode == "key" and not badges.is_key(request.GET.get("key", ""), slug)):
        raise Http404
    try:
        verdict = badges.verdict(slug, now=timezone.now()).value
    except audit.ServiceUnknown:
        raise Http404 from None
    response = HttpResponse(drawing(slug, verdict), content_type="image/svg+xml")
    # Pages that show it are asked for often; a minute late is early enough.
    response["Cache-Control"] = "max-age=60" if mode == "public" else "private, max-age=60"
    return response


def drawing(slug: str, verdict: str) -> str:
    """The picture: the name and the verdict in words, for colour alone says nothing to many."""
    left, right = (_LETTER * len(text) + 2 * _MARGIN for text in (slug, verdict))
    return _SVG.format(
        label=escape(slug),
        verdict=escape(verdict),
        colour=_COLOURS.get(verdict, "#555"),
        width=left + right,
        left=left,
        right_less=right - 3,
        left_middle=left / 2,
        right_middle=left + right / 2,
    )
