"""A verdict is never PASS because something is absent: the service, its data, the database, half of an
answer, the time, a right clock. Each against the instance itself, with both clients.
"""

import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from governance.models import GateDecision
from remediation.models import VerificationCheck
from tests import factories
from tests.clients.asking import CHANGE, KINDS, ask
from tests.clients.conftest import serve
from tests.clients.hostile import BEHAVIOURS
from tests.servers import free_port, wait_until

both = pytest.mark.parametrize("kind", KINDS)
AUDIT = ["audit", "--service", "order"]
QUESTIONS = {"audit": AUDIT, "change": ["change", *CHANGE]}
each_question = pytest.mark.parametrize("question", list(QUESTIONS))
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NOBODY = f"clp_{'0' * 12}.{'x' * 43}"


@pytest.fixture
def order(transactional_db):
    return factories.service("order", repositories=["shop/order"])


@pytest.fixture
def secret(transactional_db):
    return factories.api_token(scopes=["audit", "gate"], now=timezone.now())[1]


def passes(kind, url, secret):
    """So that each test below would see a PASS: without what is absent there is one."""
    ended = ask(kind, *AUDIT, url=url, token=secret)
    assert (ended.status, ended.out.startswith("closeloop: PASS")) == (0, True), ended.said


# --- the service --------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("service", ["nothing", "Order", "order ", "ordér", "order/../cart", "%00"])
def test_service_that_is_unknown_or_misspelt(instance, order, secret, kind, service):
    ended = ask(kind, "audit", "--service", service, url=instance, token=secret)

    assert ended.status == 2, ended.said
    assert "PASS" not in ended.said
    assert not GateDecision.objects.exists()


@both
def test_change_that_names_an_unknown_service(instance, order, secret, kind):
    question = [*QUESTIONS["change"], "--service", "nothing"]

    ended = ask(kind, *question, url=instance, token=secret)

    assert (ended.status, "no service of this name" in ended.err) == (2, True), ended.said
    assert not GateDecision.objects.exists()


# --- its data -----------------------------------------------------------------------------------------


def promised(order, *, checked_at=None, **fields):
    """An item whose fix is claimed, with a check each five minutes that answered at that moment, or never."""
    item = factories.item(
        service=order, state="verifying", agreed_at=timezone.now() - 9 * DAY, due_at=timezone.now() + 9 * DAY
    )
    made = {"created_at": timezone.now() - 8 * DAY, "interval_seconds": 300}
    VerificationCheck.objects.filter(item=item).update(**made)
    factories.stand(item.verification_checks.all(), last_verdict_at=checked_at, **fields)
    return item


@both
@pytest.mark.parametrize(
    ("last", "outcome"),
    [(None, ""), (2 * DAY, "pass"), (2 * DAY, "no_data"), (21 * MINUTE, "error")],
    ids=["never ran", "passed long ago", "no data since", "errors since"],
)
def test_check_that_gives_no_answer(instance, order, secret, kind, last, outcome):
    passes(kind, instance, secret)
    now = timezone.now()
    promised(order, checked_at=last and now - last, last_outcome=outcome, last_run_at=last and now)

    ended = ask(kind, *AUDIT, url=instance, token=secret)

    assert (ended.status, ended.out.startswith("closeloop: UNKNOWN")) == (1, True), ended.said
    assert "CHECK_STALE" in ended.out


# --- the database -------------------------------------------------------------------------------------


@both
@each_question
def test_database_that_is_not_there(instance_without_database, kind, question):
    ended = ask(
        kind, *QUESTIONS[question], url=instance_without_database, token=NOBODY, CLOSELOOP_DEADLINE="2"
    )

    assert (ended.status, "503" in ended.err) == (2, True), ended.said


@both
@each_question
def test_database_that_accepts_and_never_answers(silent_database, kind, question):
    ended = ask(kind, *QUESTIONS[question], url=silent_database, token=NOBODY, CLOSELOOP_DEADLINE="3")

    assert (ended.status, "PASS" in ended.said) == (2, False), ended.said


