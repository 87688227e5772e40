"""Every reason why an order did not run as asked, in words that its owner can act on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.copying.minimums import smallest_order, venue_minimum
from engine.decimals import ZERO
from trading.models import CauseKind, Order, SafetyLevel, SafetySwitch

_WORDS = {
    "PRICE_UNKNOWN": "There is no price for {symbol} yet; try again when its market is live.",
    "TRADING_HALTED": "Trading is halted: only exits pass until it resumes.",
    "TRADING_REDUCING": "Only exits pass at the moment; new positions wait until trading is active again.",
    "GRANT_ENDED": "Your right to use this strategy has ended: it sells what it holds, and opens nothing new.",
    "SUB_ACCOUNT_ORDER_LIMIT": "Worth more than one order of this sub-account may open; enter a smaller quantity.",
    "APPROVAL_NEEDED": "Worth more than this portfolio opens without a second person, and nobody could be asked.",
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
    "SUPERSEDED_BY_EXIT": "Canceled: an exit took what it would have sold.",
    "POST_ONLY_WOULD_CROSS": "At that price it would have met the market at once, and it was to wait; name a price on its own side.",
    "NOT_FILLED_AT_ONCE": "The market was not at its price, and it was not to wait.",
    "OTHER_OF_PAIR_FILLED": "Canceled: the other order of the pair was filled.",
    "CANCELED_BY_OWNER": "Canceled by its owner.",
    "OWNER_LEFT": "Canceled: its owner closed their account.",
    "CANCELED_BY_PLAN": "Canceled by its plan, which goes on without it.",
    "PLAN_PAUSED": "Taken back while its plan is paused.",
    "PLAN_STOPPED": "Canceled: its plan was stopped.",
    "TIME_OVER": "It waited until its time was over.",
    "OTHER_OF_PAIR_SET_OFF": "Canceled: the market reached the price of the other order of the pair.",
    "OTHER_FILLED_ALL": "Not sent: what it was to take was filled by the order before it.",
    "REPLACED": "Canceled: its owner changed it, and the changed order takes its place.",
    "REJECTED_BY_VENUE": "The venue refused this order and gave no reason.",
    "CANCELED_BY_VENUE": "The venue cancelled what was left of this order.",
    "EXPIRED_AT_VENUE": "What the market did not take at once has lapsed at the venue.",
    "LIVE_TRADING_OFF": "This portfolio trades real money and opens nothing until you turn live trading on.",
    "ACCOUNT_NOT_READY": "The key of this portfolio's exchange account cannot be used; its page says what to do.",
    "ACCOUNT_NOT_RECONCILED": "Nothing is opened until orders, fills and balances were compared with the exchange; that takes seconds.",
    "INSTRUMENT_NOT_ON_VENUE": "{symbol} is not traded on this portfolio's exchange account.",
    "INSUFFICIENT_FUNDS": "The exchange says that the account's free balance does not cover this order.",
    "CREDENTIALS_REFUSED": "The exchange refused the key of the account.",
    "NO_EQUITY": "Skipped: there is no equity to size the copy by.",
    "PRICE_WORSE_THAN_LEADS": "Not bought: {symbol} costs more than the lead paid, and it was to be no worse.",
    "FOLLOW_FROZEN": "Skipped: events of the lead are missing; nothing opens until the follow was compared with the lead.",
    "KEPT_BELOW_MINIMUM": "Skipped: {value} {quote} is below the smallest copy of {smallest} {quote} at {venue}; kept for 24 h and"
    " added to the next order.",
    "MISSED_PRICE_CAP": "Missed: the market was beyond {limit} {quote}, as far as your price cap lets a copy of this trade go.",
    "MISSED_TOO_OLD": "Missed: the lead's trade was too old when it could be copied.",
    "MISSED_WIDE_SPREAD": "Missed: the spread of {symbol} was wider than you accept.",
    "MISSED_VENUE_DOWN": "Missed: {venue} could not be reached or heard.",
    "SYMBOL_DENIED": "Skipped: {symbol} is on this follow's deny list.",
    "SYMBOL_NOT_ALLOWED": "Skipped: {symbol} is not on this follow's allow list.",
    "COPIED_POSITIONS_FULL": "Skipped: as many positions are open as this follow may have.",
    "PROTECTIVE_STOP": "Sold by the protective stop at {venue}: the price came as far from the entry as the follower had chosen."
    " It counts as an exit of the follower's own, and is not bought back.",
    "PROTECTION_MOVED": "Canceled: what it protects has changed; the next protective stop takes its place.",
    "PROTECTION_OVER": "Canceled: there is nothing left that it should protect.",
    "PROTECTION_TOO_SMALL": "Not placed: {quantity} {base} is less than {venue} takes as a stop (at least {min_notional} {quote} at"
    " its price, and {min_quantity} {base}). So much is not protected at the exchange; the copy stop guards it here.",
    "COPIES_OF_DAY_USED": "Skipped: as many copies were opened as a day may have; the next day begins at midnight UTC.",
}

# Of a follow: why it was paused or ended by somebody else than its owner.
_FOLLOWS = {
    "COPY_STOP_LOSS": "Its copy stop was reached: everything is sold, and it does not start again by itself.",
    "FOLLOW_DAILY_LOSS": "It lost as much today as one day may: nothing new is copied until you resume it.",
    "LEAD_LEFT": "The lead trades no more: what was copied is sold at the market.",
    "KEY_REVOKED": "The key of its exchange account was taken away: what it can still sell is sold.",
    "SUBSCRIPTION_ENDED": "Its subscription has ended: nothing new is copied.",
    "EXITS_OVERDUE": "The lead did not sell within seven days: what is left is sold at the market.",
    "WAITING_UNFUNDED": "There was room, but the money had left the portfolio that was to fund it.",
}


def follow_reason(code: str) -> str:
    """Return a sentence for a follow's code; "" where its owner wished so."""
    return _FOLLOWS.get(code, "")


