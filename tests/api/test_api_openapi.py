"""The service keeps to its own description, and no request generated from it gets a 5xx, for any role.

JIUZHU_FUZZ says how many requests are drawn for each operation and role (docs/testing.md).
"""

from __future__ import annotations

from typing import Any

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from api_live import Live
from hypothesis import HealthCheck, Phase, given
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from api.app import ENDPOINTS
from api.problems import KINDS
from tests.loops import size

FUZZ = size("JIUZHU_FUZZ")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def described(small: Live) -> dict[str, Any]:
    found: dict[str, Any] = small.get("/openapi.json").json
    return found


def test_the_document_is_valid_openapi_3_1(live: Live, described: dict[str, Any]) -> None:
    for document in (described, live.get("/openapi.json").json):
        assert document["openapi"].startswith("3.1.")
        problems = [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)]
        assert not problems, problems
        for name, schema in document["components"]["schemas"].items():
            whole = {**schema, "components": document["components"]}
            assert jsonschema_rs.meta.is_valid(whole), name
            jsonschema_rs.Draft202012Validator(whole)  # every $ref leads somewhere


def test_every_endpoint_is_described_with_words_scope_and_problems(described: dict[str, Any]) -> None:
    for each in ENDPOINTS:
        operation = described["paths"][each.path][each.method.lower()]
        assert " / " in operation["summary"] and operation.get("x-scope", "") == each.scope
        assert str(each.status) in operation["responses"] and "500" in operation["responses"]
        if each.body is not None:
            assert operation["requestBody"]["content"]["application/json"]["schema"]
        for parameter in operation["parameters"]:
            assert parameter["schema"], parameter
    assert set(described["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(KINDS)
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names) == len(ENDPOINTS)


def test_the_examples_in_the_document_work(small: Live, described: dict[str, Any]) -> None:
    tried = 0
    for path, operations in described["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" not in content:
                continue
            where = path
            if "{id}" in path:
                id = small.post("/v1/decisions", "caseworker", {"household": {"members": [{"id": "a"}]}}).json["id"]
                where = path.replace("{id}", str(id))
            answer = small.post(where, "caseworker", content["example"])
            assert answer.status in (200, 201), (path, answer.body)
            tried += 1
    assert tried >= 3


def test_the_schema_of_a_household_takes_what_the_service_takes(live: Live, family: dict[str, Any]) -> None:
    """The example households pass the schema, and what the schema refuses the service refuses."""
    components = live.get("/openapi.json").json["components"]
    schema = {**components["schemas"]["Household"], "components": components}
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert validator.is_valid(family)
    assert live.post("/v1/evaluations", "policy", {"household": family}).status == 200
    wrong = [
        {**family, "no_such": 1}, {**family, "members": []}, {**family, "owns_car": "no"},
        {**family, "receiving": ["x"]},
        {**family, "members": [{**family["members"][0], "savings": "1.005"}]},
        {**family, "members": [{**family["members"][0], "savings": {"lowest": 1, "verified": "yes"}}]},
        {**family, "members": [{**family["members"][0], "id": "-"}]},
    ]  # fmt: skip
    for household in wrong:
        assert not validator.is_valid(household)
        assert live.post("/v1/evaluations", "policy", {"household": household}).status == 422


GOOD, BAD = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
ROLES = ("caseworker", "policy", "auditor", "admin")


@pytest.mark.parametrize(
    ("role", "mode"),
    [("", GOOD), *((role, mode) for role in ROLES for mode in (GOOD, BAD))],
    ids=lambda value: value if isinstance(value, str) else value.value,
)
def test_no_request_made_from_the_document_breaks_it(small: Live, role: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{small.url}/openapi.json")
    headers = {"Authorization": f"Bearer {small.tokens[role]}"} if role else {}
    tried: set[str] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        try:
            cases = operation.as_strategy(generation_mode=mode)
        except Exception as error:  # an operation without parameters has no bad requests
            assert "negative" in str(error).lower() or mode is GenerationMode.NEGATIVE, error
            continue

        @hypothesis.settings(
            max_examples=FUZZ,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def send(case: Any) -> None:
            response = case.call(headers=headers, timeout=60)
            tried.add(f"{case.method} {case.path}")
            case.validate_response(response, checks=CHECKS, headers=headers)

        try:
            send()
        except hypothesis.errors.Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE
    if mode is GenerationMode.POSITIVE:
        # schemathesis leaves out where the document itself comes from; the other tests here read that
        assert tried | {"GET /openapi.json"} == {each.label for each in ENDPOINTS}
    assert len(tried) >= 12
