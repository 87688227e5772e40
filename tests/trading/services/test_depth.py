"""Our own broker's takers walk a venue's order book where there is one: level by level, each fill once, what is left waits or ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.clock import set_market_time
from markets.boards import put_books
from markets.gateway.protocol import Level, OrderBook
from markets.models import Exchange, Interest, InterestKind
from portfolios.models import Portfolio, PortfolioKind
from tests.fixtures_trading import everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, Waiting, again, dying_at, events, fills, told
from trading.brokers import Outcome
from trading.brokers.paper import PaperBroker
from trading.depths import VALID_FOR, depths_for
from trading.kinds import OrderKind, TimeInForce
from trading.models import Fill, Order, OrderState, Side, Trigger
from trading.services.changing import cancel_order, modify_order
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.resting import accept_orders, meet_prices
from trading.services.sweeping import run_due

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal
Levels = Sequence[tuple[str, str]]


class Venue:
    """A market whose venue tells its book; takers pay 10 bps, makers 5, and would slip by 1 % without one."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting, self.pit = waiting, waiting.pit
        instrument = self.pit.instrument
        instrument.taker_fee_bps, instrument.maker_fee_bps, instrument.lot_step = D(10), D(5), D("0.001")
        instrument.save()
        Portfolio.objects.filter(pk=self.pit.lead.pk).update(slippage_bps=D(100))
        self.pit.lead.refresh_from_db()
        self.book([("99.5", "1"), ("99", "2")], [("100.5", "1"), ("101", "0.5"), ("102", "3")])

    def book(self, bids: Levels, asks: Levels, *, seconds_ago: float = 0) -> None:
        instrument = self.pit.instrument
        at = self.pit.desk.at - timedelta(seconds=seconds_ago)
        sides = [tuple(Level(D(price), D(quantity)) for price, quantity in side) for side in (bids, asks)]
        put_books(instrument.exchange.code, {instrument.pk: OrderBook(instrument.symbol, at, sides[0], sides[1], None)})

    def later(self, seconds: float = 1) -> None:
        self.pit.desk.at += timedelta(seconds=seconds)
        set_market_time(self.pit.desk.namespace, self.pit.desk.at)

    def checked(self) -> dict[str, list[str]]:
        """Let what a part filled be copied, which waits for the parts that follow, and return what is wrong then."""
        self.later()
        with self.pit.working():
            run_due(namespace=self.pit.desk.namespace, until=self.pit.desk.at)
        return failed_checks()


@pytest.fixture
def venue(waiting: Waiting) -> Venue:
    return Venue(waiting)


def test_a_taker_walks_the_levels(venue: Venue) -> None:
    order = venue.waiting.ask(BUY, 2, K.MARKET)
    assert fills(order) == [("1", "100.5", "0.1005"), ("0.5", "101", "0.0505"), ("0.5", "102", "0.051")]
    # (100.5 + 50.5 + 51) / 2, and no slippage besides.
    assert told(order) == (OrderState.FILLED, "", "2", "101")
    ids = list(Fill.objects.filter(order=order).order_by("number").values_list("venue_fill_id", flat=True))
    assert ids == [f"{order.client_order_id}:{number}" for number in (1, 2, 3)]
    sale = venue.waiting.ask(SELL, "1.5", K.MARKET)
    assert fills(sale) == [("1", "99.5", "0.0995"), ("0.5", "99", "0.0495")]
    assert (venue.waiting.promised(), venue.checked()) == ({}, {})


def test_parts_of_a_lot_in_a_book_are_not_taken(venue: Venue) -> None:
    venue.book([], [("100.5", "0.0019"), ("101", "0.0004"), ("102", "3")])
    assert [row[:2] for row in fills(venue.waiting.ask(BUY, 1, K.MARKET))] == [("0.001", "100.5"), ("0.999", "102")]


def test_what_lies_beyond_the_book_waits_for_the_next_one(venue: Venue) -> None:
    order = venue.waiting.ask(BUY, 6, K.MARKET)
    assert told(order)[:3] == (OrderState.PARTIALLY_FILLED, "", "4.5")
    # The same book has nothing more for it, however often a price comes.
    venue.waiting.price(101, 102)
    assert told(order)[2] == "4.5"
    venue.later()
    venue.book([], [("103", "1")])
    venue.waiting.price(103)
    assert told(order)[2] == "5.5"
    # A restart goes on there; a venue that has no book any more leaves the slippage.
    venue.waiting.restart()
    venue.later(VALID_FOR.total_seconds() + 2)
    venue.waiting.price(104)
    assert [row[:2] for row in fills(order)][3:] == [("1", "103"), ("0.5", "105.04")]
    assert (told(order)[0], venue.waiting.promised(), venue.checked()) == (OrderState.FILLED, {}, {})
    assert Fill.objects.filter(order=order, venue_fill_id=f"{order.client_order_id}:5").count() == 1


def test_what_is_left_of_a_market_order_can_be_canceled(venue: Venue) -> None:
    order = venue.waiting.ask(BUY, 6, K.MARKET)
    with venue.pit.working():
        cancel_order(actor=venue.pit.alice, order=order)
    assert told(order)[:3] == (OrderState.CANCELED, "CANCELED_BY_OWNER", "4.5")
    assert (venue.waiting.promised(), venue.pit.held(venue.pit.lead), venue.checked()) == ({}, "4.5", {})


