"""Orders of many accounts: claimed at once, sent side by side, booked as the answers come."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import User
from common.bus import bus
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
    # (The venue takes what is up to five seconds old.)
    booth.switch_on(Fault(FaultKind.LATENCY, count=1, where="POST /api/v3/order", seconds=4.2))
    sending = asyncio.run_coroutine_threadsafe(booth.desk.send_waiting(), booth.loop.loop)
    wait_until(lambda: sorted(_states()) == [OrderState.FILLED, OrderState.SUBMITTING], "the other's fill", 4)
    sending.result(20)
    assert _states() == [OrderState.FILLED] * 2


def test_a_hint_that_comes_while_another_is_worked_off_is_heard(
    booth: Booth, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens between two looks otherwise, and the last of a lead's copies would wait for the next."""
    monkeypatch.setattr("trading.signer.desk.LOOK_SECONDS", 60)
    send = booth.desk._send

    async def send_and_be_told() -> int:
        count = await send()
        bus().publish(live_queue.CHANNEL, {})
        return count

    monkeypatch.setattr(booth.desk, "_send", send_and_be_told)

    async def twice() -> None:
        async with asyncio.timeout(30):
            await booth.desk._send_when_told()
            await booth.desk._send_when_told()
            await asyncio.gather(*booth.desk._sending.values())

    booth.loop.run(twice())
    assert _states() == [OrderState.FILLED] * 2


def test_who_waits_for_a_venue_keeps_no_connection_to_the_database(booth: Booth, orders: list[Order]) -> None:
    """As many threads as the pool has connections would otherwise wait, and nobody could book what the venue says."""
    broker, seen = LiveBroker(booth.desk.access, booth.loop.loop), list[bool]()

    async def look(*_args: object) -> list[Told]:
        return []

    def submit() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        broker.submit(orders)
        seen.append(connection.connection is None)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LiveBroker, "_all", look)
        thread = threading.Thread(target=submit)
        thread.start()
        thread.join(20)
    assert seen == [True]


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
