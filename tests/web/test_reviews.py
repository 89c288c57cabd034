"""Reviews on the pages: opened (R1), signed in order (R2), without vague words (R3), archived and read."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import User
from postmortem.models import Incident, Review, ReviewStep, RootCause
from tests import factories

pytestmark = pytest.mark.django_db

KINDS = ReviewStep.Kind.values


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def texts(
    step: ReviewStep,
    finding: str = "5 % of orders failed.",
    evidence: str = "`http_requests_total` fell at 14:03.",
) -> dict[str, object]:
    step.refresh_from_db()
    return {"finding": finding, "evidence": evidence, "version": step.version}


def step_address(review: Review, number: int, act: str) -> str:
    return f"/reviews/{review.public_id}/steps/{KINDS[number - 1]}/{act}"


@pytest.fixture
def lin() -> User:
    return factories.user("Lin", role="facilitator")


@pytest.fixture
def review(lin) -> Review:
    """An open review whose incident began a day ago."""
    incident = factories.resolved_incident(started_at=timezone.now() - timedelta(days=1))
    return factories.review(incidents=[incident], facilitator=lin, is_open=True)


# --- start and open ---------------------------------------------------------------------------------------


def test_a_review_is_started_from_its_incident(lin):
    incident, ada = factories.resolved_incident("Orders fail"), factories.user("Ada")
    address = f"/incidents/{incident.public_id}/review"
    client = client_of(lin)

    form = client.get(address).context["form"]
    response = client.post(address, {"title": "Orders failed", "owner": ada.pk, "facilitator": lin.pk})

    review = Review.objects.get()
    assert (form["title"].value(), form["facilitator"].value()) == ("Orders fail", lin.pk)
    assert response.url == f"/reviews/{review.public_id}/"
    assert (review.title, review.owner, review.facilitator) == ("Orders failed", ada, lin)
    assert list(review.steps.values_list("kind", flat=True)) == KINDS
    # A second start leads to the first.
    assert client.get(address).url == response.url


def test_starting_a_review_refuses_beside_the_field(lin):
    incident, viewer = factories.resolved_incident(), factories.user(role="viewer")

    response = client_of(lin).post(
        f"/incidents/{incident.public_id}/review", {"title": "Kept", "owner": viewer.pk, "facilitator": ""}
    )

    assert response.status_code == 422
    assert response.context["form"].errors.keys() == {"owner", "facilitator"}
    assert "Kept" in response.content.decode()


def test_the_review_opens_only_when_every_timeline_is_settled(lin):
    ada, bob, cid = (factories.user(name) for name in ("Ada", "Bob", "Cid"))
    incident = factories.resolved_incident(participants=[ada, bob, cid])
    for person in (ada, bob):
        factories.filed_timeline(incident.participants.get(user=person))
    review = factories.review(incidents=[incident], facilitator=lin)
    client, page = client_of(lin), f"/reviews/{review.public_id}/"

    shown = client.get(page)
    refused = client.post(f"{page}open")
    said = client.post(f"{page}open", headers={"referer": f"http://testserver{page}"})

    assert [participant.user for participant in shown.context["unfiled"]] == [cid]
    assert refused.status_code == 409
    assert "The timelines of these participants are missing: Cid." in refused.content.decode()
    assert words_of(said) == ["The timelines of these participants are missing: Cid."]
    review.refresh_from_db()
    assert review.opened_at is None

    excuse = f"/incidents/{incident.public_id}/people/{incident.participants.get(user=cid).pk}/excuse"
    client.post(excuse, {"reason": "On leave."})
    assert client.post(f"{page}open").status_code == 302
    review.refresh_from_db()
    assert review.opened_at is not None


def test_only_facilitators_open_and_archive(review):
    member = factories.user()
    page = f"/reviews/{review.public_id}/"

    for act in ("open", "archive"):
        assert client_of(member).get(f"{page}{act}").status_code == 403
        assert client_of(member).post(f"{page}{act}").status_code == 403
    assert client_of(review.facilitator).get(f"{page}open").status_code == 200


def test_before_it_is_open_nothing_can_be_written(lin):
    review = factories.review(incidents=[factories.resolved_incident()], facilitator=lin)
    step = review.steps.first()

    page = client_of(lin).get(f"/reviews/{review.public_id}/")
    refused = client_of(lin).post(step_address(review, 1, "write"), texts(step, "Words nobody may lose"))

    assert 'name="finding"' not in page.content.decode()
    assert [shown.state for shown in page.context["steps"]] == ["waiting"] * 4
    assert refused.status_code == 422
    step.refresh_from_db()
    assert step.finding == ""


# --- the four steps ---------------------------------------------------------------------------------------


def test_the_steps_are_written_and_signed_in_order(review, lin):
    client = client_of(lin)
    steps = list(review.steps.all())
    factories.verified_cause(review)

    early = client.post(step_address(review, 2, "sign"), texts(steps[1]))
    assert early.context["steps"][1].form.non_field_errors() == ["Sign step 1 first."]
    for number, step in enumerate(steps, start=1):
        response = client.post(step_address(review, number, "sign"), texts(step, f"Finding {number}"))
        assert words_of(response)[-1] == f"Step {number} is signed."

    assert [step.finding for step in review.steps.all()] == [
        "Finding 1",
        "Finding 2",
        "Finding 3",
        "Finding 4",
    ]
    assert all(step.is_signed and step.signed_by == lin for step in review.steps.all())


def test_a_refused_signature_still_saves_what_was_typed(review):
    step = review.steps.get(position=2)

    client_of(factories.user()).post(step_address(review, 2, "sign"), texts(step, "Typed just now"))

    step.refresh_from_db()
    assert (step.finding, step.is_signed) == ("Typed just now", False)


def test_vague_words_block_the_signature_and_are_shown(review):
    client, step = client_of(factories.user()), review.steps.get(position=1)

    page = client.post(step_address(review, 1, "sign"), texts(step, "可能是连接池"))

    (found,) = page.context["steps"][0].vague_words
    assert page.context["steps"][0].form.errors == {
        "finding": ["Vague wording blocks the signature: “可能”."]
    }
    assert (found.start, found.end, found.phrase, found.after) == (0, 2, "可能", "是连接池")
    assert found.why
    assert found.suggestion
    # What blocks the signature is not ready to be signed.
    assert page.context["steps"][0].note == "Vague words to replace"
    assert "Ready to sign" not in page.content.decode()
    assert "<mark>可能</mark>是连接池</span><button" in page.content.decode()
    step.refresh_from_db()
    assert (step.finding, step.is_signed) == ("可能是连接池", False)


def test_a_refused_signature_stands_at_its_fields_over_the_words_as_stored(review):
    client, step = client_of(factories.user()), review.steps.get(position=1)

    page = client.post(step_address(review, 1, "sign"), texts(step, "", ""))

    form = page.context["steps"][0].form
    words = ["A step is signed with a finding and its evidence."]
    assert page.status_code == 409
    assert form.errors == {"finding": words, "evidence": words}
    assert page.content.decode().count('aria-invalid="true"') == 2
    assert page.content.decode().count("autofocus") == 1
    # What was typed was saved, so the next press writes over that version.
    page = client.post(step_address(review, 1, "sign"), texts(step, "Orders failed.", ""))
    step.refresh_from_db()
    form = page.context["steps"][0].form
    assert form.errors == {"evidence": words}
    assert (form["finding"].value(), form["version"].value()) == ("Orders failed.", step.version)


def test_a_step_is_ready_only_when_it_can_be_signed(review, lin):
    client, notes = client_of(lin), {}
    for number, step in enumerate(review.steps.all(), start=1):
        notes[number] = client.get(f"/reviews/{review.public_id}/").context["steps"][number - 1].note
        if number < 4:
            client.post(step_address(review, number, "sign"), texts(step))
    client.post(step_address(review, 4, "write"), texts(step))

    unproven = client.get(f"/reviews/{review.public_id}/")
    refused = client.post(step_address(review, 4, "sign"), texts(step))
    factories.verified_cause(review)
    proven = client.get(f"/reviews/{review.public_id}/")

    assert notes == dict.fromkeys((1, 2, 3, 4), "To be written")
    assert unproven.context["steps"][3].note == "Primary cause to verify"
    assert "Ready to sign" not in unproven.content.decode()
    assert refused.context["steps"][3].form.non_field_errors() == [
        "Name a primary root cause and verify it first."
    ]
    assert proven.context["steps"][3].note == ""
    assert "Ready to sign" in proven.content.decode()


@pytest.mark.parametrize(
    "finding", ["不可能复现", "可能性评估表", "The flag `maybe` was set.", "> ERROR probably a timeout"]
)
def test_words_that_only_look_vague_are_signed(review, finding):
    step = review.steps.get(position=1)

    client_of(factories.user()).post(step_address(review, 1, "sign"), texts(step, finding))

    step.refresh_from_db()
    assert step.is_signed


def test_a_draft_saves_however_vague_it_is(review):
    step = review.steps.get(position=1)

    response = client_of(factories.user()).post(
        step_address(review, 1, "write"), texts(step, "It was probably the pool.")
    )

    step.refresh_from_db()
    assert response.status_code == 302
    assert step.finding == "It was probably the pool."


def test_a_save_over_a_newer_text_shows_both_and_loses_neither(review):
    ada, bob, step = (
        client_of(factories.user("Ada")),
        client_of(factories.user("Bob")),
        review.steps.get(position=1),
    )
    read = texts(step, "Ada's finding")
    bob.post(step_address(review, 1, "write"), texts(step, "Bob's finding", "Bob's evidence"))

    response = ada.post(step_address(review, 1, "write"), read)

    page, shown = response.content.decode(), response.context["steps"][0]
    assert response.status_code == 409
    theirs = [shown.form[name].theirs for name in ("finding", "evidence")]
    assert theirs == ["Bob's finding", "Bob's evidence"]
    assert shown.form["finding"].value() == "Ada's finding"
    assert "Ada&#x27;s finding" in page
    assert "Bob&#x27;s finding" in page
    step.refresh_from_db()
    assert step.finding == "Bob's finding"

    merged = {
        "finding": "Both findings",
        "evidence": "Bob's evidence",
        "version": shown.form["version"].value(),
    }
    assert ada.post(step_address(review, 1, "write"), merged).status_code == 302
    step.refresh_from_db()
    assert step.finding == "Both findings"


def test_a_signature_over_a_newer_text_is_a_conflict_too(review):
    ada, step = client_of(factories.user()), review.steps.get(position=1)
    read = texts(step, "Mine")
    factories.written(step)
    ReviewStep.objects.filter(pk=step.pk).update(version=2)

    assert ada.post(step_address(review, 1, "sign"), read).status_code == 409
    step.refresh_from_db()
    assert not step.is_signed


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40])
def test_a_broken_version_is_refused_and_the_words_stay(review, version):
    data = {"finding": "Words nobody may lose", "evidence": "", "version": version}

    response = client_of(factories.user()).post(step_address(review, 1, "write"), data)

    assert response.status_code in {409, 422}
    assert "Words nobody may lose" in response.content.decode()


@pytest.mark.parametrize("text", ["x" * 70_000, "[" * 5000, "> " * 3000])
def test_a_text_that_cannot_be_rendered_is_refused_beside_its_field(review, text):
    step = review.steps.get(position=1)

    response = client_of(factories.user()).post(step_address(review, 1, "write"), texts(step, text))

    step.refresh_from_db()
    assert response.status_code in {302, 422}
    assert response.status_code == 302 or list(response.context["steps"][0].form.errors) == ["finding"]


def test_reopening_needs_a_reason_and_makes_later_steps_stale(review):
    client = client_of(factories.user())
    for step in review.steps.all()[:3]:
        factories.signed(step)
    address = step_address(review, 2, "reopen")

    assert client.get(address).status_code == 200
    assert client.post(address, {"reason": ""}).status_code == 422
    client.post(address, {"reason": "A second graph turned up."})

    page = client.get(f"/reviews/{review.public_id}/")
    assert [shown.state for shown in page.context["steps"]] == ["signed", "ready", "stale", "waiting"]
    assert "Reopened: A second graph turned up." in page.content.decode()


def test_a_stale_step_is_signed_again(review):
    client = client_of(factories.user())
    first, second = review.steps.all()[:2]
    factories.signed(first)
    second = factories.signed(second)
    ReviewStep.objects.filter(pk=second.pk).update(is_stale=True)

    client.post(step_address(review, 2, "sign"), texts(second, second.finding, second.evidence))

    second.refresh_from_db()
    assert second.is_signed


def test_the_preview_renders_and_stores_nothing(review):
    step = review.steps.get(position=1)
    data = texts(step, "**Bold** and <script>alert(1)</script> maybe", "")

    response = client_of(factories.user()).post(
        step_address(review, 1, "preview"), data, headers={"HX-Request": "true"}
    )

    page = response.content.decode()
    assert "<strong>Bold</strong>" in page
    assert "<script" not in page
    step.refresh_from_db()
    assert step.finding == ""


def test_the_preview_says_what_cannot_be_rendered(review):
    response = client_of(factories.user()).post(
        step_address(review, 1, "preview"), texts(review.steps.first(), "[" * 5000)
    )

    assert response.status_code == 200
    assert response.context["problem"]


def test_steps_are_shown_rendered_and_safe(review):
    step = review.steps.get(position=1)
    client = client_of(factories.user())
    client.post(
        step_address(review, 1, "sign"),
        texts(step, "**Bold** <script>alert(1)</script> [x](javascript:alert(1))"),
    )

    page = client.get(f"/reviews/{review.public_id}/").content.decode()

    assert "<strong>Bold</strong>" in page
    assert "<script>alert" not in page
    assert '="javascript:' not in page
    assert " style=" not in page


# --- causes, lessons, checklist ---------------------------------------------------------------------------


def test_a_cause_is_recorded_settled_and_made_primary(review):
    client, page = client_of(factories.user()), f"/reviews/{review.public_id}/"

    client.post(f"{page}causes/new", {"statement": "No acquire timeout.", "part": "root", "is_primary": "on"})
    cause = RootCause.objects.get()
    refused = client.post(f"/causes/{cause.pk}/settle", {"state": "verified", "evidence": " "})
    client.post(
        f"/causes/{cause.pk}/settle", {"state": "verified", "evidence": "Reproduced with 247 clients."}
    )
    client.post(f"{page}causes/new", {"statement": "The pool is too small.", "part": "root"})
    other = RootCause.objects.latest("pk")
    client.post(f"/causes/{other.pk}/primary")

    cause.refresh_from_db()
    other.refresh_from_db()
    assert list(refused.context["form"].errors) == ["evidence"]
    assert (cause.state, cause.is_primary, other.state, other.is_primary) == (
        "verified",
        False,
        "hypothesis",
        True,
    )


def test_a_trigger_cannot_be_the_primary_cause(review):
    data = {"statement": "A deploy.", "part": "trigger", "is_primary": "on"}

    response = client_of(factories.user()).post(f"/reviews/{review.public_id}/causes/new", data)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["is_primary"]
    assert not RootCause.objects.exists()


def test_a_cause_is_edited_and_removed(review):
    cause = factories.cause(review)
    client = client_of(factories.user())

    client.post(f"/causes/{cause.pk}/edit", {"statement": "Better words.", "part": "contributing"})
    cause.refresh_from_db()
    assert (cause.statement, cause.part) == ("Better words.", "contributing")

    assert client.get(f"/causes/{cause.pk}/remove").status_code == 200
    client.post(f"/causes/{cause.pk}/remove")
    assert not RootCause.objects.exists()


def test_a_cause_that_an_item_names_stays(review):
    cause = factories.verified_cause(review)
    factories.item(review=review, causes=[cause])

    response = client_of(factories.user()).post(f"/causes/{cause.pk}/remove")

    assert response.status_code == 409
    assert RootCause.objects.exists()


def test_lessons_are_saved_and_conflicts_shown(review):
    client, address = client_of(factories.user()), f"/reviews/{review.public_id}/lessons"
    data = {
        "went_well": "- Drained quickly",
        "went_badly": "",
        "luck": "It was night.",
        "version": review.version,
    }

    assert client.post(address, data).status_code == 302
    conflict = client.post(address, data | {"went_well": "Other words"})

    review.refresh_from_db()
    page = client.get(f"/reviews/{review.public_id}/").content.decode()
    assert review.went_well == "- Drained quickly"
    assert "<li>Drained quickly</li>" in page
    assert conflict.status_code == 409
    assert "Other words" in conflict.content.decode()
    assert "Drained quickly" in conflict.content.decode()
    assert str(conflict.context["form"]["version"].value()) == str(review.version)


def test_a_command_is_added_to_the_checklist_as_argument_lists(review):
    line = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'
    data = {"title": "No pod hangs", "pipeline": line, "expectation": "no_match"}
    client = client_of(factories.user())

    client.post(f"/reviews/{review.public_id}/checklist/add", data)

    entry = review.checklist.get()
    assert entry.pipeline == [
        ["kubectl", "get", "pods", "-n", "order"],
        ["grep", "-E", "(Pending|CrashLoopBackOff)"],
    ]
    assert (
        "kubectl get pods -n order | grep -E" in client.get(f"/reviews/{review.public_id}/").content.decode()
    )
    client.post(f"/checklist/{entry.pk}/remove")
    assert not review.checklist.exists()


@pytest.mark.parametrize(
    "line", ["", "rm -rf / ; reboot", "a && b", "echo $(id)", "cat < /etc/passwd", "echo 'x", "x" * 5000]
)
def test_a_command_that_needs_a_shell_is_refused_beside_its_field(review, line):
    data = {"title": "Kept title", "pipeline": line, "expectation": "success"}

    response = client_of(factories.user()).post(f"/reviews/{review.public_id}/checklist/add", data)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["pipeline"]
    assert "Kept title" in response.content.decode()


# --- the archive ------------------------------------------------------------------------------------------


def test_each_gap_leads_to_the_field_that_mends_it(review):
    participant = factories.participant(Incident.objects.get(), factories.user("Ada"))

    page = client_of(factories.user()).get(f"/reviews/{review.public_id}/")

    here = f"/reviews/{review.public_id}/"
    assert [(todo.gap.code, todo.url) for todo in page.context["preflight"].todos] == [
        ("timelines_missing", f"/incidents/{Incident.objects.get().public_id}/#person-{participant.pk}"),
        *(("step_unsigned", f"{here}?step={kind}#id_{kind}_finding") for kind in KINDS[:3]),
        ("primary_cause_missing", f"{here}causes/new#id_statement"),
        ("step_unsigned", f"{here}?step=root_cause#id_root_cause_finding"),
        ("checklist_empty", f"{here}checklist/add#id_title"),
    ]
    assert page.context["state"] == "in_review"
    assert "1 of 9 done" in page.content.decode()


def test_what_is_missing_is_counted_as_it_is_shown(review):
    incident = Incident.objects.get()
    for name in ("Ada", "Lin"):
        factories.participant(incident, factories.user(name))

    page = client_of(factories.user()).get(f"/reviews/{review.public_id}/").text

    part = page.partition('id="gaps"')[2].partition("</section>")[0]
    # Two timelines are one thing that is missing, with two links below it.
    assert part.count("person-") == 2
    assert part.count('class="case-gap"') == 8
    assert '<span class="count">8</span>' in part
    assert "1 of 9 done" in part


def test_viewers_read_what_is_missing_and_follow_nothing(review):
    page = client_of(factories.user(role="viewer")).get(f"/reviews/{review.public_id}/").content.decode()

    assert "The checklist has no entry." in page
    assert "data-mend" not in page.partition('id="gaps"')[2].partition("</section>")[0]


def test_an_item_begins_with_the_cause_that_lacks_it(review):
    factories.verified_cause(review)
    second = factories.verified_cause(review, "No circuit breaker.", is_primary=False)
    client = client_of(factories.user())

    page = client.get(f"/items/new?review={review.public_id}&cause={second.pk}")

    assert page.context["form"]["causes"].value() == [str(second.pk)]
    for nonsense in ("x", "9" * 30, "-1", "٣"):
        assert client.get(f"/items/new?review={review.public_id}&cause={nonsense}").status_code == 200


def test_archiving_is_refused_while_something_is_missing(review, lin):
    response = client_of(lin).post(f"/reviews/{review.public_id}/archive")

    assert response.status_code == 409
    assert "The checklist has no entry." in response.content.decode()
    review.refresh_from_db()
    assert not review.is_archived


def test_a_complete_review_is_archived_and_then_only_read(lin):
    review = factories.complete_review(facilitator=lin)
    client, page = client_of(lin), f"/reviews/{review.public_id}/"

    assert client.get(page).context["state"] == "ready"
    assert client.get(f"{page}archive").status_code == 200
    assert client.post(f"{page}archive").status_code == 302

    review.refresh_from_db()
    shown = client.get(page).content.decode()
    assert review.is_archived
    assert review.content_hash in shown
    for act in ("/write", "/sign", step_address(review, 1, "reopen"), "/causes/new", "/settle"):
        assert act not in shown
    for act in ("/checklist/add", "/lessons", "/edit", "/incidents"):
        assert f"{page}{act.removeprefix('/')}" not in shown
    cause, step = review.causes.get(), review.steps.first()
    assert client.post(step_address(review, 1, "write"), texts(step, "Changed")).status_code == 422
    assert client.post(step_address(review, 1, "reopen"), {"reason": "x"}).status_code == 422
    assert client.post(f"/causes/{cause.pk}/settle", {"state": "refuted", "evidence": "x"}).status_code == 422
    assert client.post(f"{page}archive").status_code == 409


def test_the_document_reads_without_controls(lin):
    review = factories.archived_review(facilitator=lin)

    page = (
        client_of(factories.user(role="viewer")).get(f"/reviews/{review.public_id}/document").content.decode()
    )

    main = page.partition("<main")[2].partition("</main>")[0]
    assert review.title in main
    assert review.content_hash in main
    assert "The pool has no timeout." in main
    assert "<form" not in main
    assert "<button" not in main


# --- who sees and does what -------------------------------------------------------------------------------


def test_viewers_read_and_change_nothing(review):
    viewer, step = client_of(factories.user(role="viewer")), review.steps.first()
    cause, page = factories.cause(review), f"/reviews/{review.public_id}/"

    shown = viewer.get(page).content.decode()

    for act in (
        "/write",
        "/sign",
        "/causes/new",
        "/settle",
        "/checklist/add",
        "/lessons",
        "/items/new",
        "/archive",
    ):
        assert act not in shown
    assert viewer.post(step_address(review, 1, "write"), texts(step)).status_code == 403
    assert viewer.post(step_address(review, 1, "sign")).status_code == 403
    assert viewer.post(step_address(review, 1, "reopen"), {"reason": "x"}).status_code == 403
    for address in ("causes/new", "checklist/add", "lessons"):
        assert viewer.get(f"{page}{address}").status_code == 403
    assert viewer.post(f"/causes/{cause.pk}/remove").status_code == 403


def test_a_review_of_a_restricted_incident_does_not_exist_for_strangers(lin):
    ada = factories.user("Ada")
    restricted = factories.resolved_incident("Leaked credentials", is_restricted=True, participants=[ada])
    review = factories.review(
        "Secret review", incidents=[restricted, factories.resolved_incident()], is_open=True
    )
    cause, entry = factories.cause(review), factories.checklist_entry(review)
    stranger, page = client_of(lin), f"/reviews/{review.public_id}/"

    addresses = [
        page,
        *(
            f"{page}{act}"
            for act in ("document", "open", "archive", "lessons", "causes/new", "checklist/add")
        ),
    ]
    addresses += [f"/causes/{cause.pk}/{act}" for act in ("edit", "settle", "primary", "remove")]
    addresses += [f"/checklist/{entry.pk}/remove", step_address(review, 1, "reopen")]
    for address in addresses:
        assert stranger.get(address).status_code == 404, address
    for act in ("write", "sign", "preview"):
        assert stranger.post(step_address(review, 1, act), texts(review.steps.first())).status_code == 404

    assert "Secret review" not in stranger.get("/reviews/").content.decode()
    assert "Secret review" not in stranger.get("/reviews/?q=secret").content.decode()
    assert exported(stranger, "q=secret") == []
    assert [row["title"] for row in exported(client_of(ada), "q=secret")] == ["Secret review"]
    assert "Secret review" in client_of(ada).get("/reviews/").content.decode()


def test_unknown_reviews_steps_and_causes_are_not_found(review):
    client = client_of(factories.user())

    assert client.get("/reviews/PM-2026-9999/").status_code == 404
    assert client.post(f"/reviews/{review.public_id}/steps/fifth/write", {}).status_code == 404
    assert client.get("/causes/999999999999999999999999/settle").status_code == 404
    assert client.get(f"/reviews/{review.public_id}/?step=<script>").status_code == 200


def test_reading_changes_nothing(lin):
    review = factories.complete_review(facilitator=lin)
    client, page = client_of(lin), f"/reviews/{review.public_id}/"
    before = (
        list(ReviewStep.objects.values()),
        list(Review.objects.values()),
        list(RootCause.objects.values()),
    )

    for address in (
        page,
        f"{page}document",
        f"{page}open",
        f"{page}archive",
        f"{page}lessons",
        f"{page}causes/new",
    ):
        assert client.get(address).status_code == 200
    # Each of these leads to its step, when its page is loaded again.
    for act, status in (("write", 302), ("sign", 302), ("preview", 405)):
        assert client.get(step_address(review, 1, act)).status_code == status

    assert (
        list(ReviewStep.objects.values()),
        list(Review.objects.values()),
        list(RootCause.objects.values()),
    ) == before


# --- the list ---------------------------------------------------------------------------------------------


def test_the_empty_list_says_where_reviews_come_from():
    assert "No reviews yet" in client_of(factories.user()).get("/reviews/").content.decode()


def test_the_list_filters_by_state(review):
    archived = factories.archived_review(incidents=[factories.resolved_incident()])
    client = client_of(factories.user())

    assert {row.pk for row in client.get("/reviews/").context["page"].rows} == {review.pk, archived.pk}
    assert [row.pk for row in client.get("/reviews/?show=going").context["page"].rows] == [review.pk]
    assert [row.pk for row in client.get("/reviews/?show=archived").context["page"].rows] == [archived.pk]
    assert client.get("/reviews/?show=nonsense&after=x").status_code == 200


@pytest.fixture
def two(lin):
    """An open review of order, owned by Ada, and an archived one of cart."""
    ada = factories.user("Ada")
    order, cart = factories.service("order"), factories.service("cart")
    pool = factories.review(
        "The pool ran dry",
        owner=ada,
        facilitator=lin,
        is_open=True,
        incidents=[factories.resolved_incident(severity="P0", services=[order])],
    )
    gone = factories.archived_review(
        title="Carts were empty", incidents=[factories.resolved_incident(severity="P2", services=[cart])]
    )
    return pool, gone


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"pool", "gone"}),
        ("q=ran+dry", {"pool"}),
        ("q=CART", {"gone"}),
        ("q=%21%21", set()),
        ("service=order", {"pool"}),
        ("severity=P2", {"gone"}),
        ("owner={ada}", {"pool"}),
        ("owner=nobody", {"pool", "gone"}),
        ("service=order&show=archived", set()),
    ],
)
def test_the_list_and_its_csv_are_narrowed_alike(two, query, found):
    pool, gone = two
    client, asked = client_of(factories.user()), query.replace("{ada}", str(pool.owner_id))
    expected = {"pool": pool.public_id, "gone": gone.public_id}

    page = client.get(f"/reviews/?{asked}")
    rows = exported(client, asked)

    assert {row.public_id for row in page.context["page"].rows} == {expected[one] for one in found}
    assert {row["id"] for row in rows} == {expected[one] for one in found}
    if not found:
        assert "Nothing matches these filters" in page.content.decode()


def test_the_list_is_searched_in_steps_and_causes_too(two):
    pool, _gone = two
    factories.written(pool.steps.first(), finding="Checkout answered 503.")
    factories.cause(pool, "Nobody had sized the pool for a sale.")
    client = client_of(factories.user())

    for words in ("503", "sized sale", pool.public_id):
        page = client.get("/reviews/", {"q": words})
        assert [row.pk for row in page.context["page"].rows] == [pool.pk]


def test_the_csv_says_what_the_list_says(two, lin):
    pool, _gone = two
    factories.signed(pool.steps.first())

    (row,) = exported(client_of(lin), "service=order")

    incident = pool.incidents.get()
    assert (row["title"], row["state"], row["incidents"]) == ("The pool ran dry", "in_review", str(incident))
    assert (row["severities"], row["services"]) == ("P0", "order")
    assert (row["owner"], row["facilitator"], row["signed_steps"]) == ("Ada", "Lin", "1")
    assert row["archived_at"] == ""
    assert row["standing"]


def exported(client: Client, query: str) -> list[dict[str, str]]:
    text = b"".join(client.get(f"/reviews/export.csv?{query}").streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_the_same_however_long_it_is(rows, django_assert_num_queries):
    for _ in range(rows):
        factories.review(incidents=[factories.resolved_incident()])
    client = client_of(factories.user())

    with django_assert_num_queries(5):
        response = client.get("/reviews/")

    assert len(response.context["page"].rows) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_the_database_the_same_however_much_there_is(review, rows, django_assert_num_queries):
    for number in range(rows):
        factories.participant(Incident.objects.get())
        factories.item(review=review, causes=[factories.verified_cause(review, is_primary=number == 0)])
        factories.checklist_entry(review)
        factories.fetched_measurement(review, added_by=factories.user())
        factories.change(Incident.objects.get(), service=factories.service())
    client = client_of(factories.user())

    with django_assert_num_queries(49):
        client.get(f"/reviews/{review.public_id}/")
