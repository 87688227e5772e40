"""Funding and liquidation of perpetuals: every eight hours of market time one side pays the other; who cannot pay is closed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ZERO
from sandbox.core.clock import VenueClock
from sandbox.core.errors import Refusal
from sandbox.core.events import AccountChange, AccountEvent
from sandbox.core.exchange import Exchange
from sandbox.core.margin import MarginBooks, Position
from sandbox.core.orders import OrderRequest, OrderType, Side

FUNDING_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """What an account received (negative: paid) for a position, in quote units."""

    account: str
    symbol: str
    asset: str
    amount: Decimal
    at_ms: int


class Funding:
    """Pays funding and closes by force; `step` after the market's."""

    def __init__(self, exchange: Exchange, books: MarginBooks, clock: VenueClock, seed: int) -> None:
        self._exchange = exchange
        self._books = books
        self._clock = clock
        self._seed = seed
        self._paid_until = self.slot(clock.market_ms())
        self.payments: list[FundingPayment] = []

    def kept(self) -> tuple[int, list[FundingPayment]]:
        """Return what must be remembered."""
        return self._paid_until, self.payments

    def recall(self, kept: tuple[int, list[FundingPayment]]) -> None:
        """Go on with what was remembered: what came due meanwhile is paid by the next step."""
        self._paid_until, self.payments = kept

    @staticmethod
    def slot(at_ms: int) -> int:
        """Return the funding time at or before a moment."""
        return at_ms - at_ms % FUNDING_MS

    def rate(self, symbol: str, at_ms: int) -> Decimal:
        """Return the rate of the funding time at or before a moment: between −0.01 % and +0.03 %, from the seed."""
        draw = zlib.crc32(f"{self._seed}:funding:{symbol}:{self.slot(at_ms)}".encode()) % 401
        return Decimal(draw - 100) / 1_000_000

    def step(self) -> None:
        """Pay what has come due, then close who is below maintenance margin."""
        now = self._clock.market_ms()
        while self._paid_until + FUNDING_MS <= now:
            self._paid_until += FUNDING_MS
            self.settle(self._paid_until)
        for account in {position.account for position in self._books.positions() if position.quantity}:
            self._check(account)

    def settle(self, at_ms: int) -> None:
        """Pay for what is held now, as of a moment of market time: a funding time, or one out of turn."""
        for symbol in self._exchange.instruments:
            self._pay(symbol, at_ms)

    def _pay(self, symbol: str, at_ms: int) -> None:
        for position, amount in self._books.pay_funding(symbol, self.rate(symbol, at_ms)):
            asset = position.instrument.quote
            self.payments.append(FundingPayment(position.account, symbol, asset, amount, at_ms))
            event = AccountEvent(
                position.account, frozenset((asset,)), frozenset(), AccountChange.FUNDING, at_ms, amount
            )
            for listener in self._exchange.matcher.listeners:
                listener.on_account(event)

    def _check(self, account: str) -> None:
        money = sum(self._books.wallet(account).values(), ZERO) + self._books.unrealized(account)
        if money >= self._books.maintenance(account):
            return
        self._exchange.cancel_all(account)
        for position in self._books.positions(account):
            if position.quantity:
                self._close(position)

    def _close(self, position: Position) -> None:
        side = Side.SELL if position.quantity > 0 else Side.BUY
        request = OrderRequest(
            position.instrument.symbol, side, OrderType.MARKET, abs(position.quantity), reduce_only=True,
            client_id=f"autoclose-{self._clock.market_ms()}",
        )  # fmt: skip
        try:
            self._exchange.place(position.account, request)
        except Refusal:
            return  # no book to close in: the next step tries again
