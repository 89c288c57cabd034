"""The filters of items: what is chosen, and the form that shows it, kept for those who come back."""

from functools import lru_cache
from types import SimpleNamespace

from django.http import HttpRequest, QueryDict
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from web.forms.filters import ItemFilters, names_of_items


def filters(request: HttpRequest, *, is_board: bool = False) -> tuple[ItemFilters, SafeString]:
    """The filters in force, and their form.

    Args:
        is_board: the columns are the states, so that none is kept.
    """
    names = names_of_items()
    query = request.GET.copy()
    for place in ("after", "before"):
        query.pop(place, None)
    return _kept(query.urlencode(), tuple(sorted(names.items())), is_board, get_language())


def asked(request: HttpRequest) -> ItemFilters:
    """The filters in force alone."""
    return ItemFilters(request.GET, names_of_items())


@lru_cache(maxsize=64)
def _kept(
    query: str, names: tuple[tuple[str, str], ...], is_board: bool, _language: str | None
) -> tuple[ItemFilters, SafeString]:
    """As above; the language is the one in force, named so that it is part of the key."""
    data = QueryDict(query)
    form = ItemFilters(data, dict(names))
    shown = {"filters": form, "is_board": is_board, "request": SimpleNamespace(GET=data)}
    return form, get_template("items/_filters.html").render(shown)
