"""What the rules of copying (docs/copy-trading.md) forbid at any moment, asked after each move of a simulation, by number.

Each rule is a method that yields what breaks it in words. Of a rule that says how something comes about, this is what is
left to be seen of it afterwards: that an open named no price beyond its cap, not how the cap was found. What a rule means
for the end of all is asked when the world has healed (`at_rest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple
from uuid import UUID

from common.fields import canonical
from common.ids import deterministic_id
from engine.copying.prices import is_within, price_cap
from engine.decimals import ZERO
from markets.models import Instrument, MarketKind
from portfolios.models import Position
from trading.follow_models import StopMode
from trading.kinds import OrderKind, TimeInForce
from trading.models import (
    IN_FLIGHT,
    UNFINISHED_FOLLOW,
    CauseKind,
    Follow,
    FollowState,
    LeadEvent,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.services.copy_orders import KEPT
from trading.services.copy_scenes import smallest_of

OLDEST_EVENT = timedelta(seconds=5)
# What a follow never comes back from, and what it never becomes again once it has begun.
_FINAL = {FollowState.STOPPED: {FollowState.STOPPED}, FollowState.STOPPING: {FollowState.STOPPING, FollowState.STOPPED}}
_BEGINNINGS = {FollowState.WAITING, FollowState.PENDING}


class _Follow(NamedTuple):
    id: UUID
    lead_id: UUID
    portfolio_id: UUID
    state: str
    stop_mode: str
    start_seq: int
    last_seq: int


class _Event(NamedTuple):
    id: int
    lead_id: UUID
    seq: int
    instrument_id: UUID
    price: Decimal
    closed_fraction: Decimal
    resulting_quantity: Decimal
    happened_at: datetime


class _Copy(NamedTuple):
    id: UUID
    follow_id: UUID
    cause_id: str
    instrument_id: UUID
    leg: str
    attempt: int
    seq: int
    side: str
    state: str
    code: str
    kind: str
    time_in_force: str
    limit_price: Decimal | None
    market_price: Decimal | None
    requested_quantity: Decimal
    quantity: Decimal
    average_price: Decimal
    closed_fraction: Decimal | None
    client_order_id: str
    created_at: datetime
    claimed_at: datetime | None

    @property
    def is_sized_open(self) -> bool:
        """Say whether it opens something, or did, or is about to: what was denied has no size, price or age to answer for."""
        return self.leg == Leg.OPEN and self.state != OrderState.DENIED


class _Seen(NamedTuple):
    """What there was after the move before."""

    follows: dict[UUID, _Follow]
    copies: set[UUID]


class CopyRules:
    """The rules of one simulation, with what they remember of the move before."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {one.pk: one for one in instruments}
        self._seen = _Seen({}, set())

    def broken(self) -> list[str]:
        """Return what breaks a rule now, as "rule_14: details"; called after each move, outside of any transaction."""
        found = _Reading(self._instruments, self._seen)
        wrongs = found.told(_ALWAYS)
        self._seen = _Seen({one.id: one for one in found.follows}, {one.id for one in found.copies})
        return wrongs

    def at_rest(self) -> list[str]:
        """Return what breaks a rule where nothing is under way any more, and everybody had the time to do what is theirs."""
        return _Reading(self._instruments, self._seen).told(_AT_REST)


class _Reading:
    """All that the rules ask about, read at once: four statements."""

    def __init__(self, instruments: dict[UUID, Instrument], seen: _Seen) -> None:
        self.instruments, self.seen = instruments, seen
        self.follows = [_Follow(*row) for row in Follow.objects.order_by("pk").values_list(*_Follow._fields)]
        self.events = [_Event(*row) for row in LeadEvent.objects.order_by("pk").values_list(*_Event._fields)]
        copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).order_by("pk")
        self.copies = [_Copy(*row) for row in copies.values_list(*_Copy._fields)]
        held = Position.objects.values_list("portfolio_id", "instrument_id", "quantity")
        self.held = {(portfolio, instrument): quantity for portfolio, instrument, quantity in held}

    @cached_property
    def event_of(self) -> dict[str, _Event]:
        return {str(one.id): one for one in self.events}

    @cached_property
    def follow_of(self) -> dict[UUID, _Follow]:
        return {one.id: one for one in self.follows}

    @cached_property
    def news(self) -> list[_Copy]:
        """Return the copies that were not there after the move before."""
        return [one for one in self.copies if one.id not in self.seen.copies]

    @cached_property
    def by_place(self) -> list[list[_Copy]]:
        """Return the copies of each follow and instrument."""

        def place(one: _Copy) -> tuple[str, str]:
            return str(one.follow_id), str(one.instrument_id)

        return [list(group) for _, group in groupby(sorted(self.copies, key=place), place)]

    def told(self, rules: Iterable[Callable[[_Reading], Iterator[str]]]) -> list[str]:
        return [f"{rule.__name__[: len('rule_00')]}: {wrong}" for rule in rules for wrong in rule(self)]


