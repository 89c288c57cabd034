"""HTML to PDF, where WeasyPrint is installed (`pip install 'closeloop[pdf]'`); it reaches nothing outside."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from django.utils.translation import gettext as _
from PIL import ImageFile

from postmortem.errors import DomainError


class PdfNotAvailable(DomainError):
    """WeasyPrint, or one of the libraries that it loads, is not there; details["reason"] says which."""

    code = "pdf_not_available"


def is_available() -> bool:
    """Whether `write` can work here."""
    return not isinstance(_weasyprint(), str)


def write(text: str) -> bytes:
    """A PDF of an HTML document that brings everything with it.

    Raises:
        PdfNotAvailable: nothing was written.
    """
    weasyprint = _weasyprint()
    if isinstance(weasyprint, str):
        raise PdfNotAvailable(
            _("PDF needs WeasyPrint and its libraries, which are not there: %(reason)s")
            % {"reason": weasyprint},
            details={"reason": weasyprint},
        )
    # What a document may fetch: what it carries itself, and nothing from anywhere else.
    urls = import_module("weasyprint.urls")
    fetcher = urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    written: bytes = weasyprint.HTML(string=text, url_fetcher=fetcher).write_pdf()
    return written


@cache
def _weasyprint() -> Any:
    """The package, or in words why it cannot be had."""
    try:
        found = import_module("weasyprint")
        # It tells Pillow to take pictures that were cut off, everywhere; evidence must not be taken so.
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        return found
    except ImportError:
        return "weasyprint is not installed"
    except OSError as error:
        # It is installed, and Pango or another library of the system is not.
        return " ".join(str(error).split())[:200]
