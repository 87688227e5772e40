"""Why the venue refuses: one list of reasons that each dialect puts into its own codes and words."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Everything the core can object to."""

    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    BAD_PRICE = "BAD_PRICE"
    BAD_QUANTITY = "BAD_QUANTITY"
    BELOW_NOTIONAL = "BELOW_NOTIONAL"
    MISSING_PARAMETER = "MISSING_PARAMETER"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    WOULD_TAKE = "WOULD_TAKE"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    NOT_REDUCING = "NOT_REDUCING"
    CANNOT_FILL_WHOLE = "CANNOT_FILL_WHOLE"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    CANCEL_UNKNOWN = "CANCEL_UNKNOWN"
    BAD_LIST = "BAD_LIST"
    BAD_LEVERAGE = "BAD_LEVERAGE"
    HAS_POSITION = "HAS_POSITION"


class Refusal(Exception):
    """The venue's no: a reason, and in `detail` the filter or parameter that it is about."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
