"""A futures account at the running test exchange: its booth, and what only a futures venue does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from markets.gateway.protocol import OrderRequest, OrderType
from markets.gateway.protocol import Side as VenueSide
from portfolios.margin_models import MarginMode
from portfolios.models import ExchangeAccount, Portfolio, RemainderEntry
from portfolios.selectors import account_balances
from sandbox.core.margin import Position as VenuePosition
from tests.fixtures_signing import Booth, OpenBooth
from tests.fixtures_trading import failed_checks
from trading.models import Order, Side
from trading.services.closing import close_position
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order

D = Decimal


@dataclass
class Futures:
    """alice's account of 10,000 USDT, at a booth whose instrument is BTC/USDT:USDT."""

    booth: Booth
    account: ExchangeAccount
    _orders: int = 0

    def book(self, amount: int = 4_000, name: str = "Book") -> Portfolio:
        return self.booth.portfolio(self.account, amount, name)

    def order(self, book: Portfolio, side: Side = Side.BUY, quantity: str = "0.01", **more: Any) -> Order:
        self.booth.price()
        instrument = self.booth.instrument
        return place_hand_order(
            actor=book.owner, portfolio=book, instrument=instrument, side=side, quantity=D(quantity), **more
        )

    def done(self, book: Portfolio, side: Side = Side.BUY, quantity: str = "0.01") -> Order:
        """Place an order, have it sent, and return it as it then is."""
        order = self.order(book, side, quantity)
        return self.sent(order)

    def closed(self, book: Portfolio) -> Order:
        """Close what a portfolio holds."""
        self.booth.price()
        return self.sent(close_position(actor=book.owner, portfolio=book, instrument=self.booth.instrument))

    def sent(self, order: Order) -> Order:
        self.booth.loop.run(self.booth.desk.send_waiting())
        order.refresh_from_db()
        return order

    def terms(self, book: Portfolio, leverage: int, mode: MarginMode = MarginMode.ISOLATED) -> None:
        instrument = self.booth.instrument
        set_margin_terms(actor=book.owner, portfolio=book, instrument=instrument, leverage=leverage, mode=mode)

    def settle(self) -> bool:
        return self.booth.settle(self.account)

    def at_venue(self) -> VenuePosition:
        """Return the venue's own position."""
        name = self.booth.keys[str(self.account.pk)].account
        books, symbol = self.booth.venue.futures.books, self.booth.venue_symbol

        def read() -> VenuePosition:
            instrument = self.booth.venue.futures.exchange.instruments[symbol]
            return books.position(name, instrument)

        return self.booth.thread.call(read)

    def trade(self, side: VenueSide, quantity: str) -> None:
        """Trade with the account's key as the exchange's own app would."""
        self._orders += 1
        request = OrderRequest(
            f"{self._orders:032x}", self.booth.instrument.gateway_symbol, side, OrderType.MARKET, D(quantity)
        )

        async def send() -> None:
            await (await self.booth.desk.access(self.account.pk)).create_order(request)

        self.booth.loop.run(send())

    def fund(self) -> None:
        """Have a funding time of what is held now."""
        inside = self.booth.venue
        self.booth.thread.call(lambda: inside.futures.funding.settle(inside.clock.market_ms()))

    def liquidate(self) -> None:
        """Take all but the maintenance margin out of the wallet, and have the venue look at it."""
        name = self.booth.keys[str(self.account.pk)].account
        inside = self.booth.venue

        def ruin() -> None:
            inside.futures.books.open_account(name, {"USDT": D(1) - inside.futures.books.wallet(name)["USDT"]})
            inside.futures.funding.step()

        self.booth.thread.call(ruin)

    def agree(self) -> None:
        """Require that our books and the remainder are the venue's wallet and position, and prove themselves."""
        ours = {row.asset: row.remainder + books for row, books in account_balances(self.account)}
        assert {asset: amount for asset, amount in ours.items() if amount} == self.booth.held(self.account)
        entries = RemainderEntry.objects.filter(account=self.account)
        for row, _ in account_balances(self.account):
            assert sum((one.amount for one in entries if one.asset == row.asset), D(0)) == row.remainder
        assert failed_checks() == {}


@pytest.fixture
def futures(open_booth: OpenBooth, alice: User) -> Futures:
    booth = open_booth("binanceusdm")
    return Futures(booth, booth.connect(alice))
