"""The library's answers as ours: every digit stays, contracts become our quantities, and nothing is guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.timeframes import moment
from markets.gateway import normalise
from markets.gateway.protocol import Level, OrderStatus
from markets.models import MarketKind

D = Decimal
AT = moment(1700000000000)


def raw_market(**facts: Any) -> dict[str, Any]:
    return {
        "id": "BTC-USDT-SWAP",
        "symbol": "BTC/USDT:USDT",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "spot": False,
        "swap": True,
        "linear": True,
        "inverse": False,
        "active": True,
        "contractSize": "0.01",
        "precision": {"price": "0.1", "amount": "0.1"},
        "limits": {"amount": {"min": "0.1"}, "cost": {"min": None}},
        "maker": "0.0002",
        "taker": "0.0005",
        **facts,
    }


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12, places=18))
def test_text_keeps_every_digit(number: Decimal) -> None:
    assert D(normalise.plain_text(str(number))) == number
    assert "E" not in normalise.plain_text(str(number))


@given(st.integers(1, 10**15 - 1), st.integers(0, 18))
def test_a_json_number_of_up_to_fifteen_digits_stays_what_the_venue_wrote(digits: int, places: int) -> None:
    written = D(digits).scaleb(-places)
    assert normalise.exact(float(written)) == written


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-inf", float("nan"), "abc", ""])
def test_what_is_no_finite_number_is_refused(wrong: object) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        normalise.plain_text(wrong)


def test_a_linear_contract_is_kept_in_base_units() -> None:
    info = normalise.market_info(raw_market())
    assert info is not None
    assert (info.kind, info.contract, info.settle, info.is_inverse) == (MarketKind.PERPETUAL, "PERP", "USDT", False)
    assert (info.contract_size, info.lot_step, info.min_quantity) == (D("0.01"), D("0.001"), D("0.001"))
    assert (info.maker_fee_bps, info.taker_fee_bps, info.min_notional) == (D(2), D(5), D(0))


def test_an_inverse_contract_is_kept_in_contracts_of_the_quote() -> None:
    raw = raw_market(symbol="BTC/USD:BTC", quote="USD", settle="BTC", linear=False, inverse=True, contractSize="100",
                     precision={"price": "0.1", "amount": "1"})  # fmt: skip
    info = normalise.market_info(raw)
    assert info is not None
    assert (info.contract, info.is_inverse) == ("PERP-BTC", True)
    assert (info.contract_size, info.lot_step) == (D(100), D(1))


@pytest.mark.parametrize(
    "facts",
    [{"swap": False}, {"precision": {"price": None, "amount": "1"}}, {"precision": {"price": "0.1", "amount": "0"}}, {"precision": None}],
)  # fmt: skip
def test_what_cannot_be_traded_by_its_rules_is_left_out(facts: dict[str, Any]) -> None:
    assert normalise.market_info(raw_market(**facts)) is None


def test_fees_that_are_not_told_are_not_made_up() -> None:
    info = normalise.market_info(raw_market(maker=None, taker="-0.0001"))
    assert info is not None
    assert (info.maker_fee_bps, info.taker_fee_bps) == (None, D(-1))


def test_quantities_of_contracts_become_ours() -> None:
    size = D("0.01")
    book = normalise.order_book(
        {"symbol": "X", "bids": [["10", "5"], ["9", "0"]], "asks": [["11", "7", "3"]]}, AT, size
    )
    assert (book.bids, book.asks) == ((Level(D(10), D("0.05")),), (Level(D(11), D("0.07")),))
    trade = normalise.public_trade({"symbol": "X", "timestamp": 1, "price": "10", "amount": "3"}, size)
    assert (trade.quantity, trade.side) == (D("0.03"), None)
    order = normalise.order_state({"status": "open", "amount": "5", "filled": "2", "side": "sell"}, "id", size)
    assert (order.quantity, order.filled, order.status) == (D("0.05"), D("0.02"), OrderStatus.PARTIALLY_FILLED)
    short = normalise.position({"symbol": "X", "contracts": "3", "side": "short"}, size)
    assert short is not None
    assert short.quantity == D("-0.03")
    assert normalise.position({"symbol": "X", "contracts": "0"}, size) is None
    assert normalise.ticker({"symbol": "X", "baseVolume": "200"}, AT, size).base_volume == D(2)
    assert normalise.candles([[1, "1", "1", "1", "1", "200"]], size).volume.tolist() == [2.0]


def test_candles_are_in_order_and_each_is_there_once() -> None:
    rows: list[list[Any]] = [[3, "1", "1", "1", "1", "1"], [1, "1", "1", "1", "1", None], [3, "2", "2", "2", "2", "2"],
            [2, None, "1", "1", "1", "1"]]  # fmt: skip
    found = normalise.candles(rows)
    assert (found.opened_at.tolist(), found.close.tolist(), found.volume.tolist()) == ([1, 3], [1.0, 2.0], [0.0, 2.0])
    assert [(one.opened_at, one.close) for one in normalise.live_candles(rows[:2])] == [(1, 1.0), (3, 1.0)]
    assert len(normalise.candles([])) == 0


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("open", OrderStatus.OPEN),
        ("closed", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELED),
        ("canceling", OrderStatus.OPEN),
        ("expired", OrderStatus.EXPIRED),
        ("rejected", OrderStatus.REJECTED),
        (None, OrderStatus.OPEN),
        ("some new word", OrderStatus.OPEN),
    ],
)
def test_states_of_orders(said: str | None, status: OrderStatus) -> None:
    assert normalise.order_state({"status": said}, "id").status == status


def test_funding_and_tiers() -> None:
    rate = normalise.funding_rate({"symbol": "X", "fundingRate": "-0.00012345", "fundingTimestamp": 1700000000000}, AT)
    assert (rate.rate, rate.at, rate.mark_price) == (D("-0.00012345"), AT, None)
    tiers = normalise.leverage_tiers(
        "X",
        [
            {"minNotional": "50000", "maxNotional": None, "maintenanceMarginRate": "0.01", "maxLeverage": "50"},
            {"minNotional": "0", "maxNotional": "50000", "maintenanceMarginRate": "0.004", "maxLeverage": "125"},
        ],
    )
    assert [(one.min_notional, one.max_notional, one.max_leverage) for one in tiers] == [
        (D(0), D(50000), D(125)),
        (D(50000), None, D(50)),
    ]
