"""Channels of teams: where a team hears of notices together, and what went there."""

from collections.abc import Callable

from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from governance import messages, team_channels
from governance.models import ChannelMessage, Notice, TeamChannel
from postmortem.errors import DomainError, NotAllowed
from web import event_words
from web.asking import ask
from web.forms import show_refusal
from web.forms.channels import ChannelDetailsForm, NewChannelForm
from web.paging import page_of


@sensitive_post_parameters("address", "secret")
@sensitive_variables("made")
@login_required
@require_http_methods(["GET", "POST"])
def channel_list(request: HttpRequest) -> HttpResponse:
    """The channels that one looks after. A secret that was made for one is in this one answer only."""
    team_channels.need_any(request.user)
    teams = team_channels.teams(request.user).order_by("name")
    form = NewChannelForm(request.POST if request.method == "POST" else None, teams=teams)
    connected, made = None, ""
    if form.is_valid():

        def connect() -> None:
            nonlocal connected, made
            connected, made = team_channels.connect(**form.cleaned_data, by=request.user, now=timezone.now())

        if _is_done(form, connect):
            if not made:
                flash.success(
                    request, _("The channel is connected. Send a test message to see that it arrives.")
                )
                return redirect("web:channel", connected.pk)
            form = NewChannelForm(teams=teams)
    context = {
        "form": form,
        "channels": team_channels.of(request.user),
        "connected": connected,
        "secret": made,
        "section": "channels",
    }
    return render(request, "settings/channels.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters("address", "secret")
@login_required
@require_http_methods(["GET", "POST"])
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    team_channels.need_any(request.user)
    record = get_object_or_404(team_channels.of(request.user), pk=pk)
    initial = {name: getattr(record, name) for name in ("name", "kinds", "language", "is_enabled")}
    form = ChannelDetailsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _is_done(
        form,
        lambda: team_channels.edit(record, **form.cleaned_data, by=request.user, now=timezone.now()),
    ):
        flash.success(request, _("Saved."))
        return redirect("web:channel", pk)
    page = page_of(messages.log(record, by=request.user), request.GET, by="created_at", is_descending=True)
    for row in page.rows:
        row.words = _("Test message") if row.kind == ChannelMessage.TEST else Notice.Kind(row.kind).label
        row.may_go_again = row.state in {"sent", "refused", "given_up"} and row.kind != ChannelMessage.TEST
    context = {"form": form, "channel": record, "page": page, "now": timezone.now(), "section": "channels"}
    return render(request, "settings/channel.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def channel_test(request: HttpRequest, pk: int) -> HttpResponse:
    message = messages.test(_found(request, pk), by=request.user, now=timezone.now())
    if message.state == ChannelMessage.State.SENT:
        flash.success(request, _("The test message arrived."))
    else:
        answer = event_words.note(message.said)
        flash.error(request, _("The test message did not arrive: %(answer)s") % {"answer": answer})
    return redirect("web:channel", pk)


@login_required
@require_POST
def channel_resume(request: HttpRequest, pk: int) -> HttpResponse:
    team_channels.resume(_found(request, pk), by=request.user, now=timezone.now())
    flash.success(request, _("The channel hears of what happens from now on."))
    return redirect("web:channel", pk)


@login_required
@require_http_methods(["GET", "POST"])
def channel_disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    record = _found(request, pk)
    return ask(
        request,
        title=_("Disconnect “%(name)s”?") % {"name": record.name},
        text=_("Its address and its secret are forgotten; what waits is not sent."),
        submit=_("Disconnect"),
        done=_("The channel is disconnected."),
        back=reverse("web:channels"),
        act=lambda _data: team_channels.disconnect(record, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


@login_required
@require_POST
def message_again(request: HttpRequest, pk: int) -> HttpResponse:
    team_channels.need_any(request.user)
    mine = ChannelMessage.objects.filter(channel__in=team_channels.of(request.user))
    message = get_object_or_404(mine.select_related("channel__team"), pk=pk)
    messages.send_again(message, by=request.user, now=timezone.now())
    flash.success(request, _("It is tried again within seconds."))
    return redirect("web:channel", message.channel_id)


def _found(request: HttpRequest, pk: int) -> TeamChannel:
    team_channels.need_any(request.user)
    return get_object_or_404(team_channels.of(request.user), pk=pk)


def _is_done(form: ChannelDetailsForm | NewChannelForm, act: Callable[[], object]) -> bool:
    """Do it; a refused value is shown at its field."""
    try:
        act()
    except NotAllowed:
        raise
    except DomainError as refusal:
        show_refusal(form, refusal)
        return False
    return True


urlpatterns = [
    path("settings/channels/", channel_list, name="channels"),
    path("settings/channels/<int:pk>/", channel, name="channel"),
    path("settings/channels/<int:pk>/test", channel_test, name="channel_test"),
    path("settings/channels/<int:pk>/resume", channel_resume, name="channel_resume"),
    path("settings/channels/<int:pk>/disconnect", channel_disconnect, name="channel_disconnect"),
    path("settings/channel-messages/<int:pk>/again", message_again, name="message_again"),
]
