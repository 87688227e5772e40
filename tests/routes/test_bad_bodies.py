"""Bodies that are no JSON, the wrong JSON, or too much of it; ids that nothing has; wishes that make no sense."""

from __future__ import annotations

from typing import Any

import pytest

from common.ids import new_id
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import unchanged
from tests.routes.tables import rows_of
from tests.routes.world import World, send
from trading.copy_terms import TERMS_VERSION

ROUTES = {route.name: route for route in all_routes()}
JSON = "application/json"
BIG = 3_000_000
# What is sent, as what, and the status and code that come back.
RAW: list[tuple[bytes, str, int, str]] = [
    (b"null", JSON, 400, "INVALID_INPUT"),
    (b"[]", JSON, 400, "INVALID_INPUT"),
    (b'"amount"', JSON, 400, "INVALID_INPUT"),
    (b"5", JSON, 400, "INVALID_INPUT"),
    (b"{", JSON, 400, "PARSE_ERROR"),
    (b"{'amount': 5}", JSON, 400, "PARSE_ERROR"),
    (b"\xff\xfe{}", JSON, 400, "PARSE_ERROR"),
    (b"\xef\xbb\xbf{}", JSON, 400, "PARSE_ERROR"),
    (b'{"amount": NaN}', JSON, 400, "PARSE_ERROR"),
    (b'{"amount": -Infinity}', JSON, 400, "PARSE_ERROR"),
    (b'{"amount": ' + b"1" * 5_000 + b"}", JSON, 400, "PARSE_ERROR"),
    (b'{"name": "\\ud800", "side": "\\ud800", "mode": "\\ud800"}', JSON, 400, "PARSE_ERROR"),
    (b"[" * 100_000, JSON, 400, "PARSE_ERROR"),
    (b'{"a":' * 100_000, JSON, 400, "PARSE_ERROR"),
    (b'{"a": "' + b"x" * BIG + b'"}', JSON, 413, "BODY_TOO_LARGE"),
    (b"{" * BIG, "application/json; charset=zlib", 413, "BODY_TOO_LARGE"),
    (b"{", "application/json; charset=zlib", 400, "PARSE_ERROR"),
    (b"{", "application/json; charset=\xff".encode().decode("latin1"), 400, "PARSE_ERROR"),
    (b"amount=5", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b'{"amount": "5"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"<amount>5</amount>", "application/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b'{"amount": "5"}', "", 415, "UNSUPPORTED_MEDIA_TYPE"),
]


def _writers(world: World) -> list[tuple[Route, str, str]]:
    """Return (route, method, asker who succeeds) of every API route that takes a body."""
    found = []
    for name, method in bodies(world):
        if not ROUTES[name].is_api:
            continue
        answers = next(row.answers for row in rows_of(ROUTES[name]) if row.method == method)
        # (The terms of margin are set of perpetuals, of which there is none here.)
        found += [(ROUTES[name], method, who) for who, got in answers.items() if got in {"200", "201"}][:1]
    return found


def test_what_is_no_body_is_refused_everywhere(world: World) -> None:
    wrong = []
    writers = _writers(world)
    assert len(writers) > 15
    with unchanged() as tables:
        for route, method, asker in writers:
            client, path = world.program(asker), world.path(route)
            # One parser reads for all: what it refuses is asked of one of them at length. What it lets through, and one
            # of those that it does not, is asked of each.
            for raw, kind, status, code in RAW if route.name == "portfolios_api:deposit" else RAW[:5]:
                answer = client.generic(method, path, raw, content_type=kind)
                found = (answer.status_code, answer["Content-Type"], answer.json()["code"])
                if found != (status, "application/problem+json", code):
                    wrong.append(f"{method} {route.name} {raw[:20]!r} as {kind}: {found}")
    assert wrong == []
    assert tables == []


IDS = [
    ("trading_api:orders", "POST", "portfolio"),
    ("trading_api:orders", "POST", "instrument"),
    ("trading_api:pairs", "POST", "portfolio"),
    ("trading_api:pairs", "POST", "instrument"),
    ("trading_api:plans", "POST", "portfolio"),
    ("trading_api:plans", "POST", "instrument"),
    ("trading_api:preview_plan", "POST", "portfolio"),
    ("trading_api:preview_plan", "POST", "instrument"),
    ("trading_api:close", "POST", "portfolio"),
    ("portfolios_api:transfer", "POST", "target"),
    ("strategies_api:backtests", "POST", "version"),
    ("strategies_api:sweeps", "POST", "version"),
    ("strategies_api:runs", "POST", "version"),
    ("strategies_api:runs", "POST", "portfolio"),
    ("marketplace_api:listings", "POST", "portfolio"),
    ("marketplace_api:follow", "POST", "from_portfolio"),
]
NO_IDS: list[Any] = [
    "",
    "1",
    "x" * 36,
    "../../etc/passwd",
    None,
    [],
    {},
    "01a1f956-d294-7000-8dcc-b3740afe32b",
    "' OR 1=1 --",
]


@pytest.mark.parametrize(("name", "method", "field"), IDS)
def test_ids_that_are_none_or_nobodys(world: World, name: str, method: str, field: str) -> None:
    asker = "charlie" if name == "marketplace_api:follow" else "alice"
    path, body = world.path(ROUTES[name]), bodies(world)[name, method]
    with unchanged() as tables:
        for value in NO_IDS:
            answer = send(world.program(asker), method, path, {**body, field: value}, as_json=True)
            fields = list(answer.json()["context"]["fields"])
            assert (answer.status_code, fields) == (400, [field]), value
        answer = send(world.program(asker), method, path, {**body, field: str(new_id())}, as_json=True)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert tables == []


# --- wishes that make no sense --------------------------------------------------------------------------------------
def _refused(world: World, asker: str, name: str, body: dict[str, Any], **address: object) -> tuple[int, str]:
    """Return status and code of a POST that must change nothing."""
    with unchanged() as tables:
        path = world.path(ROUTES[name], **address)
        answer = send(world.program(asker), "POST", path, body, as_json=True)
    assert tables == []
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_nobody_follows_themselves_nor_in_a_circle(world: World) -> None:
    body = {"from_portfolio": str(world.own["alice"].pk), "amount": "100", "accepted_terms": TERMS_VERSION}
    assert _refused(world, "alice", "marketplace_api:follow", body) == (400, "FOLLOW_SELF")
    of_bob = send(
        world.program("bob"),
        "POST",
        world.path(ROUTES["marketplace_api:listings"]),
        {"portfolio": str(world.own["bob"].pk), "title": "Echo"},
        as_json=True,
    ).json()
    circle = _refused(world, "alice", "marketplace_api:follow", body, listing_id=of_bob["id"])
    assert circle == (409, "FOLLOW_CIRCLE")
    twice = {**body, "from_portfolio": str(world.own["bob"].pk)}
    assert _refused(world, "bob", "marketplace_api:follow", twice) == (409, "ALREADY_FOLLOWING")


def test_a_follows_portfolio_is_neither_traded_by_hand_nor_led(world: World) -> None:
    copy = str(world.follow.portfolio_id)
    order = {"portfolio": copy, "instrument": str(world.pit.instrument.pk), "side": "SELL", "quantity": "0.5"}
    assert _refused(world, "bob", "trading_api:orders", order) == (409, "PORTFOLIO_IS_FOLLOWING")
    listing = {"portfolio": copy, "title": "Echo"}
    assert _refused(world, "bob", "marketplace_api:listings", listing) == (409, "LEAD_IS_FOLLOWING")


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [
        ("BUY", "1000", "INSUFFICIENT_BALANCE"),
        ("SELL", "1000", "NOTHING_TO_CLOSE"),
        ("BUY", "0.001", "NOTIONAL_BELOW_MINIMUM"),
    ],
)
def test_an_order_beyond_what_there_is(world: World, side: str, quantity: str, code: str) -> None:
    instrument = str(world.pit.instrument.pk)
    order = {"portfolio": str(world.own["alice"].pk), "instrument": instrument, "side": side, "quantity": quantity}
    assert _refused(world, "alice", "trading_api:orders", order) == (409, code)


