"""Who may open and send what (docs/permissions.md); what is restricted or sealed is hidden everywhere."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.db import transaction

from accounts.models import User
from tests import factories
from tests.web import places
from tests.web.places import World
from tests.web.visiting import FOR_MACHINES, Visitor, faults

pytestmark = pytest.mark.django_db

# The least role that may send each form. Whoever may not is refused with 403, on the way to the form as well.
SENT_BY = {
    "viewer": {
        "incident_views", "logout", "notice_settings", "notices_read", "password", "preferences", "settings",
        "step_preview", "tokens", "wording_hints",
    },
    "member": {
        "addendum_new",
        "cause_edit", "cause_judge", "cause_new", "cause_primary", "cause_remove", "cause_settle",
        "cause_whys",
        "change_edit", "change_judge", "change_new", "change_remove", "change_search",
        "change_search_withdraw", "deploy_add",
        "check_edit", "check_from_template", "check_new", "check_pause", "check_resume", "check_run",
        "check_try",
        "checklist_add", "checklist_edit", "checklist_move", "checklist_remove", "checklist_run",
        "checklist_run_all",
        "incident_attach", "incident_close", "incident_dismiss", "incident_edit", "incident_invite",
        "imports", "incident_mark", "incident_new", "item_ask_time", "item_ask_wont_do", "item_assign",
        "item_causes", "item_claim", "item_edit", "item_move", "item_new", "item_team",
        "items_bulk", "sop_revision",
        "gate_waiver_new",
        "item_reopen", "item_start", "item_withdraw",
        "participant_remove", "participant_role",
        "lesson_answer", "lessons",
        "measurement_fetch", "measurement_remove", "measurement_state", "measurement_try",
        # The member owns the review.
        "review_edit", "review_incidents", "review_new", "step_attach", "step_reopen", "step_sign",
        "step_write", "version_restore",
    },
    "facilitator": {
        "kpi_value",
        "exam_grant", "exam_write",
        "review_archive", "review_open", "review_reopen", "term_edit", "term_new", "term_remove",
        "timeline_excuse", "timeline_remind",
    },
    "governor": {
        "cause_class_edit", "cause_class_remove", "cause_classes", "item_decline", "item_grant_wont_do",
        "item_grant_time", "item_refuse_time", "item_refuse_wont_do", "item_take_over", "report_publish",
        "calendar_edit", "calendar_new", "calendar_remove", "goal", "kpi_edit", "kpi_new", "usage_decide",
        "escalation", "escalation_edit", "escalation_remove",
        "sla_edit", "sla_move", "sla_new", "sla_remove",
        "gate_waiver_end", "gate_waiver_grant", "gate_waiver_refuse",
        "gate_policy_edit", "gate_policy_move", "gate_policy_new", "gate_policy_remove",
        "review_approve", "review_template_edit", "review_template_new",
        "review_template_remove", "severity_edit",
    },
    "administrator": {
        "check_approve", "checklist_approve", "data_source_delete", "data_source_edit", "data_source_test",
        "data_sources", "channel", "channel_disconnect", "channel_resume", "channel_test", "channels",
        "message_again", "delivery_again", "event_replay", "event_secret_issue", "event_secret_retire",
        "event_source", "event_source_new", "probe_template_edit", "probe_template_new",
        "probe_template_retire", "probe_secrets", "probe_secret_remove", "probes_switch", "service_edit",
        "service_new",
        "service_account_end", "service_accounts",
    },
}  # fmt: skip
# Read from this role on, and nothing is sent from there.
READ_BY = {
    "administrator": {"delivery_log", "event", "event_sources", "events"},
    "governor": {"gate_policies", "goals", "review_templates", "severities", "sla"},
}
# Sent by whoever it belongs to; for others it does not exist.
OWN = {
    "draft_discard",
    "draft_save",
    "draft_take_back",
    "incident_view_default",
    "incident_view_remove",
    "incident_view_rename",
    "import",
    "import_discard",
    "exam_sit",
    "gate_waiver_withdraw", "item_withdraw_time", "item_withdraw_wont_do",
    "entry_attach", "entry_edit", "entry_remove", "evidence_remove", "notice_read", "timeline",
    "timeline_file", "timeline_paste", "timeline_reading", "token_revoke", "token_rotate",
}  # fmt: skip
# Opened by whoever it belongs to.
SEALED = {"evidence", "evidence_thumbnail"}
# Open to those who are not logged in; the style guide does not exist for anybody but staff.
FOR_ALL = {"client_file", "healthz", "login", "preferences", "styleguide", "version"}
STAFF_ONLY = {"styleguide"}

# Parts of an address that name something derived from an incident.
DERIVED = {
    "deploys",
    "incidents", "people", "entries", "evidence", "reviews", "causes", "changes", "measurements", "checklist",
    "items", "roster", "checks", "lessons", "revisions", "texts",
}  # fmt: skip
# Parts that name nothing of an incident, or something that belongs to one person alone (OWN).
APART = {
    "calendars", "cause-classes", "channel-messages", "channels", "data-sources", "deliveries", "drafts",
    "escalation", "event-secrets", "event-sources", "events", "gate", "gate-policies", "waivers",
    "imports", "notices", "probe-secrets",
    "ci", "service-accounts",
    "figures", "goals", "kpis", "teams", "usage", "report", "review-templates", "sla", "templates",
    "services", "severities", "steps", "tokens", "versions", "views", "wording",
}  # fmt: skip
SECRET = "Zanzibar"
# The gate judges restricted incidents too, so a verdict about their service may change.
JUDGING = {"services", "service"}


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield places.build()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def visitors(world: World) -> dict[str, Visitor]:
    return {role: Visitor(world, world.people[role]) for role in User.Role.values}


def test_every_form_has_a_row_in_the_table(visitors):
    listed = [name for names in (*SENT_BY.values(), OWN) for name in names]

    assert sorted([*listed, "login"]) == sorted(visitors["administrator"].forms())


@pytest.mark.parametrize("role", User.Role.values)
def test_role_may_send_what_its_row_says(visitors, role):
    forms = visitors["administrator"].forms()
    # Administrators are offered scopes and owners of tokens that are not for everybody.
    forms["tokens"] = visitors[role].forms()["tokens"]
    wrong = {}
    for least, names in SENT_BY.items():
        is_allowed = User.RANK.index(role) >= User.RANK.index(least)
        for name in names:
            response = visitors[role].post(forms[name], forms[name].fields)
            # There is no Prometheus here, which the form says.
            taken = {422} if name == "measurement_fetch" else {200, 302}
            is_right = response.status_code in taken if is_allowed else response.status_code == 403
            if not is_right or faults(response, name=name):
                wrong[name] = (response.status_code, faults(response, name=name))
            if not is_allowed and not response.is_as_before:
                wrong[name] = "something was written"

    assert wrong == {}


@pytest.mark.parametrize("role", User.Role.values)
def test_role_may_open_what_its_row_says(visitors, role):
    wrong = {}
    for place in places.pages():
        rows = [*SENT_BY.items(), *READ_BY.items()]
        least = next((least for least, names in rows if place.name in names), "viewer")
        is_allowed = User.RANK.index(role) >= User.RANK.index(least)
        status = visitors[role].answers[place.name].status_code
        allowed = {200, 405} if is_allowed else {403, 405}
        if place.name in STAFF_ONLY or (place.name in OWN | SEALED and role != "administrator"):
            # What is only sent says so before it looks for anything.
            allowed = {200, 404, 405}
        if place.name in {"step_write", "step_sign"}:
            # Who loads again what a refused form was sent to is led to the step.
            allowed = {302}
        if place.name == "report_pdf":
            # Its libraries may be missing.
            allowed = {200, 409}
        if status not in allowed:
            wrong[place.name] = status

    assert wrong == {}


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor"])
def test_what_belongs_to_somebody_else_cannot_be_sent(visitors, role):
    forms = visitors["administrator"].forms()
    # The member took part as well, and has timelines of their own.
    others = OWN - (
        {"timeline", "timeline_file", "timeline_paste", "timeline_reading"} if role == "member" else set()
    )

    answers = {name: visitors[role].post(forms[name], forms[name].fields) for name in others}

    # Who was not invited to an incident is told so.
    expected = {name: 200 if name == "timeline" else 404 for name in others}
    assert {name: answer.status_code for name, answer in answers.items()} == expected
    assert all(answer.is_as_before for answer in answers.values())


def test_facilitator_of_a_review_leads_it_whatever_their_role(world, visitors):
    leader = world.people["leader"]
    forms = visitors["administrator"].forms()

    for role in ("viewer", "member"):
        User.objects.filter(pk=leader.pk).update(role=role)
        visitor = Visitor(world, User.objects.get(pk=leader.pk))
        form = forms["review_open"]
        assert f'href="{form.path}"' in visitor.ask("GET", form.path.removesuffix("open")).text
        assert visitor.post(form, form.fields).status_code == 302


def test_nobody_sees_anything_before_they_log_in(world, visitors):
    stranger = Visitor(world, None)
    closed = [place for place in places.pages() if place.name not in FOR_ALL]

    leads = {place.name: urlsplit(stranger.answers[place.name].get("Location", "")).path for place in closed}
    sent = {
        name: stranger.post(form, form.fields)
        for name, form in visitors["administrator"].forms().items()
        if name not in FOR_ALL | {"logout"}
    }

    assert {name for name, path in leads.items() if path != "/login"} == {"logout"}
    assert stranger.answers["styleguide"].status_code == 404
    assert {answer.status_code for answer in sent.values()} <= {302, 401}
    assert {urlsplit(answer["Location"]).path for answer in sent.values() if answer.status_code == 302} == {
        "/login"
    }


@pytest.mark.parametrize("role", ["viewer", "member", "administrator"])
def test_what_a_page_offers_is_allowed(visitors, role):
    """A link or a button that ends in a refusal is worse than none."""
    visitor = visitors[role]
    links = {
        urlsplit(link)._replace(fragment="").geturl()
        for page in visitor.pages.values()
        for link in page.links
    }
    dead = {}
    for link in sorted(link for link in links if link.startswith("/") and not link.startswith("/admin")):
        path, _mark, query = link.partition("?")
        status = visitor.ask("GET", path, QUERY_STRING=query).status_code
        if status not in {200, 302}:
            dead[link] = status
    for name, form in visitor.forms().items():
        status = visitor.post(form, form.fields, is_known=name != "login").status_code
        if status in {403, 404}:
            dead[form.path] = status

    assert dead == {}


# --- restricted and sealed ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(visitors) -> dict[str, str]:
    """What the facilitator saw before there was anything restricted."""
    return look(visitors["facilitator"])


@pytest.fixture(scope="module")
def secret(world, seen) -> Iterator[World]:
    """The same story once more, restricted, about the same service."""
    with transaction.atomic():
        hidden = World(world.people, world.service, dict(world.parts), dict(world.of_page))
        places.tell(hidden, SECRET, is_restricted=True)
        yield hidden
        transaction.set_rollback(True)


def look(visitor: Visitor) -> dict[str, str]:
    """Every page that the person may open, without what differs from one time to the next.

    Lists to choose from are left out: they name people, who are no secret.
    """
    texts = {}
    for name, response in Visitor(visitor.world, visitor.person).answers.items():
        # What a PDF says is packed, and it is made of a page that is here.
        if response.status_code == 200 and response["Content-Type"] != "application/pdf":
            text = response.getvalue().decode()
            text = re.sub(r"<select.*?</select>|<time.*?</time>", "", text, flags=re.DOTALL)
            # It proposes the present minute.
            if name == "incident_new":
                text = re.sub(r'(name="started_at" value=)"[^"]*"', r"\1", text)
            # How long an incident lasts that goes on.
            text = re.sub(r'(data-label="Duration">)[^<]*(<span class="hint">so far)', r"\1\2", text)
            # Each opened page has a name of its own for its draft.
            text = re.sub(r'(name="draft_(?:page|first)" value=)"[^"]*"', r"\1", text)
            # Seconds until a deadline, for the script that counts them down.
            text = re.sub(r'(data-left=)"[^"]*"', r"\1", text)
            texts[name] = re.sub(r'(csrfmiddlewaretoken" value|csrf-token)="\w+"', "", text)
    return texts


def test_restricted_incident_changes_nothing_on_the_pages_of_a_stranger(seen, secret, visitors):
    """Not a row, not a count, not a figure; the administrator's pages show that there is something."""
    now = look(visitors["facilitator"])

    changed = {name for name in now if now[name] != seen[name]}
    assert changed <= JUDGING | FOR_MACHINES
    assert not {name for name in now if SECRET in now[name]}
    open_to_all = {name for name, text in look(visitors["administrator"]).items() if SECRET in text}
    assert open_to_all >= {
        "home", "incidents", "incidents_csv", "reviews", "items", "items_csv", "service", "report",
    }  # fmt: skip