# Of the limits that a portfolio's owner has set, on its risk page.
_LIMITS = {
    "INSTRUMENT_ON_DENY_LIST": "{symbol} is on this portfolio's deny list.",
    "INSTRUMENT_NOT_ON_ALLOW_LIST": "{symbol} is not on this portfolio's allow list.",
    "DRAWDOWN_LIMIT": "The drawdown has reached its limit; nothing new opens until the cool-down is over.",
    "WEEKLY_LOSS_LIMIT": "This week's loss has reached its limit; nothing new opens before Monday.",
    "DAILY_LOSS_LIMIT": "Today's loss has reached its limit; nothing new opens before midnight UTC.",
    "TRADE_LOSS_LIMIT": "An open position has lost as much as one may; nothing is added.",
    "LIQUIDATION_TOO_NEAR": "What is held could fall too little before equity is gone; close some of it.",
    "LOSSES_IN_A_ROW": "Too many trades lost in a row; opening waits for the pause to end.",
    "TOO_MANY_STOPS": "Too many stops were hit of late; opening waits until fewer count.",
    "COOLING_DOWN": "The last trade lost; opening waits for the cool-down to end.",
    "LOW_PROFIT_INSTRUMENT": "{symbol} has earned too little of late to be opened again.",
    "TOO_MANY_POSITIONS": "As many positions are open as may be; close one first.",
    "TOO_MANY_ORDERS_A_MINUTE": "Too many opens within a minute; wait a moment.",
    "TOO_MANY_ORDERS_A_DAY": "As many opens as a day may have; the next day begins at midnight UTC.",
    "PRICE_TOO_OLD": "The price of {symbol} is older than this portfolio accepts.",
    "PRICE_BEYOND_COLLAR": "The market is too far from the price that this order was meant at.",
    "ORDER_NOTIONAL_LIMIT": "More than one order of this portfolio may be worth; enter a smaller quantity.",
    "ORDER_SHARE_LIMIT": "A larger share of equity than one order may be; enter a smaller quantity.",
    "POSITION_NOTIONAL_LIMIT": "The position would be worth more than one may; enter a smaller quantity.",
    "INSTRUMENT_SHARE_LIMIT": "{symbol} would be a larger share of equity than one instrument may be.",
    "ASSET_SHARE_LIMIT": "{base} would be a larger share of equity than one asset may be.",
    "CORRELATED_SHARE_LIMIT": "What moves together with {base} would be a larger share of equity than it may be.",
    "LEVERAGE_LIMIT": "All positions together would be more than this portfolio's leverage allows.",
    "RESERVE_LIMIT": "The emergency reserve must stay free; enter a smaller quantity.",
    "TRADE_RISK_LIMIT": "Its stop would cost more than one trade may lose; enter a smaller quantity.",
    "DAILY_LOSS_NEAR": "The day's loss nears its limit: an order may be half as large as usual.",
    "SLIPPAGE_LIMIT": "The order book is too thin for this quantity; enter a smaller one.",
    "CLIPPED_ORDER_NOTIONAL": "Cut down to what one order may be worth.",
    "CLIPPED_ORDER_SHARE": "Cut down to the share of equity that one order may be.",
    "CLIPPED_POSITION_NOTIONAL": "Cut down to what one position may be worth.",
    "CLIPPED_INSTRUMENT_SHARE": "Cut down to the share of equity that one instrument may be.",
    "CLIPPED_ASSET_SHARE": "Cut down to the share of equity that {base} may be.",
    "CLIPPED_CORRELATED_SHARE": "Cut down to the share of equity that may move together with {base}.",
    "CLIPPED_LEVERAGE": "Cut down to this portfolio's leverage.",
    "CLIPPED_LIQUIDATION": "Cut down to keep the distance to liquidation.",
    "CLIPPED_RESERVE": "Cut down to leave the emergency reserve free.",
    "CLIPPED_TRADE_RISK": "Cut down to what its stop may cost.",
    "CLIPPED_NEAR_DAILY_LOSS": "Halved: the day's loss nears its limit.",
    "CLIPPED_SLIPPAGE": "Cut down to what the order book holds near its best price.",
}
_WORDS |= _LIMITS

