"""A client of the exchange library, dressed for us: exact numbers, our limiter in place of its own, our errors.

The library is imported only here, and only when a client is made: it costs up to a second and 110 MiB, measured.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import logging
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from decimal import Decimal, localcontext
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis

from common import clock
from common.limiter import MemoryLimiter, limiter
from markets.gateway.errors import BackOff, GatewayError, Skip, Stop, translate
from markets.gateway.normalise import exact, lots, plain_text
from markets.gateway.pools import Pool, pool_of
from markets.gateway.protocol import Connection, Credentials
from markets.gateway.venues import VENUES, LimitScope, Venue
from markets.health import breaker

logger = logging.getLogger(__name__)

# Of what a venue allows, so much is used; the rest is for what else speaks to it from here.
_SHARE = 0.9
_BURST_SHARE = 0.1
# How long a request waits for its turn before it is refused with BackOff; an order that waits is an order too late.
READ_PATIENCE_SECONDS = 30.0
ORDER_PATIENCE_SECONDS = 3.0
# What counts while Redis is away.
_alone = MemoryLimiter()
_patience: ContextVar[float] = ContextVar("patience", default=READ_PATIENCE_SECONDS)

# What begins like JSON or a web page, and was not understood.
_BEGINNINGS = ("{", "[", "<")
_SCHEMES = {"http": {"https": "http", "wss": "ws"}, "https": {"https": "https", "wss": "wss"}}


def venue_of(connection: Connection) -> Venue:
    """Return the table's entry of a connection's venue; raise Stop VENUE_UNKNOWN."""
    if connection.venue not in VENUES:
        raise Stop(connection.code, "VENUE_UNKNOWN", f"Choose one of {', '.join(VENUES)}.")
    return VENUES[connection.venue]


class Gate:
    """The token buckets that a connection's requests pass, shared by all processes."""

    def __init__(self, connection: Connection, venue: Venue, units_per_second: float) -> None:
        """`units_per_second` is what the venue allows, in the library's units of weight."""
        self._venue = connection.code
        by_account = venue.limit_scope == LimitScope.ACCOUNT and connection.account
        self._key = f"venue:{connection.code}:{connection.account if by_account else ''}"
        self._orders_key = f"{self._key}:{connection.account}:orders"
        self._per_second = units_per_second * _SHARE
        self._burst = max(1.0, units_per_second * venue.window_seconds * _BURST_SHARE)
        self._orders_per_second = venue.orders_per_second

    async def wait(self, weight: float) -> None:
        """Wait for one request's turn."""
        await self._take(self._key, self._per_second, self._burst, weight)

    async def wait_for_order(self) -> None:
        """Wait until the account may send one more order, where the venue counts them."""
        if rate := self._orders_per_second:
            await self._take(self._orders_key, rate, rate, 1)

    async def pause(self, seconds: float) -> None:
        """Hold all requests: the venue said so."""
        _alone.pause(self._key, seconds)
        with suppress(redis.RedisError, OSError):
            await asyncio.to_thread(limiter().pause, self._key, seconds)

    async def _take(self, key: str, per_second: float, burst: float, weight: float) -> None:
        patience = _patience.get()
        ask = {"per_second": per_second, "burst": burst, "weight": weight, "patience": patience}
        # In a thread: with Redis it is a journey over the network, and nothing else in this loop shall wait for it.
        try:
            wait = await asyncio.to_thread(limiter().take, key, **ask)
        except (redis.RedisError, OSError):
            logger.warning(
                "The limiter is away: %s is asked as if this process were alone.", self._venue, exc_info=True
            )
            wait = _alone.take(key, **ask)
        if wait > patience:
            raise BackOff(self._venue, "RATE_LIMITED", "Too many requests wait for their turn.", retry_after=wait)
        if wait:
            await asyncio.sleep(wait)


_nonces: dict[tuple[str, str], int] = {}
_nonces_lock = threading.Lock()


def next_nonce(venue: str, api_key: str) -> int:
    """Return a number greater than all before it for this key, whichever client of this process asks: microseconds."""
    with _nonces_lock:
        now = int(clock.wall_now().timestamp() * 1_000_000)
        _nonces[venue, api_key] = found = max(now, _nonces.get((venue, api_key), 0) + 1)
        return found


