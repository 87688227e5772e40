"""The OpenAPI schema of the whole platform: complete, unambiguous, one shape of refusal."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tools.client_models import fingerprint, written_fingerprint


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
        return dict(generator.get_schema(request=None, public=True))


def test_the_schema_is_valid_and_nothing_in_it_was_guessed(schema: dict[str, Any]) -> None:
    validate_schema(schema)  # type: ignore[no-untyped-call]
    found = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert found == []


def test_the_python_clients_models_are_of_this_schema(schema: dict[str, Any]) -> None:
    """Where they are not: `python -m tools.client_models`."""
    assert fingerprint(schema) == written_fingerprint()


def test_every_operation_is_summarised_and_its_refusals_are_problems(schema: dict[str, Any]) -> None:
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert operations.keys() >= {"POST /api/v1/tokens/", "GET /api/v1/me/", "GET /api/v1/portfolios/"}
    problem = {"$ref": "#/components/schemas/Problem"}
    for name, operation in operations.items():
        assert operation.get("summary"), name
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, name
        assert operation["x-required-scope"] in {"read", "trade", "publish", "manage"}, name
    refused = schema["components"]["responses"]["Problem"]["content"]
    assert refused["application/problem+json"]["schema"] == problem