def test_a_part_that_was_bought_before_its_order_ended_has_its_stop(venue: Venue) -> None:
    order = venue.pit.place(BUY, 6)
    Order.objects.filter(pk=order.pk).update(stop_loss_ratio=D("0.1"))
    with venue.pit.working():
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    assert (told(order)[2], Trigger.objects.count()) == ("4.5", 0)
    with venue.pit.working():
        cancel_order(actor=venue.pit.alice, order=again(order))
    [stop] = Trigger.objects.all()
    # A tenth below the average of (100.5 + 0.5 × 101 + 3 × 102) / 4.5, to the tick.
    assert (stop.entry_id, plain(stop.price)) == (order.pk, "91.4")
    assert venue.checked() == {}


@pytest.mark.parametrize(
    ("force", "outcome"),
    [
        (TimeInForce.IOC, (OrderState.CANCELED, "NOT_FILLED_AT_ONCE", "1.5")),
        (TimeInForce.FOK, (OrderState.CANCELED, "NOT_FILLED_AT_ONCE", "0")),
        (TimeInForce.GTC, (OrderState.PARTIALLY_FILLED, "", "1.5")),
    ],
)
def test_a_limit_takes_what_is_within_it_and_its_time_says_what_becomes_of_the_rest(
    venue: Venue, force: TimeInForce, outcome: tuple[str, str, str]
) -> None:
    order = venue.waiting.ask(BUY, 2, K.LIMIT, limit_price="101", time_in_force=force)
    assert told(order)[:3] == outcome
    assert venue.checked() == {}


def test_the_rest_of_a_limit_is_a_maker(venue: Venue) -> None:
    venue.pit.price("101.5")
    order = venue.waiting.ask(BUY, 2, K.LIMIT, limit_price="101")
    assert told(order)[2] == "1.5"
    venue.waiting.price("101.01")
    assert told(order)[2] == "1.5"
    # Whoever met it there is in no book any more.
    venue.book([], [("105", "1")])
    venue.waiting.price(101)
    assert fills(order)[2:] == [("0.5", "101", "0.02525")]
    assert (told(order)[0], venue.checked()) == (OrderState.FILLED, {})


def test_a_changed_order_does_not_meet_the_same_book_again(venue: Venue) -> None:
    venue.pit.price("103.5")
    order = venue.waiting.ask(BUY, 2, K.LIMIT, limit_price="101")
    with venue.pit.working():
        modify_order(actor=venue.pit.alice, order=order, limit_price=D("102"))
    assert told(order)[2] == "1.5"
    venue.later()
    venue.book([], [("101.5", "9")])
    with venue.pit.working():
        modify_order(actor=venue.pit.alice, order=again(order), limit_price=D("103"))
    assert [row[:2] for row in fills(order)][2:] == [("0.5", "101.5")]
    assert venue.checked() == {}


def test_a_limit_is_judged_by_the_best_price_against_it(venue: Venue) -> None:
    # The last price is 100, within the limit; nobody sells below 100.5.
    resting = venue.waiting.ask(BUY, 1, K.LIMIT, limit_price="100.2", post_only=True)
    assert told(resting)[0] == OrderState.OPEN
    refused = venue.waiting.ask(BUY, 1, K.LIMIT, limit_price="100.5", post_only=True)
    assert told(refused)[:2] == (OrderState.REJECTED, "POST_ONLY_WOULD_CROSS")


def test_a_stop_that_goes_off_walks_the_book(venue: Venue) -> None:
    venue.waiting.ask(BUY, 2, K.MARKET)
    stop = venue.waiting.ask(SELL, 2, K.STOP, trigger_price="95")
    venue.later()
    venue.book([("94.5", "1.2"), ("94", "5")], [])
    venue.waiting.price(95)
    assert [row[:2] for row in fills(stop)] == [("1.2", "94.5"), ("0.8", "94")]
    assert events(stop)[-1] == (OrderState.FILLED, "")


def test_a_stop_that_finds_too_little_goes_on_with_the_next_book(venue: Venue) -> None:
    venue.waiting.ask(BUY, 2, K.MARKET)
    stop = venue.waiting.ask(SELL, 2, K.STOP, trigger_price="95")
    venue.later()
    venue.book([("94.5", "1.2")], [])
    venue.waiting.price(95)
    assert told(stop)[:3] == (OrderState.PARTIALLY_FILLED, "", "1.2")
    venue.waiting.restart()
    venue.later()
    venue.book([("97", "5")], [])
    # It has gone off: what comes is taken, whatever it is.
    venue.waiting.price(98)
    assert [row[:2] for row in fills(stop)] == [("1.2", "94.5"), ("0.8", "97")]
    assert venue.checked() == {}