_WORDS |= {
    "OPPOSITE_SIDE_ON_ACCOUNT": "Something else on this exchange account stands on the other side of {symbol}, and the exchange"
    " knows one net position only; close that first, or use another account.",
    "TERMS_DIFFER_ON_ACCOUNT": "Something else on this exchange account holds {symbol} with another leverage or margin mode, and"
    " the exchange knows one; choose the same, or use another account.",
    "TERMS_REFUSED_BY_VENUE": "The exchange refuses this leverage or margin mode for {symbol}; choose another. Its reason is among"
    " your notifications.",
    "LIQUIDATION": "Canceled: a position of this portfolio was being liquidated.",
    "LEVERAGE_TIER_LIMIT": "{symbol} does not allow this leverage for so large a position; ask for less, or lower the leverage.",
    "CLIPPED_TIER": "Cut down to what {symbol} allows at this leverage.",
}


def limit_in_words(code: str) -> str:
    """Return what a broken limit of a whole portfolio means; the code itself where it has no words."""
    return _LIMITS.get(code, code)


def is_limit(code: str) -> bool:
    """Say whether a code is of a limit that a portfolio's owner has set."""
    return code in _LIMITS


# A venue's reasons are its own, and many.
_LIQUIDATED = "Liquidated: the {symbol} position no longer carried its maintenance margin."
_VENUES_OWN = "The venue refused this order: {code}."


