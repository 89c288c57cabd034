"""The style guide: every component in both themes, for those who build pages."""

from datetime import timedelta
from types import SimpleNamespace

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from web.badges import LOOKS
from web.icons import ICONS


class SampleForm(forms.Form):
    """One field of each kind that pages use."""

    title = forms.CharField(label=_("title"), max_length=200, help_text=_("One sentence: what users saw."))
    severity = forms.ChoiceField(label=_("severity"), choices=[("P0", "P0"), ("P1", "P1"), ("P2", "P2")])
    due_at = forms.DateTimeField(
        label=_("due"),
        required=False,
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
    threshold = forms.FloatField(label=_("threshold"))
    expression = forms.CharField(label=_("PromQL"), widget=forms.Textarea(attrs={"class": "code", "rows": 3}))
    kind = forms.ChoiceField(
        label=_("kind"),
        widget=forms.RadioSelect,
        choices=[("prevent", _("Prevent")), ("detect", _("Detect")), ("mitigate", _("Mitigate"))],
    )
    is_drill = forms.BooleanField(
        label=_("drill"), required=False, help_text=_("Drills do not count in figures.")
    )


def styleguide(request: HttpRequest) -> HttpResponse:
    """Served while developing, and to staff; nobody else learns that it exists."""
    user = getattr(request, "user", None)
    if not settings.DEBUG and not (user is not None and user.is_staff):
        raise Http404
    return render(request, "styleguide.html", _samples())


urlpatterns = [path("styleguide", styleguide, name="styleguide")]


def _samples() -> dict[str, object]:
    now = timezone.now()
    outcomes = [
        {"F": "fail", "P": "pass", "N": "no_data", "E": "error"}[letter]
        for letter in "FFFFFENFFFPPPPPPPPPNPPPPPPPPPPPPPPFFEPPPPPPPP"
    ]
    values = {"title": "", "severity": "P0", "threshold": "many", "expression": "up == 1", "kind": "prevent"}
    refused = SampleForm({f"refused-{name}": value for name, value in values.items()}, prefix="refused")
    refused.is_valid()
    steps = [
        SimpleNamespace(title=_("Phenomenon"), state="signed", note=None, url="#", is_current=False),
        SimpleNamespace(title=_("Metric anomaly"), state="stale", note=None, url="#", is_current=False),
        SimpleNamespace(title=_("Change correlation"), state="ready", note=None, url="#", is_current=True),
        SimpleNamespace(
            title=_("Root-cause verification"), state="waiting", note=None, url="", is_current=False
        ),
    ]
    return {
        "looks": [(kind, list(values)) for kind, values in LOOKS.items()],
        "icons": sorted(ICONS),
        "runs": [
            SimpleNamespace(outcome=outcome, finished_at=now - timedelta(hours=len(outcomes) - index))
            for index, outcome in enumerate(outcomes)
        ],
        "moments": {
            "now": now,
            "past": now - timedelta(hours=2, minutes=5),
            "future": now + timedelta(days=3, hours=1),
            "old": now - timedelta(days=200),
        },
        "ttr": timedelta(minutes=17),
        "long": timedelta(days=1, hours=4, minutes=3),
        "form": SampleForm(prefix="empty"),
        "refused": refused,
        "names": ["Lin Yue", "王小明", "Ada Okafor", "陈静"],
        "steps": steps,
        "themes_shown": ["light", "dark"],
    }
