"""The limits on what is open: whether they are broken now, and at which price of the one thing held they would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from engine.decimals import ONE, ZERO, money
from engine.risk.limits import Limits, companion
from engine.risk.marks import Marks, monday


@dataclass(frozen=True, slots=True)
class Held:
    """A position: signed quantity, what it cost (same sign), and what it is worth now, in quote units."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is broken: the loss (or distance) and its limit, and until when nothing opens (market time)."""

    code: str
    value: Decimal
    limit: Decimal
    until: datetime


def breach_of(limits: Limits, marks: Marks, now: datetime, equity: Decimal, held: Sequence[Held]) -> Breach | None:
    """Return the broken limit that pauses longest; None where all hold."""
    pause = now + timedelta(minutes=int(companion(limits, "pause_minutes")))
    checks = (
        ("DRAWDOWN_LIMIT", limits.max_drawdown, marks.peak_equity, marks.peak_equity - equity, pause),
        ("WEEKLY_LOSS_LIMIT", limits.max_weekly_loss, marks.week_equity, marks.week_equity - equity, next_week(now)),
        ("DAILY_LOSS_LIMIT", limits.max_daily_loss, marks.day_equity, marks.day_equity - equity, next_day(now)),
        ("TRADE_LOSS_LIMIT", limits.max_trade_loss, equity, worst_loss(held), pause),
    )
    found = [
        Breach(code, loss, share * base, until)
        for code, share, base, loss, until in checks
        if share is not None and loss > ZERO and loss >= share * base
    ]
    if near := _near_liquidation(limits, equity, held, pause):
        found.append(near)
    return max(found, key=lambda breach: breach.until, default=None)


def worst_loss(held: Sequence[Held]) -> Decimal:
    """Return the greatest unrealized loss of one position; 0 where none loses."""
    return max((one.cost - one.value for one in held), default=ZERO)


def _near_liquidation(limits: Limits, equity: Decimal, held: Sequence[Held], pause: datetime) -> Breach | None:
    least, exposure = limits.min_liquidation_ratio, sum((abs(one.value) for one in held), ZERO)
    if least is None or not exposure or equity >= least * exposure:
        return None
    return Breach("LIQUIDATION_TOO_NEAR", equity / exposure, least, pause)


def next_day(now: datetime) -> datetime:
    """Return the next midnight (UTC)."""
    return datetime.combine(now.date() + timedelta(days=1), time(), UTC)


def next_week(now: datetime) -> datetime:
    """Return the next Monday's midnight (UTC)."""
    return datetime.combine(monday(now.date()) + timedelta(days=7), time(), UTC)


def breaking_price(limits: Limits, marks: Marks, cash: Decimal, held: Held) -> Decimal | None:
    """Return the price at which a portfolio that holds this alone breaks a limit: at or below it for a long, at or above for a short.

    Whoever meets it looks again with `breach_of`, which alone decides. None where no price breaks one.
    """
    quantity = held.quantity
    floors = [
        base * (ONE - share)
        for share, base in (
            (limits.max_drawdown, marks.peak_equity),
            (limits.max_weekly_loss, marks.week_equity),
            (limits.max_daily_loss, marks.day_equity),
        )
        if share is not None
    ]
    prices = [(floor - cash) / quantity for floor in floors]
    if (share := limits.max_trade_loss) is not None:
        # cost - q x p = share x (cash + q x p)
        prices.append((held.cost - share * cash) / (quantity * (ONE + share)))
    if (least := limits.min_liquidation_ratio) is not None and least * abs(quantity) != quantity:
        # cash + q x p = least x |q| x p
        prices.append(cash / (least * abs(quantity) - quantity))
    possible = [price for price in prices if price > ZERO]
    if not possible:
        return None
    return money(max(possible) if quantity > ZERO else min(possible))
