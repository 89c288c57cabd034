"""Settings of governors: the gate's policy in rows, in words, and tried before it is saved."""

import pytest
from django.utils import timezone

from governance import gates
from governance.models import GateDecision, GatePolicy
from tests import factories, gating
from web import gatewords

pytestmark = pytest.mark.django_db

LIST = "/settings/gate-policies/"


@pytest.fixture
def page(client):
    client.force_login(factories.user("Gia", role="governor"))
    return client


def fields(**changes):
    return {"name": "Shop", "repositories": "shop/*\nweb", "mode": "warn", "freeze": "never"} | changes


def text_of(sentences):
    return " ".join(map(str, sentences))


def decided(verdict="FAIL", **fields):
    return GateDecision.objects.create(
        kind="change",
        decided_at=timezone.now(),
        token=factories.api_token(scopes=["gate"])[0],
        verdict=verdict,
        findings=[],
        policy_version="2026-11-1",
        **{"repository": "shop/order", "change_id": "!42", "request": {"labels": ["docs"]}} | fields,
    )


def test_list_shows_the_rows_in_order_and_in_words(page):
    gating.policy(repositories=["shop/*"], name="Shop")

    body = page.get(LIST).content.decode()

    assert body.index("Shop") < body.index("Default")
    assert "<code>shop/*</code>" in body
    assert "CI stops the merge unless the verdict is PASS." in body


def test_row_is_added(page):
    response = page.post(
        f"{LIST}new", fields(excused_labels="docs", most_uses="3", not_counting=["PM_OVERUSED"])
    )

    row = gates.rows().first()
    assert (response.status_code, response["Location"]) == (302, LIST)
    assert (row.name, row.repositories, row.mode, row.excused_labels, row.most_uses, row.not_counting) == (
        "Shop",
        ["shop/*", "web"],
        "warn",
        ["docs"],
        3,
        ["PM_OVERUSED"],
    )


def test_form_shows_what_the_row_says_and_saves_it_as_it_was(page):
    row = gating.policy(
        repositories=["shop/*", "web"], name="Shop", excused_paths=["docs/**"], asks_audit=True
    )
    form = page.get(f"{LIST}{row.key}/").context["form"]
    shown = {name: form[name].value() for name in form.fields}

    sent = {name: value for name, value in shown.items() if value not in (None, False, "")}
    page.post(f"{LIST}{row.key}/", sent)

    assert shown["repositories"] == "shop/*\nweb"
    assert str(gates.rows().get(key=row.key)) == "gate-2v1"


def test_edit_makes_a_version_and_another_one_meanwhile_is_not_lost(page):
    row = gating.policy(repositories=["shop/*"], name="Shop")
    assert page.post(f"{LIST}{row.key}/", fields(version=1)).status_code == 302

    late = page.post(f"{LIST}{row.key}/", fields(mode="off", version=1))

    assert late.status_code == 409
    assert gates.rows().get(key=row.key).mode == "warn"
    assert page.post(f"{LIST}{row.key}/", fields(mode="off", version=2)).status_code == 302


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Default"}, "name"),
        ({"repositories": " "}, "repositories"),
        ({"repositories": "x" * 201}, "repositories"),
        ({"mode": "loud"}, "mode"),
        ({"most_uses": "0"}, "most_uses"),
        ({"not_counting": ["NONE"]}, "not_counting"),
    ],
)
@pytest.mark.parametrize("button", [{}, {"try": "1"}])
def test_wrong_value_is_said_beside_its_field(page, changes, field, button):
    response = page.post(f"{LIST}new", fields(**changes) | button)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert GatePolicy.objects.count() == 1


def test_row_for_all_has_no_repositories_to_fill_in(page):
    response = page.get(f"{LIST}1/")

    assert "repositories" not in response.context["form"].fields
    assert page.post(f"{LIST}1/", {"name": "Default", "mode": "warn", "freeze": "never"}).status_code == 302
    assert gating.for_all().mode == "warn"


def test_trying_shows_what_would_have_been_blocked_and_saves_nothing(page):
    decided()
    decided(change_id="!43", request={})

    response = page.post(f"{LIST}1/", {"name": "Default", "mode": "strict", "freeze": "never", "try": "1",
                                       "excused_labels": "docs"})  # fmt: skip

    body = response.content.decode()
    assert response.status_code == 200
    assert "Would have blocked 1 of 2 changes" in body
    assert "A change with the label <code>docs</code> passes at once." in body
    assert [row.decision["change_id"] for row in response.context["notable"]] == ["!43", "!42"]
    assert gating.for_all().version == 1


def test_trying_escapes_what_ci_sent(page):
    decided(title="<script>alert(1)</script>", repository="<b>")

    response = page.post(
        f"{LIST}1/", {"name": "Default", "mode": "warn", "freeze": "never", "branches": "<i>", "try": "1"}
    )

    body = response.content.decode()
    assert "<script>alert" not in body
    assert "<i>" not in body.split("<textarea")[0]


def test_rows_are_moved_and_removed(page):
    first, second = (gating.policy(repositories=[name], name=name) for name in ("one", "two"))

    page.post(f"{LIST}{second.key}/move", {"up": "1"})
    assert [row.name for row in gates.rows()] == ["two", "one", "Default"]
    page.post(f"{LIST}{first.key}/remove")
    assert [row.name for row in gates.rows()] == ["two", "Default"]
    assert page.get(f"{LIST}{first.key}/").status_code == 404


def test_row_for_all_is_not_removed(page):
    page.post(f"{LIST}1/remove")

    assert gates.rows().count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often(page, django_assert_num_queries, rows):
    for number in range(rows):
        gating.policy(repositories=[f"shop/{number}"])

    # Session, person, rows; whether the reader looks after a team. Of the history: which entries there are,
    # the newest of them, their rows, and the versions before those.
    with django_assert_num_queries(9):
        page.get(LIST)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"mode": "dry-run"}, "CI says what it would have blocked and goes on."),
        ({"fails_open": True}, "When the gate does not answer, merges go on."),
        (
            {"branches": ["main", "release/*"]},
            "than <code>main</code>, <code>release/*</code> passes at once.",
        ),
        ({"most_uses": 1}, "One postmortem lets 1 change pass."),
        ({"freeze": "everywhere"}, "While any P0 item is overdue, nothing passes."),
        ({"waivers_alone": True}, "One governor alone may grant a waiver; all others are told at once."),
        ({"not_counting": ["PM_OVERUSED"]}, "Shown, and not counted: The postmortem was named too often."),
        ({"excused_labels": ["<b>"]}, "<code>&lt;b&gt;</code>"),
        ({"excused_labels": ["%s"]}, "<code>%s</code>"),
    ],
)
def test_row_is_explained_in_words(facts, said):
    assert said in text_of(gatewords.sentences(gating.policy(**facts)))
