"""Requests that fit the API's schema, requests that nearly do, and chains of them; what every answer is held to.

How much is asked, and with which seed, the environment says (tests/environment.py): `make test` asks little and the same
each time, `make soak ONLY=api` much and something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from django.db import transaction
from django.urls import resolve
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi import checks

from tests.fixtures_counts import forget_counts
from tests.routes.bodies import bodies
from tests.routes.routes import Route
from tests.routes.world import World

# All that schemathesis has, but for these:
# - positive_data_acceptance: a schema says what an order looks like, not whether there is money for it.
# - object_level_authorization compares two people's answers by itself; tests/routes/test_refusals.py asks all six of each thing.
# - ensure_resource_availability: asked in `_look_at`, see there.
# - allow_header_conformance looks at answers to OPTIONS, which no route documents.
PROMISED = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.use_after_free,
    checks.ignored_auth,
)
# What is wrong with a request is told by any of these; which one depends on what is looked at first.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
# DELETE ends these, or what they hung on; they are shown ever after, with what became of them.
STAYS = (
    "/api/v1/exchange-accounts/",
    "/api/v1/price-alerts/",
    "/api/v1/tokens/",
    "/api/v1/portfolios/{portfolio_id}/risk/decisions/",
)
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
# Drawn beside the asker's own token, which opens the door: it would look as if they had.
CREDENTIALS = {"X-Session-Token", "Cookie"}
CHAINS_AT_ONCE = 5
# How much of a request is about things that exist: nothing; what it names; also the body, but for what is wrong with it;
# all of it, so that something is made.
RANDOM, ABOUT_THINGS, NEARLY_RIGHT, RIGHT = range(4)
# A failure shows the request that led to it; to look for a smaller one takes hundreds more.
DRAWING: dict[str, Any] = {
    "database": None,
    "phases": [Phase.generate],
    "report_multiple_bugs": False,
    "suppress_health_check": list(HealthCheck),
}


def api_of(document: dict[str, Any], application: Any) -> Any:
    """Return the schema as schemathesis reads it, asked of an application."""
    refused = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
    # The schema's own links and no guesses beside them, most of which lead from lists that anybody reads.
    linked: dict[str, Any] = {"phases": {"stateful": {"inference": {"algorithms": []}}}}
    config = SchemathesisConfig.from_dict(refused | linked)
    api = from_dict(document, config=config)
    api.app = application
    return api


class Fuzzer:
    """Asks one API as one asker; `failures` says what did not hold, `asked` how many requests were sent, by kind."""

    def __init__(self, api: Any, world: World, asker: str, base: int) -> None:
        self.api, self.world, self.asker, self.base = api, world, asker, base
        self.headers = {"Authorization": f"Bearer {world.secrets[asker]}", "Host": "127.0.0.1"}
        self.asked: Counter[str] = Counter()
        self.failures: list[str] = []
        self._bodies = bodies(world)
        self._routes: dict[str, Route] = {}
        self._guarded: set[str] = set()

    # --- single requests -----------------------------------------------------------------------------------------
    def ask_each(self, examples: int, probes: int) -> None:
        """Ask every operation so many drawn requests, and so many of those that stand at the edges of its schema."""
        for found in self.api.get_all_operations():
            operation = found.ok()
            self._hold(operation.label, partial(self._draw, operation, examples))
            for case, how in self._edges(operation, probes):
                self._hold(operation.label, partial(self._ask, "edge", case, how))

    def _hold(self, label: str, attempt: Callable[[], None]) -> None:
        """Go on after what did not hold: one defect must not hide the next."""
        try:
            attempt()
        except (Exception, FailureGroup) as error:
            self.failures.append(f"{self.asker}: {label}: {error}")

    def _draw(self, operation: Any, examples: int) -> None:
        cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in MODES])

        @seed(f"{self.base} {self.asker} {operation.label}")
        @settings(max_examples=examples, **DRAWING)
        @given(case=cases, how=st.sampled_from((RANDOM, ABOUT_THINGS, NEARLY_RIGHT)))
        def answer_fits(case: Any, how: int) -> None:
            self._ask("drawn", case, how)

        answer_fits()

    def _edges(self, operation: Any, count: int) -> Iterator[tuple[Any, int]]:
        """Return requests at the edges: a method or a header that is missing, a value one beyond what is allowed."""
        config = self.api.config.generation_for(operation=operation, phase="coverage")
        found = list(self.api.iter_coverage_cases(operation, generation_modes=MODES, generation_config=config))
        random = Random(f"{self.base} {self.asker} {operation.label}")
        for case in random.sample(found, min(count, len(found))):
            yield case, random.choice((ABOUT_THINGS, NEARLY_RIGHT))

    def _ask(self, kind: str, case: Any, how: int) -> None:
        forget_counts()
        self.prepare(kind, case, how)
        with transaction.atomic():
            try:
                self.validate(case.call(headers=self.headers), case)
            except (Exception, FailureGroup) as error:
                raise Broken(case, error) from error
            finally:
                transaction.set_rollback(True)

    # --- chains ------------------------------------------------------------------------------------------------------
    def chain(self, chains: int, steps: int) -> None:
        """Make things and follow the links from each answer, so many steps long; each chain begins with the world as it is."""
        machine = _machine_of(self)
        for number in range(0, chains, CHAINS_AT_ONCE):
            seed(f"{self.base} {self.asker} {number}")(machine)
            many = min(CHAINS_AT_ONCE, chains - number)
            # What a chain can do next depends on answers, which tell of the time: a second one that begins like the first may
            # go on otherwise, and hypothesis gives the round up. What did not hold was noted by then.
            with suppress(Flaky):
                machine.run(settings=settings(max_examples=many, stateful_step_count=steps, **DRAWING))

    def validate(self, answer: Any, case: Any, recorder: Any = None) -> None:
        """Raise what of the promises an answer does not keep."""
        label = case.operation.label
        # It sends each request twice more, without a token and with a wrong one: once per operation is enough.
        known = [checks.ignored_auth] if label in self._guarded else []
        # With `fields` an answer has no others, whatever its schema requires.
        known += [checks.response_schema_conformance] if "fields" in (case.query or {}) else []
        known += [checks.use_after_free] if case.operation.path.startswith(STAYS) else []
        sent = {"headers": self.headers}
        case.validate_response(
            answer,
            checks=list(PROMISED),
            excluded_checks=known,
            headers=self.headers,
            transport_kwargs=sent,
            recorder=recorder,
        )
        if 200 <= answer.status_code < 300:
            self._guarded.add(label)

    # --- what requests are about -----------------------------------------------------------------------------------
    def prepare(self, kind: str, case: Any, how: int, keep: frozenset[str] = frozenset()) -> None:
        """Make a request one of the asker's, and count it."""
        self.asked[kind] += 1
        for name in CREDENTIALS & (case.headers or {}).keys():
            del case.headers[name]
        if "Authorization" in (case.headers or {}):
            case.headers["Authorization"] = self.headers["Authorization"]
        self.fill(case, how, keep)

    def fill(self, case: Any, how: int, keep: frozenset[str] = frozenset()) -> None:
        """Put alice's things into a request, but for the parts of its address in `keep`."""
        if how == RANDOM:
            return
        route = self._route(case)
        things = {**self.world.values, **self.world.special(route)}
        for name in (case.path_parameters or {}).keys() - keep:
            case.path_parameters[name] = str(things[name])
        right = self._bodies.get((route.name, case.method.upper()))
        if how == RIGHT and isinstance(right, Mapping):
            case.body = {name: _sent(value) for name, value in right.items()}
            # A key that is none would be refused.
            (case.headers or {}).pop("Idempotency-Key", None)
        elif isinstance(case.body, dict):
            is_right = case.meta is None or case.meta.generation.mode.is_positive
            known = _known(self.world)
            if how == NEARLY_RIGHT and isinstance(right, Mapping):
                known |= right
                case.body |= {name: right[name] for name in right if is_right}
            for name in case.body.keys() & known.keys():
                # What is wrong with a body stays so.
                if is_right or type(case.body[name]) is type(_sent(known[name])):
                    case.body[name] = _sent(known[name])
        # Looked at anew: what was wrong may have been put right.
        assert case.meta is None or case.meta.generation

    def _route(self, case: Any) -> Route:
        path = case.operation.path
        if path not in self._routes:
            names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
            found = resolve(path.format(**{name: self.world.values[name] for name in names}))
            self._routes[path] = Route(found.view_name, tuple(names))
        return self._routes[path]


