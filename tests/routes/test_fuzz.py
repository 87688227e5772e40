"""The schema says what may be sent and what comes back: hundreds of requests that fit it, and hundreds that do not.

No answer is a failure of ours, each has the status, content type and shape that the schema promises, and what the schema
forbids is refused. Most requests are about things that exist; chains of them follow the schema's links from what was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from tests import environment
from tests.routes.world import World

if TYPE_CHECKING:
    from tests.routes.fuzzing import Fuzzer

ASKERS = ("charlie", "alice", "operator")
HOW = environment.fuzzing()
# Per operation and asker: with more than two hundred operations some five hundred requests of each of three askers. To find
# the edges of a schema takes as long as a dozen requests: the soak alone goes there.
EXAMPLES, EDGES = 2 * HOW.factor, HOW.factor - 1
CASES = 300 * HOW.factor
# Chains of requests per asker, and the requests of each.
CHAINS, STEPS = 5 * HOW.factor, 12


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
    from tests.routes.fuzzing import api_of  # schemathesis takes a second, which only these tests shall pay

    return api_of(openapi, get_wsgi_application())


def _note(fuzzer: Fuzzer) -> None:
    """Tell the soak how much was asked."""
    if HOW.log is not None:
        with HOW.log.open("a") as lines:
            lines.write(json.dumps({"asker": fuzzer.asker, "asked": fuzzer.asked}) + "\n")


@pytest.mark.timeout(180 * HOW.factor)
@pytest.mark.parametrize("asker", ASKERS)
def test_every_answer_is_as_the_schema_says(_one_connection: None, world: World, api: Any, asker: str) -> None:
    from tests.routes.fuzzing import Fuzzer

    fuzzer = Fuzzer(api, world, asker, HOW.seed)
    fuzzer.ask_each(EXAMPLES, EDGES)
    _note(fuzzer)
    assert fuzzer.failures == [], "\n\n".join(fuzzer.failures)
    assert fuzzer.asked.total() >= CASES


@pytest.mark.timeout(180 * HOW.factor)
@pytest.mark.parametrize("asker", ASKERS)
def test_what_is_made_is_there_until_it_is_deleted(_one_connection: None, world: World, api: Any, asker: str) -> None:
    from tests.routes.fuzzing import Fuzzer

    fuzzer = Fuzzer(api, world, asker, HOW.seed)
    fuzzer.chain(CHAINS, STEPS)
    _note(fuzzer)
    assert fuzzer.failures == [], "\n\n".join(fuzzer.failures)
    assert fuzzer.asked["linked"] >= CHAINS
