"""Notices by mail: which kinds one wants, and for administrators what went out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from governance import deliveries
from governance.models import Delivery, MailChoice, Notice
from web.paging import page_of


class MailForm(forms.Form):
    """How one wants one's mail."""

    rhythm = forms.ChoiceField(
        label=gettext_lazy("Notices come as"),
        choices=MailChoice.Rhythm.choices,
        widget=forms.RadioSelect,
        required=False,
        help_text=gettext_lazy("Eight in the morning is that of your time zone."),
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("By mail"),
        choices=Notice.Kind,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("On the page of notices they all stand, whatever you choose here."),
    )
    wants_overview = forms.BooleanField(
        label=gettext_lazy("On Monday the overview of open promises"),
        required=False,
        help_text=gettext_lazy("What is overdue, what fails again and what nobody answers for."),
    )

    def __init__(self, *args: Any, is_governor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_governor:
            del self.fields["wants_overview"]

    def clean_rhythm(self) -> str:
        return self.cleaned_data["rhythm"] or MailChoice.Rhythm.SINGLE


@login_required
@require_http_methods(["GET", "POST"])
def notice_settings(request: HttpRequest) -> HttpResponse:
    wishes = deliveries.wishes(request.user)
    form = MailForm(
        request.POST if request.method == "POST" else None,
        initial={
            "kinds": [kind for kind in Notice.Kind.values if kind not in wishes.muted],
            "rhythm": wishes.rhythm,
            "wants_overview": wishes.wants_overview,
        },
        is_governor=request.user.role == User.Role.GOVERNOR,
    )
    if form.is_valid():
        facts = dict(form.cleaned_data)
        facts["muted"] = set(Notice.Kind.values) - set(facts.pop("kinds"))
        deliveries.wish(**facts, by=request.user, now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("web:notice_settings")
    context = {"form": form, "section": "notices"}
    return render(request, "settings/notices.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
def delivery_log(request: HttpRequest) -> HttpResponse:
    """Who was sent what kind of notice and how that went; what it was about is not shown."""
    page = page_of(deliveries.log(request.user), request.GET, by="created_at", is_descending=True)
    for row in page.rows:
        row.is_given_up = row.state == Delivery.State.GIVEN_UP
    context = {"page": page, "now": timezone.now(), "section": "deliveries"}
    return render(request, "settings/deliveries.html", context)


@login_required
@require_POST
def delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    delivery = get_object_or_404(deliveries.log(request.user), pk=pk)
    deliveries.send_again(delivery, by=request.user, now=timezone.now())
    messages.success(request, _("It is tried again within seconds."))
    return redirect("web:delivery_log")


urlpatterns = [
    path("settings/notices", notice_settings, name="notice_settings"),
    path("settings/deliveries/", delivery_log, name="delivery_log"),
    path("settings/deliveries/<int:pk>/again", delivery_again, name="delivery_again"),
]