def explain(code: str, order: Order) -> str:
    """Return a sentence for an order's code; "" where there is nothing to explain."""
    if not code:
        return _LIQUIDATED.format(symbol=order.instrument.symbol) if order.cause_kind == CauseKind.LIQUIDATION else ""
    instrument = order.instrument
    market = instrument.market
    return _WORDS.get(code, _VENUES_OWN).format(
        code=code,
        symbol=instrument.symbol,
        base=market.base_id,
        quote=market.quote_id,
        min_quantity=f"{instrument.min_quantity.normalize():f}",
        min_notional=f"{instrument.min_notional.normalize():f}",
        **(_of_copy(order) if code in _WITH_FIGURES else {}),
    )


_WITH_FIGURES = (
    "KEPT_BELOW_MINIMUM",
    "MISSED_PRICE_CAP",
    "MISSED_VENUE_DOWN",
    "PROTECTIVE_STOP",
    "PROTECTION_TOO_SMALL",
)


def _of_copy(order: Order) -> dict[str, str]:
    """Return the figures that a copy was weighed by: its worth, the least that is sent, its limit, and the venue's name."""
    price, instrument = order.market_price or ZERO, order.instrument
    minimum = venue_minimum(
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
        price=price,
    )
    return {
        "value": f"{order.requested_quantity * price:.2f}",
        "smallest": f"{smallest_order(minimum):.2f}",
        "limit": f"{(order.limit_price or ZERO).normalize():f}",
        "venue": instrument.exchange.name,
        "quantity": f"{order.requested_quantity.normalize():f}",
    }


_ENDING = {
    "TRADING_HALTED": "The exchange is asked to cancel it: trading is halted.",
    "SUPERSEDED_BY_EXIT": "The exchange is asked to cancel it: an exit takes what it would sell.",
    "OTHER_OF_PAIR_FILLED": "The exchange is asked to cancel it: the other order of the pair was filled.",
    "OTHER_OF_PAIR_SET_OFF": "The exchange is asked to cancel it: the market reached the price of the other of the pair.",
    "REPLACED": "The exchange is asked to cancel it; the changed order is sent when it has ended.",
    "PROTECTION_MOVED": "The exchange is asked to cancel it; the next protective stop takes its place when it has ended.",
    "PROTECTION_OVER": "The exchange is asked to cancel it: there is nothing left that it should protect.",
    "TIME_OVER": "The exchange is asked to cancel it: its time is over.",
}


def explain_cancel(code: str) -> str:
    """Return what is under way with an order that is to be canceled at its exchange; "" where it is not."""
    return _ENDING.get(code, "The exchange is asked to cancel it.") if code else ""


CAUSES = {
    CauseKind.HAND: "By hand",
    CauseKind.RUN: "Strategy",
    CauseKind.TRIGGER: "Stop loss",
    CauseKind.VENUE: "At the exchange",
    CauseKind.LEAD_EVENT: "Copied",
    CauseKind.FOLLOW_COMMAND: "By the follow",
    CauseKind.CLOSE_ALL: "Close everything",
    CauseKind.BRACKET: "Bracket",
    CauseKind.PLAN: "Plan",
    CauseKind.SIGNAL: "Signal",
    CauseKind.LIQUIDATION: "Liquidation",
    CauseKind.PROTECTION: "Protective stop",
}


def cause_in_words(order: Order) -> str:
    """Return who or what asked for an order."""
    return CAUSES[CauseKind(order.cause_kind)]


def in_words(orders: Iterable[Order]) -> list[dict[str, Any]]:
    """Return orders with who asked for them, and why they did not run as asked."""
    return [{"order": one, "cause": cause_in_words(one), "reason": explain(one.code, one)} for one in orders]


_LEVELS = {
    SafetyLevel.HALTED: "All trading is halted: exits pass, new positions do not.",
    SafetyLevel.REDUCING: "Only exits pass at the moment: new positions wait until trading is active again.",
}


def halt_in_words(switch: SafetySwitch | None) -> str:
    """Return what the platform's switch means for everybody, with the operator's reason; "" while trading is active."""
    if switch is None or switch.level == SafetyLevel.ACTIVE:
        return ""
    return f"{_LEVELS[SafetyLevel(switch.level)]} {switch.reason}".rstrip()
