"""Our messages beside real ones: a real message's keys are all in ours, with values of the same types."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from sandbox.server import running
from tests.environment import conformance_dir
from tests.fixtures_exchange import QUICK
from tests.sandbox.real_messages import REAL
from tests.sandbox.speech import Speech, binance_speech, kraken_speech

# A recorded file and the kind of ours that is like it.
BINANCE = {
    "futures__http_json__balance": "futures balance",
    "futures__http_json__position_risk": "futures positionRisk",
    "futures__market_data_json__book_ticker_stream": "futures bookTicker",
    "futures__market_data_json__depth_update_stream": "futures depthUpdate",
    "futures__market_data_json__kline_stream_open": "futures kline",
    "futures__market_data_json__ticker_stream": "futures 24hrTicker",
    "futures__market_data_json__trade_stream": "futures trade",
    "futures__user_data_json__algo_update_canceled": "futures algo CANCELED",
    "futures__user_data_json__algo_update_new": "futures algo NEW",
    "futures__user_data_json__order_update_new": "futures update NEW",
    "futures__user_data_json__order_update_trade": "futures update TRADE",
    "futures__user_data_json__order_update_trade_partial": "futures update TRADE",
    "futures__user_data_json__trade_lite": "futures trade lite",
    "py__http_responses__http_futures_account_position_side_dual": "futures dual",
    "py__http_responses__http_futures_market_book_ticker": "futures ticker/bookTicker",
    "py__http_responses__http_futures_market_exchange_info": "futures exchangeInfo",
    "py__http_responses__http_futures_market_klines": "futures klines",
    "py__http_responses__http_futures_market_open_interest": "futures openInterest",
    "py__http_responses__http_futures_market_premium_index": "futures premiumIndex",
    "py__http_responses__http_futures_market_ticker_24hr": "futures ticker/24hr",
    "py__http_responses__http_futures_market_ticker_price": "futures ticker/price",
    "py__http_responses__http_futures_market_trades": "futures trades",
    "py__http_responses__http_futures_wallet_commission_rate_btcusdt": "futures commissionRate",
    "py__http_responses__http_spot_market_agg_trades": "spot aggTrades",
    "py__http_responses__http_spot_market_depth": "spot depth",
    "py__http_responses__http_spot_market_klines": "spot klines",
    "py__http_responses__http_spot_market_ping": "spot ping",
    "py__http_responses__http_spot_market_ticker_price": "spot ticker/price",
    "py__http_responses__http_spot_market_time": "spot time",
    "py__http_responses__http_wallet_trading_fees": "spot tradeFee",
    "py__ws_messages__ws_futures_ticker_24hr": "futures 24hrTicker",
    "py__ws_messages__ws_futures_trade_lite": "futures trade lite",
    "py__ws_messages__ws_spot_agg_trade": "spot aggTrade",
    "py__ws_messages__ws_spot_execution_report_new": "spot report NEW",
    "py__ws_messages__ws_spot_execution_report_trade": "spot report TRADE",
    # Filed under spot; its T and E are those of futures.
    "py__ws_messages__ws_spot_ticker_book": "futures bookTicker",
    "spot__http_json__account_response": "spot account",
    "spot__http_json__all_orders_response": "spot allOrders",
    "spot__http_json__book_ticker_response": "spot ticker/bookTicker",
    "spot__http_json__cancel_open_orders_response": "spot cancel all",
    "spot__http_json__klines_response": "spot klines",
    "spot__http_json__open_orders_response": "spot openOrders",
    "spot__http_json__order_response": "spot order",
    "spot__http_json__server_time_response": "spot time",
    "spot__http_json__ticker_price_response": "spot ticker/price",
    "spot__http_json__trades_response": "spot trades",
    "spot__user_data_json__account_position": "spot account position",
    "spot__user_data_json__execution_report_stop_loss": "spot report STOP",
    "spot__user_data_json__execution_report_trade": "spot report TRADE",
    "spot__user_data_json__execution_report_wrapped": "spot report NEW",
}
KRAKEN = {
    "http_add_order_spot": "AddOrder",
    "http_asset_pairs": "AssetPairs",
    "http_open_orders": "OpenOrders",
    "http_server_time": "Time",
    "http_ticker": "Ticker",
    "http_trades_history": "TradesHistory",
    "ws_add_order_response_success": "add_order",
    "ws_book_update": "book update",
    "ws_ohlc_update": "ohlc update",
    "ws_subscribe_response": "ticker confirmed",
    "ws_ticker_snapshot": "ticker snapshot",
}
# What recordings hold and we do not, and why.
LEFT_OUT = {
    "AP", "cr",  # of trailing stops, which this venue has not
    "long_position_limit", "short_position_limit",  # of pairs that trade on margin
}  # fmt: skip


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(real: Any, ours: Any, where: str = "") -> Iterator[str]:
    """Yield what a real message has and ours lacks. Keys that are names (XBTUSDT) count as one; None goes with anything."""
    if real is None or ours is None:
        return
    if _kind(real) != _kind(ours):
        yield f"{where}: {_kind(real)} there, {_kind(ours)} here"
    elif isinstance(real, dict):
        yield from _of_objects(real, ours, where)
    elif isinstance(real, list) and real and ours:
        pairs = zip(real, ours, strict=False) if not isinstance(real[0], dict) else [(real[0], ours[0])]
        for number, (one, other) in enumerate(pairs):
            yield from differences(one, other, f"{where}[{number}]")


def _of_objects(real: dict[str, Any], ours: dict[str, Any], where: str) -> Iterator[str]:
    if real and ours and all(re.fullmatch(r"[A-Z0-9-]{5,}", name) for name in (*real, *ours)):
        yield from differences(next(iter(real.values())), next(iter(ours.values())), f"{where}.*")
        return
    for name, value in real.items():
        if name in ours:
            yield from differences(value, ours[name], f"{where}.{name}")
        elif name not in LEFT_OUT:
            yield f"{where}.{name}: missing here"


@pytest.fixture(scope="module")
def speech() -> Iterator[dict[str, Speech]]:
    """Everything both dialects say."""
    with running(QUICK, step_seconds=0.02) as thread:
        yield {
            "binance": asyncio.run(binance_speech(thread)),
            "kraken": asyncio.run(kraken_speech(thread)),
        }


def recorded(venue: str, kinds: dict[str, str]) -> list[ParameterSet]:
    """Return the recorded files that are there as parameters; one that is skipped where the recordings are not."""
    folder = conformance_dir()
    found = folder.parent / "data" / "exchange_messages" / venue if folder else None
    if found is None or not found.is_dir():
        return [
            pytest.param(Path(), "", id="unset", marks=pytest.mark.skip(reason="CONFORMANCE_DIR has no recordings"))
        ]
    return [pytest.param(found / f"{name}.json", kind, id=name) for name, kind in kinds.items()]


def _unwrapped(message: Any) -> Any:
    """Return a message without the envelope of combined streams or the WebSocket API."""
    if isinstance(message, dict) and set(message) in ({"stream", "data"}, {"subscriptionId", "event"}):
        return message.get("data", message.get("event"))
    return message


def _comparable(real: Any, ours: Any) -> Any:
    """Return ours in the shape that was recorded: a single row where one was asked for."""
    return ours[0] if isinstance(ours, list) and isinstance(real, dict) else [ours] if _wraps(real, ours) else ours


def _wraps(real: Any, ours: Any) -> bool:
    return isinstance(real, list) and isinstance(ours, dict)


@pytest.mark.parametrize(("file", "kind"), recorded("binance", BINANCE))
def test_binance_says_what_was_recorded(file: Path, kind: str, speech: dict[str, Speech]) -> None:
    real = _unwrapped(json.loads(file.read_text()))
    assert list(differences(real, _comparable(real, speech["binance"][kind]))) == []


@pytest.mark.parametrize(("file", "kind"), recorded("kraken", KRAKEN))
def test_kraken_says_what_was_recorded(file: Path, kind: str, speech: dict[str, Speech]) -> None:
    real = json.loads(file.read_text())
    assert list(differences(real, speech["kraken"][kind])) == []


@pytest.mark.parametrize("file", ["BINANCE.ws.1.0", "BINANCE_FUTURES.ws.1.0"])
def test_binance_streams_what_was_recorded(file: str, speech: dict[str, Speech]) -> None:
    folder = conformance_dir()
    path = folder.parent / "data" / "exchange_streams" / f"{file}.txt.gz" if folder else None
    if path is None or not path.is_file():
        pytest.skip("CONFORMANCE_DIR has no recordings")
    side = "futures" if "FUTURES" in file else "spot"
    seen: dict[str, Any] = {}
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        if match := re.match(r"(?:\S+ -> )?[\d.]+: (\{.*)", line):
            told = _unwrapped(json.loads(match[1]))
            seen.setdefault(f"{side} {told.get('e', 'bookTicker')}", told)
    compared = {
        kind: list(differences(real, speech["binance"][kind]))
        for kind, real in seen.items()
        if kind in speech["binance"]
    }
    assert compared == {kind: [] for kind in compared}
    assert {f"{side} depthUpdate", f"{side} bookTicker", f"{side} kline", f"{side} aggTrade"} <= set(compared)


@pytest.mark.parametrize(("venue", "kind"), [(venue, kind) for venue, kinds in REAL.items() for kind in kinds])
def test_ours_is_like_a_real_message(venue: str, kind: str, speech: dict[str, Speech]) -> None:
    assert list(differences(REAL[venue][kind], speech[venue][kind])) == []


def test_a_missing_key_and_another_type_are_found() -> None:
    real = {"a": "1", "b": [[1, "x"]], "c": {"d": True}}
    assert list(differences(real, {"a": 1, "b": [[1, 2]], "c": {}})) == [
        ".a: str there, number here",
        ".b[0][1]: str there, number here",
        ".c.d: missing here",
    ]
