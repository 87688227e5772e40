"""Orders of many accounts: claimed at once, sent side by side, booked as the answers come."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.models import User
from common.clock import wall_now
from markets.gateway.protocol import AccountTrade
from markets.gateway.protocol import Side as VenueSide
from portfolios.models import Portfolio
from sandbox.faults import Fault, FaultKind
from tests.fixtures_signing import Booth, OpenBooth
from tests.story.processes import wait_until
from trading.brokers import Outcome
from trading.brokers.live import LiveBroker, Told
from trading.models import Fill, Order, OrderState, Side
from trading.services import live_queue
from trading.services.orders import place_hand_order
from trading.signer.sending import Booker

D = Decimal
pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def booth(open_booth: OpenBooth) -> Booth:
    return open_booth("binance")


@pytest.fixture
def orders(booth: Booth, alice: User) -> list[Order]:
    """Two orders that wait, each on an account of its own."""
    return [_order(booth, booth.portfolio(booth.connect(alice, label=name), 5_000, name)) for name in ("One", "Two")]


def _order(booth: Booth, book: Portfolio) -> Order:
    booth.price()
    return place_hand_order(
        actor=book.owner, portfolio=book, instrument=booth.instrument, side=Side.BUY, quantity=D("0.01")
    )


def _states() -> list[str]:
    return list(Order.objects.order_by("recorded_at").values_list("state", flat=True))


def test_what_waits_on_several_accounts_is_claimed_at_once_and_sent(booth: Booth, orders: list[Order]) -> None:
    booth.loop.run(booth.desk.send_waiting())
    assert _states() == [OrderState.FILLED] * 2
    assert len(set(Order.objects.values_list("claim", flat=True))) == 1
    assert [booth.orders_at_venue(one.portfolio.account) for one in orders if one.portfolio.account] == [1, 1]


def test_nobodys_fill_waits_for_an_answer_to_another_account(booth: Booth, orders: list[Order]) -> None:
    booth.switch_on(Fault(FaultKind.LATENCY, count=1, where="POST /api/v3/order", seconds=4))
    sending = asyncio.run_coroutine_threadsafe(booth.desk.send_waiting(), booth.loop.loop)
    wait_until(lambda: sorted(_states()) == [OrderState.FILLED, OrderState.SUBMITTING], "the other's fill", 3)
    sending.result(20)
    assert _states() == [OrderState.FILLED] * 2


def test_an_answer_that_no_book_can_hold_keeps_no_other_from_being_booked(booth: Booth, orders: list[Order]) -> None:
    claimed = live_queue.claim_together(
        accounts=[one.portfolio.account_id for one in orders if one.portfolio.account_id]
    )
    good, absurd = [_told(order) for order in claimed]
    [trade] = absurd.trades
    absurd = replace(absurd, trades=(replace(trade, quantity=D(10) ** 30),))
    broker = LiveBroker(booth.desk.access, booth.loop.loop)

    async def book_both() -> None:
        booker = Booker(broker, booth.desk.off_loop)
        await asyncio.gather(booker.book([good]), booker.book([absurd]))

    booth.loop.run(book_both())
    assert [fill.order_id for fill in Fill.objects.all()] == [good.order.pk]
    absurd.order.refresh_from_db()
    assert absurd.order.state == OrderState.SUBMITTING


def _told(order: Order) -> Told:
    """Return the answer of a venue that filled an order at the price that it was judged at."""
    assert order.market_price is not None
    trade = AccountTrade(
        trade_id=f"t-{order.pk}",
        venue_order_id="1",
        client_order_id=order.client_order_id,
        symbol=order.instrument.gateway_symbol,
        side=VenueSide.BUY,
        quantity=order.quantity,
        price=order.market_price,
        fee=D(0),
        fee_asset="USDT",
        is_maker=False,
        at=wall_now(),
    )
    return Told(order, Outcome.FILLED, "", order.quantity, "", (trade,))
