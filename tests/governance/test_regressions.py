"""An item that regresses may declare an incident, where its severity says so (R11)."""

import pytest

from governance import notices, regressions
from governance.models import Notice
from postmortem import severities
from postmortem.models import Incident, Severity
from remediation.models import ItemTransition, RegressionIncident
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(db):
    factories.severity("P1")
    Severity.objects.filter(code="P1").update(regressions_declare_from=NOW - 30 * DAY)


def regressed(at=NOW, **fields):
    """An item whose last move, at a moment, was a regression."""
    item = factories.item(state="regressed", agreed_at=at - 5 * DAY, **fields)
    assert item.transitions.order_by("at").last().at == at, item.transitions.values_list("to_state", "at")
    return item


def test_a_regression_declares_one_incident_of_its_service_and_severity(policy):
    item = regressed()

    assert regressions.declare_due(now=NOW + HOUR) == 1
    assert regressions.declare_due(now=NOW + HOUR) == 0

    incident = Incident.objects.get()
    assert (incident.severity, incident.started_at, incident.source) == (item.severity, NOW, "regression")
    assert item.public_id in incident.title
    assert [link.service for link in incident.service_links.all()] == [item.service]
    assert incident.declared_by == item.owner
    assert regressions.incident_of(item, for_user=item.owner) == incident
    assert list(regressions.items_of(incident)) == [item]


def test_a_long_title_is_cut(policy):
    regressed(title="x" * 200)

    assert regressions.declare_due(now=NOW + HOUR) == 1
    assert len(Incident.objects.get().title) == 200


def test_nothing_is_declared_unless_the_severity_says_so():
    regressed()

    assert regressions.declare_due(now=NOW + HOUR) == 0


def test_what_regressed_before_the_policy_was_there_declares_nothing():
    governor = factories.user(role="governor")
    factories.severity("P1")
    severities.edit(Severity.objects.get(code="P1"), declares_regressions=True, by=governor, now=NOW + HOUR)
    regressed(NOW)

    assert regressions.declare_due(now=NOW + 2 * HOUR) == 0
    later = regressed(NOW + 2 * HOUR)
    assert regressions.declare_due(now=NOW + 3 * HOUR) == 1
    severity = Severity.objects.get(code="P1")
    severity = severities.edit(severity, declares_regressions=True, by=governor, now=NOW + 4 * HOUR)
    assert severity.regressions_declare_from == NOW + HOUR
    severity = severities.edit(severity, declares_regressions=False, by=governor, now=NOW + 4 * HOUR)
    assert severity.regressions_declare_from is None
    assert later.severity == severity


def test_while_its_incident_is_open_an_item_declares_no_other(policy):
    item = regressed()
    regressions.declare_due(now=NOW + HOUR)
    again = factories.regression(item, at=NOW + 2 * HOUR)

    assert regressions.declare_due(now=NOW + 3 * HOUR) == 0
    assert Incident.objects.count() == 1
    assert RegressionIncident.objects.get(transition=again).incident == Incident.objects.get()
    Incident.objects.update(
        closed_at=NOW + 4 * HOUR, dismissed_as="false_alarm", dismissed_reason="The check was wrong."
    )
    factories.regression(item, at=NOW + 5 * HOUR)
    assert regressions.declare_due(now=NOW + 6 * HOUR) == 1


def test_of_a_restricted_review_the_incident_is_restricted(policy):
    hidden = factories.resolved_incident("Zanzibar", is_restricted=True)
    item = regressed(title="Zanzibar", review=factories.review(incidents=[hidden]))

    regressions.declare_due(now=NOW + HOUR)

    incident = Incident.objects.exclude(pk=hidden.pk).get()
    assert incident.is_restricted
    assert regressions.incident_of(item, for_user=factories.user()) is None


def test_without_its_owner_the_manager_declares(policy):
    item = regressed(team=factories.team(manager=factories.user("Max")))
    item.owner.is_active = False
    item.owner.save()

    regressions.declare_due(now=NOW + HOUR)

    assert Incident.objects.get().declared_by.name == "Max"


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_declare_once(policy):
    regressed()

    at_once(lambda: regressions.declare_due(now=NOW + HOUR), lambda: regressions.declare_due(now=NOW + HOUR))

    assert Incident.objects.count() == 1


class TestNotices:
    def test_owner_and_manager_hear_of_a_regression_once(self):
        item = regressed(team=factories.team(manager=factories.user("Max")))

        notices.tick(now=NOW + HOUR)
        notices.tick(now=NOW + 2 * HOUR)

        told = Notice.objects.filter(kind="item_regressed")
        assert {one.recipient for one in told} == {item.owner, item.team.manager}
        assert told.count() == 2

    def test_the_manager_hears_once_that_an_owner_left(self):
        manager = factories.user("Max")
        item = factories.item(team=factories.team(manager=manager), owner=factories.user("Olga"))
        notices.tick(now=NOW)
        item.owner.is_active = False
        item.owner.save()

        for moment in (NOW, NOW + HOUR):
            notices.tick(now=moment)
        assert [one.recipient for one in Notice.objects.filter(kind="item_ownerless")] == [manager]

        item.owner.is_active = True
        item.owner.save()
        item.owner.is_active = False
        item.owner.save()
        notices.tick(now=NOW + 2 * HOUR)
        assert Notice.objects.filter(kind="item_ownerless").count() == 2

    def test_governors_hear_of_it_where_a_team_has_no_manager(self):
        governor = factories.user(role="governor")
        item = factories.item()
        item.owner.is_active = False
        item.owner.save()

        notices.tick(now=NOW)

        assert [one.recipient for one in Notice.objects.filter(kind="item_ownerless")] == [governor]

    @pytest.mark.parametrize("state", ["verified", "wont_do"])
    def test_what_is_settled_needs_no_owner(self, state):
        item = factories.item(state=state, team=factories.team(manager=factories.user()))
        item.owner.is_active = False
        item.owner.save()

        notices.tick(now=NOW)

        assert not Notice.objects.filter(kind="item_ownerless").exists()
        assert ItemTransition.objects.filter(item=item).exists()
