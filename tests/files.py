"""Files to attach in tests: small, made here, some of them malicious."""

import struct
import zlib
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = "GPS 31.2304 N 121.4737 E"


def picture(kind: str = "PNG", *, size: tuple[int, int] = (640, 360), mode: str = "RGB", **how) -> bytes:
    """A picture with something to find in its metadata."""
    image = Image.new(mode, size, 90 if mode == "L" else (30, 90, 200, 120)[: len(mode)])
    if kind == "PNG":
        info = PngInfo()
        info.add_text("Comment", SECRET)
        how = {"pnginfo": info} | how
    if kind in {"JPEG", "WEBP"}:
        exif = Image.Exif()
        exif[0x010E] = SECRET
        how = {"exif": exif} | how
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    file = BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few kilobytes that would be 2.5 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def webp_bomb() -> bytes:
    canvas = (16382).to_bytes(3, "little") * 2
    return (
        b"RIFF"
        + (200).to_bytes(4, "little")
        + b"WEBPVP8X"
        + (10).to_bytes(4, "little")
        + b"\0\0\0\0"
        + canvas
    )


PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
LOG = "2026-11-20T06:03:00Z ERROR pool exhausted, password=hunter22\n连接池耗尽\n".encode()
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!-- x -->\n<!DOCTYPE html><script>alert(1)</script>"
