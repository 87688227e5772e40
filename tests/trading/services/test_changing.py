"""What an owner changes of orders that wait, and how everything is sold at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from common.errors import DomainError
from portfolios.models import Portfolio
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, Waiting, again, dying_at, events, fills, told
from trading.kinds import OrderKind
from trading.models import CauseKind, Order, OrderState, ScopeKind, Side
from trading.services.changing import cancel_all, cancel_order, modify_order
from trading.services.closing import Closed, close_all, close_position
from trading.services.safety import halt_platform

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal


@pytest.fixture
def resting(waiting: Waiting) -> Order:
    """Alice's purchase of two at 90."""
    return waiting.ask(BUY, 2, K.LIMIT, limit_price="90")


def modify(waiting: Waiting, order: Order, **change: str) -> Order:
    with waiting.pit.working():
        changed = modify_order(actor=waiting.pit.alice, order=order, **{k: D(v) for k, v in change.items()})
    waiting.engine.refresh()
    return changed


def code_of(waiting: Waiting, order: Order, **change: str) -> str:
    with pytest.raises(DomainError) as refusal:
        modify(waiting, order, **change)
    return refusal.value.code


def test_a_changed_order_promises_and_fills_as_changed(waiting: Waiting, resting: Order) -> None:
    changed = modify(waiting, resting, quantity="3", limit_price="95")
    assert (plain(changed.quantity), plain(changed.limit_price or D(0))) == ("3", "95")
    assert waiting.promised() == {"USDT": "285"}
    assert events(resting) == [(OrderState.OPEN, ""), (OrderState.OPEN, "MODIFIED")]
    waiting.price(95)
    assert fills(resting) == [("3", "95", "0")]
    assert (waiting.promised(), failed_checks()) == ({}, {})


def test_a_smaller_order_gives_back_what_it_no_longer_needs(waiting: Waiting, resting: Order) -> None:
    modify(waiting, resting, quantity="1")
    assert waiting.promised() == {"USDT": "90"}
    waiting.price(95, 92, 90)
    assert told(resting) == (OrderState.FILLED, "", "1", "90")


def test_an_order_that_moved_away_is_not_met_where_it_was(waiting: Waiting, resting: Order) -> None:
    modify(waiting, resting, limit_price="80")
    waiting.price(85)
    assert told(resting)[0] == OrderState.OPEN


def test_the_same_change_again_changes_nothing(waiting: Waiting, resting: Order, unchanged: Unchanged) -> None:
    modify(waiting, resting, limit_price="91")
    with unchanged():
        modify(waiting, resting, limit_price="91")
        modify(waiting, resting)


def test_a_limit_moved_through_the_market_takes_its_price(waiting: Waiting, resting: Order) -> None:
    modify(waiting, resting, limit_price="105")
    assert told(resting) == (OrderState.FILLED, "", "2", "100")
    assert failed_checks() == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "0"}, "QUANTITY_INVALID"),
        ({"quantity": "NaN"}, "QUANTITY_INVALID"),
        ({"quantity": "1e30"}, "QUANTITY_INVALID"),
        ({"quantity": "1.0005"}, "QUANTITY_OFF_STEP"),
        ({"quantity": "0.001"}, "NOTIONAL_BELOW_MINIMUM"),
        ({"quantity": "111.112"}, "INSUFFICIENT_BALANCE"),
        ({"limit_price": "0"}, "LIMIT_PRICE_INVALID"),
        ({"limit_price": "NaN"}, "LIMIT_PRICE_INVALID"),
        ({"limit_price": "90.001"}, "LIMIT_PRICE_OFF_TICK"),
        ({"trigger_price": "90"}, "TRIGGER_PRICE_NOT_ALLOWED"),
    ],
)
def test_a_change_that_cannot_be(
    waiting: Waiting, resting: Order, unchanged: Unchanged, change: dict[str, str], code: str
) -> None:
    with unchanged():
        assert code_of(waiting, resting, **change) == code


def test_a_change_is_covered_to_the_unit(waiting: Waiting, resting: Order) -> None:
    assert plain(modify(waiting, resting, quantity="111.111").quantity) == "111.111"


def test_an_order_is_not_cut_below_what_is_filled(waiting: Waiting, resting: Order, unchanged: Unchanged) -> None:
    Order.objects.filter(pk=resting.pk).update(filled_quantity=D(1), state=OrderState.PARTIALLY_FILLED)
    with unchanged():
        assert code_of(waiting, resting, quantity="1") == "QUANTITY_BELOW_FILLED"


