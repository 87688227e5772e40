"""What guards were worth in a replay: where each should have acted, where it did, and by how much a follow ended beyond it.

Everything is computed anew from fills and from the prices that were seen, beside the code that guards; the sum is exact:
beyond the level = the market's own gap + its way while the venue kept us waiting + spread and fees + an excess. The excess
is what the platform owes, and has to be nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.models import AuditEntry
from common.fields import canonical
from engine.decimals import ZERO, money
from engine.following import FollowMarks, first_follow_marks, follow_marks_at, guard_hit, stop_level
from markets.prices import latest_prices
from portfolios.models import Position
from strategies.replay.cast import Cast
from trading.follow_models import StopMode
from trading.models import CauseKind, Fill, Follow, FollowState, LeadEvent, LeadEventState, Leg
from trading.rules import price_and_fee
from trading.services.follow_guards import guards_of
from trading.services.follows import EXIT_AGAIN

Prices = Mapping[UUID, Decimal]
# What is left of a follow that was closed is worth less than this (quote units).
_DUST = Decimal(5)


@dataclass(slots=True)
class Looks:
    """What was seen while candles were walked: prices by moment, at which of them guards were looked at, and what they hit."""

    moments: list[datetime] = field(default_factory=list)
    prices: list[dict[UUID, Decimal]] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)
    hits: defaultdict[UUID, list[int]] = field(default_factory=partial(defaultdict, list))

    def see(self, at: datetime, prices: Prices) -> int:
        """Note the prices of a moment (those that are not named stay as they were); return its number."""
        if not self.moments or self.moments[-1] != at:
            self.moments.append(at)
            self.prices.append(dict(self.prices[-1]) if self.prices else {})
        self.prices[-1] |= prices
        return len(self.moments) - 1

    def look(self, at: datetime, prices: Prices, hit: Sequence[UUID]) -> None:
        """Note a look at all guards, and the follows of which it found one hit."""
        number = self.see(at, prices)
        self.looked.append(number)
        for follow_id in hit:
            self.hits[follow_id].append(number)

    def number_of(self, at: datetime) -> int:
        """Return the number of the moment in which something happened."""
        return bisect_right(self.moments, at) - 1

    def number_before(self, at: datetime) -> int:
        """Return the number of the moment whose prices were the newest just before then."""
        return bisect_left(self.moments, at) - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """One guard of one follower. Amounts in quote units; what it did not come to is None.

    `beyond` is how far the follow ended below the level, `gap` how far the market had jumped below it when it was looked at,
    `waited` the market's way while the venue refused or did not answer, `costs` spread and fees of the exits.
    """

    follower: int
    guard: str
    limit: Decimal
    level: Decimal | None = None
    due_at: datetime | None = None
    fired_at: datetime | None = None
    times_fired: int = 0
    equity_seen: Decimal | None = None
    equity_at_end: Decimal | None = None
    beyond: Decimal | None = None
    gap: Decimal | None = None
    waited: Decimal | None = None
    costs: Decimal | None = None
    excess: Decimal | None = None
    wrong: str = ""

    def as_json(self) -> dict[str, Any]:
        values = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: _plain(value) for name, value in values}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class Wait:
    """The venue refused something, or had to be asked, at the prices of a moment; then it was `now`."""

    moment: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Weather:
    """What befell orders on their way: how the venue kept each portfolio waiting, at which moment what was unanswered at first had been
    sent (by order), and how many times as wide as usual spreads were at a moment. By default: nothing did.
    """

    waited: Mapping[UUID, Sequence[Wait]] = field(default_factory=dict)
    sent: Mapping[UUID, datetime] = field(default_factory=dict)
    widened: Callable[[datetime], int] = lambda at: 1


@dataclass(frozen=True, slots=True)
class Guarded:
    """A replay whose guards were watched: what was seen, and the weather with the faults that it had."""

    looks: Looks
    weather: Weather = field(default_factory=Weather)
    faults: Mapping[str, int] = field(default_factory=dict)


def readings_of(cast: Cast, looks: Looks, weather: Weather) -> list[Reading]:
    """Return what became of every guard of every follower."""
    fills: defaultdict[UUID, list[Fill]] = defaultdict(list)
    mine = Fill.objects.filter(portfolio__follow__in=cast.follows).order_by("portfolio", "number")
    for fill in mine.select_related("order__portfolio", "order__instrument__market", "instrument"):
        fills[fill.portfolio_id].append(fill)
    found: list[Reading] = []
    for number, follow in enumerate(cast.reloaded().select_related("guard", "lead")):
        found += _Book(follow, cast.amounts[number], fills[follow.portfolio_id], looks, weather).readings(number)
    return found


class _Book:
    """One follower's book, rebuilt from its fills: what it was worth at each look, and what its guards should have done."""

    def __init__(self, follow: Follow, amount: Decimal, fills: Sequence[Fill], looks: Looks, weather: Weather) -> None:
        self._follow, self._amount, self._fills = follow, amount, fills
        self._looks, self._weather = looks, weather
        self._guards = guards_of(follow.guard)
        self._waits = weather.waited.get(follow.portfolio_id, ())

    def readings(self, number: int) -> list[Reading]:
        due = self._due()
        fired = self._looks.hits.get(self._follow.pk, [])
        found = []
        if self._guards.daily_loss is not None:
            reading = Reading(number, "daily_loss", self._guards.daily_loss)
            found.append(self._fired(reading, due.get("FOLLOW_DAILY_LOSS"), fired, "FOLLOW_DAILY_LOSS"))
        if self._guards.stop is not None:
            reading = Reading(number, "copy_stop", self._guards.stop)
            reading = self._fired(reading, due.get("COPY_STOP_LOSS"), fired, "COPY_STOP_LOSS")
            found.append(self._weighed(reading, due.get("COPY_STOP_LOSS")))
        return found

    # --- when -----------------------------------------------------------------------------------------------------------
    def _due(self) -> dict[str, tuple[int, FollowMarks, Decimal]]:
        """Return by guard at which look it was hit first, with the marks and the equity then."""
        found: dict[str, tuple[int, FollowMarks, Decimal]] = {}
        marks = first_follow_marks(self._follow.started_at, self._amount)
        guards, walked = self._guards, _Walked(self._amount, self._fills)
        for look in self._looks.looked:
            at = self._looks.moments[look]
            equity = walked.equity(at, self._looks.prices[look])
            marks = follow_marks_at(marks, at, equity, self._amount)
            code = guard_hit(guards, marks, equity)
            if code and code not in found:
                found[code] = look, marks, equity
                # A day's loss pauses once; the copy stop is the end.
                guards = replace(guards, daily_loss=None)
            if code == "COPY_STOP_LOSS":
                break
        return found

    def _fired(
        self, reading: Reading, due: tuple[int, FollowMarks, Decimal] | None, fired: Sequence[int], code: str
    ) -> Reading:
        mine = [look for look in fired if due is not None and look == due[0]]
        told = self._told(code)
        reading = replace(reading, times_fired=told, fired_at=self._at(mine[0]) if mine and told else None)
        if due is None:
            return replace(reading, wrong="It acted though nothing had hit it." if told else "")
        look, marks, equity = due
        reading = replace(reading, due_at=self._at(look), equity_seen=equity, level=self._level(code, marks))
        if told != 1:
            return replace(reading, wrong=f"It was hit, and acted {told} times.")
        if not mine:
            return replace(reading, wrong="It acted at another look than the one that hit it.")
        late = self._opened_since(self._at(look))
        return replace(reading, wrong=f"{late} copies were opened after it." if late else "")

    def _told(self, code: str) -> int:
        hits = AuditEntry.objects.filter(action="follow.guard_hit", object_id=str(self._follow.pk))
        return sum((after or {}).get("code") == code for after in hits.values_list("after", flat=True))

    def _level(self, code: str, marks: FollowMarks) -> Decimal | None:
        if code == "COPY_STOP_LOSS":
            return stop_level(self._guards, marks)
        return marks.day_equity - (self._guards.daily_loss or ZERO) * marks.day_equity

    def _opened_since(self, at: datetime) -> int:
        return sum(fill.order.leg == Leg.OPEN and fill.order.created_at > at for fill in self._fills)

    def _at(self, number: int) -> datetime:
        return self._looks.moments[number]

    # --- by how much ------------------------------------------------------------------------------------------------------
    def _weighed(self, reading: Reading, due: tuple[int, FollowMarks, Decimal] | None) -> Reading:
        """Split what the follow ended beyond its level by, as of the look that hit it."""
        if due is None or reading.level is None:
            return reading
        look, _, seen = due
        shown, newest = self._looks.prices[look], self._looks.prices[-1]
        walked = _Walked(self._amount, self._fills)
        before = walked.until(self._at(look))
        waited = costs = owed = ZERO
        for fill in self._fills[before:]:
            part = self._parts(fill, look)
            waited, costs, owed = waited + part.waited, costs + part.costs, owed + part.owed
        end = walked.equity(None, newest)
        left = sum((abs(held) * newest[key] for key, held in walked.held.items()), ZERO)
        # What was not sold has gone on falling with the market: that is owed whole.
        owed += sum((held * (shown[key] - newest[key]) for key, held in walked.held.items()), ZERO)
        gap = reading.level - seen
        reading = replace(reading, equity_at_end=end, beyond=reading.level - end)
        reading = replace(reading, gap=gap, waited=waited, costs=costs, excess=owed)
        if reading.wrong:
            return reading
        return replace(reading, wrong=self._ended_badly(reading, left, gap + waited + costs + owed))

    def _parts(self, fill: Fill, look: int) -> _Parts:
        at = self._weather.sent.get(fill.order_id, fill.happened_at)
        sent = self._looks.number_of(at)
        # After the venue's last no it may be sent again when so much time has passed, at the prices of then.
        again = [self._looks.number_before(one.now + EXIT_AGAIN) for one in self._waits if one.moment <= at]
        chance = min(sent, max([look, *again]))
        prices = self._looks.prices
        key = fill.instrument_id
        widened = self._weather.widened(self._looks.moments[chance])
        return _Parts.of(fill, at_look=prices[look][key], chance=prices[chance][key], widened=widened)

    def _ended_badly(self, reading: Reading, left: Decimal, parts: Decimal) -> str:
        assert reading.beyond is not None and reading.excess is not None, "it was weighed"
        if self._follow.state != FollowState.STOPPED or left >= _DUST:
            return f"It is {self._follow.state} and still holds {money(left):f}."
        if reading.excess > ZERO:
            return f"It ended {money(reading.excess):f} beyond what the market's own gap explains."
        return "" if parts == reading.beyond else "Its parts do not sum to what it ended beyond its level by."