def test_findings_name_what_is_restricted_by_id_only(secret, visitors):
    found = {}
    for role in ("facilitator", "governor"):
        page = visitors[role].ask("GET", f"/services/{secret.service.slug}/").text
        found[role] = set(re.findall(r'<a class="id" href="[^"]*">([^<]*)</a>', page))
        assert secret.of_page["item_reopen"]["items"] in page

    assert secret.of_page["item_reopen"]["items"] in found["governor"] - found["facilitator"]


def test_every_part_of_every_address_is_derived_or_stands_apart():
    """A new kind of record has to choose, so that no page is forgotten below."""
    assert {part for place in places.pages() for part in place.parts} == DERIVED | APART


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_derived_from_a_restricted_incident_exists_for_a_stranger(secret, method):
    wrong = {}
    stranger = Visitor(secret, secret.people["facilitator"])
    for place in places.pages():
        if DERIVED & set(place.parts):
            response = stranger.ask(method, secret.path(place))
            # An address that takes no GET, or no POST, says so before it looks.
            is_right = response.status_code in {404, 405} and SECRET not in response.text
            if not is_right or not response.is_as_before or faults(response, name=place.name):
                wrong[place.name] = (response.status_code, faults(response, name=place.name))

    assert wrong == {}


def test_restricted_incident_cannot_be_found_or_asked_for(secret, visitors):
    stranger = visitors["facilitator"]
    incident, review = secret.parts["incidents"], secret.parts["reviews"]
    searches = [
        *(f"/search?q={words}" for words in (SECRET, incident, review, secret.parts["items"])),
        *(f"/{kind}?q={SECRET}" for kind in ("incidents/", "incidents/export.csv")),
        *(f"/{kind}?q={SECRET}&state=all" for kind in ("items/", "items/export.csv")),
    ]
    for address in searches:
        path, _mark, query = address.partition("?")
        answers = {
            role: visitors[role].ask("GET", path, QUERY_STRING=query) for role in ("facilitator", "governor")
        }
        body = answers["facilitator"].getvalue().decode()
        # The words that were looked for stand in the field, and in the links that keep them.
        assert not re.search(rf"<(td|th|li|h1)[^>]*>[^<]*{SECRET}|, {SECRET}", body), address
        assert answers["facilitator"].status_code == 200, address
        assert (
            answers["governor"].status_code == 302 or f", {SECRET}" in answers["governor"].getvalue().decode()
        )
    for path, query in (("/items/new", f"review={review}"), ("/items/new", f"review={review}&x={SECRET}")):
        assert stranger.ask("GET", path, QUERY_STRING=query).status_code == 404


