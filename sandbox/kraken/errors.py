"""Kraken's errors: a list of texts in every answer, with HTTP 200."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sandbox.core.errors import Reason, Refusal


class KrakenError(Exception):
    """An answer {"error": [text]}."""

    @property
    def text(self) -> str:
        """Return the error's text."""
        return str(self.args[0])


_TEXTS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
        Reason.BAD_PRICE: "EOrder:Invalid price",
        Reason.BAD_QUANTITY: "EOrder:Order minimum not met",
        Reason.BELOW_NOTIONAL: "EOrder:Cost minimum not met",
        Reason.INSUFFICIENT_BALANCE: "EOrder:Insufficient funds",
        Reason.WOULD_TAKE: "EOrder:Post only order",
        Reason.WOULD_TRIGGER: "EOrder:Trigger price would trigger immediately",
        Reason.ORDER_NOT_FOUND: "EOrder:Unknown order",
        Reason.CANCEL_UNKNOWN: "EOrder:Unknown order",
        # The manual names no text for this one.
        Reason.DUPLICATE_CLIENT_ID: "EOrder:Duplicate cl_ord_id",
    }
)


def translated(refusal: Refusal) -> str:
    """Return a refusal in Kraken's words."""
    if refusal.reason is Reason.MISSING_PARAMETER:
        return f"EGeneral:Invalid arguments:{refusal.detail}"
    return _TEXTS.get(refusal.reason, "EGeneral:Internal error")
