"""Who took part, what is a duplicate of what, and under which tags."""

import pytest
from django.db import IntegrityError, transaction

from postmortem import incidents, participants
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import Incident, Participant
from postmortem.participants import TimelineTold
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def nia():
    return factories.participant(factories.incident(), factories.user("Nia"))


def test_a_role_changes_and_an_invitation_is_taken_back(nia):
    by = factories.user()

    assert participants.change_role(nia, role="scribe", by=by, now=NOW).role == "scribe"
    participants.remove(nia, by=by, now=NOW)

    assert not Participant.objects.exists()


def test_what_somebody_wrote_is_not_taken_away(nia):
    by = factories.user()
    timeline = factories.timeline(nia)
    factories.entry(timeline)
    with pytest.raises(TimelineTold):
        participants.remove(nia, by=by, now=NOW)
    participants.change_role(nia, role="scribe", by=by, now=NOW)

    timeline.filed_at = NOW
    timeline.save()
    with pytest.raises(TimelineTold) as refusal:
        participants.change_role(nia, role="observer", by=by, now=NOW)
    assert refusal.value.code == "timeline_told"
    assert Participant.objects.get().role == "scribe"


def test_viewers_and_archives_refuse_and_a_role_must_be_one(nia):
    with pytest.raises(NotAllowed):
        participants.remove(nia, by=factories.user(role="viewer"), now=NOW)
    with pytest.raises(Invalid):
        participants.change_role(nia, role="king", by=factories.user(), now=NOW)
    told = factories.resolved_incident(participants=[factories.user()])
    factories.archived_review(incidents=[told])
    with pytest.raises(Archived):
        participants.remove(told.participants.get(), by=factories.user(), now=NOW)


class TestDuplicates:
    def dismiss(self, incident, **fields):
        sound = {"as_": "duplicate", "reason": "Same.", "by": factories.user(), "now": NOW}
        return incidents.dismiss(incident, **sound | fields)

    def test_a_duplicate_names_the_other_incident(self):
        first, second = factories.incident(), factories.incident()

        assert self.dismiss(second, duplicate_of=first).duplicate_of == first

    def test_it_names_neither_itself_nor_a_dismissed_nor_a_hidden_one_and_only_a_duplicate_does(self):
        first, second, third = (factories.incident() for _ in range(3))
        hidden = factories.incident(is_restricted=True)
        self.dismiss(third)
        for other in (second, third, hidden):
            with pytest.raises(Invalid) as refusal:
                self.dismiss(second, duplicate_of=other)
            assert refusal.value.field == "duplicate_of"
        with pytest.raises(Invalid):
            self.dismiss(second, as_="false_alarm", duplicate_of=first)
        assert Incident.objects.get(pk=second.pk).closed_at is None

    @pytest.mark.parametrize("fields", [{"dismissed_as": "false_alarm", "dismissed_reason": "x"}, {}])
    def test_the_database_keeps_it_too(self, fields):
        first, second = factories.incident(), factories.incident(**fields)

        with pytest.raises(IntegrityError), transaction.atomic():
            Incident.objects.filter(pk=second.pk).update(duplicate_of=first)

    def test_the_other_is_shown_to_those_alone_who_may_see_it(self, client):
        first = factories.incident("Secret takeover", is_restricted=True)
        second = factories.incident()
        Incident.objects.filter(pk=second.pk).update(
            dismissed_as="duplicate", dismissed_reason="Same.", closed_at=NOW, duplicate_of=first
        )
        from tests.api.conftest import Caller

        for role, is_shown in (("member", False), ("governor", True)):
            reader = factories.user(role=role)
            client.force_login(reader)
            page = client.get(f"/incidents/{second}/").text
            assert (first.public_id in page, "Secret" in page) == (is_shown, is_shown)
            answer = Caller(reader).get(f"incidents/{second}").json()
            assert answer["duplicate_of"] == (first.public_id if is_shown else None)


@pytest.mark.parametrize(
    ("given", "stored"),
    [([" Sale ", "#sale", "ＰＯＯＬ"], ["sale", "pool"]), (["load test"], ["load-test"]), ([], [])],
)
def test_tags_are_stored_in_one_form(given, stored):
    incident = incidents.edit(factories.incident(), tags=given, by=factories.user(), now=NOW)

    assert Incident.objects.get(pk=incident.pk).tags == stored


@pytest.mark.parametrize(
    "tags", ["sale", [""], ["#"], ["x" * 41], ["a,b"], [1], ["\x00"], list(map(str, range(21)))]
)
def test_tags_that_are_none_are_refused(tags):
    with pytest.raises(Invalid) as refusal:
        incidents.edit(factories.incident(), tags=tags, by=factories.user(), now=NOW)

    assert refusal.value.field == "tags"
