"""Binance's user data: listen keys, and what each account hears of its orders and money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common import ids
from sandbox.binance import futures_shapes, spot_shapes
from sandbox.binance.errors import NO_LISTEN_KEY, BinanceError
from sandbox.core.events import AccountChange, AccountEvent, OrderChange, OrderEvent
from sandbox.core.exchange import HOUSE
from sandbox.core.orders import Trade
from sandbox.faults import FaultKind
from sandbox.sockets import Socket, encoded
from sandbox.venue import Venue

Json = dict[str, Any]
LISTEN_KEY_MS = 3_600_000


@dataclass(slots=True)
class _Stream:
    """A listen key and the sockets on it."""

    account: str
    expires_ms: int
    sockets: set[Socket] = field(default_factory=set)


class UserStreams:
    """The user data of one side. Spot's WebSocket API may also subscribe without a listen key (`attach`)."""

    def __init__(self, venue: Venue, *, futures: bool) -> None:
        self._venue = venue
        self._futures = futures
        self._streams: dict[str, _Stream] = {}
        # Sockets of the WebSocket API, with the subscription id that wraps their events.
        self._attached: dict[Socket, tuple[str, int]] = {}
        self._executions = 0
        exchange = venue.futures.exchange if futures else venue.spot.exchange
        exchange.matcher.listeners.append(self)

    # Listen keys.

    def open(self, account: str) -> str:
        """Return the account's listen key, made or renewed for an hour."""
        for name, stream in self._streams.items():
            if stream.account == account:
                stream.expires_ms = self._expiry()
                return name
        name = ids.new_token(48)
        self._streams[name] = _Stream(account, self._expiry())
        return name

    def renew(self, account: str, name: str | None) -> str:
        """Renew a listen key (futures name none: the account's)."""
        for known, stream in self._streams.items():
            if stream.account == account and name in (None, known):
                stream.expires_ms = self._expiry()
                return known
        raise BinanceError(*NO_LISTEN_KEY)

    def close(self, account: str, name: str | None) -> None:
        """End a listen key; its sockets are closed."""
        for known, stream in list(self._streams.items()):
            if stream.account == account and name in (None, known):
                self._end(known, stream)

    def join(self, socket: Socket, name: str) -> bool:
        """Put a socket on a listen key; False when there is no such key."""
        stream = self._streams.get(name)
        if stream is None:
            return False
        stream.sockets.add(socket)
        return True

    def attach(self, socket: Socket, account: str) -> int:
        """Let a socket of the WebSocket API hear an account; return the subscription's id."""
        self._attached[socket] = account, 0
        return 0

    def leave(self, socket: Socket) -> None:
        """Forget a socket."""
        self._attached.pop(socket, None)
        for stream in self._streams.values():
            stream.sockets.discard(socket)

    def flush(self) -> None:
        """Let listen keys expire, by time or by fault."""
        now = self._venue.clock.steady_ms()
        for name, stream in list(self._streams.items()):
            place = f"{'futures' if self._futures else 'spot'} {stream.account}"
            if stream.expires_ms <= now or self._venue.faults.draw(FaultKind.LISTEN_KEY_EXPIRY, place):
                now_ms = self._venue.clock.server_ms()
                event = {"e": "listenKeyExpired", "E": now_ms, "listenKey": name}
                for socket in stream.sockets:
                    socket.send("listenKeyExpired", encoded(event))
                self._end(name, stream)

    # What accounts hear.

    def on_trade(self, trade: Trade) -> None:
        """Trades are public."""

    def on_order(self, event: OrderEvent) -> None:
        """Tell an order's owner."""
        account = event.order.account
        if account == HOUSE or not self._hears(account):
            return
        if self._futures:
            self._tell_futures(event)
            return
        self._executions += 1
        self._tell(account, "executionReport", spot_shapes.execution_report(event, self._executions))

    def on_account(self, event: AccountEvent) -> None:
        """Tell an account what it has now."""
        if event.account == HOUSE or not self._hears(event.account):
            return
        if self._futures:
            self._tell(event.account, "ACCOUNT_UPDATE", self._account_update(event))
        else:
            self._tell(event.account, "outboundAccountPosition", self._account_position(event))

    def tell_leverage(self, account: str, symbol: str, leverage: int) -> None:
        """Tell an account that a market's leverage changed."""
        now = self._venue.clock.market_ms()
        update = {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": symbol, "l": leverage}}
        self._tell(account, "ACCOUNT_CONFIG_UPDATE", update)

    def _tell_futures(self, event: OrderEvent) -> None:
        order = event.order
        if not order.working or event.change is OrderChange.TRIGGERED:
            self._tell(order.account, "ALGO_UPDATE", futures_shapes.algo_update(event))
        if not order.working:
            return
        if event.fill is not None:
            self._tell(order.account, "TRADE_LITE", futures_shapes.trade_lite(event))
        self._tell(order.account, "ORDER_TRADE_UPDATE", futures_shapes.order_update(event))

    def _account_position(self, event: AccountEvent) -> Json:
        books = self._venue.spot.books
        held = [(asset, books.balance(event.account, asset)) for asset in sorted(event.assets)]
        return {
            "e": "outboundAccountPosition",
            "E": event.at_ms,
            "u": event.at_ms,
            "B": [{"a": a, "f": spot_shapes.eight(b.free), "l": spot_shapes.eight(b.locked)} for a, b in held],
        }

    def _account_update(self, event: AccountEvent) -> Json:
        place = self._venue.futures
        wallet = place.books.wallet(event.account)
        positions = [
            place.books.position(event.account, place.exchange.instrument(symbol)) for symbol in sorted(event.symbols)
        ]
        changed = futures_shapes.money(event.amount) if event.amount is not None else "0"
        return {
            "e": "ACCOUNT_UPDATE",
            "E": event.at_ms,
            "T": event.at_ms,
            "a": {
                "m": str(AccountChange(event.change)),
                "B": [
                    {"a": asset, "wb": futures_shapes.money(wallet[asset]), "cw": futures_shapes.money(wallet[asset]),
                     "bc": changed}
                    for asset in sorted(event.assets)
                    if asset in wallet
                ],
                "P": [
                    {
                        "s": position.instrument.symbol,
                        "pa": futures_shapes.plain(position.quantity),
                        "ep": futures_shapes.plain(position.state.average_price),
                        "bep": futures_shapes.plain(position.state.average_price),
                        "cr": futures_shapes.money(position.state.realized_pnl),
                        "up": futures_shapes.money(position.unrealized(place.books.mark(position.instrument.symbol))),
                        "mt": "isolated" if position.isolated else "cross",
                        "iw": "0",
                        "ps": "BOTH",
                    }
                    for position in positions
                ],
            },
        }  # fmt: skip

    def _hears(self, account: str) -> bool:
        return any(stream.account == account and stream.sockets for stream in self._streams.values()) or any(
            owner == account for owner, _ in self._attached.values()
        )

    def _tell(self, account: str, kind: str, event: Json) -> None:
        for stream in self._streams.values():
            if stream.account == account:
                for socket in list(stream.sockets):
                    socket.send(kind, encoded(event))
        for socket, (owner, subscription) in list(self._attached.items()):
            if owner == account:
                socket.send(kind, encoded({"subscriptionId": subscription, "event": event}))

    def _end(self, name: str, stream: _Stream) -> None:
        del self._streams[name]
        for socket in stream.sockets:
            socket.close()

    def _expiry(self) -> int:
        return self._venue.clock.steady_ms() + LISTEN_KEY_MS
