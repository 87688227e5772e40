"""Close everything now: all that is held goes to the market, nothing opens behind it, and others' books stay as they are."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry, User
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, failed_checks, plain
from trading.models import CauseKind, FollowPosition, Leg, Order, OrderState, SafetySwitch, ScopeKind, Side
from trading.services.closing import Closed, close_all
from trading.services.execution import claim_orders
from trading.services.reconciliation import resolve_abandoned

PORTFOLIO, USER, PLATFORM = ScopeKind.PORTFOLIO, ScopeKind.USER, ScopeKind.PLATFORM


def close(pit: Pit, actor: User, scope: ScopeKind, key: str) -> Closed:
    with pit.working():
        return close_all(actor=actor, scope=scope, scope_id=key)


def test_a_portfolio_is_halted_and_sold(pit: Pit, bob: User) -> None:
    ether = pit.desk.instrument("ETH")
    pit.price(50, ether)
    pit.buy(10)
    other = pit.portfolio(bob, 1_000, "Own")
    pit.buy(1, other)
    pit.instrument, bitcoin = ether, pit.instrument
    pit.buy(4)
    pit.instrument = bitcoin
    closed = close(pit, pit.alice, PORTFOLIO, str(pit.lead.pk))
    assert [(one.side, one.leg, plain(one.requested_quantity)) for one in closed.orders] == [
        (Side.SELL, Leg.CLOSE, "10"),
        (Side.SELL, Leg.CLOSE, "4"),
    ]
    assert closed.opens_under_way == 0
    exits = Order.objects.filter(cause_kind=CauseKind.CLOSE_ALL)
    assert {(one.state, one.portfolio_id) for one in exits} == {(OrderState.FILLED, pit.lead.pk)}
    assert (pit.held(pit.lead), pit.held(other)) == ("0", "1")
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, 1)
    assert refusal.value.code == "TRADING_HALTED"
    entry = AuditEntry.objects.get(action="portfolios.closed_all")
    facts = {"scope": "PORTFOLIO", "scope_id": str(pit.lead.pk), "orders": 2, "opens_under_way": 0, "halted": True}
    assert (entry.actor, entry.after) == (pit.alice, facts)
    assert failed_checks() == {}


def test_all_of_a_person_is_closed_their_follows_too_and_nobody_elses(pit: Pit, bob: User, charlie: User) -> None:
    mine, others = pit.follow(bob), pit.follow(charlie)
    pit.buy(10)
    own = pit.portfolio(bob, 1_000, "Own")
    pit.buy(2, own)
    close(pit, bob, USER, str(bob.pk))
    assert [pit.held(one) for one in (mine, own, others, pit.lead)] == ["0", "0", "1", "10"]
    assert FollowPosition.objects.get(follow=mine).target == 0
    # The lead goes on: what is halted copies no open, and what it sells finds nothing to sell.
    pit.buy(10)
    pit.sell(20)
    assert pit.orders(mine)[2:] == [
        (Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "TRADING_HALTED"),
        (Side.SELL, Leg.CLOSE, OrderState.DENIED, "0", "NOTHING_TO_CLOSE"),
    ]
    assert failed_checks() == {}


def test_an_operator_closes_the_platform(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    closed = close(pit, operator, PLATFORM, "")
    assert len(closed.orders) == 2
    # What the lead's exit makes the follower mirror finds nothing any more.
    assert (pit.held(pit.lead), pit.held(follow)) == ("0", "0")
    assert failed_checks() == {}


def test_an_open_that_was_sent_is_reported_and_what_it_buys_is_closed_the_next_time(pit: Pit) -> None:
    pit.place(Side.BUY, 5)
    claim_orders(Order.objects.filter(portfolio=pit.lead))
    closed = close(pit, pit.alice, PORTFOLIO, str(pit.lead.pk))
    assert (closed.orders, closed.opens_under_way) == ((), 1)
    with pit.working():
        resolve_abandoned(older_than_seconds=0)
    assert pit.held(pit.lead) == "5"
    again = close(pit, pit.alice, PORTFOLIO, str(pit.lead.pk))
    assert (len(again.orders), again.opens_under_way, pit.held(pit.lead)) == (1, 0, "0")


def test_strangers_close_nothing(pit: Pit, bob: User, unchanged: Unchanged) -> None:
    pit.buy(10)
    with pit.working():
        close_all(actor=pit.alice, scope=PORTFOLIO, scope_id=str(pit.lead.pk), halts=False, key="hers")
    for scope, key in ((PORTFOLIO, str(pit.lead.pk)), (USER, str(pit.alice.pk)), (PLATFORM, "")):
        for known in (None, "hers"):
            with unchanged(), pytest.raises(DomainError) as refusal:
                close_all(actor=bob, scope=scope, scope_id=key, key=known)
            assert refusal.value.code == "OPERATORS_ONLY"
    assert SafetySwitch.objects.count() == 0


def test_the_same_key_again_closes_nothing_more(pit: Pit) -> None:
    pit.buy(10)
    facts: dict[str, Any] = {"actor": pit.alice, "scope": PORTFOLIO, "scope_id": str(pit.lead.pk), "key": "once"}
    with pit.working():
        first = close_all(halts=False, **facts)
    pit.buy(2)
    with pit.working():
        assert close_all(**facts).orders == first.orders
    # Not even the halt that was asked for this time.
    assert (pit.held(pit.lead), SafetySwitch.objects.count()) == ("2", 0)


def test_without_a_halt_only_a_portfolio_of_ones_own_is_closed(pit: Pit, operator: User, unchanged: Unchanged) -> None:
    pit.buy(10)
    cases = ((operator, PORTFOLIO, str(pit.lead.pk)), (pit.alice, USER, str(pit.alice.pk)), (operator, PLATFORM, ""))
    for actor, scope, key in cases:
        with unchanged(), pytest.raises(DomainError) as refusal:
            close_all(actor=actor, scope=scope, scope_id=key, halts=False)
        assert refusal.value.code == "NOT_FOUND"
