"""Binance's error codes, and what each refusal of the core is called on either side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sandbox.core.errors import Reason, Refusal


class BinanceError(Exception):
    """An answer {"code": …, "msg": …} with its HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def as_json(self) -> dict[str, object]:
        """Return the body."""
        return {"code": self.code, "msg": self.message}


# Code, message, status: a fresh error is made of them each time.
UNKNOWN_KEY = (-2015, "Invalid API-key, IP, or permissions for action.", 401)
BAD_KEY_FORMAT = (-2014, "API-key format invalid.", 401)
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
OUTSIDE_WINDOW = (-1021, "Timestamp for this request is outside of the recvWindow.")
AHEAD_OF_SERVER = (-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
NO_LISTEN_KEY = (-1125, "This listenKey does not exist.")

_SPOT: Mapping[Reason, tuple[int, str]] = MappingProxyType(
    {
        Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
        Reason.BAD_PRICE: (-1013, "Filter failure: PRICE_FILTER"),
        Reason.BAD_QUANTITY: (-1013, "Filter failure: LOT_SIZE"),
        Reason.BELOW_NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
        Reason.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
        Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
        Reason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
        Reason.WOULD_TRIGGER: (-2010, "Stop price would trigger immediately."),
        Reason.ORDER_NOT_FOUND: (-2013, "Order does not exist."),
        Reason.CANCEL_UNKNOWN: (-2011, "Unknown order sent."),
        Reason.BAD_LIST: (-2010, "The relationship of the prices for the orders is not correct."),
    }
)
_FUTURES: Mapping[Reason, tuple[int, str]] = MappingProxyType(
    {
        **_SPOT,
        Reason.BAD_PRICE: (-4014, "Price not increased by tick size."),
        Reason.BAD_QUANTITY: (
            -4005,
            "Quantity greater than max quantity, less than min quantity or off the step size.",
        ),
        Reason.BELOW_NOTIONAL: (
            -4164,
            "Order's notional must be no smaller than the minimum (unless you choose reduce only).",
        ),
        Reason.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
        Reason.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
        Reason.WOULD_TAKE: (
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected.",
        ),
        Reason.WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
        Reason.NOT_REDUCING: (-2022, "ReduceOnly Order is rejected."),
        Reason.BAD_LEVERAGE: (-4028, "Leverage is not valid"),
        Reason.HAS_POSITION: (-4048, "Margin type cannot be changed if there exists position."),
    }
)


def translated(refusal: Refusal, *, futures: bool) -> BinanceError:
    """Return a refusal in Binance's words."""
    if refusal.reason is Reason.MISSING_PARAMETER:
        return missing(refusal.detail)
    code, message = (_FUTURES if futures else _SPOT).get(refusal.reason, (-1000, "An unknown error occurred."))
    return BinanceError(code, message)


def missing(name: str) -> BinanceError:
    """Return the error of a mandatory parameter that was not sent."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
