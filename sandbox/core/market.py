"""A market that moves: the crowd trades along a path, a market maker quotes a book around it, candles grow from the trades."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step, nearest_tick, price_to_tick
from engine.timeframes import MINUTE_MS
from sandbox.core.book import Level
from sandbox.core.clock import VenueClock
from sandbox.core.exchange import Exchange
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline, KlineStore, bucket_start
from sandbox.core.orders import Side, Trade
from sandbox.core.paths import Knot, Path

LEVELS = 20
# The past is walked coarsely: nobody trades in it.
HISTORY_KNOT_MS = 10_000
# Quotes begin one basis point from the path, and stand two apart.
HALF_SPREAD = Decimal("0.0001")
SPACING = Decimal("0.0002")
# The quote currency's worth that a level offers on average.
LEVEL_VALUE = Decimal(20_000)


class Market:
    """Moves one exchange's markets along their paths. `step` brings everything to the clock's market time."""

    def __init__(
        self,
        exchange: Exchange,
        paths: Mapping[str, Path],
        clock: VenueClock,
        *,
        knot_ms: int,
        history_minutes: int,
        seed: int,
    ) -> None:
        self._exchange = exchange
        self._paths = paths
        self._clock = clock
        self._seed = seed
        self._knot_ms = knot_ms
        # The last moment before the minute that is under way: its first knot is still to come.
        self._until = bucket_start(clock.market_ms(), "1m") - 1
        since = self._until + 1 - history_minutes * MINUTE_MS
        self.klines = {symbol: KlineStore(self._history(symbol, since)) for symbol in paths}
        exchange.matcher.listeners.append(self)
        # Volume that the crowd has not traded yet, because it was less than a lot.
        self._owed = dict.fromkeys(paths, ZERO)
        # The path as it is, before the book: what a futures venue calls its index.
        self.index: dict[str, Decimal] = {}
        # A moment without a market: nothing is quoted, printed or rolled (a test takes the market over).
        self.is_still = False
        for symbol, store in self.klines.items():
            exchange.matcher.last[symbol] = store.series("1m")[-1].close
            self.index[symbol] = exchange.matcher.last[symbol]
            self.requote(symbol, exchange.matcher.last[symbol])

    def step(self) -> None:
        """Walk the paths up to now: print the crowd's trades, requote, let candles close."""
        now = self._clock.market_ms()
        if self.is_still or now <= self._until:
            return
        for symbol, path in self._paths.items():
            knots = path.knots(self._until, now, self._knot_ms)
            for knot in knots:
                self._print(symbol, knot)
            for price in _turning_points([self._price(symbol, knot) for knot in knots]):
                self.requote(symbol, price)
            self.klines[symbol].roll(now)
        self._until = now
        self._exchange.matcher.finish()

    def requote(self, symbol: str, price: Decimal) -> None:
        """Let the market maker quote around a price; what crosses accounts' orders fills them."""
        instrument = self._exchange.instruments[symbol]
        bids = self._levels(instrument, price, Side.BUY)
        asks = self._levels(instrument, price, Side.SELL)
        self._exchange.matcher.quote(symbol, bids, asks)

    def restore(self) -> None:
        """Let the market maker quote everywhere again, whatever was taken or thinned out."""
        self.is_still = False
        for symbol in self.klines:
            self.requote(symbol, self._exchange.last_price(symbol))

    def on_trade(self, trade: Trade) -> None:
        """Let candles grow."""
        self.klines[trade.symbol].add(trade)

    def on_order(self, event: object) -> None:
        """Orders are not the market's business."""

    def on_account(self, event: object) -> None:
        """Nor are accounts."""

    def _print(self, symbol: str, knot: Knot) -> None:
        instrument = self._exchange.instruments[symbol]
        price = self._price(symbol, knot)
        taker = Side.BUY if price >= self._exchange.last_price(symbol) else Side.SELL
        owed = self._owed[symbol] + knot.volume
        quantity = max(instrument.step, floor_to_step(owed, instrument.step))
        self._owed[symbol] = max(ZERO, owed - quantity)
        self.index[symbol] = price
        self._exchange.matcher.print_trade(symbol, price, quantity, taker, knot.at_ms)

    def _price(self, symbol: str, knot: Knot) -> Decimal:
        tick = self._exchange.instruments[symbol].tick
        return max(tick, nearest_tick(knot.price, tick))

    def _levels(self, instrument: Instrument, price: Decimal, side: Side) -> list[Level]:
        """Return quotes of one side: the touch, then levels on a grid of their own that stays when the price moves."""
        tick = instrument.tick
        outward = side is Side.SELL
        touch = price_to_tick(price + (-side.sign) * max(tick, price * HALF_SPREAD), tick, up=outward)
        gap = price_to_tick(max(tick, price * SPACING), tick, up=True)
        # A grid of powers of two of ticks: it changes only when the price doubles, and levels keep their places.
        gap = tick * (1 << max(0, int(gap / tick).bit_length() - 1))
        first = price_to_tick(touch + (-side.sign) * gap, gap, up=outward)
        places = [touch, *(first - side.sign * gap * number for number in range(LEVELS - 1))]
        restless = self._clock.market_ms() // 1000
        return [
            (place, self._size(instrument, place, restless if number == restless % LEVELS else 0))
            for number, place in enumerate(places)
            if place > ZERO
        ]

    def _size(self, instrument: Instrument, price: Decimal, salt: int) -> Decimal:
        """Return a level's quantity: a function of its price and the seed, so that an untouched level stays as it is."""
        draw = zlib.crc32(f"{self._seed}:{instrument.symbol}:{price}:{salt}".encode()) % 1000
        wanted = LEVEL_VALUE / price * (200 + draw) / 700
        return max(instrument.min_quantity, floor_to_step(wanted, instrument.step))

    def _history(self, symbol: str, since: int) -> list[Kline]:
        """Return closed minutes up to now from the path's knots, without touching the book."""
        minutes: list[Kline] = []
        for knot in self._paths[symbol].knots(since - 1, self._until, HISTORY_KNOT_MS):
            price = self._price(symbol, knot)
            start = bucket_start(knot.at_ms, "1m")
            value = price * knot.volume
            piece = Kline(start, price, price, price, price, knot.volume, value, 1, knot.volume / 2, value / 2)
            if minutes and minutes[-1].opened_ms == start:
                minutes[-1].extend(piece)
            else:
                minutes.append(piece)
        step = self._exchange.instruments[symbol].step
        for kline in minutes:
            self._close_as_lived(symbol, kline)
            kline.volume = floor_to_step(kline.volume, step)
            kline.taker_base = floor_to_step(kline.taker_base, step)
        return minutes

    def _close_as_lived(self, symbol: str, kline: Kline) -> None:
        """Give a minute of the past the close that it has when it is lived: an exchange that starts again tells the same."""
        end = kline.opened_ms + MINUTE_MS - 1
        for knot in self._paths[symbol].knots(end - self._knot_ms, end, self._knot_ms)[-1:]:
            kline.close = self._price(symbol, knot)
            kline.high, kline.low = max(kline.high, kline.close), min(kline.low, kline.close)


def _turning_points(prices: list[Decimal]) -> list[Decimal]:
    """Return what a requote must visit: of many prices only the extremes, in their order, and the last."""
    if len(prices) <= 3:
        return prices
    extremes = sorted({prices.index(min(prices)), prices.index(max(prices))})
    return [*(prices[place] for place in extremes), prices[-1]]