class _Walked:
    """A book as its fills make it, walked once from the first on."""

    def __init__(self, amount: Decimal, fills: Sequence[Fill]) -> None:
        self._fills, self._next, self.cash = fills, 0, amount
        self.held: defaultdict[UUID, Decimal] = defaultdict(Decimal)

    def until(self, at: datetime | None) -> int:
        """Take in what was filled by a moment (None: all of it), but for what a guard sold in it; return how many that was."""
        while self._next < len(self._fills):
            fill = self._fills[self._next]
            is_guards = fill.order.cause_kind == CauseKind.FOLLOW_COMMAND and fill.happened_at == at
            if at is not None and (fill.happened_at > at or is_guards):
                break
            self.cash -= fill.change * fill.price + fill.fee
            self.held[fill.instrument_id] += fill.change
            self._next += 1
        return self._next

    def equity(self, at: datetime | None, prices: Prices) -> Decimal:
        self.until(at)
        return self.cash + sum((held * prices[key] for key, held in self.held.items() if held), ZERO)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a fill after the look took off the equity that was seen: the market's way while we had to wait, costs, and the rest."""

    waited: Decimal
    costs: Decimal
    owed: Decimal

    @classmethod
    def of(cls, fill: Fill, *, at_look: Decimal, chance: Decimal, widened: int) -> _Parts:
        """`chance` is the market's price at which the venue could have filled it first, with spreads so many times as wide."""
        order = fill.order
        taken = fill.change * (fill.price - at_look) + fill.fee
        if order.leg == Leg.OPEN:
            # What was on its way as the guard acted belongs to the time before it.
            return cls(ZERO, taken, ZERO)
        waited = fill.change * (chance - at_look)
        order.portfolio.slippage_bps *= widened
        price, fee = price_and_fee(order, fill.quantity, chance, is_maker=False)
        order.portfolio.slippage_bps /= widened
        costs = fill.change * (price - chance) + fee
        return cls(waited, costs, taken - waited - costs)


