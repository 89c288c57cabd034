"""Where the bytes of evidence files lie: a private folder, under names that nobody chose."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from postmortem.errors import DomainError

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}")


class NotStored(DomainError):
    """The folder cannot be written, for example because the disk is full; nothing was kept."""

    code = "not_stored"


def put(data: bytes) -> str:
    """Store the bytes, on the disk itself when this returns, and give the name they have from now on.

    Raises:
        NotStored: nothing is left behind.
    """
    key = token_hex(16)
    name = f"{key[:2]}/{key}"
    path = _path(name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, data)
    except OSError as error:
        logger.exception("cannot write into the folder for evidence files")
        discard([name])
        raise NotStored(_("The file could not be stored. An administrator must look at the disk.")) from error
    return name


def open_file(name: str) -> BinaryIO:
    """The stored bytes.

    Raises:
        FileNotFoundError: somebody removed them behind our back.
    """
    return _path(name).open("rb")


def discard(names: Iterable[str]) -> None:
    """Remove files; one that is gone already, or cannot be removed now, is left to the sweep."""
    for name in names:
        try:
            _path(name).unlink(missing_ok=True)
        except OSError:
            logger.warning("an evidence file cannot be removed; the sweep will try again", exc_info=True)


def names(*, before: datetime | None = None) -> Iterator[str]:
    """The names of all stored files, or of those that were written before a moment."""
    for folder in sorted(_root().glob("[0-9a-f][0-9a-f]")):
        for path in sorted(folder.iterdir()):
            name = f"{folder.name}/{path.name}"
            if not _NAME.fullmatch(name):
                continue
            if before is None or path.stat().st_mtime < before.timestamp():
                yield name


def _root() -> Path:
    return Path(settings.MEDIA_ROOT) / "evidence"


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError("no name of a stored file")
    return _root() / name


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        # A row must not outlive a power cut that its file does not: the bytes first, then their name.
        os.fsync(file.fileno())
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
