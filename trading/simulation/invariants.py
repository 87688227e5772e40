"""What must hold when a simulated world has healed, whatever happened in it: what the venue did counts, not what we believe.

Each function returns what is wrong in words; `trading/checks.py` is asked as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import AuditEntry
from common.fields import DecimalSum, canonical
from engine.copying.settings import SizingMode
from engine.decimals import ZERO, floor_to_step
from markets.models import MarketKind
from portfolios.models import Balance, Portfolio, Position
from trading.brokers import Outcome
from trading.checks import run_checks
from trading.models import (
    CauseKind,
    Fill,
    FollowPosition,
    Leg,
    Order,
    OrderState,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
    Trigger,
    TriggerState,
)
from trading.services.copy_orders import KEPT
from trading.services.copy_scenes import smallest_of
from trading.simulation import on_margin
from trading.simulation.venue import SimulatedVenue
from trading.transitions import ENDED

# Why an exit may come to nothing: there was nothing to close, no whole lot of it, or its owner asked for more than there is.
_HARMLESS = (
    *("NOTHING_TO_CLOSE", "QUANTITY_BELOW_MINIMUM", "NOTIONAL_BELOW_MINIMUM", "QUANTITY_ABOVE_POSITION"),
    # What waited for a price gave way to its owner or to another sale.
    *("CANCELED_BY_OWNER", "REPLACED", "SUPERSEDED_BY_EXIT"),
    *("OTHER_OF_PAIR_FILLED", "OTHER_OF_PAIR_SET_OFF", "OTHER_FILLED_ALL"),
)


def wrongs(venue: SimulatedVenue) -> list[str]:
    """Return everything that is wrong, the plainest first: "name: details"."""
    told = [f"{name}: {error.detail}" for name, errors in run_checks().items() for error in errors]
    return [
        *venue.wrongs,
        *(f"{check.__name__}: {wrong}" for check in _CHECKS for wrong in check(venue)),
        *told,
    ]


def every_fill_is_booked_once(venue: SimulatedVenue) -> list[str]:
    """Our fills are the venue's, one for one, to the last digit."""
    fields = ("venue_fill_id", "quantity", "price", "fee")
    ours = sorted(Fill.objects.values_list(*fields))
    theirs = sorted(
        (fill.venue_fill_id, fill.quantity, fill.price, fill.fee)
        for held in venue.orders.values()
        for _, fill in held.fills
    )
    return [] if ours == theirs else [f"booked {_told(ours)}, the venue has {_told(theirs)}"]


def _told(rows: list[tuple[str, Decimal, Decimal, Decimal]]) -> str:
    return ", ".join(f"{name[:6]}…{name[-2:]} {canonical(quantity)}" for name, quantity, _, _ in rows)


def holdings_are_the_venues(venue: SimulatedVenue) -> list[str]:
    """Every balance and every position is what was paid in and what the venue did."""
    paid_in = _paid_in()
    kept = {(row.portfolio_id, row.asset_id): row.amount for row in Balance.objects.all()}
    found = [
        f"{key[1]} is {canonical(kept.get(key, ZERO))}, at the venue {canonical(truth)}"
        for key in sorted(kept.keys() | {key for key in venue.holdings if key[1] not in venue.perpetuals})
        if kept.get(key, ZERO) != (truth := paid_in.get(key, ZERO) + venue.holdings.get(key, ZERO))
    ]
    held = Position.objects.filter(margin_mode="").values_list("portfolio_id", "instrument__market__base", "quantity")
    return found + [
        f"the position in {base} is {canonical(quantity)}, at the venue {canonical(truth)}"
        for portfolio_id, base, quantity in held
        if quantity != (truth := venue.holdings.get((portfolio_id, base), ZERO))
    ]


def _paid_in() -> dict[tuple[UUID, str], Decimal]:
    """Return what each portfolio has besides what the venue did."""
    unsettled = on_margin.unsettled()
    books = Portfolio.objects.all()
    return {(one.pk, one.settlement_id): one.net_deposits + unsettled.get(one.pk, ZERO) for one in books}


def nothing_is_overspent(venue: SimulatedVenue) -> list[str]:
    """No book spent what it did not have, or sold what it did not hold, whatever we reserved for it."""
    paid_in = _paid_in()
    spent = {key: change for key, change in venue.holdings.items() if key[1] not in venue.perpetuals}
    left = {key: paid_in.get(key, ZERO) + change for key, change in spent.items()}
    return [f"{canonical(amount)} {key[1]}" for key, amount in sorted(left.items()) if amount < ZERO]


def every_hold_is_released(venue: SimulatedVenue) -> list[str]:
    """Nothing is promised when nothing is under way, save what is set aside for positions."""
    margins = on_margin.margins()
    left = [
        (row, row.reserved - margins.get((row.portfolio_id, row.asset_id), ZERO))
        for row in Balance.objects.order_by("pk")
    ]
    return [f"{canonical(promised)} {row.asset_id}" for row, promised in left if promised]


def no_exit_is_blocked(venue: SimulatedVenue) -> list[str]:
    """An exit was sent, or there was nothing for it to do; no stop is spent while what it guards is still held."""
    exits = Order.objects.filter(leg=Leg.CLOSE, state__in=[OrderState.DENIED, OrderState.CANCELED])
    spent = exits.exclude(code__in=_HARMLESS).select_related("instrument__market")
    blocked = [f"{one.cause_kind} {one.state} {one.code}" for one in spent if not _is_kept_part(one)]
    stops = Trigger.objects.filter(state=TriggerState.FIRED).order_by("change")
    return blocked + [f"a stop was spent on nothing: {stop.price:f}" for stop in stops if _is_spent_on_nothing(stop)]


