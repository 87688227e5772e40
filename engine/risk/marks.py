"""What a portfolio's losses are measured from: its equity at the start of the day and week, and its highest; all by market time.

Money that is paid in or taken out moves the marks in proportion, so that it is neither a gain nor a loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from engine.decimals import ZERO, money


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks as of `day` (UTC) and its week; `net_deposits` is what had been contributed when they were last moved."""

    day: date
    day_equity: Decimal
    week_equity: Decimal
    peak_equity: Decimal
    net_deposits: Decimal


def first_marks(now: datetime, equity: Decimal, net_deposits: Decimal) -> Marks:
    """Return the marks of a portfolio that is looked at for the first time."""
    return Marks(now.date(), equity, equity, equity, net_deposits)


def moved(marks: Marks, now: datetime, equity: Decimal, net_deposits: Decimal) -> Marks:
    """Return the marks as they are now: flows carried in, a new day or week begun, a new height reached."""
    marks = _with_flow(marks, equity, net_deposits)
    if now.date() > marks.day:
        new_week = monday(now.date()) > monday(marks.day)
        marks = replace(marks, day=now.date(), day_equity=equity, week_equity=equity if new_week else marks.week_equity)
    return replace(marks, peak_equity=max(marks.peak_equity, equity))


def _with_flow(marks: Marks, equity: Decimal, net_deposits: Decimal) -> Marks:
    flow = net_deposits - marks.net_deposits
    if not flow:
        return marks
    day, week, peak = (carried(one, equity, flow) for one in (marks.day_equity, marks.week_equity, marks.peak_equity))
    return Marks(marks.day, day, week, peak, net_deposits)


def carried(mark: Decimal, equity: Decimal, flow: Decimal) -> Decimal:
    """Return a mark moved in proportion by a flow of money that `equity` has in it already."""
    before = equity - flow
    return money(mark * equity / before) if before > ZERO and equity > ZERO else max(mark + flow, ZERO)


def monday(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=day.weekday())