class _Dressed:
    """What is laid over a class of the library."""

    number = staticmethod(plain_text)
    gate: Gate
    closed_by_user: bool
    ssl_context: ssl.SSLContext | None
    verify: bool
    cafile: str
    session: Any
    is_streaming = False
    _pool: Pool | None = None
    # What comes before a venue's own host in an address that was moved; "" where the host is not in it.
    before_host = ""

    def open(self, lazy: bool = False) -> None:
        """Open, unless it was closed: what of the library's own resumes later would open a session that nobody closes."""
        library: Any = super()
        if self.ssl_context is None and self.verify:
            self.ssl_context = _trusted(self.cafile)
        if self.session is None and not self.closed_by_user:
            self._pool = pool_of(self.ssl_context, streams=self.is_streaming)
            self.session = self._pool.session()
        library.open(lazy or self.closed_by_user)

    async def close(self, clean_instance_data: bool = False) -> None:
        library: Any = super()
        pool, self._pool = self._pool, None
        try:
            await library.close(clean_instance_data)
        finally:
            if pool is not None:
                await pool.leave()

    async def throttle(self, cost: float | None = None) -> None:
        await self.gate.wait(1.0 if cost is None else float(cost))

    def handle_errors(
        self, code: int, reason: str, url: str, method: str, headers: Mapping[str, str], body: str, *rest: Any
    ) -> Any:
        """Keep what the venue says in its headers about when to come back, and refuse a page or a torn text.

        The library would drop the one, and take the other for an empty answer. What a code means it tells by the host.
        """
        library: Any = super()
        if self.before_host and url.startswith(self.before_host):
            url = f"https://{url.removeprefix(self.before_host)}"
        parsed = rest[0] if rest else None
        try:
            answer = library.handle_errors(code, reason, url, method, headers, body, *rest)
            if code < 400 and parsed is None and body.lstrip()[:1] in _BEGINNINGS:
                raise ValueError(f"{method} {url} was answered with what is no JSON: {body[:80]}")
            if code >= 400:
                library.handle_http_status_code(code, reason, url, method, body)
        except Exception as error:
            error.retry_after = retry_after(headers)  # type: ignore[attr-defined]  # carried to translate
            raise
        return answer


class _FloatBooks:
    """Order books of streams, which the library keeps in floats; one of its venues stores numbers, which are text here."""

    def order_book(self, *args: Any) -> Any:
        library: Any = super()
        return _with_float_sides(library.order_book(*args))

    def counted_order_book(self, *args: Any) -> Any:
        library: Any = super()
        return _with_float_sides(library.counted_order_book(*args))


class _MindedSockets:
    """Sockets of streams. A message that the library cannot read would end its reading in silence, with the socket open."""

    def client(self, url: str) -> Any:
        library: Any = super()
        socket = library.client(url)
        if "handle_message" not in vars(socket):
            socket.handle_message = partial(_handled, socket, socket.handle_message)
        return socket


def _handled(socket: Any, handle: Any, message: Any) -> None:
    try:
        handle(message)
    except Exception as error:
        # Whoever waits for the socket fails, and it is closed.
        socket.on_error(error)


def _with_float_sides(book: Any) -> Any:
    for side in (book["bids"], book["asks"]):
        side.storeArray = partial(_store_floats, side.storeArray)
    return book


def _store_floats(store: Any, delta: list[Any]) -> None:
    store([float(one) if isinstance(one, str) else one for one in delta])


class _ExactBooks:
    """Order books of REST with exact numbers."""

    def parse_order_book_bid_ask(self, row: Any, price: Any = 0, quantity: Any = 1, count: Any = 2) -> list[Any]:
        # Not text: the library sorts the levels by price.
        return [exact(row[price]), exact(row[quantity])]


@cache
def _trusted(cafile: str) -> ssl.SSLContext:
    """Return whom connections trust. Reading the certificates takes 20 ms and more, once a process instead of once a client."""
    return ssl.create_default_context(cafile=cafile)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header names, as a number or a date (RFC 9110, 10.2.3); None without one."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isdecimal():
        return float(text)
    with suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(text) - clock.wall_now()).total_seconds())
    return None


def moved(addresses: Any, base_url: str) -> Any:
    """Return the library's tree of addresses with scheme, host and port of `base_url`, and its path before theirs.

    "{host}" in that path becomes the venue's own host: a server that stands in for several of its hosts can then tell
    them apart, and so can the library, which reads from some addresses what kind of stream they are.
    """
    if isinstance(addresses, Mapping):
        return {name: moved(one, base_url) for name, one in addresses.items()}
    if not isinstance(addresses, str) or "://" not in addresses:
        return addresses
    base, old = urlsplit(base_url), urlsplit(addresses)
    scheme = _SCHEMES[base.scheme].get(old.scheme, base.scheme)
    path = base.path.rstrip("/").replace("{host}", old.netloc) + old.path
    return urlunsplit((scheme, base.netloc, path, old.query, old.fragment))


