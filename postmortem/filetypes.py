"""Pure: what a file really is, and what is kept of it: told by its bytes, never by its name or a header.

Pictures are drawn anew, which leaves behind whatever else the file carried: places and names in metadata, a
second file behind the first. Texts are kept as text with their secrets masked.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from postmortem import secrets
from postmortem.errors import Invalid

TEXT, HTML, SVG, PDF = "text/plain", "text/html", "image/svg+xml", "application/pdf"
PICTURES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# How its name ends when it is saved.
ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    TEXT: ".txt",
    HTML: ".html",
    SVG: ".svg",
    PDF: ".pdf",
}

THUMBNAIL = "image/webp"
# Endings of texts that say more than ".txt".
_TEXT_ENDINGS = {"txt", "log", "csv", "json", "yaml", "yml", "md", "sql", "diff", "patch"}

# So much text is searched for secrets in a request.
MAX_TEXT_BYTES = 2 * 1024 * 1024
# The beginning of a text that pages show.
_EXCERPT_LINES, _EXCERPT_LENGTH = 30, 4000
_THUMBNAIL = (480, 360)
# A progressive JPEG is drawn once for each of its scans.
_MOST_SCANS = 100

_BEGINNINGS = (
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("JPEG", b"\xff\xd8\xff"),
    ("GIF", b"GIF87a"),
    ("GIF", b"GIF89a"),
)
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]{0,400}>|<!--.{0,2000}?-->|\s)*"
    r"<(?:(?P<svg>svg)|!doctype\s+(?P<svg_type>svg)|!doctype|html|head|body|script|style|iframe|object|embed|title"
    r"|h1|div|table|font|br|p|a|b|img|form|link|meta)\b",
    re.IGNORECASE | re.DOTALL,
)


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


@dataclass(frozen=True)
class Kept:
    """What is stored of a file.

    Attributes:
        width, height: of a picture, in pixels.
        thumbnail: of a picture: WebP, at most 480 by 360 pixels; b"" of anything else.
        excerpt: the beginning of a text.
        masked: the secrets that were found in a text and are gone from it.
    """

    data: bytes
    media_type: str
    width: int | None = None
    height: int | None = None
    thumbnail: bytes = b""
    excerpt: str = ""
    masked: tuple[secrets.Masked, ...] = ()


def keep(data: bytes, *, max_pixels: int) -> Kept:
    """Find out what the bytes are, and make of them what is stored.

    Raises:
        Invalid: `field` is "file": it is empty, damaged, of no type that is kept, animated, or too large
            once it is unpacked.
    """
    if not data.strip(b"\x00 \t\r\n"):
        raise Invalid.of(_("The file is empty."), field="file")
    if picture := _picture_type(data):
        return _keep_picture(data, picture, max_pixels)
    if data.startswith(b"%PDF-"):
        return Kept(data, PDF)
    return _keep_text(data)


def served(media_type: str) -> tuple[str, bool]:
    """The Content-Type to send a file with, and whether a browser may show it instead of saving it.

    What could run, SVG and HTML, is sent as mere bytes; so no browser takes it for a page of this site.
    """
    if media_type == TEXT:
        return f"{TEXT}; charset=utf-8", True
    if media_type in PICTURES.values():
        return media_type, True
    return (PDF if media_type == PDF else "application/octet-stream"), False


def all_served() -> list[str]:
    """Every media type that `served` says, without parameters."""
    return sorted({served(kind)[0].partition(";")[0] for kind in ENDINGS})


def save_name(label: str, media_type: str) -> str:
    """The label with the ending of what the file is: nothing is saved under the name of something else."""
    ending = ENDINGS[media_type]
    stem, dot, last = label.rpartition(".")
    if f".{last.lower()}" == ending or (media_type == TEXT and dot and last.lower() in _TEXT_ENDINGS):
        return label
    return f"{stem if dot and stem and len(last) <= 5 else label}{ending}"


def _picture_type(data: bytes) -> str:
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return next((name for name, beginning in _BEGINNINGS if data.startswith(beginning)), "")


def _keep_picture(data: bytes, picture: str, max_pixels: int) -> Kept:
    # The decoder of WebP takes memory for the whole canvas before it says how large that is.
    if picture == "WEBP":
        _refuse_size(_webp_size(data), max_pixels)
    if picture == "JPEG" and data.count(b"\xff\xda") > _MOST_SCANS:
        raise _damaged()
    try:
        # The size is checked here; the library's own warning would come too late or too early.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=[picture])
            _refuse_size(image.size, max_pixels)
            # Telephones put a second picture, the depth, behind the first of a JPEG.
            if picture != "JPEG" and getattr(image, "is_animated", False):
                raise Invalid.of(_("A moving picture is not kept: save one frame as PNG."), field="file")
            image.load()
            return _drawn_anew(image, "PNG" if picture == "GIF" else picture)
    except Invalid:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(max_pixels) from error
    except Exception as error:
        # A broken file makes the decoders raise whatever they meet on the way.
        raise _damaged() from error


def _drawn_anew(image: Image.Image, picture: str) -> Kept:
    upright = ImageOps.exif_transpose(image) or image
    has_alpha = picture != "JPEG" and upright.has_transparency_data
    plain = upright.convert("RGBA" if has_alpha else "L" if upright.mode in {"1", "L"} else "RGB")
    plain.info = {}
    small = plain.convert("RGBA" if has_alpha else "RGB")
    small.thumbnail(_THUMBNAIL)
    how = {"PNG": {"compress_level": 6}, "JPEG": {"quality": 90}, "WEBP": {"quality": 90}}[picture]
    return Kept(
        _saved(plain, picture, **how),
        PICTURES[picture],
        *plain.size,
        thumbnail=_saved(small, "WEBP", quality=80),
    )


def _saved(image: Image.Image, picture: str, **how: int) -> bytes:
    file = BytesIO()
    image.save(file, picture, **how)
    return file.getvalue()


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header, whichever of the three sorts it is."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise _damaged()
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _refuse_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise _too_many_pixels(max_pixels)


def _too_many_pixels(max_pixels: int) -> Invalid:
    return Invalid.of(
        _("The picture has too many pixels: %(most)d million are the most."),
        field="file",
        most=max_pixels // 1_000_000,
    )


def _damaged() -> Invalid:
    return Invalid.of(_("The picture cannot be read: it is damaged or cut off."), field="file")


def _keep_text(data: bytes) -> Kept:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_utf8()
    is_binary = b"\x00" in data
    try:
        text = "" if is_binary else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if _looks_like_text(data):
            raise _not_utf8() from error
        is_binary = True
    if is_binary:
        raise Invalid.of(
            _("Files of this type are not kept: send a PNG, JPEG, WebP or GIF picture, a text, or a PDF."),
            field="file",
        )
    if len(data) > MAX_TEXT_BYTES:
        raise Invalid.of(
            _("The text is too long: %(most)d MB are the most. Cut out what matters."),
            field="file",
            most=MAX_TEXT_BYTES // (1024 * 1024),
        )
    masked, found = secrets.mask_and_tell(text)
    excerpt = "".join(masked[:_EXCERPT_LENGTH].splitlines(keepends=True)[:_EXCERPT_LINES])
    return Kept(masked.encode(), _text_type(masked), excerpt=excerpt, masked=tuple(found))


def _text_type(text: str) -> str:
    match = _MARKUP.match(text[:8000])
    if match is None:
        return TEXT
    return SVG if match["svg"] or match["svg_type"] else HTML


def _looks_like_text(data: bytes) -> bool:
    """Most of it is what texts are made of in whatever old encoding; control characters are rare."""
    sample = data[:4096]
    control = sum(byte < 32 and byte not in b"\t\r\n\x1b\x0c" for byte in sample)
    return control * 50 < len(sample)


def _not_utf8() -> Invalid:
    return Invalid.of(_("The text is not UTF-8: save it as UTF-8 and send it again."), field="file")
