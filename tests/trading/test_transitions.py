"""The states of orders: the one table of ways, and that what is said of an order counts, not when it is said."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise, product

import pytest

from common.ids import seeded_random
from portfolios.models import Portfolio, PortfolioKind
from tests.fixtures_trading import Pit, plain
from tests.fixtures_waiting import again
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.models import Fill, Order, OrderEvent, OrderState, Side
from trading.services.execution import claim_orders, record_results
from trading.transitions import ALLOWED, ENDED, move, ways_to

S = OrderState


def test_every_state_has_its_ways_and_no_end_leads_back() -> None:
    assert set(ALLOWED) == set(OrderState)
    for end in ENDED:
        assert set(ALLOWED[end]) <= {S.FILLED}
    assert (ALLOWED[S.FILLED], ALLOWED[S.DENIED]) == ((), ())
    assert set(ways_to(S.OPEN)) == {S.SUBMITTING, S.UNKNOWN}
    assert set(ways_to(S.PENDING)) == {S.SUBMITTING, S.UNKNOWN, S.OPEN}


@pytest.mark.parametrize(("start", "to"), list(product(OrderState, OrderState)))
def test_a_move_happens_only_where_a_way_leads(start: OrderState, to: OrderState) -> None:
    order = Order(state=start)
    assert move(order, to) == (to in ALLOWED[start])
    assert order.state == (to if to in ALLOWED[start] else start)


def test_a_late_acceptance_does_not_reopen_what_is_filled() -> None:
    order = Order(state=S.FILLED)
    assert (move(order, S.OPEN), order.state) == (False, S.FILLED)


Said = Callable[[Order], OrderResult]


def fill(order: Order, number: int, quantity: int, price: int) -> OrderResult:
    one = BrokerFill(
        order.pk, "venue", f"{order.pk}:{number}", Decimal(quantity), Decimal(price), Decimal("0.1"), order.created_at
    )
    return OrderResult(order.pk, Outcome.FILLED, (one,))


def says(outcome: Outcome) -> Said:
    return lambda order: OrderResult(order.pk, outcome, code="SAID" if outcome is Outcome.CANCELED else "")


def fills(number: int, quantity: int, price: int) -> Said:
    return lambda order: fill(order, number, quantity, price)


ACCEPTED, UNKNOWN, CANCELED = says(Outcome.OPEN), says(Outcome.UNKNOWN), says(Outcome.CANCELED)
HALVES = [fills(1, 1, 100), fills(2, 2, 97)]
REST = fills(3, 1, 99)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("messages", "state", "filled", "average"),
    [
        ([ACCEPTED, UNKNOWN], S.OPEN, "0", "0"),
        ([ACCEPTED, UNKNOWN, *HALVES], S.PARTIALLY_FILLED, "3", "98"),
        ([ACCEPTED, UNKNOWN, *HALVES, CANCELED], S.CANCELED, "3", "98"),
        ([ACCEPTED, CANCELED], S.CANCELED, "0", "0"),
        ([ACCEPTED, UNKNOWN, *HALVES, REST], S.FILLED, "4", "98.25"),
        # The last fill and the cancelation crossed: the venue filled it.
        ([ACCEPTED, UNKNOWN, *HALVES, REST, CANCELED], S.FILLED, "4", "98.25"),
    ],
)
def test_the_same_messages_in_any_order_and_number_end_alike(
    pit: Pit, messages: list[Said], state: OrderState, filled: str, average: str, seed: int
) -> None:
    # A venue of its own: our book must not fill it.
    Portfolio.objects.filter(pk=pit.lead.pk).update(kind=PortfolioKind.LIVE)
    pit.place(Side.BUY, 4)
    [order] = claim_orders(Order.objects.filter(portfolio=pit.lead))
    chance = seeded_random("messages", seed, state, len(messages))
    told = [*messages, *chance.choices(messages, k=3)]
    chance.shuffle(told)
    states = [order.state]
    for message in told:
        record_results([message(order)])
        states.append(again(order).state)
    stored = again(order)
    assert (stored.state, plain(stored.filled_quantity), plain(stored.average_price)) == (state, filled, average)
    assert plain(stored.fee) == plain(Decimal("0.1") * Fill.objects.filter(order=order).count())
    assert pit.held(pit.lead) == filled
    spent = sum(one.quantity * one.price + one.fee for one in Fill.objects.filter(order=order))
    assert pit.cash(pit.lead) == plain(Decimal(10_000) - spent)
    reserved = plain(pit.lead.balances.get(asset="USDT").reserved)
    assert reserved == ("0" if state in ENDED else plain(max(Decimal(400) - spent, Decimal(0))))
    for before, after in pairwise(states):
        assert before == after or after in _reachable(before)
    assert all(event.state in states for event in OrderEvent.objects.filter(order=order))


def _reachable(start: str) -> set[str]:
    """Return the states that one message may lead to."""
    return {str(state) for state in ALLOWED[start]}