def library_client(connection: Connection, credentials: Credentials | None, *, streams: bool = False) -> Any:
    """Return a dressed client of the library for a venue, for requests or for streams.

    Raises Stop: VENUE_UNKNOWN, BASE_URL_NOT_VALID, NO_SANDBOX.
    """
    venue = venue_of(connection)
    library = importlib.import_module("ccxt.pro" if streams else "ccxt.async_support")
    base = getattr(library, venue.library)
    layers = (_Dressed, _FloatBooks, _MindedSockets, base) if streams else (_Dressed, _ExactBooks, base)
    secrets = credentials or Credentials()
    client: Any = type(base.__name__, layers, {})(
        {
            "apiKey": secrets.api_key or None,
            "secret": secrets.secret or None,
            "password": secrets.password or None,
            "walletAddress": secrets.wallet_address or None,
            "privateKey": secrets.private_key or None,
            "timeout": int(connection.timeout_seconds * 1000),
            "enableRateLimit": True,
            "options": copy.deepcopy(dict(venue.options)),
        }
    )
    client.is_streaming = streams
    client.timeout_on_exit = 0  # nothing of ours is under way when it is closed
    if venue.has_growing_nonce:
        client.nonce = partial(next_nonce, connection.code, secrets.api_key)
    client.gate = Gate(connection, venue, 1000 / float(client.rateLimit))
    if connection.is_sandbox and not connection.base_url:
        if not venue.has_sandbox:
            raise Stop(connection.code, "NO_SANDBOX", f"{venue.name} has no sandbox.")
        client.set_sandbox_mode(True)
    if connection.base_url:
        if urlsplit(connection.base_url).scheme not in _SCHEMES or not urlsplit(connection.base_url).netloc:
            raise Stop(connection.code, "BASE_URL_NOT_VALID", "A base URL begins with http:// or https:// and a host.")
        client.urls["api"] = moved(client.urls["api"], connection.base_url)
        before, is_in_path, _ = connection.base_url.partition("{host}")
        client.before_host = before if is_in_path else ""
    return client


class Client:
    """One client and how we call it; use as an asynchronous context manager."""

    def __init__(
        self, connection: Connection, credentials: Credentials | None = None, *, streams: bool = False
    ) -> None:
        self.connection, self.venue = connection, venue_of(connection)
        self.code = connection.code
        self.library = library_client(connection, credentials, streams=streams)
        self._breaker = breaker(self.code)
        self._loading = asyncio.Lock()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections; what still waits for them fails."""
        await self.library.close()

    async def call(self, method: str, *args: Any, is_order: bool = False, **kwargs: Any) -> Any:
        """Call the library, past breaker and limiter; raise a branch of GatewayError.

        `is_order` for whatever may change something at the venue.
        """
        # In a thread where another process may have to be asked; twice a second, instead of for each request.
        is_trial = not self._breaker.is_known_closed() and await asyncio.to_thread(self._breaker.admit)
        token = _patience.set(ORDER_PATIENCE_SECONDS if is_order else READ_PATIENCE_SECONDS)
        try:
            if is_order:
                await self.library.gate.wait_for_order()
            # The library changes the rounding of the decimal context that it finds.
            with localcontext():
                answer = await getattr(self.library, method)(*args, **kwargs)
        except asyncio.CancelledError:
            if is_trial:
                self._breaker.abandoned()
            raise
        except Exception as error:
            failure = await self.failure(error, is_order=is_order)
            raise failure from error
        finally:
            _patience.reset(token)
        self.answered()
        return answer

    async def admit_streams(self) -> None:
        """Pass the breaker, or raise BackOff BREAKER_OPEN. Where it is time to try the venue, a request does: streams are quiet."""
        try:
            await asyncio.to_thread(self._breaker.admit, may_try=False)
        except BackOff:
            await (self.call("fetch_time") if self.library.has.get("fetchTime") else self.call("load_markets", True))

    def answered(self) -> None:
        """Tell the breaker that the venue is there."""
        self._breaker.succeeded()

    async def failure(self, error: Exception, *, is_order: bool = False) -> GatewayError:
        """Return what an exception means, after breaker, limiter and clock have taken it in."""
        if isinstance(error, GatewayError):
            return error
        failure = translate(error, venue=self.code, is_order=is_order, retry_after=getattr(error, "retry_after", None))
        await asyncio.to_thread(self._breaker.failed, failure)
        if isinstance(failure, BackOff) and failure.code == "RATE_LIMITED":
            await self.library.gate.pause(failure.retry_after)
        elif failure.code == "CLOCK_SKEWED" and self.venue.options.get("adjustForTimeDifference"):
            with suppress(Exception):  # the next request finds out by itself
                await self.library.load_time_difference()
        return failure

    async def markets(self) -> Mapping[str, Any]:
        """Return the library's markets by unified symbol, loaded once."""
        async with self._loading:
            if self.library.markets is None:
                await self.call("load_markets")
        return self.library.markets  # type: ignore[no-any-return]

    def share_markets(self, other: Client) -> None:
        """Take over what another client of the same venue has loaded: a new account's client is warm at once."""
        self.library.set_markets(list(other.library.markets.values()), other.library.currencies)

    async def size(self, symbol: str) -> Decimal:
        """Return how much of our quantity one of the venue's units is; raise Skip SYMBOL_UNKNOWN."""
        markets = await self.markets()
        if symbol not in markets:
            raise Skip(self.code, "SYMBOL_UNKNOWN", f"There is no market {symbol}.")
        return lots(markets[symbol])

    def known_size(self, symbol: str) -> Decimal:
        """Return the same for a symbol that an answer names, once markets are loaded; 1 for one unknown."""
        market = (self.library.markets or {}).get(symbol)
        return Decimal(1) if market is None else lots(market)
