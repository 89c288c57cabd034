"""The files that a pipeline runs to ask the gate, with this installation's address in them."""

import hashlib
import shlex
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import condition, require_safe

FOLDER = settings.BASE_DIR / "clients"
# Name -> (the line that the address goes into, how it is written there); the hook runs one of the others.
_FILES = {
    "closeloop_gate.py": ('DEFAULT_URL = ""', lambda url: f"DEFAULT_URL = {url!a}"),
    "closeloop-gate.sh": ("DEFAULT_URL=''", lambda url: f"DEFAULT_URL={shlex.quote(url)}"),
    "pre-receive": None,
}


@dataclass(frozen=True)
class ClientFile:
    """One file as it is served; `version` is "" where the file has none of its own."""

    name: str
    body: bytes
    version: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@lru_cache(maxsize=16)
def served(name: str, public_url: str) -> ClientFile:
    """The file of this name for an installation at `public_url` (no slash at its end).

    Raises:
        KeyError: there is no such file.
    """
    place = _FILES[name]
    text = (FOLDER / name).read_text(encoding="utf-8")
    if place is not None:
        line, written = place
        text = text.replace(line, written(public_url), 1)
    version = next((line for line in text.splitlines() if line.startswith("VERSION")), "")
    return ClientFile(name, text.encode(), version.partition("=")[2].strip(' "'))


def every_file(public_url: str) -> list[ClientFile]:
    return [served(name, public_url) for name in _FILES]


def _etag(_request: HttpRequest, name: str) -> str | None:
    return f'"{served(name, settings.PUBLIC_URL).sha256}"' if name in _FILES else None


@require_safe
@condition(etag_func=_etag)
def client_file(_request: HttpRequest, name: str) -> HttpResponse:
    """One file, for everybody: a pipeline fetches it before it has anything to show."""
    if name not in _FILES:
        raise Http404
    file = served(name, settings.PUBLIC_URL)
    response = HttpResponse(file.body, content_type="text/plain; charset=utf-8")
    # Asked again each time: after an upgrade the old file would ask in the old way.
    response["Cache-Control"] = "no-cache"
    return response


urlpatterns = [path("ci/<str:name>", client_file, name="client_file")]
