"""The schema says what may be sent and what comes back: hundreds of requests that fit it, and hundreds that do not.

No answer is a failure of ours, and each has the status, content type and shape that the schema promises. Every other
request is about things that exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures_counts import forget_counts
from tests.routes.world import World

# Per operation and asker: with more than two hundred operations some five hundred requests of each of three askers.
EXAMPLES = 2
CASES = 300
ASKERS = ("charlie", "alice", "operator")


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Keep the test's transaction: the application in its own right would close connections after each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def api(openapi: dict[str, Any]) -> Any:
    import schemathesis  # takes a second, which only these tests shall pay

    schema = schemathesis.openapi.from_dict(openapi)
    schema.app = get_wsgi_application()
    return schema


def _known(world: World) -> dict[str, Any]:
    """Return what exists, by the names that bodies give it."""
    return {
        "portfolio": world.pit.lead.pk,
        "from_portfolio": world.own["charlie"].pk,
        "target": world.own["alice"].pk,
        "instrument": world.pit.instrument.pk,
        "version": world.version.pk,
        "allowed_instruments": [str(world.pit.instrument.pk)],
        "exchange": world.pit.desk.exchange.code,
        "settlement": "USDT",
    }


def _about_what_exists(case: Any, world: World) -> None:
    """Put alice's things into a request, wherever it names one."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = str(world.values[name])
    if isinstance(case.body, dict):
        known = _known(world)
        for name in case.body.keys() & known.keys():
            case.body[name] = known[name] if isinstance(known[name], list) else str(known[name])


@pytest.mark.parametrize("asker", ASKERS)
def test_every_answer_is_as_the_schema_says(_one_connection: None, world: World, api: Any, asker: str) -> None:
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    promised = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    headers = {"Authorization": f"Bearer {world.secrets[asker]}", "Host": "127.0.0.1"}
    asked = 0
    for found in api.get_all_operations():
        operation = found.ok()
        cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(case=cases, exists=st.booleans())
        def answer_fits(case: Any, exists: bool) -> None:
            nonlocal asked
            asked += 1
            forget_counts()
            if exists:
                _about_what_exists(case, world)
            with transaction.atomic():
                answer = case.call(headers=headers)
                transaction.set_rollback(True)
            case.validate_response(answer, checks=promised)

        answer_fits()
    assert asked >= CASES
