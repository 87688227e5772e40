"""A venue put together: its clock, faults, keys, and its places of trading with their markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from common import ids
from engine.timeframes import MINUTE_MS
from sandbox import catalog
from sandbox.catalog import Listing
from sandbox.core.clock import VenueClock, wall_ms
from sandbox.core.exchange import Exchange
from sandbox.core.funding import Funding
from sandbox.core.keys import ApiKey, Permission
from sandbox.core.margin import MarginBooks
from sandbox.core.market import Market
from sandbox.core.orders import Order
from sandbox.core.paths import BarFile, CandlePath, LeaningPath, MadeMarket, MadePath, Path, QuotientPath
from sandbox.core.spot import SpotBooks
from sandbox.faults import FaultBoard

# Each divides a minute.
KNOTS_MS = (50, 100, 250, 500, 1000, 2000, 5000, 10_000)
READ_AND_TRADE = frozenset((Permission.READ, Permission.TRADE))


@dataclass(frozen=True, slots=True)
class Setup:
    """How a sandbox is to be. `candles` maps an asset (BTC) to a Parquet file of its dollar price; the rest is made."""

    seed: int = 1
    speed: int = 1
    history_minutes: int = 1440
    knot_ms: int = 500
    candles: Mapping[str, FilePath] = field(default_factory=dict)
    # The minute since 1970 in which the made market begins, no later than its history; None: with its history. A market
    # that begins in the same minute is the same one: so it goes on after a restart.
    first_minute: int | None = None
    time_source: Callable[[], int] = wall_ms
    # Requests: Binance's weights per minute, Kraken's counter.
    spot_weight: int = 6000
    futures_weight: int = 2400
    kraken_counter: float = 15.0
    recv_window_ms: int = 5000


@dataclass(slots=True)
class SpotPlace:
    """A spot exchange with its books and its market."""

    exchange: Exchange
    books: SpotBooks
    market: Market


@dataclass(slots=True)
class FuturesPlace:
    """A futures exchange with its books, its market and its funding."""

    exchange: Exchange
    books: MarginBooks
    market: Market
    funding: Funding


@dataclass(frozen=True, slots=True)
class Kept:
    """What a venue remembers: its keys, and of each place its orders and what its books (and funding) keep."""

    keys: dict[str, ApiKey]
    spot: tuple[list[Order], Any]
    futures: tuple[list[Order], Any, Any] | None


class Venue:
    """One exchange as a client sees it. `flush` holds what dialects do after each step of the market."""

    def __init__(
        self, name: str, setup: Setup, clock: VenueClock, spot: SpotPlace, futures: FuturesPlace | None
    ) -> None:
        self.name = name
        self.setup = setup
        self.clock = clock
        self.spot = spot
        self._futures = futures
        self.faults = FaultBoard(setup.seed)
        clock.skew = self.faults.skew_ms
        self.keys: dict[str, ApiKey] = {}
        self.flush: list[Callable[[], None]] = []
        for place in self.places:
            place.exchange.interference = self.faults

    @property
    def futures(self) -> FuturesPlace:
        """Return the futures side; LookupError at a venue without one."""
        if self._futures is None:
            raise LookupError(f"{self.name} trades no futures.")
        return self._futures

    @property
    def places(self) -> list[SpotPlace | FuturesPlace]:
        """Return every side there is."""
        return [self.spot] if self._futures is None else [self.spot, self._futures]

    @property
    def has_futures(self) -> bool:
        """Tell whether there is a futures side."""
        return self._futures is not None

    def open_account(
        self, account: str, spot: Mapping[str, Decimal] | None = None, futures: Mapping[str, Decimal] | None = None
    ) -> None:
        """Open an account with money on either side, or add to it."""
        self.spot.books.open_account(account, dict(spot or {}))
        if self._futures is not None:
            self._futures.books.open_account(account, dict(futures or {}))

    def issue_key(
        self,
        account: str,
        permissions: frozenset[Permission] = READ_AND_TRADE,
        addresses: frozenset[str] = frozenset(),
    ) -> ApiKey:
        """Return a fresh API key of an account, bound to client addresses where any are given.

        Its secret is base64 of 48 bytes, which every dialect can read.
        """
        secret = ids.new_token(48).replace("-", "+").replace("_", "/")
        made = ApiKey(ids.new_token(24), secret, account, permissions, self.clock.steady_ms(), addresses=addresses)
        self.keys[made.key] = made
        return made

    def kept(self) -> Kept:
        """Return what must outlive the process."""
        far = self._futures
        return Kept(
            keys=self.keys,
            spot=(self.spot.exchange.kept(), self.spot.books.kept()),
            futures=None if far is None else (far.exchange.kept(), far.books.kept(), far.funding.kept()),
        )

    def recall(self, kept: Kept) -> None:
        """Go on from what was remembered: orders that rested meet the market where it is now."""
        self.keys = kept.keys
        orders, books = kept.spot
        self.spot.books.recall(books)
        self.spot.exchange.recall(orders)
        if self._futures is not None and kept.futures is not None:
            orders, books, funding = kept.futures
            self._futures.books.recall(books)
            self._futures.exchange.recall(orders)
            self._futures.funding.recall(funding)
        for place in self.places:
            place.market.restore()
            place.exchange.matcher.finish()

    def step(self) -> None:
        """Bring the markets to the present and tell the streams."""
        self.spot.market.step()
        if self._futures is not None:
            self._futures.market.step()
            self._futures.funding.step()
        for flush in self.flush:
            flush()


def build_venues(setup: Setup) -> dict[str, Venue]:
    """Return the two venues, binance and kraken, on one made or replayed market."""
    clock = VenueClock(setup.speed, setup.time_source)
    assets = _asset_paths(setup, clock)
    return {
        "binance": _build("binance", setup, assets, catalog.BINANCE_SPOT, catalog.BINANCE_FUTURES),
        "kraken": _build("kraken", setup, assets, catalog.KRAKEN_SPOT, ()),
    }


def _build(
    name: str, setup: Setup, assets: Mapping[str, Path], spot: Sequence[Listing], futures: Sequence[Listing]
) -> Venue:
    # Each venue has a clock of its own, so that a fault can skew one of them.
    clock = VenueClock(setup.speed, setup.time_source)
    books = SpotBooks(fee_in_quote=name == "kraken")
    exchange = Exchange((listing.instrument for listing in spot), books, clock)
    place = SpotPlace(exchange, books, _market(exchange, spot, assets, clock, setup))
    return Venue(name, setup, clock, place, _futures_place(futures, assets, clock, setup) if futures else None)


def _futures_place(
    listings: Sequence[Listing], assets: Mapping[str, Path], clock: VenueClock, setup: Setup
) -> FuturesPlace:
    # The lambda looks the exchange up when it is called: the two need each other.
    books = MarginBooks(lambda symbol: exchange.last_price(symbol), clock.market_ms)  # noqa: PLW0108 - exchange comes next
    exchange = Exchange((listing.instrument for listing in listings), books, clock)
    market = _market(exchange, listings, assets, clock, setup)
    return FuturesPlace(exchange, books, market, Funding(exchange, books, clock, setup.seed))


def _market(
    exchange: Exchange, listings: Sequence[Listing], assets: Mapping[str, Path], clock: VenueClock, setup: Setup
) -> Market:
    paths = {listing.instrument.symbol: _path(listing, assets) for listing in listings}
    # At high speed a knot stands for more market time: prints per second of wall time stay about the same.
    knot_ms = next(each for each in KNOTS_MS if each >= min(setup.knot_ms * setup.speed, KNOTS_MS[-1]))
    return Market(
        exchange, paths, clock, knot_ms=knot_ms, history_minutes=setup.history_minutes, seed=setup.seed
    )  # fmt: skip


def _path(listing: Listing, assets: Mapping[str, Path]) -> Path:
    path = assets[listing.asset]
    if listing.under:
        path = QuotientPath(path, assets[listing.under])
    if not listing.lean_bps:
        return path
    phase = float(len(listing.instrument.symbol) + ord(listing.instrument.symbol[0]))
    return LeaningPath(path, listing.lean_bps, 900_000, phase)


def _asset_paths(setup: Setup, clock: VenueClock) -> dict[str, Path]:
    start = clock.market_ms() - clock.market_ms() % MINUTE_MS
    first_minute = start // MINUTE_MS - setup.history_minutes
    if setup.first_minute is not None:
        first_minute = min(first_minute, setup.first_minute)
    made = MadeMarket(list(catalog.ASSETS.values()), setup.seed, first_minute)
    paths: dict[str, Path] = {name: MadePath(made, place) for place, name in enumerate(catalog.ASSETS)}
    for asset, file in setup.candles.items():
        bars = BarFile(file)
        lead = max(1, setup.history_minutes * MINUTE_MS // (bars[1].opened_ms - bars[0].opened_ms))
        paths[asset] = CandlePath(bars, start, lead=lead)
    return paths