def test_a_post_only_order_is_not_moved_through_the_market(waiting: Waiting, unchanged: Unchanged) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="90", post_only=True)
    with unchanged():
        assert code_of(waiting, order, limit_price="100") == "POST_ONLY_WOULD_CROSS"


def test_what_has_ended_or_is_on_its_way_is_not_changed(waiting: Waiting, resting: Order, unchanged: Unchanged) -> None:
    cancel_order(actor=waiting.pit.alice, order=resting)
    filled, sent = waiting.pit.buy(1), waiting.pit.place(BUY, 1)
    with unchanged():
        assert code_of(waiting, resting, limit_price="91") == "ORDER_HAS_ENDED"
        assert code_of(waiting, filled, quantity="2") == "ORDER_HAS_ENDED"
        assert code_of(waiting, sent, quantity="2") == "ORDER_ON_ITS_WAY"


def test_a_canceled_order_gives_back_what_it_promised_once(
    waiting: Waiting, resting: Order, unchanged: Unchanged
) -> None:
    canceled = cancel_order(actor=waiting.pit.alice, order=resting)
    assert (canceled.state, canceled.code, waiting.promised()) == (OrderState.CANCELED, "CANCELED_BY_OWNER", {})
    assert events(resting)[-1] == (OrderState.CANCELED, "CANCELED_BY_OWNER")
    with unchanged():
        assert cancel_order(actor=waiting.pit.alice, order=resting).state == OrderState.CANCELED
    waiting.price(80)
    assert (fills(resting), failed_checks()) == ([], {})


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (OrderState.FILLED, "ORDER_HAS_ENDED"),
        (OrderState.REJECTED, "ORDER_HAS_ENDED"),
        (OrderState.SUBMITTING, "ORDER_ON_ITS_WAY"),
        (OrderState.UNKNOWN, "ORDER_ON_ITS_WAY"),
    ],
)
def test_what_cannot_be_canceled(
    waiting: Waiting, resting: Order, unchanged: Unchanged, state: OrderState, code: str
) -> None:
    Order.objects.filter(pk=resting.pk).update(state=state)
    with unchanged(), pytest.raises(DomainError) as refusal:
        cancel_order(actor=waiting.pit.alice, order=resting)
    assert refusal.value.code == code


def test_what_rests_nowhere_is_not_said_to_be_canceled(waiting: Waiting, resting: Order, unchanged: Unchanged) -> None:
    Order.objects.filter(pk=resting.pk).update(change=None, rests_since=None)
    with unchanged(), pytest.raises(DomainError) as refusal:
        cancel_order(actor=waiting.pit.alice, order=resting)
    assert refusal.value.code == "ORDER_ON_ITS_WAY"


def test_a_copied_order_is_not_its_followers_to_cancel(waiting: Waiting, bob: User, unchanged: Unchanged) -> None:
    follow = waiting.pit.follow(bob)
    waiting.pit.fan_out(BUY, 1)
    with unchanged(), pytest.raises(DomainError) as refusal:
        cancel_order(actor=bob, order=Order.objects.get(follow=follow))
    assert refusal.value.code == "PORTFOLIO_IS_FOLLOWING"


def test_all_that_waits_is_canceled_where_it_was_asked(waiting: Waiting, resting: Order, charlie: User) -> None:
    pit = waiting.pit
    second = pit.portfolio(pit.alice, 1_000, "Second")
    elsewhere = waiting.ask(BUY, 1, K.LIMIT, portfolio=second, limit_price="90")
    theirs = waiting.ask(BUY, 1, K.LIMIT, portfolio=pit.portfolio(charlie, 1_000, "Theirs"), limit_price="90")
    other = pit.desk.instrument("ETH")
    assert cancel_all(actor=pit.alice, portfolio=pit.lead, instrument=other) == []
    assert [one.pk for one in cancel_all(actor=pit.alice, portfolio=pit.lead)] == [resting.pk]
    assert [one.pk for one in cancel_all(actor=pit.alice, instrument=pit.instrument)] == [elsewhere.pk]
    assert cancel_all(actor=pit.alice) == []
    assert told(theirs)[0] == OrderState.OPEN
    assert failed_checks() == {}


def test_a_canceled_entry_guards_what_it_had_bought(waiting: Waiting) -> None:
    entry = waiting.ask(BUY, 2, K.LIMIT, limit_price="90", stop_price="80")
    waiting.pit.buy(1)
    Order.objects.filter(pk=entry.pk).update(filled_quantity=D(1), state=OrderState.PARTIALLY_FILLED)
    with waiting.pit.working():
        cancel_order(actor=waiting.pit.alice, order=again(entry))
    guard = Order.objects.get(cause_kind=CauseKind.BRACKET)
    assert (guard.state, plain(guard.quantity)) == (OrderState.OPEN, "1")


