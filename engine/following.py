"""What a follow is guarded by, and how many may follow a lead (copy-trading rules 26 to 28 and 33)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from engine.decimals import ZERO, money
from engine.risk.marks import carried

# What a copy stop may be set to: the part of the copied capital that may be lost before everything is closed.
LEAST_STOP, MOST_STOP = Decimal("0.05"), Decimal("0.95")
# And the least that a day may lose before it pauses.
LEAST_DAILY = Decimal("0.005")
# Below it a lead's ratio is too coarse to be copied.
LEAST_LEAD_EQUITY = Decimal(500)
# Followers by the lead's equity, in quote units, greatest first.
FOLLOWERS = ((Decimal(5_000), 500), (Decimal(1_000), 300), (LEAST_LEAD_EQUITY, 100))
CAPITAL_PER_EQUITY = Decimal(100)
# Of an instrument's median turnover in a day, what all followers together may trade without moving it.
TURNOVER_SHARE = Decimal("0.01")


class StopKind(StrEnum):
    """Whether a copy stop stays where the capital put it, or rises with what the follow has been worth."""

    FIXED = "FIXED"
    TRAILING = "TRAILING"


@dataclass(frozen=True, slots=True)
class Guards:
    """Shares (0–1) that may be lost, realized and floating; None: not guarded.

    `daily_loss` is of the day's first equity and pauses; `stop` is of the copied capital, closes everything and ends the follow.
    """

    daily_loss: Decimal | None = Decimal("0.05")
    stop: Decimal | None = Decimal("0.40")
    kind: StopKind = StopKind.FIXED


DEFAULT_GUARDS, NO_GUARDS = Guards(), Guards(None, None)


@dataclass(frozen=True, slots=True)
class FollowMarks:
    """What a follow's losses are measured from, in quote units, as of `day` (UTC, market time).

    `capital` is what was contributed, `peak` the most it has been worth; both move in proportion with money that comes or
    goes, so that a flow is neither a gain nor a loss. `net_deposits` is what had been contributed when they last moved.
    """

    day: date
    day_equity: Decimal
    capital: Decimal
    peak: Decimal
    net_deposits: Decimal


def first_follow_marks(now: datetime, amount: Decimal) -> FollowMarks:
    """Return the marks of a follow that begins with `amount`."""
    return FollowMarks(now.date(), amount, amount, amount, amount)


def follow_marks_at(marks: FollowMarks, now: datetime, equity: Decimal, net_deposits: Decimal) -> FollowMarks:
    """Return the marks as they are now: flows carried in, a new day begun, a new height reached."""
    if flow := net_deposits - marks.net_deposits:
        marks = FollowMarks(
            marks.day,
            carried(marks.day_equity, equity, flow),
            carried(marks.capital, equity, flow),
            carried(marks.peak, equity, flow),
            net_deposits,
        )
    if now.date() > marks.day:
        marks = replace(marks, day=now.date(), day_equity=equity)
    return replace(marks, peak=max(marks.peak, equity))


def stop_level(guards: Guards, marks: FollowMarks) -> Decimal | None:
    """Return the equity at or below which everything is closed; None without a copy stop.

    >>> marks = first_follow_marks(datetime(2024, 1, 1), Decimal(1000))
    >>> stop_level(Guards(), marks) == 600
    True
    >>> stop_level(Guards(kind=StopKind.TRAILING), replace(marks, peak=Decimal(1500))) == 1100
    True
    """
    if guards.stop is None:
        return None
    base = marks.peak if guards.kind is StopKind.TRAILING else marks.capital
    return max(money(base - guards.stop * marks.capital), ZERO)


def stop_level_after(guards: Guards, marks: FollowMarks, equity: Decimal, flow: Decimal) -> Decimal | None:
    """Return where the copy stop will stand once `flow` has been paid in (negative: taken out): shown before it is confirmed."""
    net_deposits = marks.net_deposits + flow
    day = datetime.combine(marks.day, datetime.min.time())
    return stop_level(guards, follow_marks_at(marks, day, equity + flow, net_deposits))


def guard_hit(guards: Guards, marks: FollowMarks, equity: Decimal) -> str:
    """Return the code of the guard that the equity breaks, the one that ends the follow first; "" where all hold."""
    level = stop_level(guards, marks)
    if level is not None and equity <= level:
        return "COPY_STOP_LOSS"
    lost = marks.day_equity - equity
    if guards.daily_loss is not None and lost > ZERO and lost >= guards.daily_loss * marks.day_equity:
        return "FOLLOW_DAILY_LOSS"
    return ""


def is_stop_share(share: Decimal) -> bool:
    """Say whether a copy stop may be set to this share."""
    return share.is_finite() and LEAST_STOP <= share <= MOST_STOP


def most_followers(lead_equity: Decimal) -> int:
    """Return how many may follow a lead of this equity at the same time.

    >>> [most_followers(Decimal(equity)) for equity in (499, 500, 1000, 5000)]
    [0, 100, 300, 500]
    """
    return next((count for equity, count in FOLLOWERS if lead_equity >= equity), 0)


def most_capital(lead_equity: Decimal, median_turnovers: list[Decimal]) -> Decimal:
    """Return how much may be copied from a lead: by its equity, and by the thinnest market that it trades.

    `median_turnovers`: of each market, what is traded there on a median day, in quote units.
    """
    limits = [max(lead_equity, ZERO) * CAPITAL_PER_EQUITY, *(one * TURNOVER_SHARE for one in median_turnovers)]
    return money(min(limits))
