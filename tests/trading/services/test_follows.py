"""The life of a follow: who may start one, what it begins with, pausing, and the three ways to stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry, Limit, LimitName, Notification, User
from common.errors import DomainError
from markets.models import Asset
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.cash import open_portfolio
from tests.fixtures_desk import Desk, Working
from tests.fixtures_trading import Pit, at_once, everything_stored, failed_checks, plain
from trading import tasks
from trading.follow_models import StopMode
from trading.models import Follow, FollowCommand, FollowPosition, FollowState, LeadStream, Leg, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.follows import open_lead_stream, pause_follow, resume_follow, start_follow, stop_follow

D = Decimal


def again(follow: Follow) -> Follow:
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)


# --- starting -------------------------------------------------------------------------------------------------------
def test_rule_01_a_follow_owns_a_portfolio_that_is_funded_from_ones_own(pit: Pit, bob: User) -> None:
    pit.buy(1)
    source = pit.portfolio(bob, 500, "Savings")
    follow = start_follow(follower=bob, lead=pit.lead, source=source, amount=D("120.5"), multiplier=D("1.25"))
    stored = again(follow)
    book = stored.portfolio
    assert (stored.follower, stored.lead, stored.state, stored.state_code) == (bob, pit.lead, FollowState.ACTIVE, "")
    assert (plain(stored.multiplier), stored.start_seq, stored.started_at) == ("1.25", 1, pit.desk.at)
    assert (book.owner, book.name, book.kind, book.settlement_id) == (bob, "Following Lead", "PAPER", "USDT")
    assert (pit.cash(book), pit.cash(source)) == ("120.5", "379.5")
    assert AuditEntry.objects.get(action="follow.started").object_id == str(follow.pk)
    told = Notification.objects.get(event="follow.started")
    assert (told.user, told.context) == (pit.alice, {"portfolio": str(pit.lead.pk), "name": "Lead"})
    assert failed_checks() == {}


def test_a_follow_of_a_portfolio_that_was_not_led_leads_from_now_on(pit: Pit, bob: User) -> None:
    LeadStream.objects.all().delete()
    pit.follow(bob)
    assert LeadStream.objects.get().portfolio_id == pit.lead.pk
    assert open_lead_stream(pit.lead).last_seq == 0
    assert LeadStream.objects.count() == 1


def test_follows_of_namesakes_have_names_of_their_own(pit: Pit, alice: User, bob: User, charlie: User) -> None:
    pit.follow(bob)
    pit.lead = pit.portfolio(charlie, 1_000, "Lead")
    follow = pit.follow(bob)
    assert follow.portfolio.name == "Following Lead (2)"


@pytest.mark.parametrize(
    ("amount", "multiplier", "code"),
    [
        ("9.99", "1", "AMOUNT_TOO_SMALL"),
        ("-5", "1", "AMOUNT_NOT_POSITIVE"),
        ("NaN", "1", "AMOUNT_NOT_POSITIVE"),
        ("1000000001", "1", "AMOUNT_TOO_LARGE"),
        ("500.01", "1", "INSUFFICIENT_BALANCE"),
        ("100", "0.099", "MULTIPLIER_OUT_OF_RANGE"),
        ("100", "3.001", "MULTIPLIER_OUT_OF_RANGE"),
        ("100", "-1", "MULTIPLIER_OUT_OF_RANGE"),
        ("100", "NaN", "MULTIPLIER_OUT_OF_RANGE"),
        ("100", "1.0005", "MULTIPLIER_OUT_OF_RANGE"),
    ],
)
def test_absurd_amounts_and_multipliers_start_nothing(
    pit: Pit, bob: User, amount: str, multiplier: str, code: str
) -> None:
    source = pit.portfolio(bob, 500, "Savings")
    assert refused(bob, pit.lead, source, amount, multiplier) == code


def refused(follower: User, lead: Portfolio, source: Portfolio, amount: str = "100", multiplier: str = "1") -> str:
    """Return the code with which a start is refused, having made sure that nothing came of it."""
    before, audits = everything_stored(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        start_follow(follower=follower, lead=lead, source=source, amount=D(amount), multiplier=D(multiplier))
    assert (everything_stored(), AuditEntry.objects.count()) == (before, audits)
    return refusal.value.code


def test_nobody_follows_themselves(pit: Pit, alice: User) -> None:
    assert refused(alice, pit.lead, pit.portfolio(alice, 500, "Savings")) == "FOLLOW_SELF"


def test_nobody_funds_a_follow_with_anothers_money(pit: Pit, bob: User, charlie: User) -> None:
    assert refused(bob, pit.lead, pit.portfolio(charlie, 500, "Savings")) == "NOT_YOUR_PORTFOLIO"


def test_a_lead_is_followed_once_at_a_time(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    source = pit.portfolio(bob, 500, "Savings")
    assert refused(bob, pit.lead, source) == "ALREADY_FOLLOWING"
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    start_follow(follower=bob, lead=pit.lead, source=source, amount=D(100), multiplier=D(1))


def test_rule_01_a_portfolio_that_follows_is_neither_led_from_nor_a_source(pit: Pit, bob: User, charlie: User) -> None:
    follow = pit.follow(bob)
    other = pit.portfolio(pit.alice, 500, "Other")
    assert refused(bob, other, follow.portfolio) == "PORTFOLIO_IS_FOLLOWING"
    assert refused(charlie, follow.portfolio, pit.portfolio(charlie, 500, "Savings")) == "LEAD_IS_FOLLOWING"
    with pytest.raises(DomainError) as refusal:
        open_lead_stream(follow.portfolio)
    assert refusal.value.code == "LEAD_IS_FOLLOWING"


def test_people_do_not_follow_in_a_circle(pit: Pit, alice: User, bob: User, charlie: User) -> None:
    follow = pit.follow(bob)
    savings = {user: pit.portfolio(user, 5_000, "Savings") for user in (alice, bob, charlie)}
    # Bob follows Alice: she does not follow him.
    assert refused(alice, savings[bob], savings[alice]) == "FOLLOW_CIRCLE"
    start_follow(follower=charlie, lead=savings[bob], source=savings[charlie], amount=D(100), multiplier=D(1))
    # Charlie follows Bob, who follows Alice.
    assert refused(alice, savings[charlie], savings[alice]) == "FOLLOW_CIRCLE"
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    start_follow(follower=alice, lead=savings[charlie], source=savings[alice], amount=D(100), multiplier=D(1))


def test_lead_and_source_share_market_kind_and_currency(pit: Pit, bob: User) -> None:
    elsewhere = Desk().portfolio(bob, 500, name="Elsewhere")
    assert refused(bob, pit.lead, elsewhere) == "MARKET_MISMATCH"
    sandbox = pit.portfolio(bob, 500, "Sandbox")
    Portfolio.objects.filter(pk=sandbox.pk).update(kind="SANDBOX")
    assert refused(bob, pit.lead, sandbox) == "MARKET_MISMATCH"
    euro = Asset.objects.create(code="EUR")
    in_euro = open_portfolio(owner=bob, name="Euro", exchange=pit.desk.exchange, settlement=euro, amount=D(500))
    assert refused(bob, pit.lead, in_euro) == "QUOTE_MISMATCH"


@pytest.mark.parametrize("state", [PortfolioState.FROZEN, PortfolioState.CLOSED])
def test_a_lead_that_no_longer_trades_is_not_followed(pit: Pit, bob: User, state: PortfolioState) -> None:
    # The lead as its caller read it, before it was frozen.
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=state)
    assert refused(bob, pit.lead, pit.portfolio(bob, 500, "Savings")) == "LEAD_NOT_OPEN"


def test_the_plan_limits_how_many_are_followed(pit: Pit, bob: User, charlie: User) -> None:
    Limit.objects.filter(name=LimitName.FOLLOWS).update(value=1)
    follow = pit.follow(bob)
    source, other = pit.portfolio(bob, 500, "Savings"), pit.portfolio(charlie, 500, "Lead")
    assert refused(bob, other, source) == "LIMIT_REACHED"
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    start_follow(follower=bob, lead=other, source=source, amount=D(100), multiplier=D(1))


@pytest.mark.django_db(transaction=True)
def test_two_people_who_start_to_follow_each_other_at_the_same_time_make_one_follow(
    desk: Desk, alice: User, bob: User
) -> None:
    for number in range(4):
        books = {user: desk.portfolio(user, 1000, name=f"Book {number}") for user in (alice, bob)}

        def start(follower: User, lead: User, books: dict[User, Portfolio] = books) -> object:
            facts: dict[str, Any] = {"lead": books[lead], "source": books[follower]}
            return start_follow(follower=follower, amount=D(100), multiplier=D(1), **facts)

        results = at_once(lambda: start(alice, bob), lambda: start(bob, alice))
        assert sorted(type(result).__name__ for result in results) == ["DomainError", "Follow"]
        assert [result.code for result in results if isinstance(result, DomainError)] == ["FOLLOW_CIRCLE"]
        Follow.objects.update(state=FollowState.STOPPED)


@pytest.mark.django_db(transaction=True)
def test_every_fill_is_before_a_start_or_copied(desk: Desk, alice: User, bob: User, working: Working) -> None:
    pit = Pit(desk, alice, working)
    source = pit.portfolio(bob, 1000, "Savings")
    with pit.working():
        orders = [pit.place(Side.BUY, 1) for _ in range(10)]

        def trade() -> None:
            for order in orders:
                execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)

        facts: dict[str, Any] = {"amount": D(1000), "multiplier": D(1)}
        results = at_once(trade, lambda: start_follow(follower=bob, lead=pit.lead, source=source, **facts))
        assert isinstance(results[1], Follow), results
    follow = again(results[1])
    assert [order.seq for order in Order.objects.filter(follow=follow).order_by("seq")] == list(
        range(follow.start_seq + 1, 11)
    )
    assert failed_checks() == {}


# --- pausing --------------------------------------------------------------------------------------------------------
def test_rule_02_a_follow_is_paused_and_resumed_and_each_change_is_audited(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    assert pause_follow(actor=bob, follow=follow).state == FollowState.PAUSED
    with pytest.raises(DomainError) as refusal:
        pause_follow(actor=bob, follow=follow)
    assert (refusal.value.code, refusal.value.context) == ("FOLLOW_STATE", {"state": "PAUSED"})
    assert resume_follow(actor=bob, follow=follow).state == FollowState.ACTIVE
    with pytest.raises(DomainError):
        resume_follow(actor=bob, follow=follow)
    done = AuditEntry.objects.filter(object_id=str(follow.pk)).order_by("pk").values_list("action", flat=True)
    assert list(done) == ["follow.started", "follow.paused", "follow.resumed"]


# --- stopping -------------------------------------------------------------------------------------------------------
def stop(pit: Pit, follow: Follow, mode: StopMode) -> Follow:
    with pit.working():
        stop_follow(actor=follow.follower, follow=follow, mode=mode)
    return again(follow)


def test_closing_now_sells_what_is_held_and_ends_the_follow(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    pit.price(110)
    stopped = stop(pit, follow, StopMode.CLOSE_NOW)
    assert (stopped.state, stopped.stop_mode, stopped.stopped_at) == ("STOPPED", "CLOSE_NOW", pit.desk.at)
    assert pit.orders(follow)[1:] == [(Side.SELL, Leg.CLOSE, OrderState.FILLED, "1", "")]
    order = Order.objects.get(follow=follow, leg=Leg.CLOSE)
    command = FollowCommand.objects.get()
    assert (order.cause_kind, order.cause_id, order.closed_fraction) == ("FOLLOW_COMMAND", str(command.pk), 1)
    assert (pit.held(follow), pit.cash(follow), command.is_done) == ("0", "1010", True)
    pit.sell(10)
    pit.buy(1)
    assert len(pit.orders(follow)) == 2
    assert failed_checks() == {}


def test_a_command_that_comes_again_does_nothing_more(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    stop(pit, follow, StopMode.CLOSE_NOW)
    command = FollowCommand.objects.get()
    before = everything_stored()
    for is_done in (True, False):
        FollowCommand.objects.update(is_done=is_done)
        with pit.working():
            tasks.run_follow_command(command.pk)
    assert everything_stored() == before
    assert FollowCommand.objects.get().is_done


def test_what_is_held_in_several_instruments_is_all_sold(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    pit.instrument = pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10)
    pit.buy(50)
    assert stop(pit, follow, StopMode.CLOSE_NOW).state == FollowState.STOPPED
    assert pit.cash(follow) == "1000"


@pytest.mark.parametrize("mode", list(StopMode))
def test_a_follow_that_holds_nothing_ends_at_once(pit: Pit, bob: User, mode: StopMode) -> None:
    follow = pit.follow(bob)
    assert stop(pit, follow, mode).state == FollowState.STOPPED
    with pytest.raises(DomainError) as refusal:
        stop_follow(actor=bob, follow=follow, mode=mode)
    assert refusal.value.code == "FOLLOW_STATE"


def test_following_exits_opens_nothing_and_ends_when_flat(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    assert stop(pit, follow, StopMode.FOLLOW_EXITS).state == FollowState.STOPPING
    pit.buy(10)
    pit.sell(10)
    assert again(follow).state == FollowState.STOPPING
    assert pit.orders(follow)[1:] == [
        (Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "FOLLOW_STOPPING"),
        (Side.SELL, Leg.CLOSE, OrderState.FILLED, "0.5", ""),
    ]
    pit.sell(10)
    assert (pit.held(follow), again(follow).state) == ("0", FollowState.STOPPED)
    assert failed_checks() == {}


def test_keeping_leaves_the_holdings_to_their_owner(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    stopped = stop(pit, follow, StopMode.KEEP)
    assert (stopped.state, pit.held(follow)) == (FollowState.STOPPED, "1")
    pit.sell(10)
    assert pit.held(follow) == "1"
    # From now on it is traded by hand.
    assert pit.sell("0.5", follow.portfolio).state == OrderState.FILLED


def test_a_stop_takes_back_opens_that_were_not_sent(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    for quantity in (4, 2):
        order = pit.place(Side.BUY, quantity)
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
        assert fan_out_batch(lead_id=pit.lead.pk)
    assert stop(pit, follow, StopMode.FOLLOW_EXITS).state == FollowState.STOPPED
    assert {row[2:] for row in pit.orders(follow)} == {(OrderState.CANCELED, "0", "FOLLOW_STOPPING")}
    assert FollowPosition.objects.get().target == 0
    assert failed_checks().keys() == set()


def test_both_are_told_when_a_follow_starts_and_ends(pit: Pit, bob: User) -> None:
    stop(pit, pit.follow(bob), StopMode.CLOSE_NOW)
    told = Notification.objects.order_by("pk").values_list("user__email", "event")
    assert list(told) == [("alice@example.org", "follow.started"), ("bob@example.org", "follow.stopped")]
    done = AuditEntry.objects.filter(action__startswith="follow.").order_by("pk").values_list("action", flat=True)
    assert list(done) == ["follow.started", "follow.stopping", "follow.stopped"]