def rule_01_nothing_copied_is_led(now: _Reading) -> Iterator[str]:
    unfinished = {one.portfolio_id for one in now.follows if one.state in UNFINISHED_FOLLOW}
    for one in now.follows:
        if one.lead_id in unfinished:
            yield f"{one.id} copies a copy"


def rule_02_what_ended_stays_so(now: _Reading) -> Iterator[str]:
    for one in now.follows:
        before = now.seen.follows.get(one.id)
        if before is None:
            continue
        allowed = _FINAL.get(FollowState(before.state))
        went_back = before.state not in _BEGINNINGS and one.state in _BEGINNINGS
        if went_back or (allowed is not None and one.state not in allowed):
            yield f"{one.id} went from {before.state} to {one.state}"


def rule_03_events_have_no_gaps(now: _Reading) -> Iterator[str]:
    """Numbers without gaps; the newest event of each place says what the lead holds; nobody's place goes back."""
    newest: dict[UUID, int] = {}
    results: dict[tuple[UUID, UUID], Decimal] = {}
    for event in now.events:
        if event.seq != newest.get(event.lead_id, 0) + 1:
            yield f"event {event.seq} comes after {newest.get(event.lead_id, 0)}"
        newest[event.lead_id] = event.seq
        results[event.lead_id, event.instrument_id] = event.resulting_quantity
    for place, quantity in results.items():
        if now.held.get(place, ZERO) != quantity:
            yield f"the lead holds {canonical(now.held.get(place, ZERO))}, its newest event says {canonical(quantity)}"
    for one in now.follows:
        before = now.seen.follows.get(one.id)
        if one.last_seq > newest.get(one.lead_id, 0) or (before is not None and one.last_seq < before.last_seq):
            yield f"{one.id} has come to {one.last_seq} of {newest.get(one.lead_id, 0)}"


def rule_09_exits_close_the_leads_part(now: _Reading) -> Iterator[str]:
    """The lead's part, and with it what was too small to be closed before."""
    for copies in now.by_place:
        was_kept = False
        for one in sorted(copies, key=lambda copy: copy.seq):
            if one.leg != Leg.CLOSE or one.attempt != 1 or one.closed_fraction is None:
                continue
            closed = now.event_of[one.cause_id].closed_fraction
            if one.closed_fraction < closed or (one.closed_fraction > closed and not was_kept):
                yield f"closes {canonical(one.closed_fraction)} where the lead closed {canonical(closed)}"
            was_kept |= one.code == KEPT


def rule_10_whole_lots_and_ticks(now: _Reading) -> Iterator[str]:
    for one in now.copies:
        instrument = now.instruments[one.instrument_id]
        if one.quantity % instrument.lot_step:
            yield f"{canonical(one.quantity)} in lots of {canonical(instrument.lot_step)}"
        if one.limit_price is not None and one.limit_price % instrument.tick_size:
            yield f"a limit of {canonical(one.limit_price)} in ticks of {canonical(instrument.tick_size)}"


def rule_11_nothing_small_is_sent(now: _Reading) -> Iterator[str]:
    """What guards or a balance cut may be smaller, down to the venue's own minimum; whatever is skipped says why."""
    for one in now.copies:
        if one.state == OrderState.DENIED and not one.code:
            yield f"{one.leg} of event {one.seq} was skipped without a code"
        if one.is_sized_open and not one.code and one.market_price is not None:
            worth = one.requested_quantity * one.market_price
            if worth < smallest_of(now.instruments[one.instrument_id], one.market_price):
                yield f"an open worth {canonical(worth)}"


def rule_14_opens_stay_within_their_cap(now: _Reading) -> Iterator[str]:
    """The market's cap: in a simulation nobody chooses another."""
    for one in now.copies:
        if not one.is_sized_open:
            continue
        instrument, lead = now.instruments[one.instrument_id], now.event_of[one.cause_id].price
        is_spot, is_buy = instrument.market.kind == MarketKind.SPOT, one.side == Side.BUY
        cap = price_cap(base=instrument.market.base_id, is_spot=is_spot, chosen=None)
        if one.limit_price is None or one.kind != OrderKind.LIMIT or one.time_in_force != TimeInForce.IOC:
            yield f"an open is a {one.kind} {one.time_in_force}"
        elif not is_within(one.limit_price, lead, cap, is_buy=is_buy):
            yield f"an open at {canonical(one.limit_price)}, the lead's at {canonical(lead)}"
        elif one.average_price and not is_within(one.average_price, one.limit_price, ZERO, is_buy=is_buy):
            yield f"filled at {canonical(one.average_price)} beyond {canonical(one.limit_price)}"


