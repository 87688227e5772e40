"""What we say of orders beside what the venue says: which of ours to book, to end, to send again, or to ask about later.

Pure: a caller asks the venue, passes both sides, and carries out the steps. The law is that of unanswered orders: nothing
is sent again before the venue has definitely never heard of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
# Two "not found" that lie this far apart: what a venue's readers see lags behind what it has accepted, but not so long.
APART = timedelta(seconds=5)
# Of an order that it had, more is asked: venues drop orders that ended without a fill, but none that lives.
LONG_APART = timedelta(seconds=50)
# When the venue is asked about an order without an answer: first, then so many times at this distance, then now and then.
FIRST_ASK, NEXT_ASK, ASKS, LATER_ASK = timedelta(seconds=2), timedelta(seconds=5), 5, timedelta(minutes=1)


class Answer(Enum):
    """What the venue says of an order: nothing, that it knows none, that it lives, that it has come to its end."""

    SILENCE = "SILENCE"
    MISSING = "MISSING"
    ALIVE = "ALIVE"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Ours:
    """An order as our books have it, in base units.

    `closes_at` is when no request of ours can be accepted any more. `missing_since` is when the venue's first "not found"
    that counts had been heard. `is_unheard`: the venue has never shown that it knows the order.
    """

    filled: Decimal
    closes_at: datetime
    missing_since: datetime | None
    is_unheard: bool


@dataclass(frozen=True, slots=True)
class Theirs:
    """The same order as the venue has it; `reported` is what the fills in this answer come to, `filled` what it says in all."""

    answer: Answer
    filled: Decimal
    reported: Decimal


class Action(Enum):
    """WAIT: ask again later. BOOK its fills, and that it lives. END it as well. MARK the first "not found".

    RESEND what the venue has never had. LOSE what it had, and has forgotten: nothing will end it any more.
    """

    WAIT = "WAIT"
    BOOK = "BOOK"
    END = "END"
    MARK = "MARK"
    RESEND = "RESEND"
    LOSE = "LOSE"


@dataclass(frozen=True, slots=True)
class Step(Generic[Key]):
    key: Key
    action: Action


def reconcile(ours: Mapping[Key, Ours], theirs: Mapping[Key, Theirs], *, asked_at: datetime) -> list[Step[Key]]:
    """Return one step for each of our orders, in their order; an order that the answer leaves out was met with silence.

    `asked_at` is when the question left us, by the wall: the answer was true at that moment or later.
    """
    silence = Theirs(Answer.SILENCE, Decimal(0), Decimal(0))
    return [Step(key, _action(one, theirs.get(key, silence), asked_at)) for key, one in ours.items()]


def _action(ours: Ours, theirs: Theirs, asked_at: datetime) -> Action:
    if theirs.answer is Answer.MISSING:
        return _of_missing(ours, asked_at)
    if theirs.answer is Answer.ENDED and max(theirs.reported, ours.filled) >= theirs.filled:
        return Action.END
    # An end whose last fills are not told yet waits for them: its promise must not be freed before they are booked.
    is_news = theirs.reported > ours.filled or (theirs.answer is Answer.ALIVE and ours.is_unheard)
    return Action.BOOK if is_news else Action.WAIT


def _of_missing(ours: Ours, asked_at: datetime) -> Action:
    """Both answers count only if they were given when no request of ours could be accepted any more."""
    if asked_at < ours.closes_at:
        return Action.WAIT
    # A mark from before that moment was made on an earlier request.
    if ours.missing_since is None or ours.missing_since < ours.closes_at:
        return Action.MARK
    if ours.is_unheard:
        return Action.RESEND if asked_at >= ours.missing_since + APART else Action.WAIT
    return Action.LOSE if asked_at >= ours.missing_since + LONG_APART else Action.WAIT


def next_ask(times_asked: int) -> timedelta:
    """Return how long to wait before the venue is asked about an order again, after it was asked so many times."""
    if not times_asked:
        return FIRST_ASK
    return NEXT_ASK if times_asked <= ASKS else LATER_ASK