def test_money_beyond_what_is_free_stays_where_it_is(world: World) -> None:
    own = {"portfolio_id": world.own["alice"].pk}
    assert _refused(world, "alice", "portfolios_api:withdraw", {"amount": "5000.00000001"}, **own) == (
        400,
        "INSUFFICIENT_BALANCE",
    )
    target = {"target": str(world.pit.lead.pk), "amount": "5000.00000001"}
    assert _refused(world, "alice", "portfolios_api:transfer", target, **own) == (400, "INSUFFICIENT_BALANCE")
    itself = {"target": str(world.own["alice"].pk), "amount": "5"}
    assert _refused(world, "alice", "portfolios_api:transfer", itself, **own) == (400, "SAME_PORTFOLIO")


@pytest.mark.parametrize(("fast", "slow"), [(9, 9), (10, 9), (500, 2)])
def test_a_fast_period_lies_below_the_slow_one(world: World, fast: int, slow: int) -> None:
    body = bodies(world)["strategies_api:strategies", "POST"]
    changed = {**body, "values": {**body["values"], "fast": fast, "slow": slow}}
    assert _refused(world, "alice", "strategies_api:strategies", changed) == (400, "FAST_NOT_BELOW_SLOW")
    browser, address = world.browser("alice"), world.path(ROUTES["strategies:edit"])
    shown = {field.name: field.value() for field in browser.get(address).context["form"]}
    form = {name: value for name, value in shown.items() if value not in (None, False, "")}
    form |= {"parameter_fast": str(fast), "parameter_slow": str(slow)}
    with unchanged() as tables:
        answer = send(browser, "POST", address, form)
    assert (answer.status_code, list(answer.context["form"].errors), tables) == (400, ["parameter_fast"], [])
