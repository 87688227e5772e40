"""Kraken's names: XXBT for BTC, XXBTZUSD for a pair, and ids of orders and trades that look like its own."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.core.instruments import Instrument
from sandbox.core.orders import Fill, Order

# Asset ids of old coins and money bear a letter in front; everybody else's id is the code.
_IDS = {"BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP", "USD": "ZUSD", "EUR": "ZEUR"}


def asset_id(code: str) -> str:
    """Return BTC as XXBT."""
    return _IDS.get(code, code)


def asset_altname(code: str) -> str:
    """Return BTC as XBT, USD as USD."""
    return "XBT" if code == "BTC" else code


def pair_altname(instrument: Instrument) -> str:
    """Return BTC/USD as XBTUSD."""
    return asset_altname(instrument.base) + asset_altname(instrument.quote)


def pair_id(instrument: Instrument) -> str:
    """Return BTC/USD as XXBTZUSD, SOL/USD as SOLUSD: both ids when both have a letter in front."""
    if instrument.base in _IDS and instrument.quote in _IDS:
        return asset_id(instrument.base) + asset_id(instrument.quote)
    return pair_altname(instrument)


def old_websocket_name(instrument: Instrument) -> str:
    """Return BTC/USD as XBT/USD."""
    return f"{asset_altname(instrument.base)}/{asset_altname(instrument.quote)}"


def by_any_name(instruments: Iterable[Instrument]) -> dict[str, Instrument]:
    """Return instruments by every name a client may use."""
    return {
        name: each
        for each in instruments
        for name in (each.symbol, pair_id(each), pair_altname(each), old_websocket_name(each))
    }


def order_txid(order_id: int) -> str:
    """Return an order's id as O00000-00000-100001."""
    return _grouped("O", order_id)


def order_number(txid: str) -> int | None:
    """Return the number inside an order's id, None for what is no such id."""
    digits = txid.removeprefix("O").replace("-", "")
    return int(digits) if txid.startswith("O") and digits.isdigit() else None


def fill_txid(fill: Fill, order: Order) -> str:
    """Return a fill's id."""
    return _grouped("T", order.id * 10_000 + order.fills.index(fill))


def _grouped(letter: str, number: int) -> str:
    digits = f"{number:016d}"
    return f"{letter}{digits[:5]}-{digits[5:10]}-{digits[10:]}"