def test_what_is_promised_to_the_rest_of_one_order_is_not_free_for_the_next(venue: Venue) -> None:
    venue.book([], [("100", "6")])
    venue.waiting.ask(BUY, 6, K.MARKET)
    first = venue.waiting.ask(SELL, 4, K.STOP, trigger_price="95")
    second = venue.waiting.ask(SELL, 2, K.STOP, trigger_price="95", reduce_only=True)
    modify_order(actor=venue.pit.alice, order=second, quantity=D(6))
    venue.later()
    venue.book([("94.5", "2.5")], [])
    venue.waiting.engine.refresh()
    # Both at once: the engine would try them one by one where that breaks.
    with venue.pit.working():
        assert meet_prices(venue.waiting.engine.resting.cross({venue.pit.instrument.pk: D(95)})) == 2
    assert told(first)[:3] == (OrderState.PARTIALLY_FILLED, "", "2.5")
    # Of six, four were promised to the first, and are.
    assert told(second)[:3] == (OrderState.FILLED, "CLIPPED_POSITION", "2")
    assert (venue.waiting.promised(), venue.checked()) == ({"BTC": "1.5"}, {})


def test_what_cannot_be_paid_is_clipped_on_the_way(venue: Venue) -> None:
    venue.book([], [("100", "50"), ("150", "500")])
    order = venue.waiting.ask(BUY, 90, K.MARKET)
    stored = again(order)
    assert (stored.state, stored.code) == (OrderState.FILLED, "CLIPPED_BALANCE")
    # 10,000 − 5,005 for the first fifty; 150.15 each for the rest.
    assert [row[:2] for row in fills(order)] == [("50", "100"), ("33.266", "150")]
    assert D(0) <= D(venue.pit.cash(venue.pit.lead)) < D("0.16")
    assert venue.checked() == {}


def test_without_a_fresh_book_takers_slip(venue: Venue) -> None:
    venue.book([], [("100.5", "9")], seconds_ago=VALID_FOR.total_seconds() + 1)
    assert fills(venue.waiting.ask(BUY, 2, K.MARKET)) == [("2", "101", "0.202")]
    order = venue.pit.place(BUY, 1)
    [claimed] = claim_orders(Order.objects.filter(pk=order.pk))
    assert depths_for([claimed]) == {}
    venue.book([], [("100.5", "9")], seconds_ago=VALID_FOR.total_seconds())
    assert list(depths_for([claimed])) == [order.pk]


def test_copies_meet_their_events_price_and_no_book(venue: Venue, bob: User) -> None:
    follow = venue.pit.follow(bob, max_spread="0.05")
    venue.waiting.ask(BUY, 2, K.MARKET)
    copied = Order.objects.get(portfolio=follow.portfolio)
    assert (copied.state, copied.change, Fill.objects.filter(order=copied).count()) == (OrderState.FILLED, None, 1)
    assert venue.checked() == {}


# --- once -----------------------------------------------------------------------------------------------------------
def test_a_batch_sent_twice_takes_once(venue: Venue) -> None:
    """What a book has is decided where it is booked: a second answer, at another book, finds the order met."""
    order = venue.pit.place(BUY, 2)
    [claimed] = claim_orders(Order.objects.filter(pk=order.pk))
    [first] = PaperBroker().submit([claimed])
    assert (first.outcome, first.fills) == (Outcome.OPEN, ())
    record_results([first])
    booked = fills(order)
    venue.book([], [("100", "0.1"), ("100.1", "0.1"), ("100.2", "0.1"), ("100.3", "0.1"), ("100.4", "9")])
    record_results(PaperBroker().query([claimed]))
    venue.book([], [], seconds_ago=100)
    [late] = PaperBroker().query([claimed])
    assert late.outcome == Outcome.FILLED
    record_results([late])
    assert (fills(order), len(booked), told(order)[2]) == (booked, 3, "2")


def test_a_worker_killed_at_any_statement_books_all_levels_or_none(venue: Venue) -> None:
    order = venue.pit.place(BUY, 6)
    claim_orders(Order.objects.filter(pk=order.pk))
    before, deaths = everything_stored(), 0
    while True:
        with dying_at(deaths):
            try:
                accept_orders([order.pk], takers=[order.pk])
                break
            except Died:
                pass
        assert everything_stored() == before
        deaths += 1
    assert (deaths > 10, told(order)[2], len(fills(order))) == (True, "4.5", 3)
    assert plain(again(order).quantity) == "6"


# --- which books are there ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "kinds"), [(PortfolioKind.PAPER, {"BOOK"}), (PortfolioKind.LIVE, set())])
def test_a_ticket_on_paper_has_the_book_watched_that_its_order_would_walk(
    venue: Venue, client: Client, kind: str, kinds: set[str]
) -> None:
    Exchange.objects.filter(pk=venue.pit.desk.exchange.pk).update(dialect="binance")
    Portfolio.objects.filter(pk=venue.pit.lead.pk).update(kind=kind)
    client.force_login(venue.pit.alice)
    for name in ("portfolios:detail", "portfolios:estimate"):
        assert client.get(reverse(name, args=[venue.pit.lead.pk])).status_code == 200
    asked = Interest.objects.filter(instrument=venue.pit.instrument, kind=InterestKind.BOOK)
    assert set(asked.values_list("kind", flat=True)) == kinds
