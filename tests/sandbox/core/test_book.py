"""Price first, then time; levels and their changes."""

from __future__ import annotations

from decimal import Decimal

from sandbox.core.orders import Side
from tests.sandbox.core.places import SYMBOL, SpotPlace

D = Decimal


def test_the_better_price_trades_first_then_the_older_order() -> None:
    place = SpotPlace()
    for name, price in (("late", "100.2"), ("first", "100.1"), ("second", "100.1")):
        place.place("SELL", "1", price, client_id=name)
    place.place("BUY", "2.5", "100.2", account="bob")
    states = {order.client_id: order.filled for order in place.exchange.orders("alice")}
    assert states == {"late": D("0.5"), "first": D(1), "second": D(1)}


def test_levels_add_up_what_rests_at_a_price_best_first() -> None:
    place = SpotPlace()
    for price, quantity in (("99.9", "1"), ("100", "2"), ("99.9", "3")):
        place.place("BUY", quantity, price)
    book = place.exchange.book(SYMBOL)
    assert book.levels(Side.BUY, 5) == [(D(100), D(2)), (D("99.9"), D(4))]
    assert book.levels(Side.BUY, 1) == [(D(100), D(2))]
    assert book.levels(Side.SELL, 5) == []


def test_every_change_of_a_level_has_an_update_id_and_is_named() -> None:
    place = SpotPlace()
    book = place.exchange.book(SYMBOL)
    before = book.update_id
    order = place.place("BUY", "1", "100")
    assert (book.update_id, book.changed) == (before + 1, {(Side.BUY, D(100))})
    place.exchange.cancel("alice", SYMBOL, order.id)
    assert (book.update_id, book.quantity_at(Side.BUY, D(100))) == (before + 2, D(0))


def test_a_partly_taken_order_keeps_its_place() -> None:
    place = SpotPlace()
    place.place("SELL", "2", "100", client_id="old")
    place.place("SELL", "2", "100", client_id="new")
    place.place("BUY", "1", "100", account="bob")
    place.place("BUY", "1", "100", account="bob")
    assert [order.filled for order in place.exchange.orders("alice")] == [D(2), D(0)]
