"""A refusal changes nothing, says nothing about what is not the asker's, and comes before anything is judged."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from common.ids import new_id
from tests.routes.bodies import bodies
from tests.routes.bodies_marketplace import FOLLOWING
from tests.routes.routes import Route, all_routes
from tests.routes.stored import changed_by, unchanged
from tests.routes.tables import Row, rows_of
from tests.routes.world import ASKERS, Answer, World, send

REFUSALS = {"login", "entry", "400", "401", "403", "404", "405", "409"}
# What differs from one answer to the next though nothing else does.
PASSING = [
    (re.compile(rb'"request_id": ?"[0-9a-f]{32}"'), b'"request_id":"-"'),
    (re.compile(rb'"[A-Za-z0-9]{64}"'), b'"a CSRF token"'),
    (re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), b"an id"),
]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
Asked = tuple[Route, Row]


def _rows() -> list[Asked]:
    return [(route, row) for route in all_routes() for row in rows_of(route)]


@pytest.mark.parametrize("asker", ASKERS)
def test_who_is_refused_changes_nothing(world: World, asker: str) -> None:
    sent = bodies(world)
    refused = [(route, row) for route, row in _rows() if row.method in UNSAFE and row.answers[asker] in REFUSALS]
    assert len(refused) > 80

    def ask(route: Route, row: Row) -> None:
        body = sent.get((route.name, row.method))
        send(world.client(route, asker), row.method, world.path(route), body, as_json=route.is_api)

    assert changed_by({f"{row.method} {route.name}": partial(ask, route, row) for route, row in refused}) == {}


def test_what_is_asked_in_vain_would_have_been_done_for_its_owner(world: World) -> None:
    """The proof above is worth what its bodies are worth: with the same ones, alice or bob changes something."""
    sent = bodies(world)
    idle = []
    # Two only count what a form would ask for; on alice's account nothing waits (test_orders_on_accounts.py has some), and
    # nothing of hers for the gate (publishing/test_submissions.py has).
    without = {"strategies:sweep_count", "trading_api:preview_plan", "trading:cancel_account"}
    without |= {"marketplace:recall", "marketplace_api:submission"}
    rows = [(route, row) for route, row in _rows() if route.name not in without]
    for route, row in rows:
        owners = [asker for asker in ("alice", "bob") if row.answers[asker] in {"done", "200", "201", "204"}]
        if row.method not in UNSAFE or row.answers["charlie"] != "404" or not owners:
            continue
        with unchanged() as tables:
            body = sent.get((route.name, row.method))
            send(world.client(route, owners[0]), row.method, world.path(route), body, as_json=route.is_api)
        if not tables:
            idle.append(f"{row.method} {route.name}")
    assert idle == []


# What is another number each time somebody asks.
PASSING_HEADERS = {"X-Request-ID", "Content-Length", "RateLimit-Remaining", "RateLimit-Reset"}


def _plain(answer: Answer) -> tuple[Any, ...]:
    """Return all that an answer gives away, without what differs each time."""
    body = answer.content
    for pattern, word in PASSING:
        body = pattern.sub(word, body)
    headers = {name: value for name, value in answer.items() if name not in PASSING_HEADERS}
    return answer.status_code, headers, sorted(answer.cookies), body


def _unknown(row: Row, world: World) -> tuple[dict[str, Any], Any]:
    """Return the ids of a route's address and its body, with alice's things exchanged for what does not exist."""
    # What is traded, and a listing that is to be followed, everybody may know.
    public = {"instrument_id", "listing_id"} if row.name == "marketplace_api:follow" else {"instrument_id"}
    # A number stands for a number: an address that does not fit would tell nothing.
    others = {
        name: 2**31 - 1 if isinstance(value, int) else new_id()
        for name, value in world.values.items()
        if name.endswith("_id") and name not in public
    }
    known = {str(one) for one in world.values.values() if isinstance(one, UUID)} | {
        str(one.pk) for one in world.own.values()
    }
    body = bodies(world).get((row.name, row.method))
    if body is not None:
        body = {name: str(new_id()) if str(value) in known else value for name, value in body.items()}
    return others, body


@pytest.mark.parametrize("asker", ["charlie", "operator"])
def test_a_guessed_id_is_answered_like_one_that_nobody_has(world: World, asker: str) -> None:
    sent = bodies(world)
    hidden = [(route, row) for route, row in _rows() if row.answers[asker] == "404" and not route.is_admin]
    assert len(hidden) > 50
    told = []
    for route, row in hidden:
        others, other_body = _unknown(row, world)
        of_alice = world.ask(route, row.method, asker, sent.get((route.name, row.method)))
        of_nobody = world.ask(route, row.method, asker, other_body, **others)
        if _plain(of_alice) != _plain(of_nobody):
            told.append(f"{row.method} {route.name}")
    assert told == []


def test_ids_in_a_form_are_no_way_around(world: World) -> None:
    """A form that names somebody else's portfolio is answered like one that names none."""
    tried = {
        "portfolios:transfer": {"target": "…", "amount": "5"},
        "marketplace:publish": {"portfolio": "…", "title": "Mine", "description": ""},
        "marketplace:follow": {"source": "…", **FOLLOWING},
    }
    routes = {route.name: route for route in all_routes()}
    own = {"portfolio_id": world.own["charlie"].pk}
    for name, form in tried.items():
        field = next(key for key, value in form.items() if value == "…")
        answers = []
        for portfolio_id in (world.own["alice"].pk, new_id()):
            with unchanged() as tables:
                path = world.path(routes[name], **own)
                answer = send(world.browser("charlie"), "POST", path, {**form, field: str(portfolio_id)})
            assert (answer.status_code, tables) == (400, []), name
            answers.append(_plain(answer))
        assert answers[0] == answers[1], name


def test_a_withdrawn_listing_is_gone_for_strangers(world: World) -> None:
    routes = {route.name: route for route in all_routes()}
    send(world.program("alice"), "POST", world.path(routes["marketplace_api:withdraw"]), as_json=True)
    pages = (
        *("marketplace:detail", "marketplace:equity", "marketplace:what_if", "marketplace:fit"),
        *("marketplace_api:listing", "marketplace_api:equity", "marketplace_api:fit", "marketplace_api:backtest"),
    )
    answers = {
        name: [world.ask(routes[name], "GET", asker).status_code for asker in ("charlie", "bob", "alice")]
        for name in pages
    }
    assert answers == {name: [404, 200, 200] for name in pages}
