"""What a file is, is told by its bytes; what is kept of it holds nothing that nobody saw."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from postmortem import filetypes
from postmortem.errors import Invalid
from tests import files

MOST = 40_000_000


def keep(data: bytes, *, max_pixels: int = MOST) -> filetypes.Kept:
    return filetypes.keep(data, max_pixels=max_pixels)


@pytest.mark.parametrize(
    ("kind", "mode", "media_type"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "L", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("WEBP", "RGB", "image/webp"),
        ("GIF", "RGB", "image/png"),
    ],
)
def test_picture_is_drawn_anew_without_its_metadata(kind, mode, media_type):
    data = files.picture(kind, mode=mode)

    kept = keep(data)

    again = Image.open(BytesIO(kept.data))
    assert (kept.media_type, kept.width, kept.height) == (media_type, 640, 360)
    assert (again.size, again.mode) == ((640, 360), mode)
    assert files.SECRET.encode() not in kept.data + kept.thumbnail
    assert not again.getexif()
    small = Image.open(BytesIO(kept.thumbnail))
    assert (small.format, small.size) == ("WEBP", (480, 270))


def test_picture_of_a_telephone_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6

    kept = keep(files.picture("JPEG", size=(40, 20), exif=exif))

    assert (kept.width, kept.height) == (20, 40)


def test_what_stands_behind_a_picture_is_left_behind():
    kept = keep(files.picture("PNG") + b"PK\x03\x04<script>alert(1)</script>")

    assert b"script" not in kept.data


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\x00" * 100, "empty"),
        (files.picture("PNG")[:200], "damaged"),
        (files.picture("JPEG")[:-300], "damaged"),
        (files.picture("WEBP")[:60], "damaged"),
        (files.picture("GIF")[:40], "damaged"),
        (b"GIF89a/*" + b"=alert(1);//" * 50, "damaged"),
        (b"\xff\xd8\xff" + b"\xff\xda" * 101, "damaged"),
        (files.bomb(), "pixels"),
        (files.bomb(10_000, 5_000), "pixels"),
        (files.webp_bomb(), "pixels"),
        (b"GIF89a\xff\xff\xff\xff\x00\x00\x00", "damaged"),
        (files.moving("GIF"), "moving"),
        (files.moving("PNG"), "moving"),
        (files.moving("WEBP"), "moving"),
        (b"PK\x03\x04" + bytes(range(256)), "not kept"),
        (b"\x7fELF\x02\x01\x01\x00", "not kept"),
        ("重启".encode("utf-16"), "UTF-8"),
        ("重启 order 服务，连接池".encode("gbk"), "UTF-8"),
        ("Störung".encode("latin-1"), "UTF-8"),
        (b"x" * (filetypes.MAX_TEXT_BYTES + 1), "too long"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else value,
)
def test_what_is_not_kept_is_refused_by_name(data, word):
    with pytest.raises(Invalid) as refusal:
        keep(data)

    assert refusal.value.field == "file"
    assert word in refusal.value.message


def test_a_text_is_kept_as_text_with_its_secrets_masked():
    kept = keep(b"\xef\xbb\xbf" + files.LOG)

    assert kept.media_type == "text/plain"
    assert b"hunter22" not in kept.data
    assert kept.data.decode() == "2026-11-20T06:03:00Z ERROR pool exhausted, password=[masked]\n连接池耗尽\n"
    assert kept.excerpt == kept.data.decode()
    assert [(one.line, one.kind) for one in kept.masked] == [(1, "value")]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (files.SVG, "image/svg+xml"),
        (b"\n<svg/>", "image/svg+xml"),
        (files.HTML, "text/html"),
        (b" <script>alert(1)</script>", "text/html"),
        (files.PDF, "application/pdf"),
        (b"GET /index.html 200\n<p>", "text/plain"),
        (b"<134>Nov 20 14:03:01 order-7 app: x", "text/plain"),
        (b"\x1b[31mERROR\x1b[0m pool", "text/plain"),
    ],
)
def test_markup_and_documents_are_known_as_what_they_are(data, media_type):
    kept = keep(data)

    assert (kept.media_type, kept.thumbnail, kept.width) == (media_type, b"", None)


def test_excerpt_is_the_beginning():
    kept = keep("\n".join(f"line {number}" for number in range(500)).encode())

    assert kept.excerpt.splitlines()[-1] == "line 29"


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF1234WEBP"]),
)
def test_any_bytes_are_kept_or_refused(data, beginning):
    with suppress(Invalid):
        assert keep(beginning + data, max_pixels=10_000).data
