"""Whatever programs send in whatever order, a review is archived only when it lacks nothing."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from postmortem.models import Review, ReviewStep, Severity
from remediation import plan
from tests import factories
from tests.api.bodies import CHECK
from tests.api.conftest import Caller
from tests.postmortem import by_hand

TEXTS = st.sampled_from(["", "The pool was full: 247 of 200.", "可能是连接池", "It was probably the pool."])
KINDS = st.sampled_from(ReviewStep.Kind.values)
SOUND = ("The pool was full: 247 of 200.", "`pool_in_use` stood at 200.")


class Programs(RuleBasedStateMachine):
    """Tokens of a member, a facilitator and a governor; refusals are fine, a wrong archive is not."""

    @initialize(asks_for_approval=st.booleans())
    def begin(self, asks_for_approval):
        self.kept = {}
        self.member = Caller(factories.user())
        self.lead = Caller(factories.user(role="facilitator"))
        self.governor = Caller(factories.user(role="governor"))
        self.there = [Caller(factories.user()) for _ in range(2)]
        self.team = factories.team().slug
        self.source = factories.data_source().pk
        Severity.objects.filter(code="P1").update(
            approvals_needed=int(asks_for_approval), facilitator_apart=asks_for_approval
        )
        self.incident = factories.resolved_incident(participants=[one.user for one in self.there])
        body = {
            "title": "Orders failed",
            "incidents": [self.incident.public_id],
            "facilitator": self.lead.user.pk,
        }
        made = self.member.post("reviews", body)
        assert made.status_code == 201, made.content
        self.id = made.json()["id"]
        self.review = Review.objects.get(public_id=self.id)

    def send(self, caller, method, path, body=None):
        """One request about the review; whatever it asks, the answer is a success or a refusal."""
        answer = caller.send(method, f"reviews/{self.id}{path}", body or {})
        assert answer.status_code in {200, 201, 204, 400, 403, 404, 409}, answer.content
        return answer

    def stored(self):
        return self.member.get(f"reviews/{self.id}").json()

    @rule(number=st.integers(0, 1), how=st.sampled_from(["line", "file", "excuse", "excuse without reason"]))
    def settle_a_timeline(self, number, how):
        caller = self.there[number]
        here = f"incidents/{self.incident}"
        if how == "line":
            caller.post(f"{here}/timeline/lines", {"line": "+1m kubectl get pods"})
        elif how == "file":
            caller.post(f"{here}/timeline/file")
        else:
            participant = self.incident.participants.get(user=caller.user)
            reason = "On leave." if how == "excuse" else " "
            self.lead.post(f"{here}/participants/{participant.pk}/excuse", {"reason": reason})

    @rule()
    def invite_one_more(self):
        self.member.post(f"incidents/{self.incident}/participants", {"user": self.governor.user.pk})

    @rule(is_lead=st.booleans())
    def open(self, is_lead):
        self.send(self.lead if is_lead else self.member, "POST", "/open")

    @rule(kind=KINDS, finding=TEXTS, evidence=TEXTS)
    def write(self, kind, finding, evidence):
        version = next(step["version"] for step in self.stored()["steps"] if step["step"] == kind)
        body = {"finding": finding, "evidence": evidence, "version": version}
        self.send(self.member, "PUT", f"/steps/{kind}", body)

    @rule(kind=KINDS)
    def sign(self, kind):
        before = self.stored()["steps"]
        if self.send(self.member, "POST", f"/steps/{kind}/sign").status_code == 200:
            assert all(one["is_signed"] for one in before[: ReviewStep.Kind.values.index(kind)])

    @rule(kind=KINDS)
    def reopen(self, kind):
        answer = self.send(self.member, "POST", f"/steps/{kind}/reopen", {"reason": "The query was wrong."})
        if answer.status_code == 200:
            later = self.stored()["steps"][ReviewStep.Kind.values.index(kind) :]
            assert not any(step["is_signed"] for step in later)

    @rule(is_primary=st.booleans(), state=st.sampled_from(["hypothesis", "verified", "refuted"]))
    def find_a_cause(self, is_primary, state):
        body = {"statement": "No timeout.", "part": "root", "is_primary": is_primary}
        made = self.send(self.member, "POST", "/causes", body)
        if made.status_code == 201:
            self.send(
                self.member,
                "POST",
                f"/causes/{made.json()['id']}/settle",
                {"state": state, "evidence": "Two runs.", "version": made.json()["version"]},
            )

    @rule()
    def take_a_cause_back(self):
        for cause in self.stored()["causes"][:1]:
            self.send(self.member, "DELETE", f"/causes/{cause['id']}")

    @rule()
    def answer_every_cause(self):
        service = self.incident.service_links.first().service
        body = {
            "title": "Set a timeout",
            "owner": self.member.user.pk,
            "service": service.slug,
            "team": service.team.slug,
            "severity": "P1",
            "kind": "prevent",
            "category": "technical_debt",
            "review": self.id,
            "causes": [cause["id"] for cause in self.stored()["causes"]],
            "checks": [CHECK | {"data_source": self.source}],
        }
        answer = self.member.post("items", body)
        assert answer.status_code in {201, 400, 409}, answer.content

    @rule(is_added=st.booleans())
    def change_the_checklist(self, is_added):
        if is_added:
            body = {"title": "No pod hangs", "command": "kubectl get pods", "expectation": "success"}
            self.send(self.member, "POST", "/checklist", body)
        for entry in self.stored()["checklist"][1:] if is_added else self.stored()["checklist"]:
            self.send(self.member, "DELETE", f"/checklist/{entry['id']}")

    @rule(text=st.sampled_from(["", "- Nobody knew the limit.\n- The page was silent.", "Nobody looked."]))
    def write_lessons(self, text):
        body = {"went_well": "", "went_badly": text, "luck": "", "version": self.stored()["version"]}
        self.send(self.member, "PUT", "/lessons", body)

    @rule(reason=st.sampled_from(["", "The service ends."]))
    def answer_the_lessons(self, reason):
        found = [item.public_id for item in self.review.items.all()[:1]]
        for point in self.stored()["lesson_points"]:
            body = {"items": found, "reason": reason}
            self.send(self.lead, "POST", f"/lesson-points/{point['id']}/answer", body)

    @rule(is_there=st.booleans())
    def say_who_was_there(self, is_there):
        self.send(self.member, "PATCH", "", {"teams_present": [self.team] if is_there else []})

    @rule(kind=KINDS)
    def attach_a_file(self, kind):
        self.member.upload(f"reviews/{self.id}/steps/{kind}/evidence", b"pool at 247", name="order.log")

    @rule()
    def approve(self):
        self.send(self.governor, "POST", "/approvals")

    @rule(is_lead=st.booleans())
    def archive(self, is_lead):
        gaps = self.member.get(f"reviews/{self.id}/gaps").json()
        answer = self.send(self.lead if is_lead else self.member, "POST", "/archive")
        if answer.status_code == 200:
            assert (is_lead, gaps["gaps"], gaps["done"]) == (True, [], gaps["total"])

    @rule(reason=st.sampled_from([" ", "New logs were found."]), is_lead=st.booleans())
    def reopen_the_postmortem(self, reason, is_lead):
        answer = self.send(self.lead if is_lead else self.member, "POST", "/reopen", {"reason": reason})
        if answer.status_code == 200:
            assert is_lead
            assert reason.strip()

    @rule()
    def add_below(self):
        self.send(self.member, "POST", "/addenda", {"text": "It came back in staging."})

    @rule(statement=st.sampled_from(by_hand.STATEMENTS))
    def try_it_by_hand(self, statement):
        by_hand.run([statement], self.review, self.lead.user)

    @rule()
    def archive_it_by_hand(self):
        if by_hand.archives(self.review, self.lead.user):
            assert plan.gaps(Review.objects.get(pk=self.review.pk)) == []

    @rule(is_archived=st.booleans())
    def do_all_that_is_missing(self, is_archived):
        """So that some sequences do reach the archive."""
        for number, how in ((0, "excuse"), (1, "line"), (1, "file")):
            self.settle_a_timeline(number, how)
        for participant in self.incident.participants.filter(user=self.governor.user):
            path = f"incidents/{self.incident}/participants/{participant.pk}/excuse"
            self.lead.post(path, {"reason": "Was not there."})
        self.open(True)
        self.find_a_cause(True, "verified")
        self.change_the_checklist(True)
        for kind in ReviewStep.Kind.values:
            self.write(kind, *SOUND)
            self.sign(kind)
        self.answer_every_cause()
        self.answer_the_lessons("The service ends.")
        self.approve()
        if is_archived:
            self.archive(True)

    @invariant()
    def the_archive_is_lawful(self):
        by_hand.assert_lawful(self.review)

    @invariant()
    def what_was_archived_stays_readable_as_it_was(self):
        for revision in self.review.revisions.all():
            assert self.kept.setdefault(revision.number, revision.content_json) == revision.content_json


@pytest.mark.django_db
def test_no_sequence_of_requests_archives_an_incomplete_review(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    run_state_machine_as_test(Programs, settings=PATIENT)


@pytest.mark.django_db
@pytest.mark.parametrize("asks_for_approval", [False, True])
def test_one_of_them_reaches_the_archive(asks_for_approval):
    """Or the sequences above would prove nothing."""
    programs = Programs()
    programs.begin(asks_for_approval=asks_for_approval)

    programs.do_all_that_is_missing(is_archived=False)
    # Nothing is missing but that nobody approved what a hand would write; nothing of that try stays.
    assert by_hand.archives(programs.review, programs.lead.user) != asks_for_approval
    programs.do_all_that_is_missing(is_archived=True)

    assert Review.objects.get().is_archived
    assert not by_hand.archives(programs.review, programs.lead.user)


PATIENT = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
