"""Every reason why an order did not run as asked, in words that its owner can act on."""

from __future__ import annotations

from trading.models import CauseKind, Order, SafetyLevel, SafetySwitch

_WORDS = {
    "PRICE_UNKNOWN": "There is no price for {symbol} yet; try again when its market is live.",
    "TRADING_HALTED": "Trading is halted: only exits pass until it resumes.",
    "TRADING_REDUCING": "Only exits pass at the moment; new positions wait until trading is active again.",
    "PORTFOLIO_NOT_OPEN": "This portfolio is frozen or closed; it opens nothing new.",
    "INSTRUMENT_NOT_TRADABLE": "{symbol} is no longer traded here.",
    "INSTRUMENT_NOT_ALLOWED": "{symbol} is not among the instruments that this portfolio may trade.",
    "EQUITY_STALE": "A price that this portfolio's worth rests on is more than a minute old; opening waits for a fresh one.",
    "INSUFFICIENT_BALANCE": "The free balance does not cover this order with its fee; enter a smaller quantity.",
    "QUANTITY_ABOVE_POSITION": "More than the portfolio holds; enter at most what it has.",
    "NOTHING_TO_CLOSE": "The portfolio holds nothing of {symbol} to close.",
    "QUANTITY_BELOW_MINIMUM": "Below the venue's smallest quantity of {min_quantity} {base}.",
    "NOTIONAL_BELOW_MINIMUM": "Worth less than the venue's minimum of {min_notional} {quote}.",
    "CLIPPED_BALANCE": "Cut down to what the free balance covers, fee included.",
    "CLIPPED_POSITION": "Cut down to what the portfolio holds.",
    "SUPERSEDED": "Not sent: the lead closed before it was.",
    "FOLLOW_PAUSED": "Skipped: the follow is paused, and a pause opens nothing.",
    "FOLLOW_STOPPING": "Skipped: the follow is stopping and only mirrors exits.",
    "REJECTED_BY_VENUE": "The venue refused this order and gave no reason.",
    "NO_EQUITY": "Skipped: there is no equity to size the copy by.",
}


# A venue's reasons are its own, and many.
_VENUES_OWN = "The venue refused this order: {code}."


def explain(code: str, order: Order) -> str:
    """Return a sentence for an order's code; "" where there is nothing to explain."""
    if not code:
        return ""
    instrument = order.instrument
    market = instrument.market
    return _WORDS.get(code, _VENUES_OWN).format(
        code=code,
        symbol=instrument.symbol,
        base=market.base_id,
        quote=market.quote_id,
        min_quantity=f"{instrument.min_quantity.normalize():f}",
        min_notional=f"{instrument.min_notional.normalize():f}",
    )


_CAUSES = {
    CauseKind.HAND: "By hand",
    CauseKind.RUN: "Strategy",
    CauseKind.TRIGGER: "Stop loss",
    CauseKind.LEAD_EVENT: "Copied",
    CauseKind.FOLLOW_COMMAND: "End of the follow",
}


def cause_in_words(order: Order) -> str:
    """Return who or what asked for an order."""
    return _CAUSES[CauseKind(order.cause_kind)]


_LEVELS = {
    SafetyLevel.HALTED: "All trading is halted: exits pass, new positions do not.",
    SafetyLevel.REDUCING: "Only exits pass at the moment: new positions wait until trading is active again.",
}


def halt_in_words(switch: SafetySwitch | None) -> str:
    """Return what the platform's switch means for everybody, with the operator's reason; "" while trading is active."""
    if switch is None or switch.level == SafetyLevel.ACTIVE:
        return ""
    return f"{_LEVELS[SafetyLevel(switch.level)]} {switch.reason}".rstrip()
