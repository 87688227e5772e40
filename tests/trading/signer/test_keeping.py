"""What a keeper makes of what happens at the venue: trades of nobody's, money that comes and goes, streams that end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from accounts.models import Notification, User
from common import clock
from common.errors import DomainError, NotFound
from markets.gateway.protocol import OrderRequest, OrderType
from markets.gateway.protocol import Side as VenueSide
from portfolios.models import ExchangeAccount, Portfolio, RemainderEntry, RemainderReason
from portfolios.selectors import account_balances
from sandbox.faults import Fault, FaultKind
from tests.fixtures_signing import Booth, OpenBooth
from tests.fixtures_trading import failed_checks
from tests.story.processes import wait_until
from trading.models import CauseKind, Fill, ForeignFill, LeadEvent, Order, OrderState, Side
from trading.selectors import foreign_fill_for_user
from trading.services import account_sync
from trading.services.assigning import assign_fill
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.follows import open_lead_stream
from trading.services.orders import place_hand_order
from trading.signer import keeping
from trading.signer.keeping import Keeper

D = Decimal


@pytest.fixture
def booth(open_booth: OpenBooth) -> Booth:
    return open_booth("binance")


@pytest.fixture
def account(booth: Booth, alice: User) -> ExchangeAccount:
    return booth.connect(alice)


@pytest.fixture
def book(booth: Booth, account: ExchangeAccount) -> Portfolio:
    return booth.portfolio(account, 5_000)


def _trade_at_venue(booth: Booth, account: ExchangeAccount, quantity: str, client_id: str = "a" * 32) -> None:
    """Buy with the account's key as the exchange's own app would: no order of ours asks for it."""

    async def buy() -> None:
        access = await booth.desk.access(account.pk)
        request = OrderRequest(client_id, booth.instrument.gateway_symbol, VenueSide.BUY, OrderType.MARKET, D(quantity))
        await access.create_order(request)

    booth.loop.run(buy())


def _remainders(account: ExchangeAccount) -> dict[str, Decimal]:
    return {row.asset: row.remainder for row, _ in account_balances(account)}


def _agree(booth: Booth, account: ExchangeAccount) -> None:
    ours = {row.asset: row.remainder + books for row, books in account_balances(account)}
    assert {asset: amount for asset, amount in ours.items() if amount} == booth.held(account)
    told = _remainders(account)
    entries = RemainderEntry.objects.filter(account=account)
    assert {asset: sum((one.amount for one in entries if one.asset == asset), D(0)) for asset in told} == told
    assert failed_checks() == {}


def _order(booth: Booth, portfolio: Portfolio, side: Side = Side.BUY, quantity: str = "0.01") -> Order:
    booth.price()
    return place_hand_order(
        actor=portfolio.owner, portfolio=portfolio, instrument=booth.instrument, side=side, quantity=D(quantity)
    )


def test_what_is_there_at_first_is_the_remainder(booth: Booth, account: ExchangeAccount) -> None:
    assert _remainders(account) == booth.held(account)
    assert {one.reason for one in RemainderEntry.objects.all()} == {RemainderReason.FIRST}


def test_a_trade_of_nobodys_goes_to_the_remainder_and_to_no_book(
    booth: Booth, account: ExchangeAccount, book: Portfolio
) -> None:
    before = _remainders(account)
    _trade_at_venue(booth, account, "0.02")
    assert booth.settle(account)
    [fill] = ForeignFill.objects.all()
    assert (fill.side, fill.quantity, fill.fee_asset, fill.assigned_to_id) == (Side.BUY, D("0.02"), "BTC", None)
    after = _remainders(account)
    assert after["BTC"] - before["BTC"] == fill.quantity - fill.fee
    assert after["USDT"] - before["USDT"] == -fill.quantity * fill.price
    assert not Fill.objects.exists()
    assert {one.reason for one in RemainderEntry.objects.filter(note=fill.venue_fill_id)} == {"VENUE_FILL"}
    assert booth.settle(account)
    assert ForeignFill.objects.count() == 1
    _agree(booth, account)


def test_its_owner_gives_it_to_a_portfolio_once_and_a_lead_copies_it(
    booth: Booth, account: ExchangeAccount, book: Portfolio, alice: User
) -> None:
    open_lead_stream(book)
    _trade_at_venue(booth, account, "0.02")
    booth.settle(account)
    fill, before = ForeignFill.objects.get(), _remainders(account)
    order = assign_fill(actor=alice, fill=fill, portfolio=book)
    booked = Fill.objects.get(portfolio=book)
    assert (booked.order_id, booked.quantity, booked.base_fee) == (order.pk, D("0.02"), fill.fee)
    assert Order.objects.get().cause_kind == CauseKind.VENUE
    assert _remainders(account)["BTC"] - before["BTC"] == -(fill.quantity - fill.fee)
    assert LeadEvent.objects.get(lead=book).opened_quantity == fill.quantity - fill.fee
    with pytest.raises(DomainError, match="FILL_ASSIGNED"):
        assign_fill(actor=alice, fill=fill, portfolio=book)
    assert booth.settle(account)
    assert Fill.objects.count() == 1
    while fan_out_batch(lead_id=book.pk):
        pass
    _agree(booth, account)


def test_a_book_without_the_money_does_not_get_it(booth: Booth, account: ExchangeAccount, alice: User) -> None:
    poor = booth.portfolio(account, 10)
    _trade_at_venue(booth, account, "0.02")
    booth.settle(account)
    with pytest.raises(DomainError, match="NOT_COVERED"):
        assign_fill(actor=alice, fill=ForeignFill.objects.get(), portfolio=poor)
    assert not Order.objects.exists()
    _agree(booth, account)


def test_nobody_else_sees_it(
    booth: Booth, account: ExchangeAccount, book: Portfolio, alice: User, bob: User, charlie: User
) -> None:
    _trade_at_venue(booth, account, "0.02")
    booth.settle(account)
    fill = ForeignFill.objects.get()
    assert foreign_fill_for_user(alice, fill.pk) == fill
    for stranger in (bob, charlie, None):
        with pytest.raises(NotFound):
            foreign_fill_for_user(stranger, fill.pk)


@pytest.mark.parametrize(("amount", "reason"), [("500", "DEPOSIT"), ("-500", "WITHDRAWAL")])
def test_money_that_moves_at_the_venue_is_an_entry(
    booth: Booth, account: ExchangeAccount, book: Portfolio, amount: str, reason: str
) -> None:
    booth.change_money(account, "USDT", D(amount))
    assert booth.settle(account)
    entry = RemainderEntry.objects.order_by("-pk")[0]
    assert (entry.reason, entry.asset, entry.amount) == (reason, "USDT", D(amount))
    assert not Notification.objects.filter(event="exchange_account.not_covered").exists()
    _agree(booth, account)


def test_a_difference_counts_when_it_is_seen_twice(booth: Booth, account: ExchangeAccount) -> None:
    booth.change_money(account, "USDT", D(7))
    keeper, count = Keeper(booth.desk, account.pk), RemainderEntry.objects.count()
    assert not booth.loop.run(keeper.reconcile())
    assert RemainderEntry.objects.count() == count
    assert booth.loop.run(keeper.reconcile())
    assert RemainderEntry.objects.count() == count + 1


def test_what_has_not_changed_since_both_agreed_is_not_compared_again(
    booth: Booth, account: ExchangeAccount, book: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each minute, of each account: where nothing was booked and the venue tells the same, its rows are left alone."""
    compare, compared = account_sync.compare, list[UUID]()

    def counted(*, account_id: UUID, **facts: Any) -> Any:
        compared.append(account_id)
        return compare(account_id=account_id, **facts)

    monkeypatch.setattr(account_sync, "compare", counted)
    keeper = Keeper(booth.desk, account.pk)
    assert booth.loop.run(keeper.reconcile())
    account_sync.forget_reconciled([account.pk])
    assert booth.loop.run(keeper.reconcile())
    assert (len(compared), _is_reconciled(account)) == (1, True)
    # What follows hold may be short all the same: that is looked at each time.
    with monkeypatch.context() as noted:
        looked = list[UUID]()
        noted.setattr(account_sync, "note_shortages", lambda *, account_id: looked.append(account_id))
        assert booth.loop.run(keeper.reconcile())
        assert (len(compared), looked) == (1, [account.pk])
    # An agreement does not last for ever.
    with monkeypatch.context() as later:
        later.setattr(keeping, "monotonic", lambda: clock.monotonic() + keeping.AGREED_SECONDS)
        assert booth.loop.run(keeper.reconcile())
        assert len(compared) == 2
    compared.clear()
    # The venue tells something else: it has to be seen twice.
    booth.change_money(account, "USDT", D(7))
    assert not booth.loop.run(keeper.reconcile())
    assert booth.loop.run(keeper.reconcile())
    assert len(compared) == 2
    # Something is booked.
    _order(booth, book)
    booth.loop.run(booth.desk.send_waiting())
    assert booth.loop.run(keeper.reconcile())
    assert len(compared) == 3
    _agree(booth, account)


