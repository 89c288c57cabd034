"""What every page needs around its content."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

# Each language is named in itself: its readers must find it on a page they cannot read.
LANGUAGES = (("en", "English", "en"), ("zh-hans", "简体中文", "zh-Hans"))


@dataclass(frozen=True)
class Place:
    """One entry of the navigation; `keys` is its shortcut, pressed one after the other."""

    url: str
    label: str | Promise
    icon: str
    keys: str
    is_current: bool


PLACES: tuple[tuple[str, Any, str, str], ...] = (
    ("web:home", _("Home"), "home", "g h"),
    ("web:incidents", _("Incidents"), "incident", "g i"),
    ("web:reviews", _("Postmortems"), "postmortem", "g p"),
    ("web:items", _("Items"), "items", "g t"),
    ("web:services", _("Services"), "service", "g s"),
    ("web:gate", _("Gate"), "gate", "g g"),
    ("web:report", _("Report"), "report", "g r"),
)


class Shell:
    """The frame of a page, worked out only when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def theme(self) -> str:
        """auto, light or dark: the person's choice, or this browser's before they logged in."""
        user = getattr(self._request, "user", None)
        is_known = user is not None and user.is_authenticated
        chosen = user.theme if is_known else self._request.COOKIES.get("theme", "")
        return chosen if chosen in {"light", "dark"} else "auto"

    @property
    def languages(self) -> Any:
        return LANGUAGES

    @property
    def language(self) -> str:
        return get_language() or "en"

    @property
    def html_lang(self) -> str:
        """The language as browsers and screen readers want it written."""
        return "zh-Hans" if self.language.startswith("zh") else self.language

    @property
    def zone(self) -> str:
        return timezone.get_current_timezone_name()

    @property
    def version(self) -> str:
        return settings.VERSION

    @property
    def here(self) -> str:
        """The address of the place in the navigation that this page belongs to, or ""."""
        return here(self._request.path)

    @property
    def search_url(self) -> str:
        return find_url("web:search")

    @property
    def notices_url(self) -> str:
        return find_url("web:notices")

    @property
    def is_at_notices(self) -> bool:
        return self._request.path == self.notices_url

    @property
    def unread_count(self) -> int:
        """How many notices the reader has not read; web.readers counted them when it read the reader."""
        return getattr(getattr(self._request, "user", None), "unread", 0)

    @property
    def unread(self) -> str:
        """The same as the bell shows it: "" for none, no larger number than two digits."""
        if not self.unread_count:
            return ""
        return str(self.unread_count) if self.unread_count < 100 else "99+"

    @property
    def settings_url(self) -> str:
        return find_url("web:settings")

    @property
    def drafts_url(self) -> str:
        return find_url("web:drafts")

    @property
    def preferences_url(self) -> str:
        return find_url("web:preferences")

    @property
    def logout_url(self) -> str:
        return find_url("web:logout")


def here(path: str) -> str:
    """The address of the place that a path belongs to, or "" where it belongs to none."""
    places = {name: find_url(name) for name, *_rest in PLACES}
    home = places.pop("web:home")
    return (
        home if path == home else next((url for url in places.values() if url and path.startswith(url)), "")
    )


def places(current: str) -> list[Place]:
    """The entries of the navigation; `current` is the address of the one that the page belongs to."""
    found = [(find_url(name), label, icon, keys) for name, label, icon, keys in PLACES]
    return [Place(url, label, icon, keys, url == current) for url, label, icon, keys in found if url]


@cache
def find_url(name: str) -> str:
    """The address of a page, or "" where this installation has no such page."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def page(request: HttpRequest) -> dict[str, Any]:
    """`shell`, for base.html and its parts."""
    return {"shell": SimpleLazyObject(lambda: Shell(request))}
