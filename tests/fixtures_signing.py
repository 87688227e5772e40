"""Accounts at a running test exchange, connected as people connect them, and the signer's desk at work for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.sealing import PublicKey, public_key_of
from common import ids
from common.clock import wall_now
from markets.connecting import fetch_markets
from markets.models import Exchange, Instrument, SourceKind
from markets.prices import put_prices
from markets.selectors import instruments
from markets.services import connect_exchange, register_exchange, synchronise_instruments
from portfolios.models import AccountMode, AccountState, ExchangeAccount, Portfolio
from portfolios.selectors import openable_account
from portfolios.services.cash import open_portfolio
from portfolios.services.exchange_accounts import connect_account
from sandbox.core.keys import ApiKey
from sandbox.core.orders import Side
from sandbox.faults import Fault
from sandbox.server import ServerThread
from sandbox.venue import FuturesPlace, SpotPlace, Venue
from tests.fixtures_exchange import opened
from trading.signer.desk import Desk
from trading.signer.keeping import Keeper
from trading.signer.keys import key_service
from trading.signer.running import Signer, credentials_of

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, as the signer's process has one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@dataclass
class Booth:
    """One venue of the test exchange with its instruments here, and the desk that serves the accounts connected to it."""

    thread: ServerThread
    dialect: str
    exchange: Exchange
    instrument: Instrument
    desk: Desk
    loop: Loop
    keys: dict[str, ApiKey]

    @property
    def venue(self) -> Venue:
        return self.thread.venue(self.dialect.removesuffix("usdm"))

    @property
    def is_futures(self) -> bool:
        return self.dialect == "binanceusdm"

    @property
    def place(self) -> SpotPlace | FuturesPlace:
        """The side of the venue that the accounts trade on."""
        return self.venue.futures if self.is_futures else self.venue.spot

    def connect(self, owner: User, money: dict[str, Decimal] | None = None, label: str = "Main") -> ExchangeAccount:
        """Connect an account of the owner's with this play money in it, have its key checked, and reconcile it."""
        key = opened(self.thread, self.venue.name, label.lower(), money=money)
        account = connect_account(
            owner=owner,
            exchange=self.exchange,
            mode=AccountMode.SANDBOX,
            label=label,
            credentials={"api_key": key.key, "secret": key.secret},
        )
        self.keys[str(account.pk)] = key
        self.loop.run(_checked())
        account.refresh_from_db()
        assert (account.state, account.code) == (AccountState.READY, "OK")
        assert self.loop.run(self.desk.reconcile(account.pk))
        return account

    def portfolio(self, account: ExchangeAccount, amount: int | str, name: str = "Book") -> Portfolio:
        """Open a portfolio on an account."""
        found, settlement = openable_account(account.owner, account.pk, self.instrument.market.quote_id)
        return open_portfolio(
            owner=account.owner,
            name=name,
            exchange=found.exchange,
            settlement=settlement,
            amount=Decimal(amount),
            account=found,
        )

    def settle(self, account: ExchangeAccount) -> bool:
        """Reconcile an account, by one keeper, until books and venue agree; False where they do not come to."""
        keeper = Keeper(self.desk, account.pk)
        return any(self.loop.run(keeper.reconcile()) for _ in range(4))

    def price(self) -> Decimal:
        """Put the venue's newest price on the board, as the feed does, and return it."""
        name = self.venue_symbol
        price = self.thread.call(lambda: self.place.exchange.last_price(name))
        put_prices(self.exchange.namespace, {str(self.instrument.pk): format(price, "f")}, wall_now())
        return price

    def trade_at(self, price: Decimal) -> None:
        """Have the venue's market quote around a price, trade there and stay there."""
        market, exchange, symbol = self.place.market, self.place.exchange, self.venue_symbol

        def trade() -> None:
            market.is_still = True  # its next step would take the price back before an order arrives
            market.requote(symbol, price)
            exchange.matcher.print_trade(symbol, price, self.instrument.lot_step, Side.SELL, exchange.clock.market_ms())
            exchange.matcher.finish()

        self.thread.call(trade)

    @property
    def venue_symbol(self) -> str:
        name = self.instrument.gateway_symbol.partition(":")[0]
        return name if self.dialect == "kraken" else name.replace("/", "")

    def switch_on(self, fault: Fault) -> Fault:
        return self.thread.call(lambda: self.venue.faults.switch_on(fault))

    def held(self, account: ExchangeAccount) -> dict[str, Decimal]:
        """Return what the venue's own books say that an account holds."""
        name = self.keys[str(account.pk)].account

        def read() -> dict[str, Decimal]:
            if not self.is_futures:
                return {asset: one.total for asset, one in self.venue.spot.books.balances(name).items() if one.total}
            books = self.venue.futures.books
            held = {one.instrument.symbol: one.quantity for one in books.positions(name) if one.quantity}
            named = {self.instrument.gateway_symbol: held.pop(self.venue_symbol, Decimal(0)), **held}
            return {asset: amount for asset, amount in {**books.wallet(name), **named}.items() if amount}

        return self.thread.call(read)

    def change_money(self, account: ExchangeAccount, asset: str, amount: Decimal) -> None:
        """Pay in at the venue, or (below zero) withdraw there."""
        name = self.keys[str(account.pk)].account
        money = (None, {asset: amount}) if self.is_futures else ({asset: amount}, None)
        self.thread.call(lambda: self.venue.open_account(name, *money))

    def orders_at_venue(self, account: ExchangeAccount) -> int:
        """Return how many orders the account ever had at the venue."""
        name = self.keys[str(account.pk)].account
        return self.thread.call(lambda: len(self.place.exchange.orders(name)))


async def _checked() -> None:
    signer = Signer(key_service())
    try:
        await signer.work_once()
    finally:
        await signer.close()


OpenBooth = Callable[[str], Booth]


@pytest.fixture
def open_booth(
    venue: ServerThread, transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[OpenBooth]:
    """Give `open_booth("binance")`: the venue connected, its desk at work.

    The test exchange's limits are out of reach here: one of its venues drains so slowly that a test would take a minute.
    """
    key = ids.new_key(32)
    settings.SIGNER_KEYS, settings.SIGNER_PUBLIC_KEY = [PublicKey(key).text], public_key_of(key).text
    monkeypatch.setattr("markets.gateway.client._SHARE", 1_000.0)
    loop = Loop()
    booths: list[Booth] = []

    def open_it(dialect: str) -> Booth:
        code = f"booth-{ids.new_token(5).lower().replace('_', '-')}"
        exchange = register_exchange(code=code, name="Venue", namespace=code, source_kind=SourceKind.REAL)
        exchange = connect_exchange(
            exchange=exchange, dialect=dialect, base_url=f"{venue.url}/{{host}}", is_sandbox=True
        )
        synchronise_instruments(exchange=exchange, markets=fetch_markets(exchange))
        symbol = "BTC/USDT:USDT" if dialect == "binanceusdm" else "BTC/USDT"
        instrument = instruments().get(exchange=exchange, gateway_symbol=symbol)
        desk = Desk(credentials_of, key_service())
        loop.run(desk.start())
        booths.append(Booth(venue, dialect, exchange, instrument, desk, loop, {}))
        return booths[-1]

    yield open_it
    for one in booths:
        loop.run(one.desk.close())
    loop.close()