def _is_kept_part(order: Order) -> bool:
    """Say whether a part that a lead closed waits for the next one, being less than what is sent (rule 11); all never waits."""
    if order.code != KEPT or not order.closed_fraction or order.closed_fraction >= 1 or order.market_price is None:
        return False
    lots = floor_to_step(order.requested_quantity, order.instrument.lot_step)
    return bool(lots * order.market_price < smallest_of(order.instrument, order.market_price))


def _is_spent_on_nothing(stop: Trigger) -> bool:
    """Say whether a stop's order was denied although its entry's quantity is still held: nothing was bought or sold since."""
    order = Order.objects.get(cause_kind=CauseKind.TRIGGER, cause_id=str(stop.pk))
    held = Position.objects.filter(portfolio=stop.portfolio_id, instrument=stop.instrument_id).exclude(quantity=ZERO)
    later = Fill.objects.filter(
        portfolio=stop.portfolio_id, instrument=stop.instrument_id, recorded_at__gt=order.recorded_at
    )
    return order.state == OrderState.DENIED and held.exists() and not later.exists()


def what_ended_here_is_dead_there(venue: SimulatedVenue) -> list[str]:
    """No order lives on at the venue that has ended here."""
    alive = {one.request.order_id for one in venue.orders.values() if one.outcome is Outcome.OPEN}
    ended = Order.objects.filter(pk__in=alive, state__in=ENDED).order_by("pk")
    return [f"{one.state} {one.code}" for one in ended]


def no_wish_is_filled_twice(venue: SimulatedVenue) -> list[str]:
    """What an order and what took its place have filled is no more than was wished, and what a pair has likewise."""
    filled = {one.request.order_id: one.filled for one in venue.orders.values()}
    said = AuditEntry.objects.filter(action__in=["order.placed", "order.modified"]).order_by("pk")
    wished = {entry.object_id: Decimal(entry.after["quantity"]) for entry in said if entry.after}
    changed = set(said.filter(action="order.modified").values_list("object_id", flat=True))
    sums: list[tuple[Decimal, Decimal]] = [
        (filled.get(one.pk, ZERO) + filled.get(one.replaces_id, ZERO), wished[str(one.pk)])
        for one in Order.objects.filter(replaces__isnull=False).order_by("pk")
        if one.replaces_id is not None
    ]
    pairs: defaultdict[UUID | None, list[Order]] = defaultdict(list)
    for one in Order.objects.filter(group_id__isnull=False).exclude(group_role__in=["ENTRY", "TURN"]).order_by("pk"):
        pairs[one.group_id].append(one)
    for pair in pairs.values():
        if changed.isdisjoint(str(one.pk) for one in pair):
            first = pair[0]
            wish = filled[UUID(first.cause_id)] if first.cause_kind == CauseKind.BRACKET else wished[str(first.pk)]
            sums.append((sum((filled.get(one.pk, ZERO) for one in pair), ZERO), wish))
    return [f"{canonical(got)} filled of {canonical(wish)}" for got, wish in sums if got > wish]


def halted_opens(venue: SimulatedVenue) -> list[str]:
    """Return the opens that wait at the venue although everything is halted."""
    is_halted = SafetySwitch.objects.filter(scope=ScopeKind.PLATFORM, level=SafetyLevel.HALTED).exists()
    alive = [one.request for one in venue.orders.values() if one.outcome is Outcome.OPEN and one.request.limit]
    return [f"halted_opens: {one.client_order_id}" for one in alive if is_halted and one.is_buy]


def parts_are_guarded(venue: SimulatedVenue) -> list[str]:
    """Whatever an order with a stop bought has that stop, armed, fired, or canceled with the position; or was sold before."""
    held = Position.objects.filter(portfolio=OuterRef("portfolio"), instrument=OuterRef("instrument"))
    bought = Order.objects.filter(Exists(held.exclude(quantity=ZERO)), leg=Leg.OPEN, stop_loss_ratio__isnull=False)
    bare = bought.exclude(filled_quantity=ZERO).filter(stop=None).order_by("pk")
    return [f"{canonical(one.filled_quantity)} without a stop" for one in bare]


def aims_are_what_was_had(venue: SimulatedVenue) -> list[str]:
    """A follow that has only bought aims at what it bought: what was missed, clipped or refused is off its target.

    One that copies weights aims at the lead's weights, whatever it could buy so far.
    """
    copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT)
    sums = copies.order_by().values_list("follow_id", "instrument_id").annotate(DecimalSum("filled_quantity"))
    bought: dict[tuple[UUID | None, UUID], Decimal] = {(one, instrument): total for one, instrument, total in sums}
    sold = set(Order.objects.filter(leg=Leg.CLOSE).values_list("follow_id", "instrument_id"))
    return [
        f"aims at {canonical(aim.target)}, bought {canonical(had)}"
        for aim in FollowPosition.objects.filter(instrument__market__kind=MarketKind.SPOT).order_by("pk")
        if aim.copying.sizing != SizingMode.WEIGHTS
        and (key := (aim.follow_id, aim.instrument_id)) not in sold
        and aim.target != (had := bought.get(key, ZERO))
    ]


_CHECKS: tuple[Callable[[SimulatedVenue], list[str]], ...] = (
    every_fill_is_booked_once,
    nothing_is_overspent,
    holdings_are_the_venues,
    every_hold_is_released,
    no_exit_is_blocked,
    what_ended_here_is_dead_there,
    no_wish_is_filled_twice,
    parts_are_guarded,
    aims_are_what_was_had,
    on_margin.positions_are_the_venues,
    on_margin.nothing_is_beyond_its_margin,
)
