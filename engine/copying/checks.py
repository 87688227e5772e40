"""What an open needs beside a size (rules 15 and 25), and the guards that cut it down instead of refusing it. Exits need none of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from engine.copying.settings import CopySettings
from engine.decimals import ONE, ZERO, floor_to_step


@dataclass(frozen=True, slots=True)
class OpenFacts:
    """What is known of an event and its follower as an open is sized. `spread` is 0-1 of the mid, None where there is no book."""

    symbol: str
    age: timedelta
    spread: Decimal | None
    venue_is_healthy: bool
    equity_is_stale: bool
    is_frozen: bool
    # Open positions, this instrument left out.
    other_positions: int
    orders_today: int
    is_paused: bool = False
    is_stopping: bool = False


def refusal_of(facts: OpenFacts, settings: CopySettings) -> str:
    """Return the code of the first reason not to open; "" where there is none."""
    reasons = (
        ("FOLLOW_PAUSED", facts.is_paused),
        ("FOLLOW_STOPPING", facts.is_stopping),
        ("FOLLOW_FROZEN", facts.is_frozen),
        ("SYMBOL_DENIED", facts.symbol in settings.denied),
        ("SYMBOL_NOT_ALLOWED", bool(settings.allowed) and facts.symbol not in settings.allowed),
        ("MISSED_TOO_OLD", facts.age > timedelta(seconds=int(settings.max_age_seconds))),
        ("MISSED_VENUE_DOWN", not facts.venue_is_healthy),
        ("MISSED_WIDE_SPREAD", facts.spread is not None and facts.spread > settings.max_spread),
        ("EQUITY_STALE", facts.equity_is_stale),
        ("COPIED_POSITIONS_FULL", facts.other_positions >= settings.max_positions),
        ("COPIES_OF_DAY_USED", facts.orders_today >= settings.max_orders_per_day),
    )
    return next((code for code, holds in reasons if holds), "")


@dataclass(frozen=True, slots=True)
class Book:
    """What a follower has as an open is cut to size: worth in quote units; `exposure` and `held` with what is on its way."""

    equity: Decimal
    exposure: Decimal
    held: Decimal
    price: Decimal
    lot_step: Decimal


# A lead who stakes exactly the share of a guard has a hair less equity after the fill, by its fee and the spread, and its
# followers' part is as much above that share: of a share, so much (0-1) more is the same share.
SHARE_TOLERANCE = Decimal("0.005")


def clipped(quantity: Decimal, book: Book, settings: CopySettings) -> tuple[Decimal, str]:
    """Return what the guards leave of an open, in whole lots, with the code of the tightest that cut it ("": none).

    >>> book = Book(Decimal(1_000), ZERO, ZERO, Decimal(100), Decimal("0.001"))
    >>> clipped(Decimal(3), book, CopySettings())
    (Decimal('2.000'), 'CLIPPED_ORDER_SHARE')
    >>> clipped(Decimal("2.001"), book, CopySettings())
    (Decimal('2.001'), '')
    """
    # Of each: what may be held in all, what of it is taken, how far beyond it is let through.
    caps = (
        (settings.max_order_share * book.equity, ZERO, SHARE_TOLERANCE, "CLIPPED_ORDER_SHARE"),
        (
            settings.max_instrument_share * book.equity,
            book.held * book.price,
            SHARE_TOLERANCE,
            "CLIPPED_INSTRUMENT_SHARE",
        ),
        (settings.max_leverage * book.equity, book.exposure, ZERO, "CLIPPED_LEVERAGE"),
    )
    wanted = quantity * book.price
    passed = [(most - used, code) for most, used, hair, code in caps if used + wanted > most * (ONE + hair)]
    if not passed:
        return quantity, ""
    worth, code = min(passed, key=lambda cap: cap[0])
    return floor_to_step(max(worth, ZERO) / book.price, book.lot_step), code
