"""Whatever is asked of a page or sent to it, no answer is a failure of the server."""

import pytest
from django.utils import timezone

from tests import factories

pytestmark = pytest.mark.django_db

LISTS = [
    "/",
    "/items/",
    "/items/export.csv",
    "/services/",
    "/gate/",
    "/gate/connect",
    "/search",
    "/report/",
    "/items/new",
    "/items/new/due",
    "/settings/",
    "/settings/tokens/",
    "/probes/templates/",
    "/probes/templates/db-pool-headroom/",
    "/settings/data-sources/",
]
KEYS = [
    "q",
    "state",
    "service",
    "team",
    "owner",
    "mine",
    "overdue",
    "after",
    "before",
    "verdict",
    "kind",
    "severity",
    "category",
    "review",
    "scope",
    "asked",
    "sort",
]
NASTY = [
    "", "\ud7ff", "💥" * 50, "'\";--", "<script>", "-1", "0", "9" * 40, "1e400", "NaN", "../../etc",
    "%s%n{}{{}}", "x" * 3000,
]  # fmt: skip
FORMS = [
    "/items/{item}/start",
    "/items/{item}/claim",
    "/items/{item}/withdraw",
    "/items/{item}/decline",
    "/items/{item}/reopen",
    "/items/{item}/assign",
    "/checks/{check}/run",
    "/checks/{check}/pause",
    "/checks/{check}/resume",
    "/services/new",
    "/services/{service}/edit",
    "/settings/",
    "/settings/password",
    "/settings/tokens/",
    "/settings/data-sources/",
    "/login",
    "/report/2026-05/publish",
]
CHECK_FORMS = ["/items/new", "/checks/try", "/items/{item}/checks/new", "/checks/{check}/edit"]
FIELDS = [
    "title",
    "description",
    "owner",
    "team",
    "service",
    "severity",
    "category",
    "kind",
    "due_date",
    "tracker_url",
    "fix_url",
    "never_red_reason",
    "reason",
    "approved_by",
    "to",
    "name",
    "slug",
    "tier",
    "repositories",
    "time_zone",
    "language",
    "theme",
    "scopes",
    "days",
    "base_url",
    "old_password",
    "new_password1",
    "new_password2",
    "username",
    "password",
    "intent",
    "check-data_source",
    "check-promql",
    "check-quantifier",
    "check-comparator",
    "check-threshold",
    "check-no_data_rule",
    "check-command",
    "check-shell_expectation",
    "check-pattern",
    "check-name",
    "check-interval_seconds",
    "check-timeout_seconds",
    "check-passes_needed",
    "check-fails_needed",
]
ADDRESSES = [
    "/items/{}/",
    "/items/{}/claim",
    "/checks/{}/",
    "/checks/{}/waiting",
    "/services/{}/",
    "/gate/{}/",
    "/report/{}/",
    "/report/{}/due.csv",
    "/settings/tokens/{}/revoke",
    "/settings/data-sources/{}/",
    "/settings/wording/{}/",
]


@pytest.fixture
def admin(client):
    client.force_login(factories.user(role="administrator"))
    client.raise_request_exception = True
    return client


@pytest.mark.parametrize("value", NASTY)
def test_lists_answer_any_query(admin, value):
    factories.item()
    for path in LISTS:
        assert admin.get(path, dict.fromkeys(KEYS, value)).status_code < 500


@pytest.mark.parametrize("value", NASTY)
def test_forms_answer_any_input(admin, value):
    item = factories.item(checks=2)
    places = {"item": item, "check": item.verification_checks.first().pk, "service": item.service.slug}
    for form in FORMS:
        assert admin.post(form.format(**places), dict.fromkeys(FIELDS, value)).status_code < 500
    for form in CHECK_FORMS:
        for kind in ("shell", "prometheus", value):
            sent = dict.fromkeys(FIELDS, value) | {"check-kind": kind}
            assert admin.post(form.format(**places), sent).status_code < 500


@pytest.mark.parametrize("body", [b"\x00", b"\xff\xfe=1", b"a=%ff%fe", b"=" * 3000, b"&" * 2000])
def test_forms_answer_broken_bodies(admin, body):
    item = factories.item()
    for path in ("/items/new", f"/items/{item.public_id}/decline", "/settings/tokens/", "/login"):
        assert admin.post(path, body, content_type="application/x-www-form-urlencoded").status_code < 500
        assert admin.post(path, body, content_type="multipart/form-data; boundary=x").status_code < 500


@pytest.mark.parametrize("value", ["%00", "%ff", "%2e%2e%2f", "x" * 2000, "9" * 40, "%F0%9F%92%A5"])
def test_addresses_with_any_id_are_answered(admin, value):
    for path in ADDRESSES:
        assert admin.get(path.format(value)).status_code in (400, 404)


def test_a_page_in_the_other_language_works_too(client):
    client.force_login(factories.user(language="zh-hans", time_zone="Asia/Shanghai"))
    item = factories.item(state="verified")
    check = item.verification_checks.get()
    factories.check_run(check, slot=timezone.now())

    for path in [
        *LISTS[:-1],
        f"/items/{item.public_id}/",
        f"/checks/{check.pk}/",
        f"/services/{item.service.slug}/",
    ]:
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers.get("Content-Language") == "zh-hans"