# --- closing --------------------------------------------------------------------------------------------------------
def close(waiting: Waiting, key: str | None = None) -> Order:
    with waiting.pit.working():
        order = close_position(
            actor=waiting.pit.alice, portfolio=waiting.pit.lead, instrument=waiting.pit.instrument, key=key
        )
    return again(order)


def test_a_position_is_closed_whole_though_sales_of_it_wait(
    waiting: Waiting, operator: User, unchanged: Unchanged
) -> None:
    waiting.pit.buy(3)
    limit = waiting.ask(SELL, 2, K.LIMIT, limit_price="150")
    stop = waiting.ask(SELL, 1, K.STOP, trigger_price="50", reduce_only=True)
    halt_platform(actor=operator, reason="Drill")
    order = close(waiting, "out")
    assert told(order) == (OrderState.FILLED, "", "3", "100")
    assert told(limit)[:2] == (OrderState.CANCELED, "SUPERSEDED_BY_EXIT")
    assert told(stop)[:2] == (OrderState.CANCELED, "NOTHING_TO_CLOSE")
    assert (waiting.promised(), failed_checks()) == ({}, {})
    with unchanged():
        assert close(waiting, "out").pk == order.pk
        with pytest.raises(DomainError) as refusal:
            close(waiting)
    assert refusal.value.code == "NOTHING_TO_CLOSE"


def close_portfolio(actor: User, portfolio: Portfolio, key: str | None = None) -> Closed:
    return close_all(actor=actor, scope=ScopeKind.PORTFOLIO, scope_id=str(portfolio.pk), halts=False, key=key)


def test_a_key_of_another_order_closes_nothing(waiting: Waiting, unchanged: Unchanged) -> None:
    waiting.pit.buy(3)
    waiting.ask(BUY, 1, K.LIMIT, key="mine", limit_price="90")
    with unchanged(), pytest.raises(DomainError) as refusal:
        close(waiting, "mine")
    assert refusal.value.code == "KEY_REUSED"
    with unchanged(), pytest.raises(DomainError) as refusal:
        close_portfolio(waiting.pit.alice, waiting.pit.lead, "mine")
    assert refusal.value.code == "KEY_REUSED"


def test_everything_is_closed_and_nothing_opens_behind_it(waiting: Waiting) -> None:
    waiting.pit.buy(3)
    opening = waiting.ask(BUY, 1, K.LIMIT, limit_price="90")
    closings: list[list[Order]] = []
    for _ in range(2):
        with waiting.pit.working():
            closings.append(list(close_portfolio(waiting.pit.alice, waiting.pit.lead, "all").orders))
    assert [one.pk for one in closings[0]] == [one.pk for one in closings[1]]
    assert told(closings[0][0])[0] == OrderState.FILLED
    assert told(opening)[0] == OrderState.CANCELED
    assert (waiting.pit.held(waiting.pit.lead), failed_checks()) == ("0", {})


def test_a_follows_portfolio_is_not_closed_by_hand(waiting: Waiting, bob: User, unchanged: Unchanged) -> None:
    follow = waiting.pit.follow(bob)
    waiting.pit.buy(10)
    portfolio = Portfolio.objects.get(pk=follow.portfolio_id)
    with unchanged():
        for attempt in (
            lambda: close_position(actor=bob, portfolio=portfolio, instrument=waiting.pit.instrument),
            lambda: close_portfolio(bob, portfolio),
        ):
            with pytest.raises(DomainError) as refusal:
                attempt()
            assert refusal.value.code == "PORTFOLIO_IS_FOLLOWING"


@pytest.mark.parametrize("act", ["modify", "cancel"])
def test_a_change_killed_at_any_statement_is_made_whole_or_not_at_all(
    waiting: Waiting, resting: Order, act: str
) -> None:
    before, deaths = everything_stored(), 0
    while True:
        with dying_at(deaths):
            try:
                if act == "modify":
                    modify_order(actor=waiting.pit.alice, order=resting, limit_price=D(105))
                else:
                    cancel_order(actor=waiting.pit.alice, order=resting)
                break
            except Died:
                pass
        assert everything_stored() == before
        deaths += 1
    assert deaths > 5
    assert told(resting)[0] == (OrderState.FILLED if act == "modify" else OrderState.CANCELED)
    assert waiting.promised() == {}