def _machine_of(fuzzer: Fuzzer) -> Any:  # noqa: C901  # a class with seven short methods, made per schema
    """Return the machine that walks along the schema's links as one asker."""

    class Chain(fuzzer.api.as_state_machine()):  # type: ignore[misc]  # made anew for each schema
        def setup(self) -> None:
            forget_counts()
            self._made: dict[str, str] = {}
            self._steps: list[str] = []
            self._undone = transaction.atomic()
            self._undone.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self._undone.__exit__(None, None, None)
            super().teardown()

        def step(self, input: Any) -> Any:  # noqa: A002  # its name in the base class
            linked = frozenset(name for place, name in input.applied_parameters if place == ParameterLocation.PATH)
            fuzzer.prepare("linked" if linked else "first", input.case, NEARLY_RIGHT if linked else RIGHT, keep=linked)
            return super().step(input)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": fuzzer.headers}

        def validate_response(self, response: Any, case: Any, *args: Any, **kwargs: Any) -> None:
            self._steps.append(f"{case.method} {case.formatted_path}: {response.status_code}")
            try:
                fuzzer.validate(response, case, self.recorder)
                self._look_at(response, case)
            except (Exception, FailureGroup) as error:
                # The chain goes on: one defect must not hide the next.
                fuzzer.failures.append(
                    f"{fuzzer.asker}: chain: {case.operation.label}: {Broken(case, error)}\n{self._steps}"
                )

        def _look_at(self, response: Any, case: Any) -> None:
            """Hold that what was made is there until it is deleted (ensure_resource_availability, which asks no route of ours,
            since links fill none of the optional headers and parameters that all of them take).
            """
            address, does = case.formatted_path, case.method.upper()
            if response.status_code in {201, 202} and does == "POST" and isinstance(made := response.json(), dict):
                self._made[f"{address}{made.get('id')}/"] = case.operation.label
            elif does == "DELETE" and response.status_code < 300:
                self._made = {one: by for one, by in self._made.items() if not one.startswith(address)}
            # (A NUL in an address is answered before any route is looked for.)
            elif (
                does == "GET"
                and response.status_code == 404
                and address in self._made
                and "\0" not in "".join(map(str, (case.query or {}).values()))
            ):
                raise AssertionError(f"{address}, which {self._made[address]} made, is not there")

    return Chain


def _sent(value: Any) -> Any:
    return value if isinstance(value, str | bool | int | list | dict | None) else str(value)


class Broken(Exception):
    """What did not hold, in the words of each check, and the request that shows it."""

    def __init__(self, case: Any, error: BaseException) -> None:
        failures = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
        told = [f"{type(one).__name__}: {one}"[:1_500] for one in failures]
        super().__init__("\n".join([*told, f"{case!r}"[:1_500]]))


def _known(world: World) -> dict[str, Any]:
    """Return what exists, by the names that bodies give it."""
    return {
        "portfolio": str(world.pit.lead.pk),
        "from_portfolio": str(world.own["charlie"].pk),
        "target": str(world.own["alice"].pk),
        "instrument": str(world.pit.instrument.pk),
        "version": str(world.version.pk),
        "allowed_instruments": [str(world.pit.instrument.pk)],
        "exchange": world.pit.desk.exchange.code,
        "settlement": "USDT",
    }
