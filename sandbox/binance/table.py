"""Every endpoint of the dialect: path, handler, what it asks of its caller, and its weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sandbox.binance import futures_private, futures_public, spot_private, spot_public
from sandbox.binance.calls import Call, Security

Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What stands behind a method and path."""

    handler: Handler
    security: Security
    weight: int = 1


def _public(handler: Handler, weight: int = 1) -> Endpoint:
    return Endpoint(handler, Security.NONE, weight)


def _read(handler: Handler, weight: int = 5) -> Endpoint:
    return Endpoint(handler, Security.READ, weight)


def _trade(handler: Handler, weight: int = 1) -> Endpoint:
    return Endpoint(handler, Security.TRADE, weight)


_SPOT = {
    "GET ping": _public(spot_public.ping),
    "GET time": _public(spot_public.time),
    "GET exchangeInfo": _public(spot_public.exchange_info, 20),
    "GET depth": _public(spot_public.depth, 5),
    "GET trades": _public(spot_public.trades, 25),
    "GET historicalTrades": _public(spot_public.trades, 25),
    "GET aggTrades": _public(spot_public.aggregate_trades, 2),
    "GET klines": _public(spot_public.klines, 2),
    "GET uiKlines": _public(spot_public.klines, 2),
    "GET avgPrice": _public(spot_public.average_price, 2),
    "GET ticker/24hr": _public(spot_public.ticker_day, 2),
    "GET ticker/price": _public(spot_public.ticker_price, 2),
    "GET ticker/bookTicker": _public(spot_public.ticker_book, 2),
    "GET account": _read(spot_private.account, 20),
    "POST order": _trade(spot_private.new_order),
    "POST order/test": _trade(spot_private.test_order),
    "GET order": _read(spot_private.query_order, 4),
    "DELETE order": _trade(spot_private.cancel_order),
    "GET openOrders": _read(spot_private.open_orders, 6),
    "DELETE openOrders": _trade(spot_private.cancel_all),
    "GET allOrders": _read(spot_private.all_orders, 20),
    "GET myTrades": _read(spot_private.my_trades, 20),
    "POST order/oco": _trade(spot_private.new_list),
    "POST orderList/oco": _trade(spot_private.new_list),
    "DELETE orderList": _trade(spot_private.cancel_list),
}
_WALLET = {
    "GET account/apiRestrictions": _read(spot_private.api_restrictions, 1),
    "GET capital/config/getall": _read(spot_private.coins, 10),
    "GET asset/tradeFee": _read(spot_private.trade_fees, 1),
    "GET margin/allPairs": _read(spot_public.empty_list, 1),
    "GET margin/isolated/allPairs": _read(spot_public.empty_list, 1),
}
_FUTURES = {
    "GET ping": _public(spot_public.ping),
    "GET time": _public(spot_public.time),
    "GET exchangeInfo": _public(futures_public.exchange_info),
    "GET depth": _public(futures_public.depth, 5),
    "GET trades": _public(futures_public.trades, 5),
    "GET aggTrades": _public(futures_public.aggregate_trades, 20),
    "GET klines": _public(futures_public.klines, 2),
    "GET ticker/24hr": _public(futures_public.ticker_day),
    "GET ticker/price": _public(futures_public.ticker_price),
    "GET ticker/bookTicker": _public(futures_public.ticker_book, 2),
    "GET premiumIndex": _public(futures_public.premium_index),
    "GET fundingRate": _public(futures_public.funding_rates),
    "GET fundingInfo": _public(futures_public.funding_info),
    "GET openInterest": _public(futures_public.open_interest),
    "GET balance": _read(futures_private.balance),
    "GET account": _read(futures_private.account),
    "GET accountConfig": _read(futures_private.account_config),
    "GET symbolConfig": _read(futures_private.symbol_config),
    "GET positionRisk": _read(futures_private.position_risk),
    "GET leverageBracket": _read(futures_private.leverage_brackets, 1),
    "POST leverage": _trade(futures_private.set_leverage),
    "POST marginType": _trade(futures_private.set_margin_type),
    "GET positionSide/dual": _read(futures_private.get_position_mode, 30),
    "POST positionSide/dual": _trade(futures_private.set_position_mode),
    "GET commissionRate": _read(futures_private.commission_rate, 20),
    "GET income": _read(futures_private.income, 30),
    "POST order": _trade(futures_private.new_order),
    "POST batchOrders": _trade(futures_private.new_batch, 5),
    "GET order": _read(futures_private.query_order, 1),
    "DELETE order": _trade(futures_private.cancel_order),
    "GET openOrders": _read(futures_private.open_orders, 1),
    "DELETE allOpenOrders": _trade(futures_private.cancel_all),
    "GET allOrders": _read(futures_private.all_orders),
    "GET userTrades": _read(futures_private.my_trades),
    "POST algoOrder": _trade(futures_private.new_algo),
    "GET algoOrder": _read(futures_private.query_algo, 1),
    "DELETE algoOrder": _trade(futures_private.cancel_algo),
    "GET openAlgoOrders": _read(futures_private.open_algo, 1),
    "DELETE algoOpenOrders": _trade(futures_private.cancel_all_algo),
}


def _under(prefix: str, table: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
    return {f"{method} {prefix}{path}": endpoint for (method, path), endpoint in _split(table)}


def _split(table: Mapping[str, Endpoint]) -> list[tuple[tuple[str, str], Endpoint]]:
    return [((name.split(" ")[0], name.split(" ")[1]), endpoint) for name, endpoint in table.items()]


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        **_under("/api/v3/", _SPOT),
        **_under("/sapi/v1/", _WALLET),
        **_under("/fapi/v1/", _FUTURES),
        **_under("/fapi/v2/", _FUTURES),
        **_under("/fapi/v3/", _FUTURES),
        "GET /fapi/v2/positionRisk": _read(futures_private.position_risk_all),
        "GET /dapi/v1/exchangeInfo": _public(futures_public.no_markets),
    }
)

# The WebSocket API's methods are REST endpoints under other names.
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "ping": "GET ping",
        "time": "GET time",
        "exchangeInfo": "GET exchangeInfo",
        "depth": "GET depth",
        "trades.recent": "GET trades",
        "trades.aggregate": "GET aggTrades",
        "klines": "GET klines",
        "ticker.24hr": "GET ticker/24hr",
        "ticker.price": "GET ticker/price",
        "ticker.book": "GET ticker/bookTicker",
        "order.place": "POST order",
        "order.test": "POST order/test",
        "order.status": "GET order",
        "order.cancel": "DELETE order",
        "openOrders.status": "GET openOrders",
        "openOrders.cancelAll": "DELETE openOrders",
        "allOrders": "GET allOrders",
        "myTrades": "GET myTrades",
        "account.status": "GET account",
        "account.balance": "GET balance",
        "account.position": "GET positionRisk",
        "orderList.place.oco": "POST orderList/oco",
    }
)
