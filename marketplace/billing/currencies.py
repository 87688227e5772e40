"""What may be charged in: each currency's minor units, the processor's smallest charge, and our largest price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from common.errors import DomainError


@dataclass(frozen=True, slots=True)
class Currency:
    """`places`: decimals of its minor unit. `least`: the processor's smallest charge, in minor units."""

    code: str
    places: int
    least: int


CURRENCIES = {
    one.code: one
    for one in (
        Currency("usd", 2, 50),
        Currency("eur", 2, 50),
        Currency("gbp", 2, 30),
        Currency("chf", 2, 50),
        Currency("jpy", 0, 50),
    )
}
# What nobody means to ask for a month or a year of copying.
MOST = Decimal(10_000)
# Assets that profit is shared in and that are invoiced one to one in dollars.
DOLLARS = frozenset({"USD", "USDT", "USDC", "DAI", "TUSD", "FDUSD", "PYUSD", "USDE"})
SHARE_CURRENCY = "usd"


def currency_of(code: str) -> Currency:
    """Return a currency by its code in any case, or say which there are."""
    found = CURRENCIES.get(code.lower())
    if found is None:
        known = ", ".join(CURRENCIES).upper()
        raise DomainError("CURRENCY_UNKNOWN", f"Prices can be in {known}.", {"field": "currency"})
    return found


def minor_units(amount: Decimal, code: str) -> int:
    """Return a price in whole minor units, or say what is wrong with it."""
    currency = currency_of(code)
    least = as_amount(currency.least, code)
    if not amount.is_finite() or amount < least or amount > MOST:
        message = f"Choose a price from {least} to {MOST:,} {code.upper()}."
        raise DomainError("PRICE_OUT_OF_RANGE", message, {"field": "amount", "least": str(least), "most": str(MOST)})
    return minor_of(amount, code)


def minor_of(amount: Decimal, code: str) -> int:
    """Return an amount in whole minor units, or say that it is too fine."""
    found = CURRENCIES.get(code.lower())
    places = found.places if found else 2
    minor = amount.scaleb(places)
    if not amount.is_finite() or abs(amount) > MOST * 100 or minor != int(minor):
        message = f"An amount in {code.upper()} has at most {places} decimals."
        raise DomainError("AMOUNT_TOO_FINE", message, {"field": "amount"})
    return int(minor)


def as_amount(minor: int, code: str) -> Decimal:
    """Return minor units as the amount that people read; of a currency that we do not sell in, with two decimals."""
    found = CURRENCIES.get(code.lower())
    return Decimal(minor).scaleb(-(found.places if found else 2))


def written(minor: int, code: str) -> str:
    """Return minor units in words: "12.50 USD"."""
    return f"{as_amount(minor, code):,} {code.upper()}"
