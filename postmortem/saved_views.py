"""Keep views of the list of incidents: each belongs to one person, and one may be what they begin with."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import trail, values
from postmortem.errors import Invalid
from postmortem.models import SavedView

MOST = 30


def save(*, name: str, query: str, by: User, now: datetime) -> SavedView:
    """Keep a view; one of the same name is replaced.

    Args:
        query: the query string of the list, without places of pages.

    Raises:
        Invalid: no name, too long, or too many views; nothing was written.
    """
    name = values.text(name, field="name", longest=60, is_required=True).strip()
    query = values.text(query, field="query", longest=1000)
    with trail.act("saved_views.save", by=by):
        User.objects.select_for_update().get(pk=by.pk)
        view = SavedView.objects.filter(user=by, name=name).first()
        if view is None:
            if by.saved_views.count() >= MOST:
                raise Invalid(_("%(count)d views are the most.") % {"count": MOST}, field="name")
            view = SavedView(user=by, name=name, created_at=now)
        view.query = query
        view.save()
    return view


def rename(view: SavedView, *, name: str, by: User, now: datetime) -> SavedView:
    """Give a view of one's own another name.

    Raises:
        Invalid: no name, too long, or the name of another one.
    """
    name = values.text(name, field="name", longest=60, is_required=True).strip()
    with trail.act("saved_views.rename", by=by):
        User.objects.select_for_update().get(pk=by.pk)
        if by.saved_views.filter(name=name).exclude(pk=view.pk).exists():
            raise Invalid(_("You have a view of this name."), field="name")
        SavedView.objects.filter(pk=view.pk, user=by).update(name=name)
    view.name = name
    return view


def make_default(view: SavedView, *, is_default: bool, by: User, now: datetime) -> None:
    """Begin with this view from now on, or not any more."""
    with trail.act("saved_views.make_default", by=by):
        User.objects.select_for_update().get(pk=by.pk)
        SavedView.objects.filter(user=by, is_default=True).update(is_default=False)
        if is_default:
            SavedView.objects.filter(pk=view.pk, user=by).update(is_default=True)


def remove(view: SavedView, *, by: User, now: datetime) -> None:
    """Forget a view of one's own."""
    with trail.act("saved_views.remove", by=by):
        SavedView.objects.filter(pk=view.pk, user=by).delete()