@pytest.fixture
def silent_database(tmp_path, django_db_setup):
    """An instance whose database takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process, url = serve(tmp_path / "log", DATABASE_URL=f"postgres://nobody@127.0.0.1:{port}/none")
        yield url
        process.stop()


# --- half of an answer, and the time ------------------------------------------------------------------


@both
@each_question
def test_answer_that_is_cut_anywhere(instance, order, secret, relay, kind, question):
    """By the network: the instance itself said what it says."""
    asked, said = [*QUESTIONS[question]], {}
    if question == "change":
        review = factories.archived_review(incidents=[factories.resolved_incident(services=[order])])
        asked += ["--description-file", "-"]
        said = {"stdin": f"Postmortem: {review.public_id}\n"}
    between = relay(instance)
    whole = ask(kind, *asked, url=between.url, token=secret, **said)
    assert whole.status == 0, whole.said
    wait_until(lambda: bool(between.passed), what="the whole answer")
    (length,) = between.passed

    ended = {}
    for most in (0, 1, 9, 60, length // 2, length - 30, length - 2, length - 1):
        between.most = most
        ended[most] = ask(kind, *asked, url=between.url, token=secret, CLOSELOOP_DEADLINE="1", **said)

    assert {most: one.status for most, one in ended.items()} == dict.fromkeys(ended, 2)
    assert not any("closeloop: PASS" in one.said for one in ended.values())


@both
@each_question
def test_answer_that_comes_after_the_deadline(instance, order, secret, relay, kind, question):
    between = relay(instance, pause=3)

    ended = ask(kind, *QUESTIONS[question], url=between.url, token=secret, CLOSELOOP_DEADLINE="1")

    assert (ended.status, "PASS" in ended.said) == (2, False), ended.said


@both
def test_instance_that_is_not_there(kind):
    ended = ask(kind, *AUDIT, url=f"http://127.0.0.1:{free_port()}", CLOSELOOP_DEADLINE="1")

    assert ended.status == 2


# --- clocks -------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("ahead", [-30 * DAY, -6 * MINUTE, 6 * MINUTE], ids=["month", "behind", "ahead"])
def test_instance_whose_clock_is_wrong_judges_nothing(instance_with_clock, order, secret, kind, ahead):
    """By a clock that is a month behind nothing would be overdue."""
    factories.item(service=order, agreed_at=timezone.now() - 9 * DAY, due_at=timezone.now() - DAY)
    url = instance_with_clock(ahead)

    for question in QUESTIONS.values():
        ended = ask(kind, *question, url=url, token=secret, CLOSELOOP_DEADLINE="2")
        assert (ended.status, "clock_skewed" in ended.err) == (2, True), ended.said

    assert not GateDecision.objects.exists()


@both
def test_clock_that_is_a_little_wrong_is_good_enough(instance_with_clock, order, secret, kind):
    passes(kind, instance_with_clock(-2 * MINUTE), secret)


@both
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_zone_of_the_machine_that_asks_does_not_count(instance, order, secret, kind, zone):
    factories.item(service=order, agreed_at=timezone.now() - 9 * DAY, due_at=timezone.now() - MINUTE)

    ended = ask(kind, *AUDIT, url=instance, token=secret, TZ=zone)

    assert ended.status == 1, ended.said


@both
def test_day_that_is_not_there_yet(instance, order, secret, kind):
    """As a machine would name it whose clock is ahead."""
    tomorrow = (timezone.now() + 2 * DAY).date().isoformat()

    ended = ask(kind, *AUDIT, "--date", tomorrow, url=instance, token=secret)

    assert (ended.status, "future" in ended.err) == (2, True), ended.said


@pytest.mark.parametrize("jump", [10**6, -(10**6)], ids=["forward", "back"])
def test_clock_that_jumps_while_the_shell_client_asks(hostile, tools, tmp_path, jump):
    """It reckons its deadline with `date`; whatever that says, no answer is no PASS."""
    hostile.behave = BEHAVIOURS["unavailable"]
    count = tmp_path / "count"
    path = tools(
        "date",
        f"n=$(cat {count} 2>/dev/null || echo 0); echo $((n + 1)) >{count}\n"
        f"case $1 in +%s) echo $((1800000000 + (n > 1 ? {jump} : 0) + n));; *) echo 07;; esac",
    )

    ended = ask("sh", *AUDIT, url=hostile.url, CLOSELOOP_DEADLINE="2", PATH=path)

    assert (ended.status, "PASS" in ended.out) == (2, False), ended.said
