"""Which requests may carry a file, and how large their bodies may be."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest
from django.urls import resolve
from django.utils.translation import gettext_lazy as _

_UNBOUNDED = 1 << 62

View = TypeVar("View", bound=Callable[..., Any])


class TooLarge(RequestDataTooBig):
    """A body over the bound of its address: `most`, in bytes."""

    def __init__(self, most: int) -> None:
        super().__init__("the body is too large")
        self.most = most


class FileField(forms.FileField):
    """A file; what is in it is judged by the act."""

    default_error_messages = {"empty": _("The file is empty.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": _("File"), "allow_empty_file": True} | kwargs)

    def clean(self, data: Any, initial: Any = None) -> UploadedFile | None:
        # The domain shortens a name; a long one is no reason to refuse the file.
        if data and len(data.name or "") > 255:
            data.name = data.name[-255:]
        return super().clean(data, initial)


def takes_files(view: View) -> View:
    """Marks a view whose form carries a file."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def most_bytes(request: HttpRequest) -> int:
    """The bound on a form of several parts: large where files go, and elsewhere that of all other bodies."""
    if request.content_type != "multipart/form-data":
        # Django bounds these itself, when somebody reads them.
        return _UNBOUNDED
    try:
        view = resolve(request.path_info).func
    except Http404:
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    # The API's endpoints are methods of a class.
    if getattr(view, "takes_files", False) or getattr(getattr(view, "cls", None), "takes_files", False):
        return settings.UPLOAD_MAX_BYTES
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def body(request: HttpRequest) -> bytes:
    """The whole body, whose length was judged before."""
    if not hasattr(request, "_body") and request.content_type == "multipart/form-data":
        # As `HttpRequest.body` does, which has one bound for every address.
        request._body = request.read()
    return request.body
