"""An exchange that was killed goes on where it was: nothing that it told anybody is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.core.clock import ManualTime
from sandbox.core.errors import Refusal
from sandbox.core.orders import OrderRequest, OrderType, Side, Status
from sandbox.server import SandboxServer
from sandbox.venue import Setup, Venue

D = Decimal
START_MS = 19_700 * 86_400_000
SYMBOL = "BTCUSDT"
Begin = Callable[..., Venue]


@pytest.fixture
def time() -> ManualTime:
    return ManualTime(START_MS)


@pytest.fixture
def begin(tmp_path: Path, time: ManualTime) -> Begin:
    """Start the exchange from its file, as after a kill: what ran before is asked nothing, and left behind.

    Given money it opens alice's account with it.
    """
    setup = Setup(history_minutes=10, first_minute=START_MS // 60_000 - 10, time_source=time)

    def start(**money: int) -> Venue:
        server = SandboxServer(setup, memory=tmp_path / "memory")
        venue = server.venues["binance"]
        if money:
            venue.open_account("alice", {asset: D(amount) for asset, amount in money.items()}, {"USDT": D(500)})
            venue.issue_key("alice")
            server.remember()
        return venue

    return start


def _order(side: Side, kind: OrderType, quantity: str, price: Decimal | None = None, name: str = "") -> OrderRequest:
    trigger = price if kind.is_conditional else None
    limit = price if kind.is_limit else None
    return OrderRequest(SYMBOL, side, kind, D(quantity), price=limit, trigger_price=trigger, client_id=name, userref=7)


def _held(venue: Venue) -> dict[str, tuple[Decimal, Decimal]]:
    return {asset: (one.free, one.locked) for asset, one in venue.spot.books.balances("alice").items()}


def test_keys_money_orders_and_fills_are_those_before(begin: Begin) -> None:
    venue = begin(USDT=10_000)
    bought = venue.spot.exchange.place("alice", _order(Side.BUY, OrderType.MARKET, "0.01"))
    resting = venue.spot.exchange.place("alice", _order(Side.BUY, OrderType.LIMIT, "0.02", D(30_000), "mine"))

    again = begin()
    assert again is not venue
    assert again.keys == venue.keys
    assert [key.account for key in again.keys.values()] == ["alice"]
    assert _held(again) == _held(venue)
    assert _held(again)["USDT"][1] == D(600)
    assert again.spot.exchange.fills("alice") == bought.fills != []
    found = again.spot.exchange.find("alice", SYMBOL, client_id="mine")
    assert (found.id, found.status, found.remaining, found.userref) == (resting.id, Status.NEW, D("0.02"), 7)
    assert again.futures.books.wallet("alice") == {"USDT": D(500)}
    with pytest.raises(Refusal):
        again.spot.exchange.place("alice", _order(Side.BUY, OrderType.LIMIT, "0.02", D(30_000), "mine"))
    fresh = again.spot.exchange.place("alice", _order(Side.SELL, OrderType.MARKET, "0.005"))
    assert fresh.id > resting.id
    assert fresh.fills[0].trade_id > bought.fills[0].trade_id
    again.spot.exchange.cancel("alice", SYMBOL, client_id="mine")
    assert _held(again)["USDT"][1] == D(0)


def test_what_rested_meets_the_market_where_it_is_when_the_exchange_is_back(begin: Begin, time: ManualTime) -> None:
    venue = begin(USDT=100_000, BTC=1)
    before = venue.spot.exchange.last_price(SYMBOL)
    # The market goes its way whether somebody serves it or not.
    time.advance(3_600_000)
    after = begin().spot.exchange.last_price(SYMBOL)
    time.advance(-3_600_000)
    venue = begin()
    side = Side.BUY if after < before else Side.SELL
    between = ((before + after) / 2).quantize(D("0.01"))
    venue.spot.exchange.place("alice", _order(side, OrderType.LIMIT, "0.01", between, "near"))
    venue.spot.exchange.place("alice", _order(Side.BUY, OrderType.STOP_LOSS, "0.01", before * 2, "far"))

    time.advance(3_600_000)
    venue = begin()
    near, far = (venue.spot.exchange.find("alice", SYMBOL, client_id=name) for name in ("near", "far"))
    assert (near.status, near.fills[0].price, near.fills[0].is_maker) == (Status.FILLED, between, True)
    assert (far.status, far.working) == (Status.NEW, False)
    # It was written down at once, and happens no second time.
    assert _held(begin()) == _held(venue)
    book = venue.spot.exchange.book(SYMBOL)
    best = book.best(Side.BUY), book.best(Side.SELL)
    assert best[0] is not None and best[1] is not None and best[0] < best[1]


def test_of_a_pair_one_still_ends_the_other(begin: Begin) -> None:
    venue = begin(BTC=1)
    price = venue.spot.exchange.last_price(SYMBOL)
    limit = _order(Side.SELL, OrderType.LIMIT, "0.5", price * 2)
    venue.spot.exchange.place_list("alice", limit, _order(Side.SELL, OrderType.STOP_LOSS, "0.5", D(100)))

    again = begin()
    stop, limit_leg = again.spot.exchange.orders("alice")
    assert _held(again)["BTC"] == (D("0.5"), D("0.5"))
    again.spot.exchange.fill_resting(limit_leg)
    assert (limit_leg.status, stop.status) == (Status.FILLED, Status.EXPIRED)
    assert _held(again)["BTC"] == (D("0.5"), D(0))
