"""The library's answers as ours. Pure functions over its unified dictionaries, whose numbers are text here.

`plain_text` is what the library is told to make numbers with (it reads its own text again, and drops a Decimal in
silence). Venues send text, which stays as it is; where one sends a JSON number, its shortest form counts, which is the
venue's own text up to 15 significant digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from engine.candle_builder import Candle
from engine.candles import Candles
from engine.decimals import BPS, ZERO
from engine.timeframes import moment
from markets.gateway.protocol import (
    AccountTrade,
    Balance,
    FundingRate,
    FundingReceived,
    Level,
    LeverageTier,
    MarketInfo,
    OrderBook,
    OrderState,
    OrderStatus,
    Position,
    PublicTrade,
    Side,
    Ticker,
)
from markets.models import MarketKind

Raw = Mapping[str, Any]
_PERCENT = Decimal(100)
_ONE = Decimal(1)
_STATUSES = {
    "open": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "canceling": OrderStatus.OPEN,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}


def exact(value: object) -> Decimal:
    """Return a number exactly as it is written; raise ValueError for NaN and infinity."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{value!r} is no finite number.")
    return number


def plain_text(value: object) -> str:
    """Return a number as text without an exponent; raise ValueError or ArithmeticError for what is none, or not finite."""
    return format(exact(value), "f")


def optional(value: object) -> Decimal | None:
    """Return a number exactly, None where there is none."""
    return None if value is None or value == "" else exact(value)


def amount(value: object) -> Decimal:
    """Return a number exactly, zero where there is none."""
    return optional(value) or ZERO


def time_of(raw: Raw, fallback: datetime) -> datetime:
    """Return the time of an answer, or the given one where it says none."""
    stamp = raw.get("timestamp")
    return fallback if stamp is None else moment(int(stamp))


def lots(market: Raw) -> Decimal:
    """Return how many of our units of quantity a venue's contract is: base units if linear, else contracts or coins."""
    return amount(market.get("contractSize")) or _ONE if market.get("linear") else _ONE


def market_info(raw: Raw) -> MarketInfo | None:
    """Return a market, or None for what is neither spot nor perpetual, or cannot be traded by these rules."""
    is_spot, is_perpetual = bool(raw.get("spot")), bool(raw.get("swap"))
    tick, step = (amount((raw.get("precision") or {}).get(name)) for name in ("price", "amount"))
    if not (is_spot or is_perpetual) or tick <= 0 or step <= 0:
        return None
    settle = str(raw.get("settle") or "") if is_perpetual else ""
    size = lots(raw)
    limits: Raw = raw.get("limits") or {}
    return MarketInfo(
        symbol=str(raw["symbol"]),
        venue_symbol=str(raw["id"]),
        kind=MarketKind.PERPETUAL if is_perpetual else MarketKind.SPOT,
        base=str(raw["base"]),
        quote=str(raw["quote"]),
        settle=settle,
        contract=_contract(settle, str(raw["quote"])),
        contract_size=(amount(raw.get("contractSize")) or _ONE) if is_perpetual else _ONE,
        tick_size=tick,
        lot_step=step * size,
        min_quantity=amount((limits.get("amount") or {}).get("min")) * size,
        min_notional=amount((limits.get("cost") or {}).get("min")),
        maker_fee_bps=_bps(raw.get("maker")),
        taker_fee_bps=_bps(raw.get("taker")),
        is_active=raw.get("active") is not False,
    )


def _bps(ratio: object) -> Decimal | None:
    found = optional(ratio)
    return None if found is None else found * BPS


def _contract(settle: str, quote: str) -> str:
    if not settle:
        return ""
    return "PERP" if settle == quote else f"PERP-{settle}"


def ticker(raw: Raw, at: datetime, size: Decimal = _ONE) -> Ticker:
    """Return a ticker; `size` turns a venue's contracts into our quantity."""
    change, volume = optional(raw.get("percentage")), optional(raw.get("baseVolume"))
    return Ticker(
        symbol=str(raw["symbol"]),
        at=time_of(raw, at),
        last=optional(raw.get("last")),
        bid=optional(raw.get("bid")),
        ask=optional(raw.get("ask")),
        high=optional(raw.get("high")),
        low=optional(raw.get("low")),
        base_volume=None if volume is None else volume * size,
        quote_volume=optional(raw.get("quoteVolume")),
        change_ratio=None if change is None else change / _PERCENT,
    )


def candles(rows: Iterable[Sequence[Any]], size: Decimal = _ONE) -> Candles:
    """Return rows of [milliseconds, open, high, low, close, volume] as candles: in order, each time once, the last kept."""
    by_time = {int(row[0]): row for row in rows if None not in row[:5]}
    ordered = [by_time[at] for at in sorted(by_time)]
    columns = np.array(
        [[float(one) for one in row[1:5]] + [float(amount(row[5]) * size)] for row in ordered], dtype=np.float64
    ).reshape(len(ordered), 5)
    return Candles(np.array(sorted(by_time), dtype=np.int64), *columns.T.copy())


def live_candles(rows: Iterable[Sequence[Any]], size: Decimal = _ONE) -> list[Candle]:
    """Return a stream's rows as candles, oldest first."""
    ordered = sorted((row for row in rows if None not in row[:5]), key=lambda row: int(row[0]))
    prices = ([float(one) for one in row[1:5]] for row in ordered)
    return [
        Candle(int(row[0]), opened, high, low, close, float(amount(row[5]) * size))
        for row, (opened, high, low, close) in zip(ordered, prices, strict=True)
    ]


