"""What somebody may try, or what may break, in the middle of copying: nothing is bought for nobody, and the books agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AuditEntry, Notification, User
from accounts.services import erase_person
from common.errors import DomainError
from markets.boards import put_books
from markets.gateway.protocol import Level, OrderBook
from portfolios.models import ExchangeAccount, Portfolio, PortfolioState
from portfolios.services.exchange_accounts import revoke_account
from tests.fixtures_signer import connected, venue_at
from tests.fixtures_trading import Pit, everything_stored, failed_checks
from trading import tasks
from trading.copy_accounts.models import ProfitShareAccount, ProfitShareSettlement
from trading.copy_accounts.services.settling import open_account, settle_due
from trading.models import CauseKind, Follow, FollowState, LeadEventState, Order, OrderState, Side
from trading.services.execution import execute_pending
from trading.services.follows import start_follow
from trading.services.sweeping import sweep

D = Decimal


def again(follow: Follow) -> Follow:
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)


def sweep_up(pit: Pit) -> None:
    with pit.working():
        sweep(older_than_seconds=-1)


def refused(follower: User, lead: Portfolio, source: Portfolio) -> str:
    """Return the code with which a start is refused, having made sure that nothing came of it."""
    before, audits = everything_stored(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        start_follow(follower=follower, lead=lead, source=source, amount=D(100), multiplier=D(1))
    assert (everything_stored(), AuditEntry.objects.count()) == (before, audits)
    return refusal.value.code


# --- circles --------------------------------------------------------------------------------------------------------
def test_no_second_portfolio_leads_around_a_circle(
    pit: Pit, alice: User, bob: User, charlie: User, operator: User
) -> None:
    """A circle is of people: neither another portfolio to lead from nor another to pay from opens it."""
    people = (alice, bob, charlie, operator)
    first, second = ({one: pit.portfolio(one, 5_000, name) for one in people} for name in ("First", "Second"))
    assert refused(alice, second[alice], first[alice]) == "FOLLOW_SELF"
    for follower, lead in ((bob, alice), (charlie, bob), (operator, charlie)):
        start_follow(follower=follower, lead=first[lead], source=second[follower], amount=D(100), multiplier=D(1))
    for lead in (bob, charlie, operator):
        for led, paid in ((first, second), (second, first)):
            assert refused(alice, led[lead], paid[alice]) == "FOLLOW_CIRCLE"
    # What copies is led from by nobody, however far down the line.
    copying = Follow.objects.get(follower=operator).portfolio
    assert refused(alice, copying, first[alice]) == "LEAD_IS_FOLLOWING"


# --- a lead that goes -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_fanned_out", [False, True])
def test_a_lead_that_is_closed_in_the_middle_of_a_copy_leaves_nothing_bought(
    pit: Pit, bob: User, is_fanned_out: bool
) -> None:
    """Its last open is booked, and not yet copied, or copied into rows that nobody has sent: it is not bought any more."""
    follow = pit.follow(bob)
    pit.buy(4)
    if is_fanned_out:
        event = pit.fan_out(Side.BUY, 4)
    else:
        order = pit.place(Side.BUY, 4)
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
        assert pit.event().state == LeadEventState.WAITING
        event = str(pit.event().pk)
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.CLOSED)
    sweep_up(pit)
    sweep_up(pit)
    with pit.working():
        execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=event)
    stored = again(follow)
    assert (stored.state, stored.state_code) == (FollowState.STOPPED, "LEAD_LEFT")
    assert (pit.held(follow), pit.cash(follow)) == ("0", "1000")
    assert not Order.objects.filter(follow=follow, state__in=[OrderState.PENDING, OrderState.SUBMITTING]).exists()
    assert Notification.objects.filter(event="follow.closing", user=bob).count() == 1
    assert failed_checks() == {}


def test_a_lead_who_deletes_their_account_in_the_middle_of_a_copy_leaves_nothing_bought(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    event = pit.fan_out(Side.BUY, 4)
    with pit.working():
        erase_person(user=pit.alice)
    with pit.working():
        execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=event)
    sweep_up(pit)
    stored = again(follow)
    assert (stored.state, stored.state_code) == (FollowState.STOPPED, "LEAD_LEFT")
    assert (pit.held(follow), pit.cash(follow)) == ("0", "1000")
    assert [one.event for one in Notification.objects.filter(user=bob)] != []
    assert failed_checks() == {}


# --- a key that goes --------------------------------------------------------------------------------------------------
def test_a_key_that_is_revoked_in_the_middle_of_a_copy_opens_nothing_more(pit: Pit, bob: User) -> None:
    """The open that was written is taken back; what is held is asked to be closed, and nothing new is written."""
    follow = pit.follow(bob)
    pit.buy(4)
    account = connected(bob, venue_at())
    Portfolio.objects.filter(pk=follow.portfolio_id).update(account=account)
    pit.fan_out(Side.BUY, 4)
    [written] = Order.objects.filter(follow=follow, state=OrderState.PENDING)
    revoke_account(account=ExchangeAccount.objects.get(pk=account.pk), actor=bob)
    sweep_up(pit)
    stored = again(follow)
    assert (stored.state, stored.state_code, stored.stop_mode) == (FollowState.STOPPING, "KEY_REVOKED", "CLOSE_NOW")
    written.refresh_from_db()
    assert (written.state, written.code, written.filled_quantity) == (OrderState.CANCELED, "FOLLOW_STOPPING", 0)
    pit.buy(4)
    opens = Order.objects.filter(follow=follow, leg="OPEN")
    assert [one.state for one in opens.order_by("pk")] == [OrderState.FILLED, OrderState.CANCELED, OrderState.DENIED]
    assert pit.held(follow) == "0.4"
    assert Notification.objects.filter(event="follow.closing", user=bob).count() == 1


# --- a lead who moves the market --------------------------------------------------------------------------------------
def test_a_lead_who_pumps_a_thin_market_is_not_followed_up(pit: Pit, bob: User) -> None:
    """Their purchase moves the price: what copies would pay is beyond the cap, or the spread too wide, and is missed."""
    follow = pit.follow(bob)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    pit.price(130)
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    # With a book so thin that one has to pay 6 % more than one gets.
    order = pit.place(Side.BUY, 1)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    book = OrderBook("BTC-USDT", pit.desk.at, (Level(D(130), D(1)),), (Level(D(138), D(1)),), 1)
    put_books(pit.desk.exchange.code, {pit.instrument.pk: book})
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
        tasks.sweep()
    opens = Order.objects.filter(follow=follow).order_by("pk")
    assert [(one.code, one.filled_quantity) for one in opens] == [("MISSED_PRICE_CAP", 0), ("MISSED_WIDE_SPREAD", 0)]
    assert (pit.held(follow), pit.cash(follow)) == ("0", "1000")
    assert failed_checks() == {}


def test_a_lead_who_washes_trades_is_paid_nothing_for_them(pit: Pit, bob: User) -> None:
    """They raise a turnover and a number of fills; a share is due of a follower's profit alone, and here is none."""
    follow = pit.follow(bob)
    open_account(follow=follow)
    for _ in range(12):
        pit.buy(4)
        pit.sell(4)
    assert Order.objects.filter(follow=follow, filled_quantity__gt=0).count() == 24
    later = pit.desk.at + timedelta(days=8)
    pit.desk.step({pit.instrument: 100}, later)
    settle_due(namespace=pit.desk.namespace, until=later)
    assert [one.due for one in ProfitShareSettlement.objects.all() if one.due] == []
    assert ProfitShareAccount.objects.get().high == 0
    assert pit.cash(follow) == "1000"
    assert failed_checks() == {}
