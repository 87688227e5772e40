"""A small HTTP and WebSocket server that answers what a test tells it to, in Binance's forms.

The messages are written for these tests after the venue's public documentation.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def spot_symbol(base: str, quote: str, **facts: Any) -> dict[str, Any]:
    """A symbol of GET /api/v3/exchangeInfo."""
    tick, step = facts.pop("tick", "0.01000000"), facts.pop("step", "0.00001000")
    return {
        "symbol": base + quote,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000.00000000", "stepSize": step},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        **facts,
    }


def perpetual_symbol(base: str, quote: str, **facts: Any) -> dict[str, Any]:
    """A symbol of GET /fapi/v1/exchangeInfo."""
    return {
        "symbol": base + quote,
        "pair": base + quote,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        **facts,
    }


def order_answer(client_order_id: str, **facts: Any) -> dict[str, Any]:
    """An answer of POST and GET /api/v3/order."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "orderListId": -1,
        "clientOrderId": client_order_id,
        "transactTime": 1700000000123,
        "price": "64000.10000000",
        "origQty": "0.12345000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        **facts,
    }


@dataclass
class FakeVenue:
    """What it answers by (method, path), what it was asked, and the sockets that are open to it."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    url: str = ""
    _server: TestServer | None = None
    _arrived: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(app)
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.close()

    def says(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """Answer this from now on."""

        async def answer(_: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, text=text, content_type="application/json", headers=named)

        self.answers[method, path] = answer

    def count(self, method: str, path: str) -> int:
        """How often this was asked."""
        return sum(1 for one in self.asked if one[:2] == (method, path))

    def last(self, method: str, path: str) -> dict[str, str]:
        """The parameters with which this was asked last."""
        return next(facts for asked, at, facts in reversed(self.asked) if (asked, at) == (method, path))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        facts = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        self.asked.append((request.method, request.path, facts))
        if (request.method, request.path) not in self.answers:
            return web.json_response({"code": -1, "msg": "not in this test"}, status=404)
        return await self.answers[request.method, request.path](request)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                asked = json.loads(message.data)
                if asked.get("method") == "SUBSCRIBE":
                    await socket.send_json({"result": None, "id": asked["id"]})
                    for name in asked["params"]:
                        self.subscribed.append(name)
                        self._arrived[name].set()
        return socket

    async def subscription(self, name: str) -> None:
        """Wait until somebody subscribed to a stream."""
        async with asyncio.timeout(5):
            await self._arrived[name].wait()

    async def tell(self, message: Any) -> None:
        """Send a message to every socket."""
        for socket in self.sockets:
            await socket.send_json(message)


def speaks_binance(venue: FakeVenue) -> None:
    """Let it know the markets of BTC, ETH and a coin of tiny price."""
    venue.says("GET", "/api/v3/time", {"serverTime": 1700000000000})
    venue.says("GET", "/fapi/v1/time", {"serverTime": 1700000000000})
    venue.says(
        "GET",
        "/api/v3/exchangeInfo",
        {
            "timezone": "UTC",
            "serverTime": 1700000000000,
            "rateLimits": [],
            "symbols": [
                spot_symbol("BTC", "USDT"),
                spot_symbol("ETH", "USDT", status="BREAK"),
                spot_symbol("PEPE", "USDT", tick="0.00000001", step="1.00000000"),
            ],
        },
    )
    venue.says(
        "GET",
        "/fapi/v1/exchangeInfo",
        {"timezone": "UTC", "serverTime": 1700000000000, "symbols": [perpetual_symbol("BTC", "USDT")]},
    )
