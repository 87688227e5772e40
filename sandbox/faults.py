"""The fault switch: what can go wrong at a venue, drawn with a probability or a count from a seeded generator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np

from sandbox.core.exchange import Exchange
from sandbox.core.orders import Order
from sandbox.switchboard import Switchboard


class FaultKind(StrEnum):
    """Every fault of the switch."""

    LATENCY = "latency"  # `seconds` before the request is looked at
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"  # done, then no answer for `seconds`, then the connection closes
    DROPPED_RESPONSE = "dropped_response"  # done, and the connection closes at once instead of an answer
    SERVER_ERROR = "server_error"  # `status`, and nothing was done
    MAINTENANCE = "maintenance"  # 503 in the dialect's words, new sockets are refused too
    CLOCK_SKEW = "clock_skew"  # the venue's clock is off by `milliseconds`
    DUPLICATE_MESSAGE = "duplicate_message"  # a stream message comes twice
    REORDER_MESSAGE = "reorder_message"  # a stream message comes after the one behind it
    SILENT_SOCKET = "silent_socket"  # a socket sends nothing any more and does not close
    DROP_CONNECTION = "drop_connection"  # a socket is torn down instead of getting a message
    PARTIAL_FILL = "partial_fill"  # the book has only `ratio` of what a taker wants
    CANCEL_LOSES = "cancel_loses"  # the order fills just before its cancel is looked at
    LISTEN_KEY_EXPIRY = "listen_key_expiry"  # a private stream ends as if its key had not been renewed


@dataclass(slots=True)
class Fault:
    """One switched-on fault: `count` strikes at most (None: no end), each with `probability`, where `where` occurs in the place.

    A place is "POST /api/v3/order" for a request, "btcusdt@trade" or "book BTC/USD" for a stream message, and a symbol
    for a fault in the market.
    """

    kind: FaultKind
    probability: float = 1.0
    count: int | None = None
    where: str = ""
    seconds: float = 0.0
    milliseconds: int = 0
    status: int = 500
    ratio: Decimal = Decimal("0.5")
    id: int = 0
    struck: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control endpoint shows it."""
        return {**asdict(self), "kind": str(self.kind), "ratio": str(self.ratio)}


class FaultBoard(Switchboard[Fault]):
    """The faults that are switched on at one venue."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(np.random.default_rng(seed).random)

    def skew_ms(self) -> int:
        """Return how far the venue's clock is off."""
        return sum(fault.milliseconds for fault in self._faults if fault.kind is FaultKind.CLOCK_SKEW)

    # What faults do inside the market (exchange.Interference).

    def before_place(self, exchange: Exchange, order: Order) -> None:
        """Thin the book out before an order meets it."""
        if fault := self.draw(FaultKind.PARTIAL_FILL, order.symbol):
            exchange.thin_out(order.symbol, order.side, order.quantity * fault.ratio)

    def before_cancel(self, exchange: Exchange, order: Order) -> None:
        """Let the order fill before its cancel."""
        if self.draw(FaultKind.CANCEL_LOSES, order.symbol):
            exchange.fill_resting(order)


def parsed(body: dict[str, Any]) -> Fault:
    """Return the fault that a JSON object describes; ValueError says what is wrong with it."""
    unknown = set(body) - {"kind", "probability", "count", "where", "seconds", "milliseconds", "status", "ratio"}
    if unknown:
        raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
    values = dict(body)
    values["kind"] = FaultKind(values.get("kind", ""))
    if "ratio" in values:
        values["ratio"] = Decimal(str(values["ratio"]))
    return Fault(**values)
