"""Kraken's front door: signatures and nonces, the call counter, sockets and what they ask."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.core.errors import Refusal
from sandbox.core.keys import ApiKey, Permission
from sandbox.kraken import names, private, public, shapes
from sandbox.kraken.desk import Desk
from sandbox.kraken.errors import KrakenError, translated
from sandbox.kraken.executions import PrivateChannels
from sandbox.kraken.private import METHODS, Caller, Params
from sandbox.kraken.streams import CHANNELS, PublicChannels
from sandbox.limits import DrainingLimit
from sandbox.sockets import Socket, accept, encoded
from sandbox.venue import Venue

Json = dict[str, Any]
PUBLIC: Mapping[str, Callable[[Venue, Mapping[str, str]], Any]] = {
    "Time": public.time,
    "SystemStatus": public.system_status,
    "Assets": public.assets,
    "AssetPairs": public.asset_pairs,
    "Ticker": public.ticker,
    "OHLC": public.ohlc,
    "Depth": public.depth,
    "Trades": public.trades,
}
# A third of a call drains from the counter each second: the starter tier's rate.
DRAIN_PER_SECOND = 0.33


class KrakenDialect:
    """Speaks for one venue. Everything runs on the server's loop."""

    domain = "kraken.com"

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._desk = Desk(venue)
        self._public = PublicChannels(venue)
        self._private = PrivateChannels(self._desk)
        self._counter = DrainingLimit(venue.setup.kraken_counter, DRAIN_PER_SECOND, venue.clock.steady_ms)
        venue.flush += [self._public.flush, self._private.flush]

    def speaks(self, path: str) -> bool:
        """Tell whether a path is Kraken's."""
        return path.split("/")[1] in ("0", "v2")

    def out_of_service(self) -> web.Response:
        """Return Kraken's maintenance answer."""
        return web.json_response({"error": ["EService:Unavailable"]}, status=503)

    # REST.

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a REST request; a refusal is an answer too."""
        *_, kind, method = path.split("/")
        try:
            if kind == "public":
                result = self._ask_public(method, dict(request.query))
            else:
                result = self._ask_private(request, path, method, await request.text())
            return web.json_response({"error": [], "result": result})
        except KrakenError as error:
            return web.json_response({"error": [error.text]})
        except Refusal as refusal:
            return web.json_response({"error": [translated(refusal)]})

    def _ask_public(self, method: str, params: Mapping[str, str]) -> Any:
        handler = PUBLIC.get(method)
        if handler is None:
            raise KrakenError("EGeneral:Unknown method")
        return handler(self.venue, params)

    def _ask_private(self, request: web.Request, path: str, method: str, body: str) -> Any:
        params = _parsed(request.headers.get("Content-Type", ""), body)
        key = self._authorised(request.headers, path, body, params)
        if not key.works_from(request.remote or ""):
            raise KrakenError("EGeneral:Permission denied")
        if method == "GetWebSocketsToken":
            return self._private.token(key)
        known = METHODS.get(method)
        if known is None:
            raise KrakenError("EGeneral:Unknown method")
        if not self._counter.charge(key.key, known.cost):
            raise KrakenError("EAPI:Rate limit exceeded")
        if not key.may(known.permission):
            raise KrakenError("EGeneral:Permission denied")
        return known.handler(Caller(self._desk, key), params)

    def _authorised(self, headers: Mapping[str, str], path: str, body: str, params: Params) -> ApiKey:
        """Return the key behind a call: HMAC-SHA512 of path + SHA-256(nonce + body), and a nonce that grows."""
        key = self.venue.keys.get(headers.get("API-Key", ""))
        if key is None:
            raise KrakenError("EAPI:Invalid key")
        nonce = str(params.get("nonce", ""))
        message = path.encode() + hashlib.sha256((nonce + body).encode()).digest()
        digest = hmac.new(base64.b64decode(key.secret), message, hashlib.sha512).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), headers.get("API-Sign", "")):
            raise KrakenError("EAPI:Invalid signature")
        if not nonce.isdigit() or int(nonce) <= key.last_nonce:
            raise KrakenError("EAPI:Invalid nonce")
        key.last_nonce = int(nonce)
        return key

    # WebSockets.

    async def converse(self, request: web.Request, host: str, path: str) -> web.StreamResponse:
        """Serve a v2 socket; public and private ones differ only in what they may ask for."""
        socket = await accept(request, self.venue.faults)
        self._public.greet(socket)
        try:
            await socket.run(self._hear)
        finally:
            self._public.leave(socket)
            self._private.leave(socket)
        return socket.response

    async def _hear(self, socket: Socket, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
            socket.reply({"error": "Malformed request", "success": False})
            return
        asked = {
            "ping": self._pong,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "add_order": self._add_order,
            "cancel_order": self._cancel_order,
            "cancel_all": self._cancel_all,
        }.get(str(message.get("method")))
        if asked is None:
            socket.reply(self._reply(message, error="Unsupported method"))
            return
        try:
            asked(socket, message, message.get("params", {}))
        except KrakenError as error:
            socket.reply(self._reply(message, error=error.text))
        except Refusal as refusal:
            socket.reply(self._reply(message, error=translated(refusal)))

    def _reply(self, message: Json, result: object = None, error: str = "") -> Json:
        now = shapes.iso(self.venue.clock.server_ms())
        reply: Json = {"method": message.get("method")}
        reply |= {"error": error, "success": False} if error else {"result": result, "success": True}
        reply |= {"time_in": now, "time_out": now}
        return reply | ({"req_id": message["req_id"]} if "req_id" in message else {})

    def _pong(self, socket: Socket, message: Json, params: Json) -> None:
        reply = self._reply(message)
        pong: Json = {"method": "pong"}
        pong |= {name: reply[name] for name in ("req_id", "time_in", "time_out") if name in reply}
        socket.reply(pong)

    def _subscribe(self, socket: Socket, message: Json, params: Json) -> None:
        channel = str(params.get("channel"))
        if channel in ("executions", "balances"):
            account = self._caller(params, Permission.READ).account
            snapshot = self._private.subscribe(socket, channel, account, params)
            self._confirm(socket, channel, message, {"channel": channel, "snapshot": snapshot is not None}, snapshot)
            return
        for symbol in _symbols(channel, params):
            try:
                result, snapshot = self._public.subscribe(socket, channel, symbol, params)
            except KrakenError as error:
                socket.reply({**self._reply(message, error=error.text), "symbol": symbol})
                continue
            wanted = snapshot if params.get("snapshot", True) else None
            self._confirm(socket, f"{channel} {symbol}", message, result, wanted)

    def _confirm(self, socket: Socket, where: str, message: Json, result: Json, snapshot: Json | None) -> None:
        socket.reply(self._reply(message, result))
        if snapshot is not None:
            socket.send(where, encoded(snapshot))

    def _unsubscribe(self, socket: Socket, message: Json, params: Json) -> None:
        channel = str(params.get("channel"))
        if channel in ("executions", "balances"):
            self._private.unsubscribe(socket, channel)
            socket.reply(self._reply(message, {"channel": channel}))
            return
        for symbol in _symbols(channel, params):
            socket.reply(self._reply(message, self._public.unsubscribe(socket, channel, symbol, params)))

    def _add_order(self, socket: Socket, message: Json, params: Json) -> None:
        caller = self._caller(params, Permission.TRADE)
        order = self._desk.place(caller.account, self._desk.socket_request(_exact(params)))
        result: Json = {"order_id": names.order_txid(order.id), "order_userref": order.userref}
        if client_id := order.given_id:
            result["cl_ord_id"] = client_id
        socket.reply(self._reply(message, result))

    def _cancel_order(self, socket: Socket, message: Json, params: Json) -> None:
        account = self._caller(params, Permission.TRADE).account
        wanted = [(str(each), "") for each in params.get("order_id") or []]
        wanted += [("", str(each)) for each in params.get("cl_ord_id") or []]
        for txid, client_id in wanted:
            order = self._desk.cancel(account, txid, client_id)[0]
            socket.reply(self._reply(message, {"order_id": names.order_txid(order.id)}))

    def _cancel_all(self, socket: Socket, message: Json, params: Json) -> None:
        caller = Caller(self._desk, self._caller(params, Permission.TRADE))
        socket.reply(self._reply(message, private.cancel_all(caller, {})))

    def _caller(self, params: Json, permission: Permission) -> ApiKey:
        key = self._private.owner(params.get("token"))
        if key is None:
            raise KrakenError("ESession:Invalid session")
        if not key.may(permission):
            raise KrakenError("EAccount:Invalid permissions")
        return key


def _symbols(channel: str, params: Json) -> list[str]:
    if channel not in CHANNELS:
        raise KrakenError("Subscription name invalid")
    symbols = params.get("symbol")
    if not isinstance(symbols, list) or not symbols:
        raise KrakenError("Symbol(s) not found")
    return [str(symbol) for symbol in symbols]


def _parsed(content_type: str, body: str) -> dict[str, Any]:
    if "json" not in content_type:
        return dict(parse_qsl(body, keep_blank_values=True))
    try:
        found = json.loads(body, parse_float=Decimal)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise KrakenError("EGeneral:Invalid arguments")
    return found


def _exact(params: Json) -> Json:
    """Return an order's parameters with numbers as the decimals that were written (a float's shortest text is that)."""
    return {name: repr(value) if isinstance(value, float) else value for name, value in params.items()}
