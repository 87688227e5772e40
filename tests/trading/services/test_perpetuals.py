"""Perpetuals on paper: long, short, reduced and turned over, on isolated and on cross margin; every figure by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from common.errors import DomainError
from portfolios.margin_models import MarginMode
from portfolios.models import Balance, Portfolio
from portfolios.services.books import Holdings
from portfolios.services.cash import withdraw
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import failed_checks, plain
from tests.fixtures_waiting_on_margin import Perpetual
from trading.kinds import OrderKind
from trading.models import Fill, Order, OrderState, Side
from trading.services import execution
from trading.services.closing import close_position
from trading.services.judging import judge_batch
from trading.services.orders import place_hand_order


def test_a_long_binds_its_initial_margin_and_moves_no_coins(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(20)
    assert perpetual.told() == {"quantity": "20", "cost": "2000", "margin": "200"}
    assert perpetual.lines("FILL") == [("HOLDINGS", "-200"), ("MARGIN", "200")]
    worth = perpetual.worth()
    assert (plain(worth.cash), plain(worth.free), plain(worth.equity)) == ("10000", "9800", "10000")
    assert not Balance.objects.filter(portfolio=perpetual.book, asset="BTC").exclude(amount=0).exists()
    perpetual.pit.price(103)
    assert plain(perpetual.worth().equity) == "10060"
    assert failed_checks() == {}


def test_a_promise_of_margin_that_is_not_there_is_refused_before_it_could_be_owed(
    perpetual: Perpetual, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = perpetual.pit.place(Side.BUY, 20)

    def judge_blindly(orders: list[Order], holdings: Holdings) -> None:
        judge_batch(orders, holdings)
        holdings.change(perpetual.book.pk, "USDT", reserved=Decimal(10_000))

    monkeypatch.setattr(execution, "judge_batch", judge_blindly)
    with pytest.raises(IntegrityError):
        execution.execute(Order.objects.filter(pk=order.pk))
    order.refresh_from_db()
    assert (order.state, Fill.objects.count()) == (OrderState.PENDING, 0)
    assert not Balance.objects.exclude(reserved=0).exists()


def test_a_short_earns_when_the_price_falls_and_is_reduced_by_a_purchase(perpetual: Perpetual) -> None:
    perpetual.terms(5)
    perpetual.pit.sell(10)
    assert perpetual.pit.orders(perpetual.book) == [("SELL", "OPEN", "FILLED", "10", "")]
    perpetual.pit.price(90)
    assert plain(perpetual.worth().equity) == "10100"
    perpetual.pit.buy(4)
    assert perpetual.told() == {"quantity": "-6", "cost": "-600", "realized_pnl": "40", "margin": "120"}
    assert perpetual.pit.cash(perpetual.book) == "10040"
    assert perpetual.pit.orders(perpetual.book)[1:] == [("BUY", "CLOSE", "FILLED", "4", "")]
    assert failed_checks() == {}


def test_a_reversal_is_one_order_that_closes_and_one_that_opens_though_only_the_first_frees_the_margin(
    perpetual: Perpetual,
) -> None:
    perpetual.pit.buy(90)
    perpetual.pit.sell(180)
    assert perpetual.pit.orders(perpetual.book) == [
        ("BUY", "OPEN", "FILLED", "90", ""),
        ("SELL", "CLOSE", "FILLED", "90", ""),
        ("SELL", "OPEN", "FILLED", "90", ""),
    ]
    assert perpetual.told() == {"quantity": "-90", "cost": "-9000", "margin": "9000"}
    assert failed_checks() == {}


def test_the_same_key_turns_a_position_over_once(perpetual: Perpetual) -> None:
    perpetual.pit.buy(1)
    book = perpetual.book
    asked: dict[str, Any] = {
        "actor": book.owner,
        "portfolio": book,
        "instrument": perpetual.instrument,
        "side": Side.SELL,
        "key": "turn",
    }
    for _ in range(2):
        with perpetual.pit.working():
            place_hand_order(quantity=Decimal(3), **asked)
    assert perpetual.pit.held(book) == "-2"
    with pytest.raises(DomainError) as refused:
        place_hand_order(quantity=Decimal(4), **asked)
    assert refused.value.code == "KEY_REUSED"


def test_an_open_needs_its_margin_and_fee_and_no_more(perpetual: Perpetual, unchanged: Unchanged) -> None:
    perpetual.instrument.taker_fee_bps = Decimal(10)
    perpetual.instrument.save()
    perpetual.terms(10)
    # 990 x 100 / 10 + 99 is 9,999; one lot more is one cent and a bit too much.
    with unchanged(), pytest.raises(DomainError) as refused:
        perpetual.pit.place(Side.SELL, "990.1")
    assert refused.value.code in ("INSUFFICIENT_BALANCE", "LEVERAGE_TIER_LIMIT")
    perpetual.terms(10)
    perpetual.pit.sell(990)
    assert perpetual.told() == {"quantity": "-990", "cost": "-99000", "margin": "9900"}
    assert perpetual.pit.cash(perpetual.book) == "9901"
    assert failed_checks() == {}


def test_a_large_position_needs_a_lower_leverage(perpetual: Perpetual) -> None:
    perpetual.terms(20)
    with pytest.raises(DomainError) as refused:
        perpetual.pit.place(Side.BUY, 501)
    assert refused.value.code == "LEVERAGE_TIER_LIMIT"
    perpetual.pit.buy(500)
    with pytest.raises(DomainError) as refused:
        perpetual.pit.place(Side.BUY, 1)
    assert refused.value.code == "LEVERAGE_TIER_LIMIT"


@pytest.mark.parametrize("leverage", [0, 21])
def test_leverage_stays_within_the_first_tier(perpetual: Perpetual, unchanged: Unchanged, leverage: int) -> None:
    with unchanged(), pytest.raises(DomainError) as refused:
        perpetual.terms(leverage)
    assert refused.value.code == "LEVERAGE_NOT_ALLOWED"


def test_a_lower_leverage_sets_more_aside_and_a_higher_one_gives_it_back(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(20)
    perpetual.terms(5)
    assert perpetual.told()["margin"] == "400"
    perpetual.terms(20)
    assert perpetual.told()["margin"] == "100"
    assert perpetual.lines("MARGIN") == [
        ("MARGIN", "200"),
        ("HOLDINGS", "-200"),
        ("MARGIN", "-300"),
        ("HOLDINGS", "300"),
    ]
    assert failed_checks() == {}


def test_terms_that_would_liquidate_or_that_an_order_or_position_rests_on_stay(
    perpetual: Perpetual, unchanged: Unchanged
) -> None:
    perpetual.terms(2)
    perpetual.pit.buy(20)
    perpetual.pit.price(94)
    for leverage, mode, code in (
        (20, MarginMode.ISOLATED, "LEVERAGE_WOULD_LIQUIDATE"),
        (2, MarginMode.CROSS, "MARGIN_MODE_LOCKED"),
    ):
        with unchanged(), pytest.raises(DomainError) as refused:
            perpetual.terms(leverage, mode)
        assert refused.value.code == code
    perpetual.waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="90")
    with unchanged(), pytest.raises(DomainError) as refused:
        perpetual.terms(3)
    assert refused.value.code == "MARGIN_ORDERS_OPEN"


def test_a_resting_open_holds_its_margin_and_a_resting_exit_holds_nothing(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.waiting.ask(Side.SELL, 10, OrderKind.LIMIT, limit_price="110")
    assert perpetual.waiting.promised() == {"USDT": "110"}
    perpetual.waiting.price(110)
    assert perpetual.told() == {"quantity": "-10", "cost": "-1100", "margin": "110"}
    perpetual.waiting.ask(Side.BUY, 10, OrderKind.LIMIT, limit_price="100")
    assert perpetual.waiting.promised() == {"USDT": "110"}
    perpetual.waiting.price(100)
    assert perpetual.told() == {"realized_pnl": "100"}
    assert perpetual.pit.cash(perpetual.book) == "10100"
    assert failed_checks() == {}


def test_two_exits_of_one_position_close_it_once(perpetual: Perpetual) -> None:
    perpetual.pit.buy(5)
    with perpetual.pit.working():
        for key in ("first", "second"):
            close_position(
                actor=perpetual.book.owner, portfolio=perpetual.book, instrument=perpetual.instrument, key=key
            )
    assert perpetual.pit.held(perpetual.book) == "0"
    assert [row[2:] for row in perpetual.pit.orders(perpetual.book)[1:]] == [
        ("FILLED", "5", ""),
        ("DENIED", "0", "NOTHING_TO_CLOSE"),
    ]


def test_reduce_only_binds_when_it_fills(perpetual: Perpetual) -> None:
    perpetual.pit.sell(5)
    stop = perpetual.waiting.ask(Side.BUY, 5, OrderKind.STOP, trigger_price="105", reduce_only=True)
    perpetual.pit.buy(3)
    perpetual.waiting.price(105)
    stop.refresh_from_db()
    assert (stop.state, plain(stop.filled_quantity), stop.code) == ("FILLED", "2", "CLIPPED_POSITION")
    assert perpetual.pit.held(perpetual.book) == "0"
    assert failed_checks() == {}


def test_a_short_brings_its_stop_above_and_its_target_below(perpetual: Perpetual) -> None:
    perpetual.waiting.ask(Side.SELL, 2, OrderKind.MARKET, stop_price="105", target_price="90")
    guards = Order.objects.filter(portfolio=perpetual.book, cause_kind="BRACKET").order_by("attempt")
    assert [(one.side, one.leg, one.kind) for one in guards] == [("BUY", "CLOSE", "STOP"), ("BUY", "CLOSE", "LIMIT")]
    perpetual.waiting.price(105)
    assert perpetual.pit.held(perpetual.book) == "0"
    assert [one.state for one in guards.all()] == ["FILLED", "CANCELED"]
    assert perpetual.pit.cash(perpetual.book) == "9990"


def test_cross_positions_need_margin_of_free_cash_that_cannot_be_withdrawn(
    perpetual: Perpetual, unchanged: Unchanged
) -> None:
    perpetual.terms(10, MarginMode.CROSS)
    perpetual.pit.buy(400)
    assert perpetual.told() == {"quantity": "400", "cost": "40000"}
    assert plain(perpetual.worth().free) == "6000"
    perpetual.pit.price(90)
    # 10,000 less a loss of 4,000 and an initial margin of 3,600.
    assert plain(perpetual.worth().free) == "2400"
    book = Portfolio.objects.get(pk=perpetual.book.pk)
    with unchanged(), pytest.raises(DomainError) as refused:
        withdraw(actor=book.owner, portfolio=book, amount=Decimal(2401))
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    withdraw(actor=book.owner, portfolio=book, amount=Decimal(2400))
    with pytest.raises(DomainError) as refused:
        perpetual.pit.place(Side.BUY, 1)
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    assert failed_checks() == {}