def test_participants_the_manager_and_governors_see_a_restricted_incident(secret, visitors):
    seeing = {"member", "governor", "administrator"}
    path = secret.path(next(place for place in places.pages() if place.name == "incident"))

    answers = {role: visitor.ask("GET", path) for role, visitor in visitors.items()}
    answers["manager"] = Visitor(secret, secret.people["manager"]).ask("GET", path)
    answers["leader"] = Visitor(secret, secret.people["leader"]).ask("GET", path)

    assert {role for role, answer in answers.items() if answer.status_code == 200} == seeing | {"manager"}


def test_review_that_is_hidden_is_not_offered_on_its_open_incident(secret, visitors):
    """A review over two incidents is as hidden as the more hidden one of them."""
    public = factories.resolved_incident("Both fail", services=[secret.service])
    hidden = factories.incident(f"Taken over, {SECRET}", services=[secret.service], is_restricted=True)
    review = factories.review(f"Both failed, {SECRET}", incidents=[public, hidden], is_open=True)
    factories.item(f"Set a timeout, {SECRET}", review=review, service=secret.service)

    for path in (f"/incidents/{public.public_id}/", "/", "/incidents/", "/incidents/export.csv"):
        body = visitors["facilitator"].ask("GET", path).getvalue().decode()
        assert public.title in body or path == "/", path
        assert SECRET not in body, path
        assert f"/reviews/{review.public_id}" not in body, path
    page = visitors["governor"].ask("GET", f"/incidents/{public.public_id}/").text
    assert f'href="/reviews/{review.public_id}/"' in page


def test_sealed_timeline_is_read_by_its_author_alone(secret, visitors):
    """Not by administrators either, and not in the admin site."""
    sealed = re.compile(rf"Sealed, (in the open|{SECRET})")
    root = factories.user("Root", role="administrator", is_staff=True, is_superuser=True)

    # Their own: in their view of the merged timeline, and where they change an entry.
    readers = {name for name, text in look(visitors["administrator"]).items() if sealed.search(text)}
    merged = {f"merged_{of}{kind}" for of in ("incident", "review") for kind in ("", "_csv", "_md")}
    assert readers == {"incident", "entry_edit", "entry_remove", *merged}
    visitor = Visitor(secret, root)
    assert not {name for name, answer in visitor.answers.items() if sealed.search(_text(answer))}
    for name in ("incident", "timeline", "timeline_file", "review"):
        place = next(place for place in places.pages() if place.name == name)
        assert not sealed.search(_text(visitors["member"].ask("GET", secret.path(place))))
    for place in places.admin_pages():
        answer = visitor.ask("GET", "/" + re.sub(r"<[^>]*>", "1", place.route))
        assert not sealed.search(_text(answer)), place.route


def _text(answer) -> str:
    return answer.getvalue().decode("utf-8", "replace")
