"""What the sandbox says on the wire: one message of each kind, gathered from a short session of trading."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import aiohttp

from sandbox.server import ServerThread
from tests.fixtures_exchange import opened
from tests.sandbox.wire import Wire, heard

Speech = dict[str, Any]
SPOT_STREAMS = ("trade", "aggTrade", "bookTicker", "depth@100ms", "kline_1m", "ticker", "miniTicker")
FUTURES_STREAMS = (*SPOT_STREAMS, "markPrice@1s")
SPOT_REST = {
    "time": "", "depth": "symbol=BTCUSDT", "trades": "symbol=BTCUSDT", "aggTrades": "symbol=BTCUSDT", "exchangeInfo": "",
    "klines": "symbol=BTCUSDT&interval=1m", "ticker/price": "symbol=BTCUSDT", "ticker/bookTicker": "symbol=BTCUSDT",
    "ticker/24hr": "symbol=BTCUSDT", "ping": "",
}  # fmt: skip
FUTURES_REST = {
    "exchangeInfo": "", "trades": "symbol=BTCUSDT", "klines": "symbol=BTCUSDT&interval=1m", "premiumIndex": "symbol=BTCUSDT",
    "ticker/24hr": "symbol=BTCUSDT", "ticker/price": "symbol=BTCUSDT", "ticker/bookTicker": "symbol=BTCUSDT",
    "openInterest": "symbol=BTCUSDT", "depth": "symbol=BTCUSDT", "fundingRate": "symbol=BTCUSDT",
}  # fmt: skip


async def binance_speech(thread: ServerThread) -> Speech:
    """Return Binance's messages by kind: "spot …" and "futures …", then the path, stream or event."""
    said: Speech = {}
    async with Wire(thread.url, opened(thread, "binance")) as wire:
        for side, base, paths in (("spot", "/api/v3/", SPOT_REST), ("futures", "/fapi/v1/", FUTURES_REST)):
            for path, query in paths.items():
                said[f"{side} {path}"] = (await wire.get(f"{base}{path}?{query}"))[1]
        for side, path, streams in (("spot", "/ws", SPOT_STREAMS), ("futures", "/public/ws", FUTURES_STREAMS)):
            socket = await wire.socket(path)
            names = [f"btcusdt@{stream}" for stream in streams]
            await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
            said |= {f"{side} {kind}": told for kind, told in (await _first_of_each(socket, len(names))).items()}
            await socket.close()
        said |= await _spot_session(wire)
        said |= await _futures_session(wire)
    return said


async def _first_of_each(socket: aiohttp.ClientWebSocketResponse, count: int) -> Speech:
    found: Speech = {}
    async with asyncio.timeout(5):
        while len(found) < count:
            message = await socket.receive_json()
            if "result" not in message:
                found.setdefault(message.get("e", "bookTicker"), message)
    return found


async def _spot_session(wire: Wire) -> Speech:
    said: Speech = {}
    listen_key = await _listen_key(wire, "/api/v3/userDataStream")
    socket = await wire.socket(f"/ws/{listen_key}")
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
    resting = {**order, "type": "LIMIT", "timeInForce": "GTC", "price": "30000"}
    said["spot new order"] = await wire.binance("POST /api/v3/order", **resting, newClientOrderId="one")
    said["spot report NEW"] = await heard(socket, lambda told: told.get("x") == "NEW")
    said["spot account position"] = await heard(socket, lambda told: told["e"] == "outboundAccountPosition")
    said["spot order"] = await wire.binance("GET /api/v3/order", symbol="BTCUSDT", origClientOrderId="one")
    said["spot openOrders"] = await wire.binance("GET /api/v3/openOrders", symbol="BTCUSDT")
    said["spot cancel all"] = await wire.binance("DELETE /api/v3/openOrders", symbol="BTCUSDT")
    said["spot report CANCELED"] = await heard(socket, lambda told: told.get("x") == "CANCELED")
    await wire.binance("POST /api/v3/order", **order, type="MARKET")
    said["spot report TRADE"] = await heard(socket, lambda told: told.get("x") == "TRADE")
    stop = {
        **order,
        "side": "SELL",
        "type": "STOP_LOSS_LIMIT",
        "timeInForce": "GTC",
        "price": "30000",
        "stopPrice": "30000",
    }
    await wire.binance("POST /api/v3/order", **stop)
    said["spot report STOP"] = await heard(socket, lambda told: told.get("o") == "STOP_LOSS_LIMIT")
    said["spot allOrders"] = await wire.binance("GET /api/v3/allOrders", symbol="BTCUSDT")
    said["spot myTrades"] = await wire.binance("GET /api/v3/myTrades", symbol="BTCUSDT")
    said["spot account"] = await wire.binance("GET /api/v3/account")
    said["spot tradeFee"] = await wire.binance("GET /sapi/v1/asset/tradeFee")
    await socket.close()
    return said