def summary_of(readings: Sequence[Reading]) -> dict[str, str]:
    """Return the section in a few figures: how many guards acted, and the most that each part came to."""
    stops = [one for one in readings if one.beyond is not None]
    counts = Counter(one.guard for one in readings if one.times_fired)
    found = {f"{guard} fired": str(count) for guard, count in sorted(counts.items())}
    for name in ("beyond", "gap", "waited", "costs", "excess") if stops else ():
        found[f"most {name}"] = f"{money(max(getattr(one, name) for one in stops)):.4f}"
    return found


def guards_hold(readings: Sequence[Reading]) -> str:
    """Return "ok", or what is wrong: the line of a report's check."""
    wrong = [one for one in readings if one.wrong]
    if not wrong:
        return "ok"
    return f"{len(wrong)} errors; first: follower {wrong[0].follower}, {wrong[0].guard}: {wrong[0].wrong}"


def exits_got_through(cast: Cast) -> str:
    """Return "ok" where every follow is flat, but for dust, in what its lead is flat in; else the check's line."""
    # What the lead did with the last prices waits to be copied; what somebody keeps is theirs.
    waiting = LeadEvent.objects.filter(lead=cast.lead, state=LeadEventState.WAITING).values("instrument")
    led = set(
        Position.objects.filter(portfolio=cast.lead).exclude(quantity=ZERO).values_list("instrument_id", flat=True)
    )
    mine = Position.objects.filter(portfolio__follow__in=cast.follows).exclude(quantity=ZERO)
    mine = mine.exclude(Q(portfolio__follow__stop_mode=StopMode.KEEP) | Q(instrument__in=waiting))
    held = list(mine.exclude(instrument__in=led).select_related("instrument__market", "instrument__exchange"))
    prices = latest_prices(one.instrument for one in held)
    left = [one for one in held if one.quantity < ZERO or one.quantity * prices[one.instrument_id].price >= _DUST]
    return "ok" if not left else f"{len(left)} errors; first: {canonical(left[0].quantity)} held that the lead has sold"
