"""Kraken's private channels (WebSocket v2): executions and balances, and the tokens that open them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from common import ids
from sandbox.core.events import AccountEvent, OrderChange, OrderEvent
from sandbox.core.exchange import HOUSE
from sandbox.core.keys import ApiKey
from sandbox.core.orders import Order, Status, Trade
from sandbox.faults import FaultKind
from sandbox.kraken import names, shapes
from sandbox.kraken.desk import Desk
from sandbox.sockets import Socket, encoded

Json = dict[str, Any]
TOKEN_MS = 900_000
_STATUSES = {
    Status.NEW: "new",
    Status.PARTIALLY_FILLED: "partially_filled",
    Status.FILLED: "filled",
    Status.CANCELED: "canceled",
    Status.EXPIRED: "expired",
}


class PrivateChannels:
    """What accounts hear. A token opens channels for fifteen minutes; what it opened stays open."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clock = desk.venue.clock
        self._tokens: dict[str, tuple[ApiKey, int]] = {}
        self._listeners: dict[str, dict[Socket, str]] = {"executions": {}, "balances": {}}
        self._sequences: dict[Socket, int] = defaultdict(int)
        self._known: dict[tuple[str, str], object] = {}
        desk.exchange.matcher.listeners.append(self)

    # Tokens.

    def token(self, key: ApiKey) -> Json:
        """GetWebSocketsToken."""
        made = ids.new_token(32)
        self._tokens[made] = key, self._clock.steady_ms() + TOKEN_MS
        return {"token": made, "expires": TOKEN_MS // 1000}

    def owner(self, token: object) -> ApiKey | None:
        """Return the key behind a token, None for one that is unknown or too old."""
        key, until = self._tokens.get(str(token), (None, 0))
        return key if until > self._clock.steady_ms() else None

    # Listening.

    def subscribe(self, socket: Socket, channel: str, account: str, params: Json) -> Json | None:
        """Let a socket hear an account's channel and return the snapshot to follow, if one is wanted."""
        self._listeners[channel][socket] = account
        if channel == "balances":
            rows = [self._balance(account, code) for code in sorted(self._desk.venue.spot.books.balances(account))]
            return self._message(socket, channel, "snapshot", rows)
        if params.get("snap_orders") is not True:
            return None
        orders = self._desk.exchange.orders(account, open_only=True)
        rows = [{**self._whole(order), "exec_type": _STATUSES[order.status]} for order in orders]
        return self._message(socket, channel, "snapshot", rows)

    def unsubscribe(self, socket: Socket, channel: str) -> None:
        """Let a socket hear a channel no more."""
        self._listeners[channel].pop(socket, None)

    def leave(self, socket: Socket) -> None:
        """Forget a socket."""
        for channel in self._listeners:
            self.unsubscribe(socket, channel)
        self._sequences.pop(socket, None)

    def flush(self) -> None:
        """Cut private sockets whose session a fault ends."""
        for listeners in self._listeners.values():
            for socket, account in list(listeners.items()):
                if self._desk.venue.faults.draw(FaultKind.LISTEN_KEY_EXPIRY, f"spot {account}"):
                    socket.close()

    # Telling.

    def on_trade(self, trade: Trade) -> None:
        """Trades are public."""

    def on_order(self, event: OrderEvent) -> None:
        """Tell an order's owner: everything about a new one, what changed of an old one."""
        order = event.order
        if order.account == HOUSE:
            return
        if event.change is OrderChange.NEW:
            self._tell(order, {**self._whole(order), "exec_type": "pending_new", "order_status": "pending_new"})
            self._tell(order, {**self._brief(order), "exec_type": "new", "order_status": "new"})
        elif event.change is OrderChange.TRIGGERED:
            self._tell(order, {**self._brief(order), "exec_type": "status", "order_status": "new", "triggers": {
                "status": "triggered"}})  # fmt: skip
        elif event.fill is not None:
            self._tell(order, self._trade(event))
            if order.status is Status.FILLED:
                self._tell(order, {**self._brief(order), "exec_type": "filled"})
        else:
            reason = shapes.cancel_reason(order)
            ended = {**self._brief(order), "exec_type": _STATUSES[order.status], "reason": reason}
            self._tell(order, {**ended, "cancel_reason": reason} if order.status is Status.CANCELED else ended)

    def on_account(self, event: AccountEvent) -> None:
        """Tell balances that really moved (a hold moves none)."""
        for code in sorted(event.assets):
            total = self._desk.venue.spot.books.balance(event.account, code).total
            if self._known.get((event.account, code)) != total:
                self._known[event.account, code] = total
                for socket in self._hearing("balances", event.account):
                    row = {**self._balance(event.account, code), "type": "trade", "timestamp": shapes.iso(event.at_ms)}
                    socket.send("balances", encoded(self._message(socket, "balances", "update", [row])))

    def _tell(self, order: Order, row: Json) -> None:
        for socket in self._hearing("executions", order.account):
            socket.send("executions", encoded(self._message(socket, "executions", "update", [row])))

    def _hearing(self, channel: str, account: str) -> list[Socket]:
        return [socket for socket, owner in self._listeners[channel].items() if owner == account]

    def _message(self, socket: Socket, channel: str, kind: str, rows: list[Json]) -> Json:
        self._sequences[socket] += 1
        return {"channel": channel, "type": kind, "data": rows, "sequence": self._sequences[socket]}

    def _balance(self, account: str, code: str) -> Json:
        total = float(self._desk.venue.spot.books.balance(account, code).total)
        wallet = {"type": "spot", "id": "main", "balance": total}
        return {"asset": code, "asset_class": "currency", "balance": total, "wallets": [wallet]}

    def _whole(self, order: Order) -> Json:
        """Return all that there is to know of an order."""
        told: Json = {
            "order_id": names.order_txid(order.id),
            "order_userref": order.userref,
            "symbol": order.symbol,
            "order_qty": float(order.quantity),
            "cum_qty": float(order.filled),
            "cum_cost": float(order.filled_quote),
            "avg_price": float(order.average_price),
            "time_in_force": str(order.time_in_force),
            "side": str(order.side).lower(),
            "order_type": shapes.TYPE_NAMES[order.type],
            "limit_price_type": "static",
            "limit_price": float(order.price or 0),
            "stop_price": float(order.trigger_price or 0),
            "order_status": _STATUSES[order.status],
            "fee_usd_equiv": float(order.fee),
            "fee_ccy_pref": "fciq",
            "timestamp": shapes.iso(order.updated_ms),
        }
        if client_id := order.given_id:
            told["cl_ord_id"] = client_id
        return told

    def _brief(self, order: Order) -> Json:
        """Return what an update repeats: neither symbol nor side, as there."""
        told: Json = {
            "timestamp": shapes.iso(order.updated_ms),
            "order_status": _STATUSES[order.status],
            "order_userref": order.userref,
            "order_id": names.order_txid(order.id),
            "cum_qty": float(order.filled),
            "cum_cost": float(order.filled_quote),
            "fee_usd_equiv": float(order.fee),
            "avg_price": float(order.average_price),
        }
        if client_id := order.given_id:
            told["cl_ord_id"] = client_id
        return told

    def _trade(self, event: OrderEvent) -> Json:
        order, fill = event.order, event.fill
        assert fill is not None, "only fills are told so"
        return {
            **self._brief(order),
            "exec_id": names.fill_txid(fill, order),
            "exec_type": "trade",
            "ext_ord_id": None,
            "trade_id": fill.trade_id,
            "symbol": order.symbol,
            "side": str(order.side).lower(),
            "last_qty": float(fill.quantity),
            "last_price": float(fill.price),
            "liquidity_ind": "m" if fill.is_maker else "t",
            "cost": float(fill.price * fill.quantity),
            "order_type": shapes.TYPE_NAMES[order.type],
            "fees": [{"asset": fill.fee_asset, "qty": float(fill.fee)}],
        }