async def _futures_session(wire: Wire) -> Speech:
    said: Speech = {}
    listen_key = await _listen_key(wire, "/fapi/v1/listenKey")
    socket = await wire.socket(f"/private/ws?listenKey={listen_key}")
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
    await wire.binance("POST /fapi/v1/order", **order, type="LIMIT", timeInForce="GTC", price="30000")
    said["futures update NEW"] = await heard(socket, lambda told: told["e"] == "ORDER_TRADE_UPDATE")
    await wire.binance("POST /fapi/v1/order", **order, type="MARKET")
    said["futures trade lite"] = await heard(socket, lambda told: told["e"] == "TRADE_LITE")
    said["futures update TRADE"] = await heard(socket, lambda told: told.get("o", {}).get("x") == "TRADE")
    said["futures account update"] = await heard(socket, lambda told: told["e"] == "ACCOUNT_UPDATE")
    stop = {**order, "side": "SELL", "type": "STOP_MARKET", "algoType": "CONDITIONAL", "triggerPrice": "30000"}
    await wire.binance("POST /fapi/v1/algoOrder", **stop)
    said["futures algo NEW"] = await heard(socket, lambda told: told["e"] == "ALGO_UPDATE")
    await wire.binance("DELETE /fapi/v1/algoOpenOrders", symbol="BTCUSDT")
    said["futures algo CANCELED"] = await heard(socket, lambda told: told["e"] == "ALGO_UPDATE")
    said["futures balance"] = await wire.binance("GET /fapi/v2/balance")
    said["futures positionRisk"] = await wire.binance("GET /fapi/v2/positionRisk")
    said["futures commissionRate"] = await wire.binance("GET /fapi/v1/commissionRate", symbol="BTCUSDT")
    said["futures dual"] = await wire.binance("GET /fapi/v1/positionSide/dual")
    await socket.close()
    return said


async def _listen_key(wire: Wire, path: str) -> str:
    assert wire.key is not None
    async with wire.session.post(wire.url + path, headers={"X-MBX-APIKEY": wire.key.key}) as response:
        found: str = (await response.json())["listenKey"]
        return found


async def kraken_speech(thread: ServerThread) -> Speech:
    """Return Kraken's messages by kind."""
    said: Speech = {}
    async with Wire(thread.url, opened(thread, "kraken")) as wire:
        for method in ("Time", "AssetPairs", "Ticker"):
            said[method] = (await wire.get(f"/0/public/{method}"))[1]
        said["OHLC"] = (await wire.get("/0/public/OHLC?pair=XBTUSD"))[1]
        order = {"pair": "XBTUSD", "type": "buy", "volume": "0.01"}
        said["AddOrder"] = await wire.kraken("AddOrder", **order, ordertype="limit", price="30000")
        await wire.kraken("AddOrder", **order, ordertype="market")
        said["OpenOrders"] = await wire.kraken("OpenOrders")
        said["TradesHistory"] = await wire.kraken("TradesHistory")
        token = (await wire.kraken("GetWebSocketsToken"))["result"]["token"]
        socket = await wire.socket("/v2")
        for channel in ("ticker", "book", "ohlc", "trade"):
            await socket.send_json(
                {"method": "subscribe", "req_id": 1, "params": {"channel": channel, "symbol": ["BTC/USD"]}}
            )
            said[f"{channel} confirmed"] = await heard(socket, lambda told: told.get("method") == "subscribe")
            said[f"{channel} snapshot"] = await heard(socket, lambda told: told.get("type") == "snapshot")
        for channel in ("book", "ohlc", "ticker", "trade"):
            said[f"{channel} update"] = await heard(socket, partial(_is_update, channel))
        params = {
            "order_type": "limit", "side": "buy", "order_qty": 0.01, "symbol": "BTC/USD", "limit_price": 30000.0,
            "cl_ord_id": "one", "token": token,
        }  # fmt: skip
        await socket.send_json({"method": "add_order", "req_id": 7, "params": params})
        said["add_order"] = await heard(socket, lambda told: told.get("method") == "add_order")
        await socket.close()
    return said


def _is_update(channel: str, told: Speech) -> bool:
    return told.get("channel") == channel and told["type"] == "update"