def rule_15_nothing_old_is_opened(now: _Reading) -> Iterator[str]:
    for one in now.news:
        age = one.created_at - now.event_of[one.cause_id].happened_at
        if one.is_sized_open and age > OLDEST_EVENT:
            yield f"an open {age.total_seconds():.1f} s after the lead's"


def rule_17_one_at_a_time_in_the_leads_order(now: _Reading) -> Iterator[str]:
    for copies in now.by_place:
        flying = [one for one in copies if one.state in IN_FLIGHT]
        if len(flying) > 1:
            yield f"events {', '.join(str(one.seq) for one in flying)} are under way together"
        taken = sorted((one.claimed_at, one.seq) for one in copies if one.claimed_at is not None)
        for (_, earlier), (_, later) in pairwise(taken):
            if later < earlier:
                yield f"event {later} was taken after {earlier}"


def rule_18_ids_follow_from_what_is_copied(now: _Reading) -> Iterator[str]:
    for one in now.news:
        identity = (one.follow_id, CauseKind.LEAD_EVENT, one.cause_id, one.instrument_id, one.leg, one.attempt)
        if one.client_order_id != deterministic_id(*identity):
            yield f"{one.client_order_id} is no hash of what it copies"


def rule_29_nothing_from_before_the_start(now: _Reading) -> Iterator[str]:
    for one in now.news:
        if one.seq <= (start := now.follow_of[one.follow_id].start_seq):
            yield f"copies event {one.seq}, begun after {start}"


def rule_30_a_pause_opens_nothing(now: _Reading) -> Iterator[str]:
    """Paused before a move and after it: whatever came in between was written in the pause."""
    for one in now.news:
        before = now.seen.follows.get(one.follow_id)
        was_paused = before is not None and before.state == FollowState.PAUSED
        if one.is_sized_open and was_paused and now.follow_of[one.follow_id].state == FollowState.PAUSED:
            yield f"opens event {one.seq} in a pause"


def rule_31_what_is_stopped_copies_no_more(now: _Reading) -> Iterator[str]:
    for one in now.news:
        before = now.seen.follows.get(one.follow_id)
        if before is not None and before.state == FollowState.STOPPED:
            yield f"copies event {one.seq} after its end"


# --- at the end -----------------------------------------------------------------------------------------------------
def rule_09_where_the_lead_is_flat_so_is_everybody(now: _Reading) -> Iterator[str]:
    """Dust included: whoever still copies holds nothing of what the lead has closed."""
    for follow in now.follows:
        if follow.state not in (FollowState.ACTIVE, FollowState.PAUSED):
            continue
        for instrument_id in now.instruments:
            left = now.held.get((follow.portfolio_id, instrument_id), ZERO)
            if left and not now.held.get((follow.lead_id, instrument_id), ZERO):
                yield f"{canonical(left)} left where the lead has none"


def rule_31_what_was_closed_now_is_closed(now: _Reading) -> Iterator[str]:
    for follow in now.follows:
        if follow.stop_mode != StopMode.CLOSE_NOW:
            continue
        if follow.state != FollowState.STOPPED:
            yield f"{follow.id} is still {follow.state}"
        for (portfolio, _), left in now.held.items():
            if portfolio == follow.portfolio_id and left:
                yield f"{canonical(left)} left of a follow that was closed"


_Rule = Callable[[_Reading], Iterator[str]]
_ALWAYS: tuple[_Rule, ...] = (
    rule_01_nothing_copied_is_led,
    rule_02_what_ended_stays_so,
    rule_03_events_have_no_gaps,
    rule_09_exits_close_the_leads_part,
    rule_10_whole_lots_and_ticks,
    rule_11_nothing_small_is_sent,
    rule_14_opens_stay_within_their_cap,
    rule_15_nothing_old_is_opened,
    rule_17_one_at_a_time_in_the_leads_order,
    rule_18_ids_follow_from_what_is_copied,
    rule_29_nothing_from_before_the_start,
    rule_30_a_pause_opens_nothing,
    rule_31_what_is_stopped_copies_no_more,
)
_AT_REST: tuple[_Rule, ...] = (
    rule_09_where_the_lead_is_flat_so_is_everybody,
    rule_31_what_was_closed_now_is_closed,
)
