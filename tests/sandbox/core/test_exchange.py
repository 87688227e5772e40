"""Orders of every kind on spot: what they cost, when they fill, and why they are refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.core.errors import Reason, Refusal
from sandbox.core.orders import OrderRequest, OrderType, Side, Status
from tests.sandbox.core.places import SYMBOL, SpotPlace

D = Decimal
BOTH = {"bids": {"99": "1", "98": "1"}, "asks": {"101": "1", "102": "1"}}


def placed() -> SpotPlace:
    """A place with two quotes of one on each side of 100."""
    place = SpotPlace()
    place.quote(**BOTH)
    place.last("100")
    return place


def refused(place: SpotPlace, *arguments: str, **more: object) -> tuple[Reason, str]:
    with pytest.raises(Refusal) as caught:
        place.place(*arguments, **more)  # type: ignore[arg-type]  # the tests hand on what place() takes
    return caught.value.reason, caught.value.detail


def test_a_market_order_walks_the_book_and_pays_the_takers_fee_in_what_it_receives() -> None:
    place = placed()
    order = place.place("BUY", "1.5")
    assert (order.status, order.filled_quote, order.average_price) == (Status.FILLED, D(152), D(152) / D("1.5"))
    assert [(fill.price, fill.quantity, fill.fee, fill.fee_asset) for fill in order.fills] == [
        (D(101), D(1), D("0.002"), "BTC"),
        (D(102), D("0.5"), D("0.001"), "BTC"),
    ]
    assert place.money() == {"USDT": (D(9848), D(0)), "BTC": (D("11.497"), D(0))}


def test_a_market_order_beyond_the_book_expires_with_what_it_got() -> None:
    order = placed().place("BUY", "5")
    assert (order.status, order.filled) == (Status.EXPIRED, D(2))


def test_a_market_order_by_cost_buys_whole_lots() -> None:
    place = placed()
    order = place.exchange.place("alice", OrderRequest(SYMBOL, Side.BUY, OrderType.MARKET, quote_quantity=D(150)))
    assert (order.quantity, order.filled) == (D("1.480"), D("1.480"))


def test_a_limit_order_locks_its_cost_fills_at_the_better_price_and_gives_the_rest_back() -> None:
    place = placed()
    order = place.place("BUY", "3", "101.5")
    assert (order.status, order.filled) == (Status.PARTIALLY_FILLED, D(1))
    assert place.money()["USDT"] == (D("9696"), D("203"))
    place.exchange.cancel("alice", SYMBOL, order.id)
    assert order.status is Status.CANCELED
    assert place.money() == {"USDT": (D(9899), D(0)), "BTC": (D("10.998"), D(0))}


def test_a_resting_order_pays_the_makers_fee_when_the_house_comes_to_it() -> None:
    place = placed()
    order = place.place("SELL", "1", "100.5")
    place.quote(bids={"100.5": "1"}, asks={"101": "1"})
    assert (order.status, order.fills[0].is_maker, order.fee) == (Status.FILLED, True, D("0.1005"))
    assert place.money() == {"USDT": (D("10100.3995"), D(0)), "BTC": (D(9), D(0))}


def test_fees_in_quote_are_locked_and_taken_from_quote() -> None:
    place = SpotPlace(fee_in_quote=True)
    place.quote(**BOTH)
    place.last("100")
    order = place.place("BUY", "1", "90")
    assert place.money()["USDT"] == (D("9909.82"), D("90.18"))
    place.exchange.cancel("alice", SYMBOL, order.id)
    place.place("BUY", "1")
    assert place.money() == {"USDT": (D("9898.798"), D(0)), "BTC": (D(11), D(0))}


def test_immediate_or_cancel_expires_what_is_left() -> None:
    order = placed().place("BUY", "3", "101", force="IOC")
    assert (order.status, order.filled) == (Status.EXPIRED, D(1))


def test_fill_or_kill_fills_whole_or_not_at_all() -> None:
    place = placed()
    killed = place.place("BUY", "3", "102", force="FOK")
    assert (killed.status, killed.filled) == (Status.EXPIRED, D(0))
    assert place.money()["USDT"] == (D(10_000), D(0))
    filled = place.place("BUY", "2", "102", force="FOK")
    assert (filled.status, filled.filled) == (Status.FILLED, D(2))


def test_post_only_is_refused_when_it_would_take() -> None:
    place = placed()
    assert refused(place, "BUY", "1", "101", post_only=True) == (Reason.WOULD_TAKE, SYMBOL)
    assert place.place("BUY", "1", "100.9", post_only=True).status is Status.NEW


@pytest.mark.parametrize(
    ("arguments", "reason", "detail"),
    [
        (("BUY", "1", "100.05"), Reason.BAD_PRICE, "PRICE_FILTER"),
        (("BUY", "1", "1000000.1"), Reason.BAD_PRICE, "PRICE_FILTER"),
        (("BUY", "0.0005", "100"), Reason.BAD_QUANTITY, "LOT_SIZE"),
        (("BUY", "1.0005", "100"), Reason.BAD_QUANTITY, "LOT_SIZE"),
        (("BUY", "1000.001", "100"), Reason.BAD_QUANTITY, "LOT_SIZE"),
        (("BUY", "0.049", "100"), Reason.BELOW_NOTIONAL, "NOTIONAL"),
        (("BUY", "0.049"), Reason.BELOW_NOTIONAL, "NOTIONAL"),
        (("BUY", "101", "100"), Reason.INSUFFICIENT_BALANCE, "USDT"),
        (("SELL", "10.001", "100"), Reason.INSUFFICIENT_BALANCE, "BTC"),
    ],
)
def test_filters_and_balances_refuse(arguments: tuple[str, ...], reason: Reason, detail: str) -> None:
    place = placed()
    assert refused(place, *arguments) == (reason, detail)
    assert place.money() == {"USDT": (D(10_000), D(0)), "BTC": (D(10), D(0))}
    assert place.exchange.orders("alice") == []


def test_a_client_id_is_unique_among_open_orders_and_free_again_afterwards() -> None:
    place = placed()
    first = place.place("BUY", "1", "90", client_id="mine")
    assert refused(place, "BUY", "1", "90", client_id="mine") == (Reason.DUPLICATE_CLIENT_ID, "mine")
    assert place.place("BUY", "1", "90", account="bob", client_id="mine").status is Status.NEW
    place.exchange.cancel("alice", SYMBOL, client_id="mine")
    second = place.place("BUY", "1", "90", client_id="mine")
    assert place.exchange.find("alice", SYMBOL, client_id="mine") is second is not first


def test_orders_of_others_are_not_found() -> None:
    place = placed()
    order = place.place("BUY", "1", "90", client_id="mine")
    for account, number in (("bob", order.id), ("alice", order.id + 1)):
        with pytest.raises(Refusal) as caught:
            place.exchange.find(account, SYMBOL, number)
        assert caught.value.reason is Reason.ORDER_NOT_FOUND
        with pytest.raises(Refusal) as caught:
            place.exchange.cancel(account, SYMBOL, number)
        assert caught.value.reason is Reason.CANCEL_UNKNOWN
    assert order.status is Status.NEW


def test_a_finished_order_cannot_be_cancelled() -> None:
    place = placed()
    order = place.place("BUY", "1")
    with pytest.raises(Refusal) as caught:
        place.exchange.cancel("alice", SYMBOL, order.id)
    assert caught.value.reason is Reason.CANCEL_UNKNOWN


@pytest.mark.parametrize(
    ("side", "kind", "stop", "before", "reached"),
    [
        ("SELL", OrderType.STOP_LOSS, "95", "95.1", "95"),
        ("SELL", OrderType.TAKE_PROFIT, "105", "104.9", "105"),
        ("BUY", OrderType.STOP_LOSS, "105", "104.9", "105"),
        ("BUY", OrderType.TAKE_PROFIT, "95", "95.1", "95"),
    ],
)
def test_a_stop_waits_for_the_last_price(side: str, kind: OrderType, stop: str, before: str, reached: str) -> None:
    place = placed()
    order = place.place(side, "1", kind=kind, stop=stop, client_id="stop")
    place.last(before)
    assert (order.working, order.status) == (False, Status.NEW)
    place.last(reached)
    assert (order.working, order.status, order.filled) == (True, Status.FILLED, D(1))
    assert place.heard.orders == ["stop NEW NEW", "stop TRIGGERED NEW", "stop TRADE FILLED"]


def test_a_stop_limit_rests_after_its_trigger() -> None:
    place = placed()
    order = place.place("SELL", "1", "99.5", kind=OrderType.STOP_LOSS_LIMIT, stop="95")
    assert place.money()["BTC"] == (D(9), D(1))
    place.last("94")
    assert (order.working, order.status) == (True, Status.NEW)
    assert place.exchange.book(SYMBOL).quantity_at(Side.SELL, D("99.5")) == D(1)


def test_a_stop_that_would_go_off_at_once_is_refused() -> None:
    assert refused(placed(), "SELL", "1", kind=OrderType.STOP_LOSS, stop="100") == (Reason.WOULD_TRIGGER, SYMBOL)


def oco(place: SpotPlace, limit: str = "105", stop: str = "95") -> tuple[OrderRequest, OrderRequest]:
    return (
        OrderRequest(SYMBOL, Side.SELL, OrderType.LIMIT, D(4), price=D(limit), client_id="limit"),
        OrderRequest(SYMBOL, Side.SELL, OrderType.STOP_LOSS, D(4), trigger_price=D(stop), client_id="stop"),
    )


def test_the_legs_of_a_list_hold_once_and_the_fill_of_one_ends_the_other() -> None:
    place = placed()
    stop, limit = place.exchange.place_list("alice", *oco(place))
    assert place.money()["BTC"] == (D(6), D(4))
    place.quote(bids={"105": "1"})
    assert (limit.status, limit.filled, stop.status) == (Status.PARTIALLY_FILLED, D(1), Status.EXPIRED)
    assert place.money()["BTC"] == (D(6), D(3))


def test_the_trigger_of_a_list_ends_its_limit_leg() -> None:
    place = placed()
    stop, limit = place.exchange.place_list("alice", *oco(place))
    place.quote(bids={"94": "10"})
    place.last("95")
    assert (stop.status, stop.filled, limit.status) == (Status.FILLED, D(4), Status.EXPIRED)
    assert place.money()["BTC"] == (D(6), D(0))


def test_the_cancel_of_one_leg_cancels_the_list() -> None:
    place = placed()
    stop, limit = place.exchange.place_list("alice", *oco(place))
    assert place.exchange.cancel("alice", SYMBOL, limit.id) == [limit, stop]
    assert place.money()["BTC"] == (D(10), D(0))


@pytest.mark.parametrize(("limit", "stop"), [("99", "95"), ("105", "101")])
def test_a_list_must_stand_around_the_last_price(limit: str, stop: str) -> None:
    place = placed()
    with pytest.raises(Refusal) as caught:
        place.exchange.place_list("alice", *oco(place, limit, stop))
    assert caught.value.reason is Reason.BAD_LIST
    assert place.money()["BTC"] == (D(10), D(0))


def test_nobody_trades_with_himself() -> None:
    place = SpotPlace()
    resting = place.place("SELL", "1", "100")
    taking = place.place("BUY", "1", "100")
    assert (resting.status, taking.status, place.heard.trades) == (Status.EXPIRED, Status.NEW, [])


def test_two_accounts_trade_and_no_money_is_made_but_fees() -> None:
    place = SpotPlace()
    place.place("SELL", "1", "100")
    place.place("BUY", "1", "100", account="bob")
    assert place.money("alice") == {"USDT": (D("10099.9"), D(0)), "BTC": (D(9), D(0))}
    assert place.money("bob") == {"USDT": (D(9900), D(0)), "BTC": (D("10.998"), D(0))}


def test_cancel_all_leaves_the_orders_of_others() -> None:
    place = placed()
    mine = [place.place("BUY", "1", "90"), place.place("SELL", "1", "110")]
    other = place.place("BUY", "1", "90", account="bob")
    assert place.exchange.cancel_all("alice", SYMBOL) == mine
    assert [order.status for order in (*mine, other)] == [Status.CANCELED, Status.CANCELED, Status.NEW]


def test_accounts_hear_once_per_step_which_balances_moved() -> None:
    place = placed()
    place.place("BUY", "2")
    assert [(event.account, event.assets) for event in place.heard.accounts] == [("alice", frozenset(("BTC", "USDT")))]
