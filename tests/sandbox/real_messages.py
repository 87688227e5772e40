"""A few messages in the form that the venues' manuals show, written by hand: the check that runs everywhere."""

from __future__ import annotations

from typing import Any

REAL: dict[str, dict[str, Any]] = {
    "binance": {
        "spot depthUpdate": {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 2, "u": 3, "b": [["1.0", "2.0"]], "a": []},
        "spot trade": {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 5, "p": "1.0", "q": "2.0", "T": 1, "m": True, "M": True},
        "spot bookTicker": {"u": 1, "s": "BTCUSDT", "b": "1.0", "B": "2.0", "a": "1.1", "A": "3.0"},
        "spot kline": {
            "e": "kline",
            "E": 1,
            "s": "BTCUSDT",
            "k": {
                "t": 1, "T": 2, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 2, "o": "1", "c": "1", "h": "1", "l": "1",
                "v": "1", "n": 3, "x": False, "q": "1", "V": "1", "Q": "1", "B": "0",
            },
        },
        "spot report TRADE": {
            "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": "one", "S": "BUY", "o": "MARKET", "f": "GTC", "q": "1.0",
            "p": "0.0", "P": "0.0", "F": "0.0", "g": -1, "C": "", "x": "TRADE", "X": "FILLED", "r": "NONE", "i": 4,
            "l": "1.0", "z": "1.0", "L": "9.9", "n": "0.1", "N": "BTC", "T": 1, "t": 7, "I": 8, "w": False, "m": False,
            "M": False, "O": 1, "Z": "9.9", "Y": "9.9", "Q": "0.0", "W": 1, "V": "NONE",
        },
        "futures account update": {
            "e": "ACCOUNT_UPDATE",
            "E": 1,
            "T": 1,
            "a": {
                "m": "ORDER",
                "B": [{"a": "USDT", "wb": "1.0", "cw": "1.0", "bc": "0"}],
                "P": [
                    {"s": "BTCUSDT", "pa": "1", "ep": "2.0", "bep": "2.0", "cr": "0", "up": "0.1", "mt": "cross",
                     "iw": "0", "ps": "BOTH"},
                ],
            },
        },
    },
    "kraken": {
        "book snapshot": {
            "channel": "book",
            "type": "snapshot",
            "data": [
                {
                    "symbol": "BTC/USD", "bids": [{"price": 0.5666, "qty": 4831.7}],
                    "asks": [{"price": 0.5668, "qty": 4410.7}], "checksum": 2439117997,
                },
            ],
        },
        "trade update": {
            "channel": "trade",
            "type": "update",
            "data": [
                {"symbol": "BTC/USD", "side": "sell", "price": 0.5117, "qty": 40.0, "ord_type": "market", "trade_id": 1,
                 "timestamp": "2023-09-25T07:49:37.708706Z"},
            ],
        },
    },
}  # fmt: skip
