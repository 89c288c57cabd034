import json
import re

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft4Validator

from api.shapes import Answer, Empty, Page, Strict
from postmortem.errors import DomainError
from tests.api.conftest import Caller
from tests.api.document import DOCUMENT, operations


def test_document_is_valid_and_the_generator_warns_of_nothing(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_document_is_served_to_everybody(db):
    response = Client().get("/api/v1/schema")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.oai.openapi+json"
    assert response.json()["info"]["title"] == "Closeloop API"


def test_operation_ids_are_unique_and_speak():
    ids = [operation["operationId"] for _path, _method, operation in operations()]

    assert len(ids) == len(set(ids))
    assert {"incidents_list", "reviews_open", "steps_sign", "items_claim_fix", "checks_trial"} <= set(ids)


def test_every_operation_says_what_it_does_and_how_it_refuses():
    for path, method, operation in operations():
        assert operation["description"], (path, method)
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"400", "401", "403"} <= refusals.keys(), (path, method)
        assert all("application/problem+json" in answer["content"] for answer in refusals.values())


def test_only_what_is_read_comes_in_pages():
    in_pages = [method for _path, method, one in operations() if "Paginated" in str(one["responses"])]

    assert set(in_pages) == {"get"}


def test_every_path_of_the_api_is_in_the_document():
    from api.urls import urlpatterns

    described = {path.removeprefix("/api/v1/") for path in DOCUMENT["paths"]}
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        if route != "schema" and "(?P" not in route:
            assert _template(route) in described


def test_every_group_of_paths_is_named_in_the_documentation():
    text = (settings.BASE_DIR / "docs" / "api.md").read_text()
    table = text.partition("## What is where")[2].partition("\n## ")[0]
    groups = {path.split("/")[3] for path in DOCUMENT["paths"]} | {"schema"}

    named = re.findall(
        r"`/([a-z-]+)`", "".join(line.split("|")[1] for line in table.splitlines() if "`/" in line)
    )

    assert sorted(named) == sorted(groups)


def test_every_path_that_the_documentation_names_exists():
    """In words such as `POST /tokens/12/rotate`; a name or number of a record stands for any."""
    known = [re.sub(r"{\w+}", "[^/]+", path.removeprefix("/api/v1")) for path in DOCUMENT["paths"]]
    ours = "|".join(known) + "|/schema"
    wrong = set()
    for page in sorted((settings.BASE_DIR / "docs").glob("*.md")):
        for method, path in re.findall(
            r"`(GET|POST|PUT|PATCH|DELETE) (?:/api/v1)?(/[^ `?]+)", page.read_text()
        ):
            # Shortened paths begin with an ellipsis, and other systems have paths of their own.
            if not re.fullmatch(ours, path) and not re.match(
                r"/(sre/audit|events/<key>|healthz|version|metrics)$", path
            ):
                wrong.add((page.name, method, path))

    assert wrong == set()


def _template(route):
    """incidents/<inc:incident> as incidents/{incident}."""
    parts = route.split("/")
    return "/".join(f"{{{part[1:-1].partition(':')[2]}}}" if part.startswith("<") else part for part in parts)


def validator(path, method="get", status="200"):
    """Checks an answer against what the document says of it."""
    (content,) = DOCUMENT["paths"][f"/api/v1/{path}"][method]["responses"][status]["content"].values()
    return Draft4Validator(_with_null({**content["schema"], "components": DOCUMENT["components"]}))


def schema_of(component):
    return _with_null({"$ref": f"#/components/schemas/{component}", "components": DOCUMENT["components"]})


