"""What the platform keeps: of subscriptions by a setting, of profit shares a tenth (copy-trading rule 34)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.conf import settings

MOST = Decimal("0.5")


def parsed_fee(text: str) -> Decimal | None:
    """Return a fee ratio from a setting, or None where it is none from 0 to 0.5 with at most four decimals."""
    try:
        ratio = Decimal(text)
    except InvalidOperation:
        return None
    return ratio if ratio.is_finite() and 0 <= ratio <= MOST and ratio == round(ratio, 4) else None


def platform_fee_percent() -> Decimal:
    """Return what the platform keeps of a subscription, in percent, as the processor is told; a system check vouches for it."""
    return (parsed_fee(settings.PLATFORM_FEE_RATIO) or Decimal(0)) * 100


def share_fee(amount_minor: int) -> int:
    """Return the platform's tenth of a profit share, rounded down."""
    return amount_minor // 10
