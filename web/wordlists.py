"""The rules of wording, and the phrases that teams add to them or allow."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team, User
from postmortem import terms, wording
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import WordingTerm
from postmortem.wording import Kind
from web import trails
from web.asking import ask
from web.forms import show_refusal
from web.forms.wording import ALLOWED, VAGUE, NewTermForm, TermForm
from web.paging import page_of

HISTORY_SHOWN = 20


@login_required
@require_GET
def wording_page(request: HttpRequest) -> HttpResponse:
    """The lists, newest phrase first, and the rules that are shipped."""
    return _page(request, NewTermForm(user=request.user) if _keeps_a_list(request.user) else None)


@login_required
@require_http_methods(["GET", "POST"])
def term_new(request: HttpRequest) -> HttpResponse:
    if not _keeps_a_list(request.user):
        raise NotAllowed(_("This needs a facilitator or the team's manager."))
    form = NewTermForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid() and _is_added(request, form):
        messages.success(request, _("The phrase is on the list."))
        return redirect("web:wording")
    return _page(request, form)


@login_required
@require_http_methods(["GET", "POST"])
def term_edit(request: HttpRequest, pk: int) -> HttpResponse:
    term = _find(pk)
    initial = {name: getattr(term, name) for name in ("phrase", "why", "suggestion")}
    initial["effect"] = ALLOWED if term.is_allowed else VAGUE
    form = TermForm(request.POST if request.method == "POST" else None, initial=initial)
    return ask(
        request,
        title=_("“%(phrase)s” on the list of %(team)s")
        % {"phrase": term, "team": term.team or _("everybody")},
        submit=_("Save"),
        done=_("Saved."),
        back=reverse("web:wording"),
        form=form,
        act=lambda _data: terms.edit(term, **form.facts, by=request.user, now=timezone.now()),
        is_allowed=terms.may_edit(request.user, term.team),
    )


@login_required
@require_http_methods(["GET", "POST"])
def term_remove(request: HttpRequest, pk: int) -> HttpResponse:
    term = _find(pk)
    return ask(
        request,
        title=_("Take “%(phrase)s” off the list?") % {"phrase": term},
        text=_("Reviews and items are judged without it from now on; what is signed stays signed."),
        submit=_("Remove"),
        done=_("Removed."),
        back=reverse("web:wording"),
        act=lambda _data: terms.remove(term, by=request.user, now=timezone.now()),
        is_allowed=terms.may_edit(request.user, term.team),
        is_danger=True,
    )


def _page(request: HttpRequest, form: NewTermForm | None) -> HttpResponse:
    rows = WordingTerm.objects.select_related("team")
    chosen = Team.objects.filter(slug=request.GET.get("team", "")).first()
    if chosen is not None:
        rows = rows.filter(team=chosen)
    page = page_of(rows, request.GET, by="created_at", is_descending=True)
    for term in page.rows:
        term.may_edit = terms.may_edit(request.user, term.team)
    context = {
        "form": form,
        "page": page,
        "chosen": chosen,
        "teams": Team.objects.filter(wording_terms__isnull=False).distinct(),
        "kinds": _rules(),
        "history": trails.of_terms(limit=HISTORY_SHOWN),
        "section": "wording",
    }
    is_refused = form is not None and bool(form.errors)
    return render(request, "settings/wording.html", context, status=422 if is_refused else 200)


def _keeps_a_list(user: User) -> bool:
    return user.is_at_least(User.Role.FACILITATOR) or (
        user.is_at_least(User.Role.MEMBER) and user.managed_teams.exists()
    )


def _find(pk: int) -> WordingTerm:
    term: WordingTerm = get_object_or_404(WordingTerm.objects.select_related("team"), pk=pk)
    return term


def _is_added(request: HttpRequest, form: NewTermForm) -> bool:
    """Add it; a refused value is shown at its field."""
    try:
        terms.add(**form.facts, by=request.user, now=timezone.now())
    except Invalid as refusal:
        show_refusal(form, refusal)
        return False
    return True


def _rules() -> list[dict[str, object]]:
    """What is shipped, by kind: its name, what it does, and its rules in the reader's language."""
    words = {
        Kind.HEDGING: (_("Guesses"), _("block the signature of a step; in causes and lessons a hint")),
        Kind.ACTION: (_("Vague actions"), _("a hint in titles and details of items")),
        Kind.BLAME: (_("Blame"), _("a hint in steps, causes, lessons and items")),
    }
    return [
        {
            "name": name,
            "effect": effect,
            "rules": [
                {
                    "why": _(rule.why),
                    "suggestion": _(rule.suggestion),
                    "bad": rule.bad,
                    "good": rule.good,
                    "lang": rule.language,
                }
                for rule in wording.rules()
                if rule.kind == kind
            ],
        }
        for kind, (name, effect) in words.items()
    ]


urlpatterns = [
    path("settings/wording/", wording_page, name="wording"),
    path("settings/wording/new", term_new, name="term_new"),
    path("settings/wording/<int:pk>/", term_edit, name="term_edit"),
    path("settings/wording/<int:pk>/remove", term_remove, name="term_remove"),
]
