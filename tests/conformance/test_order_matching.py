"""The cases of order_matching.json: orders and candles in, what became of each order out, by the fill model `order_level`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from engine.decimals import ZERO, nearest_tick
from engine.execution import Costs, taker_fee
from engine.matching.book import InstrumentBook
from engine.matching.resting import Grid, Resting, RestingEvent, terms_of
from engine.matching.types import Event, EventKind, Kind, Reason, TimeInForce
from engine.matching.walk import Walk, walks
from engine.positions import PositionState, apply_fill, closed_quantity
from tests.conformance.conftest import Case, candles_of, cases, topic

MINUTE_MS = 60_000
GRID = Grid(Decimal("0.01"), Decimal("0.000001"))
# Maker and taker pay the same in these cases.
COSTS = Costs(fee_bps=Decimal(10), slippage_bps=ZERO, tick_size=GRID.tick_size)
KINDS = {
    "market": Kind.MARKET,
    "limit": Kind.LIMIT,
    "stop_market": Kind.STOP,
    "stop_limit": Kind.STOP_LIMIT,
    "market_if_touched": Kind.TAKE_PROFIT,
    "limit_if_touched": Kind.TAKE_PROFIT_LIMIT,
    "trailing_stop_market": Kind.TRAILING_STOP,
}
REASONS = {"post_only": Reason.POST_ONLY_WOULD_TAKE, "reduce_only": Reason.REDUCE_ONLY_WOULD_OPEN}
KNOWN = {"type", "name", "side", "quantity", "after_bar", "price", "trigger", "tif", "expire_minutes", "offset",
         "offset_type", "post_only", "reduce_only", "stop_loss", "take_profit", "entry_price", "target"}  # fmt: skip


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _order(given: dict[str, Any], **more: Any) -> Resting:
    minutes = given.get("expire_minutes")
    offset = _decimal(given.get("offset"))
    return Resting(
        order_key=given["name"],
        instrument_key="",
        kind=KINDS[given["type"]],
        side=given["side"].upper(),
        quantity=Decimal(str(given["quantity"])),
        limit_price=_decimal(given.get("price")),
        trigger_price=_decimal(given.get("trigger")),
        trail_offset=offset if given.get("offset_type") == "price" else None,
        trail_bps=offset if given.get("offset_type") == "bps" else None,
        time_in_force=TimeInForce(given.get("tif", "GTC")),
        expires_at_ms=None if minutes is None else (given["after_bar"] + 1 + minutes) * MINUTE_MS,
        reduce_only=given.get("reduce_only", False),
        post_only=given.get("post_only", False),
        **more,
    )


def _bracket(given: dict[str, Any]) -> Iterator[Resting]:
    name, entry_price = given["name"], given.get("entry_price")
    common = {"quantity": given["quantity"], "after_bar": given["after_bar"]}
    entry = {**common, "name": f"{name}.entry", "side": given["side"], "price": entry_price}
    yield _order({**entry, "type": "market" if entry_price is None else "limit"})
    back = {"side": "sell" if given["side"] == "buy" else "buy", "reduce_only": True}
    legs = {"parent_key": f"{name}.entry", "group_key": name}
    stop = {"name": f"{name}.stop_loss", "type": "stop_market", "trigger": given["stop_loss"]}
    target = {"name": f"{name}.take_profit", "type": "limit", "price": given["take_profit"]}
    for leg in (stop, target):
        yield _order({**common, **back, **leg}, **legs)


def _sent(given: dict[str, Any], book: InstrumentBook) -> list[RestingEvent]:
    assert given.keys() <= KNOWN, f"these fields are not put to the engine: {sorted(given.keys() - KNOWN)}"
    if given["type"] == "cancel":
        return [GRID.event(event) for event in book.cancel(given["target"])]
    orders = _bracket(given) if given["type"] == "bracket" else [_order(given)]
    now = (given["after_bar"] + 1) * MINUTE_MS
    return [GRID.event(event) for event in book.place([terms_of(order, GRID) for order in orders], at_ms=now)]


def _walked(book: InstrumentBook, prices: Walk, told: dict[Hashable, int]) -> Iterator[Event]:
    """Walk a candle; that venue says that a trigger moved when the market leaves the price which moved it."""
    for number, price in enumerate(prices):
        if price != book.last:
            now = book.triggers()
            yield from (Event(key, EventKind.UPDATED, now[key]) for key in now if now[key] != told.get(key, now[key]))
            told.update(now)
        yield from book.move(price, is_jump=number == 0)


def _run(case: Case) -> list[tuple[int, RestingEvent]]:
    window = case["series"]
    prices = walks(candles_of(window["file"], window["first_row"], window["rows"]), GRID.tick_size)
    book, told, trails = InstrumentBook(), list[tuple[int, RestingEvent]](), dict[Hashable, int]()
    for bar, candle in enumerate(prices):
        events = [*_walked(book, candle, trails), *book.expire((bar + 1) * MINUTE_MS)]
        told += [(bar, GRID.event(event)) for event in events]
        for given in case["orders"]:
            if given["after_bar"] == bar:
                told += [(bar, event) for event in _sent(given, book)]
                trails |= book.triggers()
    return told


def _fee(event: RestingEvent) -> Decimal:
    assert event.price is not None
    assert event.quantity is not None
    return taker_fee(quantity=event.quantity, price=event.price, costs=COSTS)


def _as_stated(bar: int, event: RestingEvent) -> dict[str, Any]:
    told: dict[str, Any] = {"bar": bar, "order": event.order_key, "event": event.kind.value.lower()}
    if event.kind is EventKind.UPDATED:
        told["trigger"] = event.price
    elif event.kind is EventKind.FILLED:
        assert event.liquidity is not None
        told |= {"price": event.price, "quantity": event.quantity, "liquidity": event.liquidity.value.lower()}
        told["commission"] = _fee(event)
    elif event.kind is EventKind.REJECTED:
        told["reason"] = next(name for name, reason in REASONS.items() if reason is event.reason)
    return told


def _halfway_as_stated(told: list[tuple[int, RestingEvent]], case: Case) -> list[tuple[int, RestingEvent]]:
    """Take the peer's tick where a trail by basis points lies exactly halfway between two.

    We round up there. The peer computes in binary floats, whose noise falls to either side (67294.00 plus 25 basis points
    is 67462.235, and becomes .24; 66110.00 plus 5 is 66143.055, and becomes .05): no rule, so none that could be kept.
    """
    shares = {
        order["name"]: 1 + Decimal(order["offset"]) / 10_000 * (1 if order["side"] == "buy" else -1)
        for order in case["orders"]
        if order.get("offset_type") == "bps"
    }
    events: list[dict[str, Any]] = case["expected"]["events"] + [{}] * len(told)
    return [
        (bar, _nearer(event, shares.get(str(event.order_key)), stated))
        for (bar, event), stated in zip(told, events, strict=False)
    ]


def _nearer(event: RestingEvent, share: Decimal | None, stated: dict[str, Any]) -> RestingEvent:
    wanted = Decimal(stated.get("trigger") or stated.get("price") or 0)
    if share is None or event.price is None or event.price - wanted != GRID.tick_size:
        return event
    best = (event.price + wanted) / 2 / share
    return replace(event, price=wanted) if best == nearest_tick(best, GRID.tick_size) else event


def _exact(stated: dict[str, Any]) -> dict[str, Any]:
    numbers = {"price", "quantity", "commission", "trigger"}
    return {name: Decimal(value) if name in numbers else value for name, value in stated.items()}


@dataclass
class Cycle:
    """A position from its opening to its end, with what was bought and sold at which value."""

    state: PositionState = field(default_factory=PositionState)
    opened: Decimal = ZERO
    opened_value: Decimal = ZERO
    closed: Decimal = ZERO
    closed_value: Decimal = ZERO
    side: int = 0

    def fill(self, change: Decimal, price: Decimal) -> None:
        size = abs(change)
        if closed_quantity(self.state.quantity, change):
            self.closed, self.closed_value = self.closed + size, self.closed_value + size * price
        else:
            self.opened, self.opened_value = self.opened + size, self.opened_value + size * price
            self.side = 1 if change > 0 else -1
        fee = taker_fee(quantity=size, price=price, costs=COSTS)
        self.state = apply_fill(self.state, change=change, price=price, fee=fee)


def _last_cycle(case: Case, told: list[tuple[int, RestingEvent]]) -> Cycle | None:
    sides = {given.get("name"): given.get("side") for given in case["orders"]}
    cycle: Cycle | None = None
    for _, event in told:
        if event.kind is not EventKind.FILLED:
            continue
        assert event.price is not None
        assert event.quantity is not None
        name, _, leg = str(event.order_key).partition(".")
        buys = (sides[name] == "buy") == (leg in ("", "entry"))
        change = event.quantity if buys else -event.quantity
        closing = ZERO if cycle is None else closed_quantity(cycle.state.quantity, change)
        if cycle is not None and closing:
            cycle.fill(closing.copy_sign(change), event.price)
        if (rest := change - closing.copy_sign(change)) != 0:
            cycle = Cycle() if cycle is None or not cycle.state.quantity else cycle
            cycle.fill(rest, event.price)
    return cycle


def _position(cycle: Cycle) -> dict[str, Any]:
    side = "FLAT" if not cycle.state.quantity else "LONG" if cycle.side > 0 else "SHORT"
    return {
        "quantity": abs(cycle.state.quantity),
        "side": side,
        "avg_open": cycle.opened_value / cycle.opened,
        "avg_close": cycle.closed_value / cycle.closed if cycle.closed else ZERO,
        "realized": cycle.state.realized_pnl - cycle.state.fees_paid,
    }


def test_every_case_asks_for_kinds_that_are_put_to_the_engine() -> None:
    asked = {order["type"] for case in topic("order_matching").get("cases", []) for order in case["orders"]}
    assert asked <= {*KINDS, "bracket", "cancel"}


@pytest.mark.parametrize("case", cases("order_matching"))
def test_orders_on_real_candles_become_what_the_peers_venue_made_of_them(case: Case) -> None:
    told = _halfway_as_stated(_run(case), case)

    assert [_as_stated(bar, event) for bar, event in told] == [_exact(event) for event in case["expected"]["events"]]
    cycle, stated = _last_cycle(case, told), case["expected"]["positions"]
    assert len(stated) == (cycle is not None)
    for wanted in stated:
        assert cycle is not None
        found = _position(cycle)
        assert (found["quantity"], found["side"]) == (Decimal(wanted["quantity"]), wanted["side"])
        for name in ("avg_open", "avg_close", "realized"):
            assert float(found[name]) == pytest.approx(float(wanted[name]), rel=1e-8, abs=1e-8), name
