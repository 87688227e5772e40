"""Why an order did not run as asked: its code in words, the facts that it was judged on, and what its owner can do."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse

from common import display
from trading.codes import explain, is_limit
from trading.models import Order, OrderState
from trading.risk.models import RiskDecision
from trading.risk.selectors import decision_on


@dataclass(frozen=True, slots=True)
class Why:
    """`facts` are (label, figure in words); `advice` says what to do, `href` and `label` lead there ("" where nothing helps)."""

    title: str
    code: str
    words: str
    facts: tuple[tuple[str, str], ...]
    advice: str = ""
    href: str = ""
    label: str = ""


# Code -> what to do, where, and what the link says. Where only waiting or another order helps, there is no link.
_ADVICE = {
    "INSUFFICIENT_BALANCE": ("Pay money in, or ask for less.", "portfolios:deposit", "Deposit"),
    "CLIPPED_BALANCE": ("Pay money in before the next one.", "portfolios:deposit", "Deposit"),
    "TRADING_HALTED": ("See who halted it, and resume what is yours.", "portfolios:risk", "Switches"),
    "TRADING_REDUCING": ("See what pauses it and until when.", "portfolios:risk", "Switches"),
    "LIVE_TRADING_OFF": ("Turn live trading on, on the portfolio's page.", "portfolios:detail", "Portfolio"),
    "PRICE_UNKNOWN": ("Wait for the market's first price.", "markets:instrument", "Market"),
    "EQUITY_STALE": ("Wait until prices move again.", "markets:instrument", "Market"),
    "INSTRUMENT_NOT_TRADABLE": ("Choose another market.", "markets:list", "Markets"),
    "INSTRUMENT_NOT_ALLOWED": ("Choose a market that this portfolio may trade.", "portfolios:detail", "Portfolio"),
    "ACCOUNT_NOT_READY": ("Look at the account's key.", "exchange_accounts:detail", "Exchange account"),
    "ACCOUNT_NOT_RECONCILED": ("Wait for the comparison, or see what differs.", "exchange_accounts:detail", "Account"),
    "OPPOSITE_SIDE_ON_ACCOUNT": ("See what this account holds there.", "exchange_accounts:detail", "Exchange account"),
    "TERMS_DIFFER_ON_ACCOUNT": ("Choose what the others have, from this portfolio.", "portfolios:detail", "Portfolio"),
    "TERMS_REFUSED_BY_VENUE": ("Choose another leverage or margin mode.", "portfolios:detail", "Portfolio"),
    "CREDENTIALS_REFUSED": ("Put another key in.", "exchange_accounts:detail", "Exchange account"),
    "FOLLOW_PAUSED": ("Resume the follow to copy the next trade.", "portfolios:detail", "The follow"),
    "KEPT_BELOW_MINIMUM": ("More money in this portfolio makes its copies larger.", "portfolios:deposit", "Deposit"),
    "FOLLOW_FROZEN": ("Look at what would bring it in step.", "portfolios:detail", "The follow"),
    "MISSED_PRICE_CAP": ("A wider price cap copies more, at worse prices.", "portfolios:detail", "The follow"),
    "NO_EQUITY": ("Money in this portfolio lets the next copy be sized.", "portfolios:detail", "Portfolio"),
    "QUANTITY_BELOW_MINIMUM": ("Ask for at least the smallest quantity.", "", ""),
    "NOTIONAL_BELOW_MINIMUM": ("Ask for more, so that it is worth the venue's minimum.", "", ""),
    "NOTHING_TO_CLOSE": ("There is nothing to do: nothing is held.", "", ""),
    "NOT_FILLED_AT_ONCE": ("Let it wait (until canceled), or name a price nearer to the market.", "", ""),
    "POST_ONLY_WOULD_CROSS": ("Name a price on its own side of the market, or let it take.", "", ""),
}
_LIMIT_ADVICE = ("Wait until the limit allows it, or change the limit.", "portfolios:risk_limits", "Limits")
_KEYS = {"portfolios": "portfolio_id", "exchange_accounts": "account_id", "markets:instrument": "instrument_id"}


def why_of(order: Order) -> Why | None:
    """Return why an order (read with portfolio and instrument) did not run as asked; None where it did."""
    if not order.code:
        return None
    advice, name, label = _ADVICE.get(order.code, _LIMIT_ADVICE if is_limit(order.code) else ("", "", ""))
    href = _address(name, order) if name else ""
    return Why(
        _title(order), order.code, explain(order.code, order), _facts(order), advice, href, label if href else ""
    )


def _title(order: Order) -> str:
    if order.state == OrderState.DENIED:
        return "Why it was denied"
    return "Why it was cut" if order.code.startswith("CLIPPED") else "Why it ended so"


def _address(name: str, order: Order) -> str:
    """Return where an advice leads; "" where the order has nothing of the kind."""
    keys = {
        "portfolio_id": order.portfolio_id,
        "account_id": order.portfolio.account_id,
        "instrument_id": order.instrument_id,
    }
    wanted = _KEYS.get(name, _KEYS.get(name.partition(":")[0]))
    if wanted is None:
        return reverse(name)
    return reverse(name, kwargs={wanted: keys[wanted]}) if keys[wanted] else ""


def _facts(order: Order) -> tuple[tuple[str, str], ...]:
    """Return what an order was judged on, as far as it was written down."""
    instrument, market = order.instrument, order.instrument.market
    base, quote = f" {market.base_id}", f" {market.quote_id}"
    facts = [("Asked for", _figure(order.requested_quantity, base)), ("Let through", _figure(order.quantity, base))]
    if order.market_price is not None:
        facts.append(("Market's price then", _figure(order.market_price, quote)))
        facts.append(("Worth at that price", display.money(order.requested_quantity * order.market_price) + quote))
    if order.code == "QUANTITY_BELOW_MINIMUM":
        facts.append(("Smallest quantity", _figure(max(instrument.min_quantity, instrument.lot_step), base)))
    if order.code == "NOTIONAL_BELOW_MINIMUM":
        facts.append(("Smallest worth", _figure(instrument.min_notional, quote)))
    decision = decision_on(order)
    return (*facts, *(_of_limit(decision) if decision else ()))


def _of_limit(decision: RiskDecision) -> tuple[tuple[str, str], ...]:
    figures = (("The figure that met its limit", decision.value), ("Its limit", decision.limit))
    told = [(label, _figure(value)) for label, value in figures if value is not None]
    return (*told, ("Judged at, market time", f"{decision.happened_at:%Y-%m-%d %H:%M:%S} UTC"))


def _figure(value: Decimal, unit: str = "") -> str:
    return display.amount(value, 8) + unit
