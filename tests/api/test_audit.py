"""The audit endpoint as CI sees it: verdicts, refusals, and what never leaks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from governance import audit as domain
from governance.models import GateDecision
from postmortem.models import Incident
from remediation.models import CheckStanding
from tests import factories as f
from tests.api.wiretap import statements

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
# The day that is asked about, long over whenever this runs.
DATE = "2026-11-19"
END = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept_yet():
    domain._kept.clear()


@pytest.fixture
def ask(client):
    _token, secret = f.api_token(scopes=["audit"], now=timezone.now())

    def ask(query="service=order", *, path="/sre/audit", authorization=f"Bearer {secret}", method="GET"):
        headers = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
        return client.generic(method, f"{path}?{query}", **headers)

    return ask


@pytest.fixture
def order():
    return f.service("order")


def sound_item(service, **fields):
    """A verified item whose check answers: in the columns for today, in the runs for the day asked about."""
    item = f.item(service=service, state="verified", agreed_at=END - 20 * DAY, **fields)
    check = item.verification_checks.get()
    f.check_run(check, slot=END - 60 * timedelta(seconds=5))
    CheckStanding.objects.update(last_verdict_at=timezone.now())
    return item


def overdue(service):
    f.item(service=service, agreed_at=END - 20 * DAY, due_at=END - 6 * DAY)


def regressed(service):
    f.item(service=service, state="regressed", agreed_at=END - 20 * DAY, due_at=END - 6 * DAY)


def stale(service):
    f.item(service=service, state="verified", agreed_at=END - 20 * DAY)


def missing(service):
    f.incident(services=[service], started_at=END - 5 * DAY, declared_at=END - 5 * DAY)


def unarchived(service):
    incident = f.incident(services=[service], started_at=END - 5 * DAY, declared_at=END - 5 * DAY)
    f.review(incidents=[incident], created_at=END - 4 * DAY)


FINDINGS = [
    (sound_item, "PASS", []),
    (
        overdue,
        "FAIL",
        [
            {
                "code": "ITEM_OVERDUE",
                "object": "RI-2026-0001",
                "since": "2026-11-14T00:00:00Z",
                "detail": "Due at 2026-11-14 00:00 UTC; no check has verified it.",
                "counts": True,
                "waived_by": None,
                "url": "http://testserver/items/RI-2026-0001/",
            }
        ],
    ),
    (
        regressed,
        "FAIL",
        [
            {
                "code": "ITEM_REGRESSED",
                "object": "RI-2026-0001",
                "since": "2026-11-05T00:00:00Z",
                "detail": "Its check fails again since 2026-11-05 00:00 UTC.",
                "counts": True,
                "waived_by": None,
                "url": "http://testserver/items/RI-2026-0001/",
            }
        ],
    ),
    (
        missing,
        "FAIL",
        [
            {
                "code": "POSTMORTEM_MISSING",
                "object": "INC-2026-0001",
                "since": "2026-11-17T00:00:00Z",
                "detail": "Nobody has begun its review, which was due at 2026-11-17 00:00 UTC.",
                "counts": True,
                "waived_by": None,
                "url": "http://testserver/incidents/INC-2026-0001/",
            }
        ],
    ),
    (
        unarchived,
        "FAIL",
        [
            {
                "code": "REVIEW_OVERDUE",
                "object": "PM-2026-0001",
                "since": "2026-11-17T00:00:00Z",
                "detail": "The review was due at 2026-11-17 00:00 UTC and is not archived.",
                "counts": True,
                "waived_by": None,
                "url": "http://testserver/reviews/PM-2026-0001/",
            }
        ],
    ),
]


@pytest.mark.parametrize(("arrange", "status", "findings"), FINDINGS)
@pytest.mark.parametrize("path", ["/sre/audit", "/api/v1/audit"])
def test_audit_of_a_past_day_answers_the_golden_json(ask, order, arrange, status, findings, path):
    arrange(order)

    answer = ask(f"service=order&date={DATE}", path=path)

    decision = GateDecision.objects.get()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "status": status,
        "service": "order",
        "date": DATE,
        "as_of": "2026-11-19T23:59:59Z",
        "findings": findings,
        "waivers": [],
        "policy_version": "2026-11-3/gate-1v1",
        "decision": str(decision.id),
    }


@pytest.mark.parametrize(("arrange", "status", "findings"), FINDINGS)
def test_audit_of_today_judges_the_present(ask, order, arrange, status, findings):
    arrange(order)

    body = ask().json()

    assert (body["status"], body["findings"]) == (status, findings)
    assert body["date"] == domain.today(timezone.now()).isoformat()
    assert body["as_of"][:10] in {body["date"], timezone.now().date().isoformat()}


@pytest.mark.parametrize("query", ["service=order", f"service=order&date={DATE}"])
def test_audit_is_unknown_when_a_check_is_silent(ask, order, query):
    stale(order)

    body = ask(query).json()

    assert body["status"] == "UNKNOWN"
    assert [(finding["code"], finding["object"]) for finding in body["findings"]] == [
        ("CHECK_STALE", "RI-2026-0001")
    ]


def test_audit_names_an_item_without_an_active_owner_and_not_the_person(ask, order):
    owner = f.user("Ada Lovelace")
    f.item(service=order, owner=owner, agreed_at=timezone.now() - DAY)
    assert ask().json()["status"] == "PASS"

    owner.is_active = False
    owner.save()
    body = ask().json()

    [finding] = body["findings"]
    assert (body["status"], finding["code"], finding["object"]) == ("FAIL", "ITEM_OWNERLESS", "RI-2026-0001")
    assert timezone.now() - datetime.fromisoformat(finding["since"]) < timedelta(minutes=5)
    assert "Ada" not in str(body)


def test_audit_ignores_other_services_and_services_that_were_only_affected(ask, order):
    other = f.service("payment")
    overdue(other)
    f.incident(services=[other, order], started_at=END - 9 * DAY, declared_at=END - 9 * DAY)

    assert ask().json()["status"] == "PASS"
    assert ask(f"service=order&date={DATE}").json()["status"] == "PASS"


@pytest.mark.parametrize(
    "fields",
    [
        {"is_drill": True},
        {"severity": "P3"},
        {"dismissed_as": "duplicate", "dismissed_reason": "The same.", "closed_at": END - 4 * DAY},
    ],
)
@pytest.mark.parametrize("query", ["service=order", f"service=order&date={DATE}"])
def test_audit_asks_no_review_of_drills_dismissed_and_minor_incidents(ask, order, fields, query):
    f.incident(services=[order], started_at=END - 9 * DAY, declared_at=END - 9 * DAY, **fields)

    assert ask(query).json()["status"] == "PASS"


def test_audit_leaks_no_title_of_a_restricted_incident(ask, order):
    secret = "Customer data of Acme left the house"
    began = {"started_at": END - 9 * DAY, "declared_at": END - 9 * DAY, "is_restricted": True}
    f.incident(secret, services=[order], summary=secret, **began)
    reviewed = f.incident(secret, services=[order], **began)
    review = f.review(secret, incidents=[reviewed], created_at=END - 8 * DAY)
    f.item(
        secret,
        review=review,
        service=order,
        agreed_at=END - 20 * DAY,
        due_at=END - 6 * DAY,
        description=secret,
    )

    answers = [ask(), ask(f"service=order&date={DATE}")]

    for answer in answers:
        codes = [finding["code"] for finding in answer.json()["findings"]]
        assert codes == ["REVIEW_OVERDUE", "POSTMORTEM_MISSING", "ITEM_OVERDUE"]
        assert "Acme" not in answer.content.decode()
    assert not any("Acme" in str(decision.findings) for decision in GateDecision.objects.all())


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("", "invalid", "service"),
        ("service=", "invalid", "service"),
        ("service=%20", "invalid", "service"),
        ("service=%00", "invalid", "service"),
        ("service=order%00", "invalid", "service"),
        ("service=%ff%fe", "invalid", "service"),
        ("service=" + "x" * 81, "invalid", "service"),
        ("service=order&service=order", "invalid", "service"),
        ("service=order&date=", "invalid", "date"),
        ("service=order&date=today", "invalid", "date"),
        ("service=order&date=2026-02-30", "invalid", "date"),
        ("service=order&date=0000-01-01", "invalid", "date"),
        ("service=order&date=0001-01-01", "invalid", "date"),
        ("service=order&date=20261119", "invalid", "date"),
        ("service=order&date=2026-11-19%00", "invalid", "date"),
        ("service=order&date=%D9%A2%D9%A0%D9%A2%D9%A6-11-19", "invalid", "date"),
        ("service=order&date=9999-12-31", "date_in_future", "date"),
        ("service=order&date=2026-11-19&date=2026-11-18", "invalid", "date"),
        ("service=order&data=2026-11-19", "invalid", "data"),
        ("&".join(f"service={n}" for n in range(50)), "invalid", ""),
    ],
)
def test_audit_refuses_a_bad_question_and_names_the_parameter(ask, order, query, code, field):
    answer = ask(query)

    body = answer.json()
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert body.keys() >= {"type", "title", "status", "code", "detail"}
    assert (body["status"], body["code"], list(body["errors"])) == (400, code, [field])
    assert not GateDecision.objects.exists()


def test_audit_refuses_tomorrow_and_answers_for_today(ask, order, settings):
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        settings.TIME_ZONE = zone
        current = domain.today(timezone.now())

        assert ask(f"service=order&date={current + DAY}").json()["code"] == "date_in_future"
        assert ask(f"service=order&date={current}").json()["date"] == current.isoformat()


def test_audit_of_a_past_day_ends_at_midnight_of_the_installation(ask, order, settings):
    settings.TIME_ZONE = "Asia/Shanghai"

    assert ask(f"service=order&date={DATE}").json()["as_of"] == "2026-11-19T15:59:59Z"


def test_audit_of_an_unknown_service_is_404(ask, order):
    answer = ask("service=orders")

    assert answer.status_code == 404
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "service_unknown",
        "detail": "There is no service of this name.",
    }


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer clp_nonsense",
        "Basic dXNlcjpwYXNz",
        "Bearer clp_" + "a" * 12 + "." + "b" * 43,
        "Bearer \x00\xff",
        "Bearer " + "x" * 9000,
    ],
)
def test_audit_without_a_good_token_is_401(ask, order, authorization):
    answer = ask(authorization=authorization)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith('Bearer realm="Closeloop"')
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in {"not_authenticated", "token_not_valid"}
    assert not GateDecision.objects.exists()


def test_audit_with_a_token_that_no_longer_counts_is_401(ask, order):
    now = timezone.now()
    owner = f.user()
    expired = f.api_token(owner, scopes=["audit"], now=now - 40 * DAY)[1]
    revoked, revoked_secret = f.api_token(owner, scopes=["audit"], now=now)
    tokens.revoke(revoked, now=now)
    gone = f.user()
    ownerless = f.api_token(gone, scopes=["audit"], now=now)[1]
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    good = f.api_token(owner, scopes=["audit"], now=now)[1]
    forged = good[:20] + ("b" if good[20] == "a" else "a") + good[21:]

    for secret in (expired, revoked_secret, ownerless, forged):
        answer = ask(authorization=f"Bearer {secret}")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


def test_audit_with_another_scope_is_403(ask, order):
    secret = f.api_token(scopes=["read", "write", "gate"], now=timezone.now())[1]

    answer = ask(authorization=f"Bearer {secret}")

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_audit_answers_get_only(ask, order, method):
    answer = ask(method=method)

    assert answer.status_code == 405
    assert answer["Allow"] == "GET"
    assert method == "HEAD" or answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("query", ["service=order", "service=nothing", "service="])
def test_audit_is_never_cached_nor_sniffed(ask, order, query):
    answer = ask(query)

    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies


def test_audit_keeps_each_distinct_decision_once(ask, order):
    first, second = ask().json(), ask().json()
    domain._kept.clear()  # as in another process
    third = ask().json()
    overdue(order)
    fourth = ask().json()

    assert first["decision"] == second["decision"] == third["decision"] != fourth["decision"]
    kept = {str(decision.id): decision for decision in GateDecision.objects.all()}
    assert kept.keys() == {first["decision"], fourth["decision"]}
    decision = kept[fourth["decision"]]
    assert (decision.kind, decision.verdict, decision.service, decision.policy_version) == (
        "audit",
        "FAIL",
        order,
        "2026-11-3/gate-1v1",
    )
    assert [finding["code"] for finding in decision.findings] == ["ITEM_OVERDUE"]


def test_audit_keeps_the_decisions_of_two_tokens_apart(ask, order):
    other = f.api_token(scopes=["audit"], now=timezone.now())[1]

    assert ask().json()["decision"] != ask(authorization=f"Bearer {other}").json()["decision"]


@pytest.mark.parametrize("query", ["service=order", f"service=order&date={DATE}"])
def test_audit_runs_one_statement_in_the_steady_state(ask, order, query):
    sound_item(order)
    missing(order)
    ask(query)

    with statements() as seen:
        ask(query)

    assert seen == ["Execute"]


@pytest.mark.django_db(transaction=True)
def test_audit_opens_no_transaction(ask):
    f.service("order")
    ask()

    with statements() as seen:
        ask()

    assert seen == ["Execute"]
    assert connection.get_autocommit()


def test_audit_notes_the_use_of_a_token_once_a_minute(ask, order):
    ask()
    token = ApiToken.objects.get()
    assert timezone.now() - token.last_used_at < timedelta(minutes=1)

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=50))
    before = ApiToken.objects.get().last_used_at
    ask()
    assert ApiToken.objects.get().last_used_at == before

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    ask()
    assert ApiToken.objects.get().last_used_at > before


@pytest.mark.django_db(transaction=True)
def test_audit_survives_a_connection_that_died(ask):
    f.service("order")
    assert ask().status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()

    answer = ask()

    assert (answer.status_code, answer.json()["status"]) == (200, "PASS")


@pytest.mark.django_db(transaction=True)
def test_audit_without_a_database_is_503_and_no_verdict(ask, monkeypatch):
    f.service("order")
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nonexistent")

    answer = ask()

    connection.close()
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert "PASS" not in json.dumps(answer.json())


def test_audit_urls_lead_to_pages_of_their_kind(order):
    """The paths are written out in api/audit.py, for reverse() costs more than the answer."""
    from django.urls import NoReverseMatch, reverse

    from api.audit import page_of

    for name, public_id in (
        ("item", "RI-2026-0001"),
        ("review", "PM-2026-0001"),
        ("incident", "INC-2026-0001"),
    ):
        try:
            path = reverse(f"web:{name}", args=[public_id])
        except NoReverseMatch:
            pytest.fail(f"there is no page {name}")
        assert page_of(public_id) == f"http://testserver{path}"


def test_incidents_of_a_golden_day_are_what_they_seem(order):
    missing(order)

    assert Incident.objects.get().review_due_at == END - 3 * DAY