def _with_null(node):
    """OpenAPI 3.0 says nullable where JSON Schema has a type "null"."""
    if isinstance(node, list):
        return [_with_null(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_null(value) for key, value in node.items()}
    if node.pop("nullable", False) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


@pytest.mark.parametrize(
    "path",
    [
        "users", "users/me", "users/{user}", "teams", "teams/{team}", "services", "services/{service}",
        "severities", "incidents", "incidents/{incident}", "incidents/{incident}/timeline",
        "incidents/{incident}/merged-timeline", "incidents/{incident}/changes",
        "incidents/{incident}/deploys",
        "review-templates", "reviews/{review}/approvals", "reviews/{review}/guide",
        "reviews/{review}/measurements", "reviews/{review}/change-search", "reviews", "reviews/{review}",
        "reviews/{review}/gaps", "items", "items/{item}", "checks/{check}", "checks/{check}/runs",
        "checks/{check}/days", "runs/{run}", "data-sources", "data-sources/{source}",
        "event-sources", "event-sources/{event_source}", "event-sources/{event_source}/events",
        "event-sources/{event_source}/events/{event}",
        "probe-secrets", "probes/templates", "probes/waiting",
        "tokens", "tokens/{token}", "service-accounts", "service-accounts/{account}",
        "reports", "reports/{month}",
        "incidents/{incident}/evidence", "evidence/{file}",
        "reviews/{review}/merged-timeline", "reviews/{review}/revisions",
        "reviews/{review}/addenda", "texts/{text}/versions", "texts/{text}/versions/{version}",
    ],
)  # fmt: skip
def test_answer_is_what_the_document_says(world, path):
    response = world.caller.get(world.path(path))

    assert response.status_code == 200, response.content
    validator(path).validate(response.json())


def test_answer_of_a_change_and_of_a_refusal_is_what_the_document_says(world):
    body = {
        "title": "Orders fail",
        "severity": "P1",
        "started_at": "2026-11-20T10:00:00+08:00",
        "services": [{"service": "order", "part": "origin"}],
    }

    made, refused = world.caller.post("incidents", body), world.caller.post("incidents", {})

    validator("incidents", "post", "201").validate(made.json())
    validator("incidents", "post", "400").validate(refused.json())


def test_run_that_waits_is_what_the_document_says(world):
    asked = world.caller.post(world.path("checks/{check}/runs"))
    found = world.caller.get(f"runs/{asked.json()['id']}")

    assert (asked.status_code, found.status_code) == (201, 200)
    validator("checks/{check}/runs", "post", "201").validate(asked.json())
    validator("runs/{run}").validate(found.json())


def test_verdicts_of_the_gate_are_what_the_document_says(world):
    ci = Caller(world.caller.user, scopes=["audit", "gate"])
    change = {
        "repository": "shop/order",
        "commits": [{"sha": "abc", "message": f"Fix\n\nPostmortem: {world.parts['review']}"}],
    }

    audit, decision = ci.get("audit", service="order"), ci.post("gate/changes", change)

    validator("audit").validate(audit.json())
    validator("gate/changes", "post").validate(decision.json())
    Draft4Validator(schema_of("ChangeRequest")).validate(change)


def test_validator_of_these_tests_finds_what_is_wrong(world):
    answer = world.caller.get(world.path("incidents/{incident}")).json()

    assert not validator("incidents/{incident}").is_valid(answer | {"title": 5})
    assert not validator("incidents/{incident}").is_valid(
        {name: answer[name] for name in answer if name != "id"}
    )


def test_every_code_of_a_refusal_is_documented():
    """Programs switch on codes, so the page that says what they mean has all of them."""
    classes: list[type[DomainError]] = DomainError.__subclasses__()
    for one in classes:
        classes += one.__subclasses__()
    # Pages refuse what no program can ask for.
    codes = {one.code for one in classes if not one.__module__.startswith("web.")}
    text = (settings.BASE_DIR / "docs" / "api.md").read_text()

    assert len(codes) > 80
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


def test_every_body_says_that_it_takes_no_other_fields():
    open_ones = set()
    for path, method, operation in operations():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            if DOCUMENT["components"]["schemas"][name].get("additionalProperties") is not False:
                open_ones.add((method, path, name))

    assert open_ones == set()


def test_schema_says_nothing_of_the_class_that_its_own_is_based_on():
    bases = {(base.__doc__ or "").strip() for base in (Strict, Page, Answer, Empty)}

    said = {one.get("description", "") for one in DOCUMENT["components"]["schemas"].values()}

    assert said & bases == set()


def test_alternatives_may_both_hold():
    """An empty text is of no length, and may be an address to who does not look at formats."""
    assert '"oneOf"' not in json.dumps(DOCUMENT)


def test_file_is_answered_as_one_of_the_media_types_in_the_document(world):
    answer = world.caller.get(world.path("evidence/{file}/content"))

    described = DOCUMENT["paths"]["/api/v1/evidence/{file}/content"]["get"]["responses"]["200"]["content"]
    assert answer["Content-Type"].partition(";")[0] in described
    assert {"image/png", "text/plain", "application/pdf"} <= described.keys()