def order_book(raw: Raw, at: datetime, size: Decimal = _ONE, limit: int | None = None) -> OrderBook:
    """Return the best `limit` levels of each side; what is empty or not a price is left out."""
    return OrderBook(
        str(raw["symbol"]),
        time_of(raw, at),
        _levels(raw["bids"][:limit], size),
        _levels(raw["asks"][:limit], size),
        raw.get("nonce"),
    )


def _levels(rows: Iterable[Sequence[Any]], size: Decimal) -> tuple[Level, ...]:
    levels = (Level(exact(row[0]), exact(row[1]) * size) for row in rows)
    return tuple(level for level in levels if level.price > 0 and level.quantity > 0)


def _side(raw: Raw) -> Side | None:
    side = raw.get("side")
    return Side(side) if side in ("buy", "sell") else None


def public_trade(raw: Raw, size: Decimal = _ONE) -> PublicTrade:
    """Return a trade between others."""
    return PublicTrade(
        str(raw["symbol"]),
        str(raw.get("id") or ""),
        moment(int(raw["timestamp"])),
        _side(raw),
        exact(raw["price"]),
        exact(raw["amount"]) * size,
    )


def funding_rate(raw: Raw, at: datetime) -> FundingRate:
    """Return a rate of the past, or the next one with the time at which it is paid."""
    due = raw.get("fundingTimestamp") or raw.get("nextFundingTimestamp") or raw.get("timestamp")
    return FundingRate(
        str(raw["symbol"]),
        at if due is None else moment(int(due)),
        exact(raw["fundingRate"]),
        optional(raw.get("markPrice")),
    )


def leverage_tiers(symbol: str, rows: Iterable[Raw]) -> list[LeverageTier]:
    """Return tiers from the smallest position on."""
    return [
        LeverageTier(
            symbol,
            amount(row.get("minNotional")),
            optional(row.get("maxNotional")),
            amount(row.get("maintenanceMarginRate")),
            amount(row.get("maxLeverage")),
        )
        for row in sorted(rows, key=lambda row: amount(row.get("minNotional")))
    ]


def balances(raw: Raw) -> dict[str, Balance]:
    """Return what an account holds; assets of which it has nothing are left out."""
    total, free, used = (raw.get(name) or {} for name in ("total", "free", "used"))
    held = {asset: amount(total[asset]) for asset in total}
    return {
        str(asset): Balance(str(asset), amount(free.get(asset)), amount(used.get(asset)), whole)
        for asset, whole in held.items()
        if whole
    }


def order_state(raw: Raw, client_order_id: str, size: Decimal = _ONE) -> OrderState:
    """Return an order; where the venue says no status it counts as open, which is asked about again."""
    status = _STATUSES.get(str(raw.get("status")), OrderStatus.OPEN)
    quantity, filled = amount(raw.get("amount")), amount(raw.get("filled"))
    if status == OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    return OrderState(
        client_order_id=client_order_id,
        venue_order_id=str(raw.get("id") or ""),
        symbol=str(raw.get("symbol") or ""),
        side=_side(raw),
        type=str(raw.get("type") or ""),
        status=status,
        # For a market order the library puts its average here.
        price=None if raw.get("type") == "market" else optional(raw.get("price")),
        quantity=quantity * size,
        filled=filled * size,
        average_price=optional(raw.get("average")),
        at=None if raw.get("timestamp") is None else moment(int(raw["timestamp"])),
    )


def account_trade(raw: Raw, client_order_id: str, size: Decimal = _ONE) -> AccountTrade:
    """Return a fill; a rebate is a negative fee."""
    fee: Raw = raw.get("fee") or {}
    maker = raw.get("takerOrMaker")
    return AccountTrade(
        symbol=str(raw["symbol"]),
        trade_id=str(raw["id"]),
        venue_order_id=str(raw.get("order") or ""),
        client_order_id=client_order_id,
        at=moment(int(raw["timestamp"])),
        side=Side(raw["side"]),
        price=exact(raw["price"]),
        quantity=exact(raw["amount"]) * size,
        fee=amount(fee.get("cost")),
        fee_asset=str(fee.get("currency") or ""),
        is_maker=None if maker is None else maker == "maker",
    )


def funding_received(raw: Raw) -> FundingReceived:
    """Return what a position received at a funding time (negative: paid)."""
    return FundingReceived(
        symbol=str(raw["symbol"]),
        payment_id=str(raw["id"]),
        at=moment(int(raw["timestamp"])),
        amount=exact(raw["amount"]),
        asset=str(raw["code"]),
    )


def position(raw: Raw, size: Decimal = _ONE) -> Position | None:
    """Return a position, or None where there is nothing of it."""
    contracts = amount(raw.get("contracts"))
    if not contracts:
        return None
    sign = -1 if raw.get("side") == "short" else 1
    return Position(
        str(raw["symbol"]),
        sign * abs(contracts) * size,
        optional(raw.get("entryPrice")),
        optional(raw.get("markPrice")),
        optional(raw.get("liquidationPrice")),
        optional(raw.get("unrealizedPnl")),
        optional(raw.get("leverage")),
    )
