"""Liquidation on paper: at the price that the formula names, once, with no more lost than what backs the position."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import AuditEntry, Notification
from engine.margin import liquidation_price
from portfolios.margin import liquidation_prices, tiers_by_instrument
from portfolios.margin_models import MarginMode
from tests.fixtures_trading import UNGUARDED, failed_checks, plain
from tests.fixtures_waiting_on_margin import TIERS, Perpetual
from trading.codes import explain
from trading.kinds import OrderKind
from trading.models import CauseKind, Order, Side
from trading.services.liquidation import liquidate


def liquidations(perpetual: Perpetual) -> list[tuple[str, str, str, str]]:
    rows = Order.objects.filter(portfolio=perpetual.book, cause_kind=CauseKind.LIQUIDATION).order_by("pk")
    return [(one.side, one.state, plain(one.filled_quantity), plain(one.average_price)) for one in rows]


def price_of(perpetual: Perpetual) -> Decimal | None:
    prices = liquidation_prices(perpetual.worth(), tiers_by_instrument([perpetual.instrument.pk]))
    return prices[perpetual.instrument.pk]


def test_an_isolated_long_is_liquidated_at_its_price_and_one_tick_above_it_is_not(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(100)
    # 100 x p - 10,000 + 1,000 = 100 x p x 1 %
    assert price_of(perpetual) == Decimal(9000) / 99
    perpetual.waiting.price("90.91")
    assert liquidations(perpetual) == []
    perpetual.waiting.price("90.90")
    assert liquidations(perpetual) == [("SELL", "FILLED", "100", "90.9")]
    # A loss of 910 and a fee of 0.3 % of 9,090; 62.73 of the margin is left and free again.
    assert perpetual.told() == {"realized_pnl": "-910"}
    assert perpetual.pit.cash(perpetual.book) == "9062.73"
    assert plain(perpetual.worth().free) == "9062.73"
    assert failed_checks() == {}


def test_a_gap_takes_the_margin_and_no_more_and_the_fund_pays_the_rest(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.sell(100)
    perpetual.waiting.price(130)
    assert liquidations(perpetual) == [("BUY", "FILLED", "100", "130")]
    # 3,000 lost and a fee of 39, of which a margin of 1,000 bears 1,000.
    assert perpetual.told() == {"realized_pnl": "-3000", "insured": "2039"}
    assert perpetual.pit.cash(perpetual.book) == "9000"
    lines = [("MARGIN", "-1000"), ("MARKET", "3000"), ("FEES", "39"), ("INSURANCE", "-2039")]
    assert perpetual.lines("FILL")[2:] == lines
    worth = perpetual.worth()
    assert worth.profit == worth.equity - 10_000 == -1000
    assert failed_checks() == {}


def test_what_is_liquidated_is_told_once_in_words(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(100)
    perpetual.waiting.price(85)
    for _ in range(2):
        perpetual.waiting.engine.look()
        assert liquidate(portfolio_id=perpetual.book.pk) == []
    [order] = Order.objects.filter(cause_kind=CauseKind.LIQUIDATION)
    assert explain(order.code, order) == "Liquidated: the BTC-USDT position no longer carried its maintenance margin."
    [news] = Notification.objects.filter(event="position.liquidated")
    assert (news.user, news.context["side"], news.context["price"]) == (perpetual.book.owner, "long", "85")
    assert AuditEntry.objects.filter(action="position.liquidated").count() == 1


def test_two_that_notice_write_one_order(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(100)
    perpetual.pit.price(85)
    assert [len(liquidate(portfolio_id=perpetual.book.pk)) for _ in range(2)] == [1, 0]
    assert Order.objects.filter(cause_kind=CauseKind.LIQUIDATION).count() == 1


def test_what_waits_to_open_is_canceled_with_the_position(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(100)
    more = perpetual.waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="80")
    perpetual.waiting.price(85)
    more.refresh_from_db()
    assert (more.state, more.code) == ("CANCELED", "LIQUIDATION")
    assert perpetual.pit.held(perpetual.book) == "0"
    assert failed_checks() == {}


def test_a_cross_position_has_all_the_cash_behind_it(perpetual: Perpetual) -> None:
    perpetual.terms(10, MarginMode.CROSS)
    perpetual.pit.buy(400)
    at = liquidation_price(Decimal(400), Decimal(40_000), Decimal(10_000), TIERS)
    assert price_of(perpetual) == at == Decimal(30_000) / 396
    perpetual.waiting.price(76)
    assert liquidations(perpetual) == []
    perpetual.waiting.price(75)
    assert liquidations(perpetual) == [("SELL", "FILLED", "400", "75")]
    # All 10,000 are lost; the fee of 90 is the insurance fund's.
    assert perpetual.pit.cash(perpetual.book) == "0"
    assert perpetual.told() == {"realized_pnl": "-10000", "insured": "90"}
    assert failed_checks() == {}


def test_cash_that_was_promised_to_an_open_saves_a_cross_position(perpetual: Perpetual) -> None:
    perpetual.terms(10, MarginMode.CROSS)
    perpetual.pit.buy(400)
    more = perpetual.waiting.ask(Side.BUY, 600, OrderKind.LIMIT, limit_price="50")
    perpetual.waiting.price(80)
    more.refresh_from_db()
    assert (more.state, more.code) == ("CANCELED", "LIQUIDATION")
    assert liquidations(perpetual) == []
    assert perpetual.pit.held(perpetual.book) == "400"
    assert failed_checks() == {}


def test_followers_go_out_with_a_lead_that_is_liquidated(perpetual: Perpetual, bob: object) -> None:
    follow = perpetual.pit.follow(bob, 1_000, **UNGUARDED)  # type: ignore[arg-type] # bob is a user
    perpetual.terms(10)
    perpetual.pit.sell(100)
    assert perpetual.pit.held(follow) == "-10"
    # The lead's leverage is 10, a follower's 5 at most (rule 25).
    assert perpetual.told(follow.portfolio) == {"quantity": "-10", "cost": "-1000", "margin": "200"}
    perpetual.waiting.price(110)
    assert (perpetual.pit.held(perpetual.book), perpetual.pit.held(follow)) == ("0", "0")
    assert failed_checks() == {}


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 95), (Side.SELL, 105)])
def test_a_price_that_a_position_carries_liquidates_nothing(perpetual: Perpetual, side: Side, price: int) -> None:
    perpetual.terms(10)
    (perpetual.pit.buy if side == Side.BUY else perpetual.pit.sell)(100)
    perpetual.waiting.price(price)
    assert liquidations(perpetual) == []
    assert perpetual.told()["margin"] == "1000"
