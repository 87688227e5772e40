"""Positions, margin, reduce-only, funding, liquidation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.core.errors import Reason, Refusal
from sandbox.core.events import AccountChange
from sandbox.core.funding import FUNDING_MS, Funding
from sandbox.core.margin import Position
from sandbox.core.orders import OrderRequest, OrderType, Side, Status
from tests.sandbox.core.places import SYMBOL, FuturesPlace

D = Decimal


def placed() -> FuturesPlace:
    place = FuturesPlace()
    place.quote(bids={"100": "1000"}, asks={"100.1": "1000"})
    place.last("100")
    return place


def position_of(place: FuturesPlace, account: str = "alice") -> Position:
    return place.books.position(account, place.exchange.instrument(SYMBOL))


def test_a_position_binds_margin_by_its_leverage_and_realizes_what_it_closes() -> None:
    place = placed()
    place.place("BUY", "10")
    position = position_of(place)
    assert (position.quantity, position.state.average_price) == (D(10), D("100.1"))
    assert place.books.wallet("alice")["USDT"] == D("997.998")
    place.last("100")
    assert place.books.unrealized("alice") == D("-1.0")
    assert place.books.available("alice", "USDT") == D("997.998") - 1 - D(50)
    order = place.place("SELL", "4")
    assert order.fills[0].realized_pnl == D("-0.4")
    assert place.books.wallet("alice")["USDT"] == D("997.998") - D("0.4") - D("0.8")


def test_leverage_decides_what_can_be_afforded() -> None:
    place = placed()
    instrument = place.exchange.instrument(SYMBOL)
    place.books.set_leverage("alice", instrument, 1)
    with pytest.raises(Refusal) as caught:
        place.place("BUY", "10", "100")
    assert caught.value.reason is Reason.INSUFFICIENT_MARGIN
    place.books.set_leverage("alice", instrument, 2)
    order = place.place("BUY", "10", "99")
    assert place.books.held("alice") == D(495)
    place.exchange.cancel("alice", SYMBOL, order.id)
    assert place.books.held("alice") == D(0)


@pytest.mark.parametrize("leverage", [0, 126])
def test_a_leverage_that_no_bracket_allows_is_refused(leverage: int) -> None:
    place = placed()
    with pytest.raises(Refusal) as caught:
        place.books.set_leverage("alice", place.exchange.instrument(SYMBOL), leverage)
    assert caught.value.reason is Reason.BAD_LEVERAGE
    assert position_of(place).leverage == 20


def test_reduce_only_is_refused_without_a_position_or_on_its_side() -> None:
    place = placed()
    for side in ("BUY", "SELL"):
        with pytest.raises(Refusal) as caught:
            place.place(side, "1", reduce_only=True)
        assert caught.value.reason is Reason.NOT_REDUCING
    place.place("BUY", "1")
    with pytest.raises(Refusal):
        place.place("BUY", "1", reduce_only=True)


def test_reduce_only_closes_no_more_than_there_is() -> None:
    place = placed()
    place.place("BUY", "2")
    order = place.place("SELL", "5", reduce_only=True)
    assert (order.status, order.filled, position_of(place).quantity) == (Status.EXPIRED, D(2), D(0))


def test_a_resting_reduce_only_order_goes_when_its_position_is_gone() -> None:
    place = placed()
    place.place("BUY", "2")
    resting = place.place("SELL", "2", "110", reduce_only=True)
    place.place("SELL", "2")
    place.quote(bids={"110": "5"})
    assert (resting.status, resting.filled, position_of(place).quantity) == (Status.EXPIRED, D(0), D(0))


def test_a_fill_through_zero_turns_the_position() -> None:
    place = placed()
    place.place("BUY", "2")
    place.place("SELL", "5")
    assert (position_of(place).quantity, position_of(place).state.average_price) == (D(-3), D(100))


def test_a_stop_that_closes_the_position_takes_its_size_when_it_goes_off() -> None:
    place = placed()
    place.place("BUY", "3")
    request = OrderRequest(SYMBOL, Side.SELL, OrderType.STOP_LOSS, trigger_price=D(95), close_position=True)
    stop = place.exchange.place("alice", request)
    place.place("BUY", "1")
    place.last("95")
    assert (stop.status, stop.filled, position_of(place).quantity) == (Status.FILLED, D(4), D(0))


def test_longs_pay_shorts_every_eight_hours() -> None:
    place = placed()
    funding = Funding(place.exchange, place.books, place.exchange.clock, seed=3)
    place.quote(asks={"100": "5"})
    place.place("BUY", "5")
    place.quote(bids={"100": "5"})
    place.place("SELL", "5", account="bob")
    before = {name: place.books.wallet(name)["USDT"] for name in ("alice", "bob")}
    place.time.advance(FUNDING_MS)
    funding.step()
    funding.step()
    due = funding.slot(place.time.at_ms)
    rate = funding.rate(SYMBOL, due)
    assert D("-0.0001") <= rate <= D("0.0003")
    assert place.books.wallet("alice")["USDT"] == before["alice"] - 500 * rate
    assert place.books.wallet("bob")["USDT"] == before["bob"] + 500 * rate
    assert [(p.account, p.at_ms) for p in funding.payments] == [("alice", due), ("bob", due)]
    assert [event.change for event in place.heard.accounts][-2:] == [AccountChange.FUNDING] * 2


def test_who_falls_below_maintenance_margin_is_closed() -> None:
    place = placed()
    funding = Funding(place.exchange, place.books, place.exchange.clock, seed=3)
    place.place("BUY", "150")
    position = position_of(place)
    limit = place.books.liquidation_price(position)
    place.last(str(limit + D("0.2")))
    funding.step()
    assert position.quantity == D(150)
    place.last(str(limit - D("0.2")))
    place.quote(bids={str(limit - D("0.2")): "1000"})
    funding.step()
    assert position.quantity == D(0)
    assert place.exchange.orders("alice")[-1].client_id.startswith("autoclose-")
