"""Orders enter as rows: a hand's is refused before there is one, a repeat of a cause is the first one again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from common import clock
from common.errors import DomainError
from common.ids import deterministic_id
from markets.models import InstrumentState
from portfolios.models import Balance, Portfolio, PortfolioState
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_trading import Pit, everything_stored, failed_checks, plain
from trading.models import CauseKind, Fill, Leg, Order, OrderState, SafetyLevel, ScopeKind, Side
from trading.services.orders import Cause, place_hand_order, submit_order
from trading.services.safety import halt_platform, set_safety

D = Decimal


# --- by hand --------------------------------------------------------------------------------------------------------
def test_a_hand_order_is_a_row_first(pit: Pit) -> None:
    order = pit.place(Side.BUY, "1.5")
    stored = Order.objects.get()
    assert stored.pk == order.pk
    assert (stored.portfolio_id, stored.instrument_id, stored.follow_id) == (pit.lead.pk, pit.instrument.pk, None)
    assert (stored.cause_kind, stored.side, stored.leg) == (CauseKind.HAND, Side.BUY, Leg.OPEN)
    assert (stored.state, stored.code, stored.claim, stored.claimed_at) == (OrderState.PENDING, "", "", None)
    assert (plain(stored.requested_quantity), plain(stored.quantity), stored.seq) == ("1.5", "0", 0)
    assert stored.created_at == NOON
    parts = (pit.lead.pk, CauseKind.HAND, stored.cause_id, pit.instrument.pk, Leg.OPEN, 1)
    assert stored.client_order_id == deterministic_id(*parts)
    entry = AuditEntry.objects.get(action="order.placed")
    assert (entry.actor, entry.object_id) == (pit.alice, str(order.pk))
    assert entry.after == {"side": "BUY", "quantity": "1.5", "instrument": "BTC-USDT"}


def test_it_is_executed_after_the_commit(pit: Pit) -> None:
    order = pit.buy("1.5")
    assert (order.state, plain(order.filled_quantity), plain(order.average_price)) == (OrderState.FILLED, "1.5", "100")
    assert (pit.held(pit.lead), pit.cash(pit.lead)) == ("1.5", "9850")
    order = pit.sell("0.5")
    assert (order.side, order.leg, order.state) == (Side.SELL, Leg.CLOSE, OrderState.FILLED)
    assert (pit.held(pit.lead), pit.cash(pit.lead)) == ("1", "9900")
    assert failed_checks() == {}


def hand(pit: Pit, key: str, **changes: Any) -> Order:
    facts: dict[str, Any] = {"actor": pit.alice, "portfolio": pit.lead, "instrument": pit.instrument}
    facts |= {"side": Side.BUY, "quantity": D(1)} | changes
    return place_hand_order(**facts, key=key)


def test_the_same_key_is_the_same_order(pit: Pit) -> None:
    with pit.working():
        first = hand(pit, "mine")
    with pit.working():
        assert hand(pit, "mine").pk == first.pk
        # Written otherwise, it is the same quantity.
        assert hand(pit, "mine", quantity=D("1.000")).pk == first.pk
    assert (Order.objects.count(), Fill.objects.count()) == (1, 1)
    assert AuditEntry.objects.filter(action="order.placed").count() == 1


def test_a_repeat_is_answered_when_it_could_not_be_placed_any_more(pit: Pit) -> None:
    with pit.working():
        first = hand(pit, "all", quantity=D(100))
    assert pit.cash(pit.lead) == "0"
    assert hand(pit, "all", quantity=D(100)).pk == first.pk


def test_a_key_names_one_order_of_a_portfolio(pit: Pit, bob: User) -> None:
    first = hand(pit, "mine")
    ether = pit.desk.instrument("ETH")
    for changes in ({"side": Side.SELL}, {"quantity": D(2)}, {"instrument": ether}):
        with pytest.raises(DomainError) as refusal:
            hand(pit, "mine", **changes)
        assert (refusal.value.code, refusal.value.status) == ("KEY_REUSED", 409)
    other = pit.portfolio(bob, 1000, "Main")
    assert hand(pit, "mine", portfolio=other, actor=bob).pk != first.pk
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [
        (Side.BUY, "0", "QUANTITY_INVALID"),
        (Side.BUY, "-1", "QUANTITY_INVALID"),
        (Side.BUY, "NaN", "QUANTITY_INVALID"),
        (Side.SELL, "Infinity", "QUANTITY_INVALID"),
        (Side.BUY, "1000000000001", "QUANTITY_INVALID"),
        (Side.BUY, "1.0005", "QUANTITY_OFF_STEP"),
        (Side.BUY, "1E-30", "QUANTITY_OFF_STEP"),
        (Side.BUY, "100.001", "INSUFFICIENT_BALANCE"),
        (Side.BUY, "0.049", "NOTIONAL_BELOW_MINIMUM"),
        (Side.SELL, "0.001", "NOTHING_TO_CLOSE"),
    ],
)
def test_what_cannot_be_executed_as_asked_is_refused_and_leaves_nothing(
    pit: Pit, side: Side, quantity: str, code: str
) -> None:
    before, audits = everything_stored(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        pit.place(side, quantity)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    assert (everything_stored(), AuditEntry.objects.count()) == (before, audits)


def refused(pit: Pit, side: Side, quantity: str = "1", **changes: Any) -> tuple[str, dict[str, Any]]:
    before = everything_stored()
    with pytest.raises(DomainError) as refusal:
        hand(pit, "refused", side=side, quantity=D(quantity), **changes)
    assert everything_stored() == before
    return refusal.value.code, refusal.value.context


def test_a_refusal_says_what_there_is(pit: Pit) -> None:
    pit.buy(2)
    code, context = refused(pit, Side.SELL, "2.001")
    assert code == "QUANTITY_ABOVE_POSITION"
    assert {name: plain(D(amount)) for name, amount in context.items()} == {"free": "9800", "held": "2"}


def test_what_others_were_promised_is_not_there(pit: Pit) -> None:
    Balance.objects.filter(portfolio=pit.lead).update(reserved=D(9950))
    assert refused(pit, Side.BUY)[0] == "INSUFFICIENT_BALANCE"
    pit.place(Side.BUY, "0.5")


def test_instruments_of_other_markets_and_currencies_are_refused(pit: Pit) -> None:
    euro, elsewhere = pit.desk.instrument("BTC", "EUR"), Desk().instrument()
    assert refused(pit, Side.BUY, instrument=euro)[0] == "INSTRUMENT_NOT_ON_PORTFOLIO"
    assert refused(pit, Side.BUY, instrument=elsewhere)[0] == "INSTRUMENT_NOT_ON_PORTFOLIO"


def test_without_a_price_nothing_is_placed(pit: Pit) -> None:
    assert refused(pit, Side.BUY, instrument=pit.desk.instrument("ETH"))[0] == "PRICE_UNKNOWN"


def test_a_portfolio_that_copies_is_not_traded_by_hand(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    assert refused(pit, Side.BUY, portfolio=follow.portfolio, actor=bob)[0] == "PORTFOLIO_IS_FOLLOWING"


def test_opens_are_refused_and_exits_pass_in_every_state(pit: Pit, operator: User) -> None:
    pit.buy(9)
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.REDUCING, reason="")
    assert refused(pit, Side.BUY)[0] == "TRADING_REDUCING"
    assert pit.sell(1).state == OrderState.FILLED
    halt_platform(actor=operator, reason="drill")
    assert refused(pit, Side.BUY)[0] == "TRADING_HALTED"
    assert pit.sell(1).state == OrderState.FILLED
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.ACTIVE, reason="")
    clock.set_market_time(pit.desk.namespace, NOON + timedelta(seconds=61))
    assert refused(pit, Side.BUY)[0] == "EQUITY_STALE"
    assert pit.sell(1).state == OrderState.FILLED
    pit.price(100)
    pit.instrument.state = InstrumentState.RETIRED
    pit.instrument.save()
    assert refused(pit, Side.BUY)[0] == "INSTRUMENT_NOT_TRADABLE"
    assert pit.sell(1).state == OrderState.FILLED
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.FROZEN)
    assert refused(pit, Side.BUY)[0] == "PORTFOLIO_NOT_OPEN"
    assert pit.sell(1).state == OrderState.FILLED
    assert pit.held(pit.lead) == "4"


def test_a_restricted_portfolio_buys_what_it_may(pit: Pit, bob: User, working: Working) -> None:
    ether = pit.desk.instrument("ETH")
    pit.price(10, ether)
    restricted = pit.desk.portfolio(bob, only_instruments=[ether])
    assert refused(pit, Side.BUY, portfolio=restricted, actor=bob)[0] == "INSTRUMENT_NOT_ALLOWED"
    with working():
        hand(pit, "ether", portfolio=restricted, actor=bob, instrument=ether)
    assert Order.objects.get().state == OrderState.FILLED


# --- by a run or a stop ---------------------------------------------------------------------------------------------
def submitted(pit: Pit, cause: str, quantity: str, **facts: Any) -> Order:
    given = {"side": Side.BUY, "leg": Leg.OPEN} | facts
    with pit.working():
        order = submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            quantity=D(quantity),
            cause=Cause(CauseKind.RUN, cause),
            **given,
        )
    order.refresh_from_db()
    return order


def test_a_repeat_of_a_cause_is_the_first_order(pit: Pit) -> None:
    first = submitted(pit, "run:1", "2")
    again = submitted(pit, "run:1", "3")
    assert (again.pk, plain(again.requested_quantity)) == (first.pk, "2")
    assert submitted(pit, "run:2", "1").pk != first.pk
    assert pit.held(pit.lead) == "3"
    # An exit of the same cause is another order.
    exit_ = submitted(pit, "run:1", "3", side=Side.SELL, leg=Leg.CLOSE, closed_fraction=D(1))
    assert (exit_.state, pit.held(pit.lead)) == (OrderState.FILLED, "0")


def test_a_run_is_clipped_to_the_free_balance(pit: Pit) -> None:
    order = submitted(pit, "run:1", "150")
    assert (order.state, order.code) == (OrderState.FILLED, "CLIPPED_BALANCE")
    assert (plain(order.requested_quantity), plain(order.quantity)) == ("150", "100")
    assert pit.cash(pit.lead) == "0"
    denied = submitted(pit, "run:2", "1")
    assert (denied.state, denied.code, plain(denied.quantity)) == (OrderState.DENIED, "INSUFFICIENT_BALANCE", "0")
    assert failed_checks() == {}


def test_a_whole_close_takes_what_is_there_when_it_is_judged(pit: Pit) -> None:
    pit.buy(3)
    order = submitted(pit, "run:1", "1", side=Side.SELL, leg=Leg.CLOSE, closed_fraction=D(1))
    assert (plain(order.requested_quantity), plain(order.filled_quantity), order.code) == ("3", "3", "")
    nothing = submitted(pit, "run:2", "3", side=Side.SELL, leg=Leg.CLOSE, closed_fraction=D(1))
    assert (nothing.state, nothing.code) == (OrderState.DENIED, "NOTHING_TO_CLOSE")