def test_its_owner_is_told_once_when_the_portfolios_claim_more_than_there_is(
    booth: Booth, account: ExchangeAccount, alice: User
) -> None:
    booth.portfolio(account, 99_000)
    booth.change_money(account, "USDT", D(-2_000))
    assert booth.settle(account)
    booth.change_money(account, "USDT", D(-1))
    assert booth.settle(account)
    [told] = Notification.objects.filter(event="exchange_account.not_covered")
    assert (told.user, told.context["assets"]) == (alice, "USDT")
    assert _remainders(account)["USDT"] == D(-1_001)
    _agree(booth, account)


def test_workers_leave_an_accounts_orders_alone(booth: Booth, book: Portfolio) -> None:
    order = _order(booth, book)
    assert execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id) == 0
    order.refresh_from_db()
    assert order.state == OrderState.PENDING
    booth.loop.run(booth.desk.send_waiting())
    order.refresh_from_db()
    assert order.state == OrderState.FILLED


def test_orders_of_more_accounts_than_threads_are_sent(
    open_booth: OpenBooth, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.signer.desk._THREADS", 1)
    booth = open_booth("binance")
    books = [booth.portfolio(booth.connect(alice, label=name), 5_000, name) for name in ("One", "Two", "Three")]
    orders = [_order(booth, book) for book in books]
    booth.loop.run(booth.desk.send_waiting())
    states = Order.objects.filter(pk__in=[one.pk for one in orders]).values_list("state", flat=True)
    assert list(states) == [OrderState.FILLED] * 3


def test_rule_20_nothing_is_opened_before_the_account_was_reconciled_and_exits_pass(
    booth: Booth, account: ExchangeAccount, book: Portfolio
) -> None:
    _order(booth, book)
    booth.loop.run(booth.desk.send_waiting())
    ExchangeAccount.objects.filter(pk=account.pk).update(reconciled_at=None)
    with pytest.raises(DomainError, match="ACCOUNT_NOT_RECONCILED"):
        _order(booth, book)
    exit_ = _order(booth, book, Side.SELL, "0.009")
    booth.loop.run(booth.desk.send_waiting())
    exit_.refresh_from_db()
    assert exit_.state == OrderState.FILLED


def test_an_unanswered_order_keeps_the_account_from_being_compared(
    booth: Booth, account: ExchangeAccount, book: Portfolio
) -> None:
    order = _order(booth, book)
    booth.switch_on(Fault(FaultKind.TIMEOUT_AFTER_ACCEPT, count=1, where="POST /api/v3/order", seconds=1))
    booth.loop.run(booth.desk.send_waiting())
    order.refresh_from_db()
    assert order.state == OrderState.UNKNOWN
    assert booth.settle(account)
    order.refresh_from_db()
    assert (order.state, ForeignFill.objects.count(), booth.orders_at_venue(account)) == (OrderState.FILLED, 0, 1)
    _agree(booth, account)


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_a_fill_comes_by_stream_and_its_list_tells_nothing_new(
    open_booth: OpenBooth, alice: User, dialect: str
) -> None:
    booth = open_booth(dialect)
    account = booth.connect(alice)
    book = booth.portfolio(account, 5_000)
    keeper = asyncio.run_coroutine_threadsafe(Keeper(booth.desk, account.pk).run(), booth.loop.loop)
    try:
        clock.sleep(2)
        wait_until(lambda: _is_reconciled(account), "a comparison", 20)
        order = _order(booth, book)
        # Nobody reads the answer to it: the stream alone tells.
        booth.switch_on(Fault(FaultKind.TIMEOUT_AFTER_ACCEPT, count=1, where="rder", seconds=1))
        booth.loop.run(booth.desk.send_waiting())
        wait_until(lambda: Order.objects.get(pk=order.pk).state == OrderState.FILLED, "the fill", 20)
    finally:
        keeper.cancel()
        with suppress(BaseException):
            keeper.result(5)
    count = Fill.objects.count()
    assert booth.settle(account)
    assert (Fill.objects.count(), ForeignFill.objects.count()) == (count, 0)
    _agree(booth, account)


def test_a_stream_that_ends_denies_opens_until_the_gap_is_closed(
    booth: Booth, account: ExchangeAccount, book: Portfolio
) -> None:
    keeper = asyncio.run_coroutine_threadsafe(Keeper(booth.desk, account.pk).run(), booth.loop.loop)
    try:
        clock.sleep(1.5)
        wait_until(lambda: _is_reconciled(account), "a comparison", 20)
        booth.thread.hide()
        wait_until(lambda: not _is_reconciled(account), "a denial", 20)
        booth.thread.show()
        wait_until(lambda: _is_reconciled(account), "a comparison again", 60)
    finally:
        keeper.cancel()
        with suppress(BaseException):
            keeper.result(5)
    _agree(booth, account)


def _is_reconciled(account: ExchangeAccount) -> bool:
    return ExchangeAccount.objects.get(pk=account.pk).reconciled_at is not None
