"""Binance's front door: routes, weights, listen keys, sockets and the WebSocket API."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.binance import futures_public, spot_public
from sandbox.binance.calls import Call, Security, authorised, split_signature
from sandbox.binance.errors import BinanceError, missing, translated
from sandbox.binance.streams import MarketStreams, requested_names
from sandbox.binance.table import ENDPOINTS, METHODS, Endpoint
from sandbox.binance.user_streams import UserStreams
from sandbox.core.errors import Refusal
from sandbox.core.keys import ApiKey
from sandbox.limits import Verdict, WeightLimit
from sandbox.sockets import Socket, accept
from sandbox.venue import Venue

LISTEN_KEY_PATHS = ("/api/v3/userDataStream", "/fapi/v1/listenKey")


class BinanceDialect:
    """Speaks for one venue. Everything runs on the server's loop."""

    domain = "binance.com"

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._limits = {
            False: WeightLimit(venue.setup.spot_weight, venue.clock.steady_ms),
            True: WeightLimit(venue.setup.futures_weight, venue.clock.steady_ms),
        }
        spot, futures = venue.spot, venue.futures
        self._streams = {
            False: MarketStreams(spot.exchange, spot.market, futures=False),
            True: MarketStreams(futures.exchange, futures.market, futures=True),
        }
        self._users = {False: UserStreams(venue, futures=False), True: UserStreams(venue, futures=True)}
        public = Call(venue, {})
        self._streams[False].use(lambda instrument: spot_public.day_of(public, instrument))
        self._streams[True].use(
            lambda instrument: futures_public.day_of(public, instrument),
            lambda instrument: futures_public.premium(public, instrument),
        )
        for side in (False, True):
            venue.flush += [self._streams[side].flush, self._users[side].flush]

    def speaks(self, path: str) -> bool:
        """Tell whether a path is Binance's."""
        first = path.split("/")[1]
        return first in (
            "api",
            "sapi",
            "fapi",
            "dapi",
            "ws",
            "stream",
            "public",
            "private",
            "market",
            "ws-api",
            "ws-fapi",
        )

    def out_of_service(self) -> web.Response:
        """Return Binance's maintenance answer."""
        error = BinanceError(-1001, "Internal error; unable to process your request. Please try again.", 503)
        return web.json_response(error.as_json(), status=503)

    # REST.

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a REST request with its weight in the headers."""
        futures = path.startswith(("/fapi", "/dapi"))
        name = f"{request.method} {path}"
        endpoint = ENDPOINTS.get(name)
        verdict = self._limits[futures].charge(request.remote or "", endpoint.weight if endpoint else 1)
        headers = {"X-MBX-USED-WEIGHT": str(verdict.used), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        if verdict.status != 200:
            return self._turned_away(verdict, headers)
        _, _, query = request.raw_path.partition("?")
        body = await request.text()
        api_key = request.headers.get("X-MBX-APIKEY", "")
        try:
            if path in LISTEN_KEY_PATHS:
                return web.json_response(self._listen_key(request.method, path, query, body, api_key), headers=headers)
            if endpoint is None:
                raise BinanceError(-5000, f"Path {path}, Method {request.method} is invalid", 404)
            signed, params = split_signature(query, body)
            return web.json_response(self._called(endpoint, api_key, signed, params, request.remote), headers=headers)
        except Refusal as refusal:
            error = translated(refusal, futures=futures)
            return web.json_response(error.as_json(), status=error.status, headers=headers)
        except BinanceError as error:
            return web.json_response(error.as_json(), status=error.status, headers=headers)

    def _called(
        self, endpoint: Endpoint, api_key: str, signed: str, params: dict[str, str], address: str | None = None
    ) -> Any:
        key = authorised(self.venue, endpoint.security, api_key, signed, params, address)
        call = Call(self.venue, params, key)
        answer = endpoint.handler(call)
        if key is not None and isinstance(answer, dict) and "maxNotionalValue" in answer:
            self._users[True].tell_leverage(key.account, answer["symbol"], answer["leverage"])
        return answer

    def _turned_away(self, verdict: Verdict, headers: dict[str, str]) -> web.Response:
        message = (
            "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."
        )
        if verdict.status == 418:
            until = self.venue.clock.steady_ms() + verdict.retry_after_seconds * 1000
            message = f"Way too much request weight used; IP banned until {until}."
        error = BinanceError(-1003, message)
        headers |= {"Retry-After": str(verdict.retry_after_seconds)}
        return web.json_response(error.as_json(), status=verdict.status, headers=headers)

    def _listen_key(self, method: str, path: str, query: str, body: str, api_key: str) -> dict[str, str]:
        _, params = split_signature(query, body)
        key = authorised(self.venue, Security.KEY, api_key, "", params)
        assert key is not None, "a key was asked for"
        futures = path.startswith("/fapi")
        users, named = self._users[futures], params.get("listenKey")
        if named is None and not futures and method != "POST":
            raise missing("listenKey")
        if method == "POST":
            return {"listenKey": users.open(key.account)}
        if method == "PUT":
            renewed = users.renew(key.account, named)
            return {"listenKey": renewed} if futures else {}
        users.close(key.account, named)
        return {}

    # WebSockets.

    async def converse(self, request: web.Request, host: str, path: str) -> web.StreamResponse:
        """Serve a socket: market streams, a listen key's stream, or the WebSocket API."""
        futures = host.startswith("fstream") or path.split("/")[1] in ("public", "private", "market", "ws-fapi")
        socket = await accept(request, self.venue.faults)
        streams, users = self._streams[futures], self._users[futures]
        names = self._named(request, path)
        if not path.startswith("/ws-") and not self._joined(
            socket, futures, names, combined=path.rstrip("/").endswith("/stream")
        ):
            socket.cut()
        hear = self._hear_api if path.startswith("/ws-") else self._hear_streams
        try:
            await socket.run(lambda each, message: hear(each, message, futures=futures))
        finally:
            streams.leave(socket)
            users.leave(socket)
        return socket.response

    @staticmethod
    def _named(request: web.Request, path: str) -> list[str]:
        """Return the streams or the listen key that an address names."""
        if listen_key := request.query.get("listenKey"):
            return [listen_key]
        if streams := request.query.get("streams"):
            return streams.split("/")
        _, _, tail = path.partition("/ws/")
        return [name for name in tail.split("/") if name]

    def _joined(self, socket: Socket, futures: bool, names: list[str], *, combined: bool) -> bool:
        """Put a fresh socket where its address points; ccxt numbers its sockets (/ws/0), which name nothing."""
        self._streams[futures].combine(socket, combined=combined)
        for name in names:
            if name.isdigit() or self._users[futures].join(socket, name):
                continue
            if not self._streams[futures].subscribe(socket, [name]):
                return False
        return True

    async def _hear_streams(self, socket: Socket, message: Any, *, futures: bool) -> None:
        """Answer SUBSCRIBE and its kin."""
        if not isinstance(message, dict):
            socket.reply({"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"})
            return
        streams, names, number = self._streams[futures], requested_names(message), message.get("id")
        answer: Any = None
        if message.get("method") == "SUBSCRIBE":
            if not streams.subscribe(socket, names):
                socket.reply({"error": {"code": 2, "msg": "Invalid request: unknown stream"}, "id": number})
                return
        elif message.get("method") == "UNSUBSCRIBE":
            streams.unsubscribe(socket, names)
        elif message.get("method") == "LIST_SUBSCRIPTIONS":
            answer = sorted(socket.streams)
        elif message.get("method") == "SET_PROPERTY":
            streams.combine(socket, combined=bool(message.get("params", ["", False])[1]))
        elif message.get("method") == "GET_PROPERTY":
            answer = streams.is_combined(socket)
        else:
            socket.reply({"error": {"code": 1, "msg": "Unknown method"}, "id": number})
            return
        socket.reply({"result": answer, "id": number})

    async def _hear_api(self, socket: Socket, message: Any, *, futures: bool) -> None:
        """Answer a request of the WebSocket API."""
        if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
            socket.reply({"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}})
            return
        number = message.get("id")
        params = {name: _as_text(value) for name, value in message.get("params", {}).items()}
        try:
            result = self._api_result(socket, str(message.get("method")), params, futures=futures)
            socket.reply({"id": number, "status": 200, "result": result, "rateLimits": []})
        except (BinanceError, Refusal) as trouble:
            error = translated(trouble, futures=futures) if isinstance(trouble, Refusal) else trouble
            socket.reply({"id": number, "status": error.status, "error": error.as_json(), "rateLimits": []})

    def _api_result(self, socket: Socket, method: str, params: dict[str, str], *, futures: bool) -> Any:
        signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        api_key = params.get("apiKey", "")
        if method == "userDataStream.subscribe.signature":
            key = authorised(self.venue, Security.READ, api_key, signed, params)
            assert key is not None, "a signature was asked for"
            return {"subscriptionId": self._users[futures].attach(socket, key.account)}
        if method.startswith("userDataStream."):
            return self._api_listen_key(method, api_key, params, futures=futures)
        where = METHODS.get(method, "")
        base = "/fapi/v1/" if futures else "/api/v3/"
        endpoint = ENDPOINTS.get(where.replace(" ", f" {base}"))
        if endpoint is None:
            raise BinanceError(-1134, "Request method is not valid.")
        return self._called(endpoint, api_key, signed, params)

    def _api_listen_key(self, method: str, api_key: str, params: dict[str, str], *, futures: bool) -> Any:
        key: ApiKey | None = authorised(self.venue, Security.KEY, api_key, "", params)
        assert key is not None, "a key was asked for"
        users = self._users[futures]
        if method == "userDataStream.start":
            return {"listenKey": users.open(key.account)}
        if method == "userDataStream.ping":
            users.renew(key.account, params.get("listenKey"))
        else:
            users.close(key.account, params.get("listenKey"))
        return {}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
