"""Bob's live follow of alice at the running test exchange: both trade there over accounts of their own, through the signer's desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.ids import seeded_random
from common.tasks import inline_tasks
from engine.decimals import floor_to_step
from engine.following import NO_GUARDS
from portfolios.models import Portfolio, Position
from sandbox.core.orders import Order as VenueOrder
from tests.fixtures_signing import Booth, OpenBooth
from trading.models import CauseKind, Follow, Order, OrderState, Side
from trading.services.closing import close_position
from trading.services.copying import fan_out_batch
from trading.services.follows import open_lead_stream, start_follow
from trading.services.live_queue import execute_waiting
from trading.services.orders import place_hand_order
from trading.services.protecting import follows_to_protect, protect_all

D = Decimal
SETTINGS: dict[str, Any] = {
    "max_order_share": "1",
    "max_instrument_share": "1",
    "max_age_seconds": "60",
    "price_cap": "0.03",
    "max_spread": "0.05",
}


class Protected:
    """A lead and a follower of hers at the same venue, with as much each; the follower's positions have a stop there."""

    def __init__(self, booth: Booth, alice: User, bob: User, share: str | None = "0.1") -> None:
        self.booth, self.instrument = booth, booth.instrument
        money = {booth.instrument.market.quote_id: D(20_000)}
        self.hers, self.his = (booth.connect(one, money, name) for one, name in ((alice, "Lead"), (bob, "Mine")))
        self.lead = booth.portfolio(self.hers, 10_000, "Lead")
        open_lead_stream(self.lead)
        self.follow: Follow = start_follow(
            follower=bob,
            lead=self.lead,
            source=booth.portfolio(self.his, 10_000, "Source"),
            amount=D(10_000),
            settings=SETTINGS,
            guards=NO_GUARDS,
            protective_stop=None if share is None else D(share),
        )

    @property
    def book(self) -> Portfolio:
        return self.follow.portfolio

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do what workers do with what the block's commits set off; the signer does nothing meanwhile."""
        with inline_tasks(seeded_random("protected")) as queue:
            yield
            while queue.drain():
                pass

    def send(self) -> None:
        """Let workers and the signer do all that waits for them, until nothing does."""
        self.booth.price()
        self.send_at_known_price()

    def send_at_known_price(self) -> None:
        """Do the same while the feed is behind: what is on the board stays, wherever the market is."""
        with self.working():
            for account in (self.hers, self.his):
                while execute_waiting(account=account):
                    pass
        self.hear()

    def hear(self) -> None:
        """Let the signer hear what the venue did. (Kraken answers with no more than a number, and tells the rest by stream.)"""
        if self.booth.dialect == "kraken":
            for account in (self.hers, self.his):
                with self.working():
                    self.booth.settle(account)

    def work(self) -> None:
        """Let everybody do all that waits for them, the sweeper's part of protecting included."""
        for _ in range(4):
            self.send()
            with self.working():
                while fan_out_batch(lead_id=self.lead.pk):
                    pass
                protect_all(follows_to_protect())
        self.send()

    def trade(self, side: Side, quantity: int | str) -> Order:
        """Have the lead trade, without any of what comes of it at the follower."""
        self.booth.price()
        with self.working():
            order = place_hand_order(
                actor=self.lead.owner,
                portfolio=self.lead,
                instrument=self.instrument,
                side=side,
                quantity=D(quantity),
            )
            while execute_waiting(account=self.hers):
                pass
        self.hear()
        order.refresh_from_db()
        assert order.state == OrderState.FILLED
        return order

    def buy(self, quantity: int | str) -> None:
        """Have the lead buy, and everybody do what comes of it."""
        self.trade(Side.BUY, quantity)
        self.work()

    def sell(self, quantity: int | str) -> None:
        self.trade(Side.SELL, quantity)
        self.work()

    def sell_all(self) -> None:
        """Have the lead close its position, and everybody do what comes of it."""
        self.booth.price()
        with self.working():
            close_position(actor=self.lead.owner, portfolio=self.lead, instrument=self.instrument)
        self.work()

    def held(self) -> Decimal:
        row = Position.objects.filter(portfolio=self.book, instrument=self.instrument).first()
        return row.quantity if row else D(0)

    def entry(self) -> Decimal:
        row = Position.objects.get(portfolio=self.book, instrument=self.instrument)
        return D(row.cost) / D(row.quantity)

    def stop_price(self, share: str = "0.1") -> Decimal:
        return floor_to_step(self.entry() * (1 - D(share)), self.instrument.tick_size)

    def stops(self) -> list[Order]:
        """Return every protective stop that was ever written here, oldest first."""
        mine = Order.objects.filter(portfolio=self.book, cause_kind=CauseKind.PROTECTION)
        return list(mine.select_related("portfolio", "instrument__market", "instrument__exchange").order_by("pk"))

    def exits(self) -> list[Order]:
        return list(Order.objects.filter(follow=self.follow, leg="CLOSE").order_by("pk"))

    def resting(self) -> list[tuple[Decimal, Decimal | None]]:
        """Return (quantity left, stop price) of what rests at the venue for the follower's account, by the venue's own books."""
        name = self.booth.keys[str(self.his.pk)].account

        def read() -> list[VenueOrder]:
            return list(self.booth.place.exchange.orders(name, open_only=True))

        return [(one.quantity - one.filled, one.trigger_price) for one in self.booth.thread.call(read)]


Protect = Callable[..., Protected]


@pytest.fixture
def protect_at(open_booth: OpenBooth, alice: User, bob: User) -> Protect:
    """Give `protect_at("binance", share="0.1")`."""
    return lambda dialect="binance", share="0.1": Protected(open_booth(dialect), alice, bob, share)
