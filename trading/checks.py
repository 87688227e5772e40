"""The proof that trading's rows agree with each other and with the books: what `check_books` and every replay run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, Max, Min, OuterRef

from common import clock
from common.db import one_moment
from common.fields import DecimalSum, canonical
from engine.copying.prices import LAST_EXIT
from engine.decimals import ZERO
from engine.positions import PositionState, apply_fill
from markets.models import Instrument, MarketKind
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position
from portfolios.selectors import BookError, balances_equal_entries, ledger_sums_zero, net_deposits_equal_entries
from trading.margin_checks import (
    funding_equals_entries,
    insurance_equals_entries,
    margins_equal_entries,
    only_margin_owes,
)
from trading.models import (
    MIRRORING,
    RESTING,
    UNFINISHED,
    WAITS_AT_VENUE,
    CauseKind,
    Fill,
    Follow,
    FollowCommand,
    LeadEvent,
    LeadEventState,
    LeadStream,
    Leg,
    Order,
    OrderState,
    Trigger,
    TriggerState,
    change_of,
)
from trading.plans.checks import plans_equal_fills
from trading.rules import held_by, reserved_asset
from trading.transitions import ENDED

# Work under way ends sooner than this, or its worker is gone and the sweeper has not come yet.
PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.5


def run_checks() -> dict[str, list[BookError]]:
    """Run every check over the whole database as of one moment; a name with an empty list passed."""
    checks: list[Callable[[], list[BookError]]] = [
        ledger_sums_zero,
        balances_equal_entries,
        net_deposits_equal_entries,
        positions_equal_fills,
        orders_equal_fills,
        fills_are_booked,
        bookings_equal_fills,
        fill_numbers_gapless,
        promises_equal_holds,
        margins_equal_entries,
        funding_equals_entries,
        insurance_equals_entries,
        only_margin_owes,
        no_orphan_order,
        no_idle_stop,
        no_duplicate_copy,
        every_follower_explained,
        plans_equal_fills,
    ]
    with one_moment():
        return {check.__name__: check() for check in checks}


def run_checks_beside_work(patience_seconds: float = PATIENCE_SECONDS) -> dict[str, list[BookError]]:
    """Run every check of a site that goes on working: what is under way is an orphan only if it stays so for that long."""
    found = run_checks()
    deadline = clock.monotonic() + patience_seconds
    while found["no_orphan_order"] and clock.monotonic() < deadline:
        clock.sleep(_LOOK_SECONDS)
        with one_moment():
            still = set(no_orphan_order())
        found["no_orphan_order"] = [error for error in found["no_orphan_order"] if error in still]
    return found


def positions_equal_fills() -> list[BookError]:
    """Each position is what its fills make of it, in their order: quantity, cost, realized profit and fees."""
    made: dict[tuple[UUID, UUID], PositionState] = {}
    for portfolio_id, instrument_id, change, price, fee in _signed_fills():
        key = portfolio_id, instrument_id
        made[key] = apply_fill(made.get(key, PositionState()), change=change, price=price, fee=fee)
    kept = {
        (row.portfolio_id, row.instrument_id): PositionState(row.quantity, row.cost, row.realized_pnl, row.fees_paid)
        for row in Position.objects.all()
    }
    return [
        BookError("positions_equal_fills", key[0], f"position {_told(kept.get(key))}, fills {_told(made.get(key))}")
        for key in made.keys() | kept.keys()
        if kept.get(key, PositionState()) != made.get(key, PositionState())
    ]


def _signed_fills() -> Iterator[tuple[UUID, UUID, Decimal, Decimal, Decimal]]:
    """Yield (portfolio id, instrument id, signed quantity, price, fee) of every fill, in the order of its portfolio."""
    fields = ("portfolio_id", "instrument_id", "side", "quantity", "base_fee", "price", "fee")
    rows = Fill.objects.order_by("portfolio_id", "number").values_list(*fields)
    for portfolio_id, instrument_id, side, quantity, base_fee, price, fee in rows.iterator():
        yield portfolio_id, instrument_id, change_of(side, quantity, base_fee), price, fee


def _told(state: PositionState | None) -> str:
    state = state or PositionState()
    figures = (state.quantity, state.cost, state.realized_pnl, state.fees_paid)
    return " / ".join(canonical(figure) for figure in figures)


def orders_equal_fills() -> list[BookError]:
    """Each order's filled quantity and fee are the sums of its fills, and FILLED means filled."""
    sums = Fill.objects.values_list("order_id").annotate(DecimalSum("quantity"), DecimalSum("fee"))
    filled = {pk: (quantity, fee) for pk, quantity, fee in sums}
    errors = []
    fields = ("pk", "portfolio_id", "quantity", "filled_quantity", "fee", "state")
    for pk, portfolio_id, asked, quantity, fee, state in Order.objects.values_list(*fields).iterator():
        is_filled = ZERO < asked <= quantity
        if filled.get(pk, (ZERO, ZERO)) != (quantity, fee) or (state == OrderState.FILLED) != is_filled:
            detail = f"order {pk} is {state}, filled {canonical(quantity)} for a fee of {canonical(fee)}"
            errors.append(BookError("orders_equal_fills", portfolio_id, detail))
    return errors


def fills_are_booked() -> list[BookError]:
    """Every fill has its booking, and every booking of a fill its fill."""
    lines = LedgerLine.objects.filter(kind=BookingKind.FILL)
    unbooked = Fill.objects.exclude(Exists(lines.filter(booking_id=OuterRef("pk"))))
    unfilled = (
        lines.exclude(Exists(Fill.objects.filter(pk=OuterRef("booking_id"))))
        .values_list("portfolio_id", "booking_id")
        .distinct()
    )
    return [BookError("fills_are_booked", fill.portfolio_id, f"fill {fill.pk} has no booking") for fill in unbooked] + [
        BookError("fills_are_booked", portfolio_id, f"booking {booking_id} has no fill")
        for portfolio_id, booking_id in unfilled
    ]


def bookings_equal_fills() -> list[BookError]:
    """What the bookings of fills moved in each portfolio and asset is what the fills say."""
    assets = dict(_assets_of_instruments())
    wanted: defaultdict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    on_margin: defaultdict[tuple[UUID, UUID], PositionState] = defaultdict(PositionState)
    for portfolio_id, instrument_id, change, price, fee in _signed_fills():
        base, quote, kind = assets[instrument_id]
        if kind == MarketKind.PERPETUAL:
            # No coins: what was realized comes in, less the fee.
            before = on_margin[portfolio_id, instrument_id]
            after = on_margin[portfolio_id, instrument_id] = apply_fill(before, change=change, price=price, fee=fee)
            wanted[portfolio_id, quote] += after.realized_pnl - before.realized_pnl - fee
            continue
        wanted[portfolio_id, base] += change
        wanted[portfolio_id, quote] -= change * price + fee
    # (The insurance fund's lines are negative: without what it paid, cash would have moved by so much.)
    accounts = (LedgerAccount.HOLDINGS, LedgerAccount.MARGIN, LedgerAccount.INSURANCE)
    lines = LedgerLine.objects.filter(kind=BookingKind.FILL, account__in=accounts)
    sums = lines.values_list("portfolio_id", "asset_id").annotate(DecimalSum("amount"))
    moved = {(portfolio_id, asset): total for portfolio_id, asset, total in sums}
    return [
        BookError(
            "bookings_equal_fills",
            key[0],
            f"{key[1]}: booked {canonical(moved.get(key, ZERO))}, filled {canonical(wanted.get(key, ZERO))}",
        )
        for key in wanted.keys() | moved.keys()
        if wanted.get(key, ZERO) != moved.get(key, ZERO)
    ]


def _assets_of_instruments() -> Iterator[tuple[UUID, tuple[str, str, str]]]:
    for pk, *facts in Instrument.objects.values_list("pk", "market__base", "market__quote", "market__kind"):
        yield pk, (facts[0], facts[1], facts[2])


def fill_numbers_gapless() -> list[BookError]:
    """A portfolio's fills are numbered 1, 2, 3 … without gaps, and a lead's events likewise."""
    fills = Portfolio.objects.values_list(
        "pk", "fill_count", Count("fills"), Min("fills__number"), Max("fills__number")
    )
    events = LeadStream.objects.values_list(
        "pk",
        "last_seq",
        Count("portfolio__lead_events"),
        Min("portfolio__lead_events__seq"),
        Max("portfolio__lead_events__seq"),
    )
    return [
        BookError("fill_numbers_gapless", pk, f"{stored} {what} from {first} to {last}, counter {count}")
        for what, rows in (("fills", fills), ("lead events", events))
        for pk, count, stored, first, last in rows
        # Numbers are unique: as many as the greatest, and none below 1, leave no gap.
        if (stored, first, last) != (count, *((1, count) if count else (None, None)))
    ]


def promises_equal_holds() -> list[BookError]:
    """What a balance promises is what its resting orders' hold lines sum to, what orders at work were promised, and margins."""
    lines = LedgerLine.objects.filter(account=LedgerAccount.HELD)
    sums = lines.values_list("order_id", "portfolio_id", "asset_id").annotate(DecimalSum("amount"))
    held = {(order_id, (portfolio_id, asset)): total for order_id, portfolio_id, asset, total in sums if total}
    promised: dict[tuple[UUID, str], Decimal] = {}
    for (_, place), total in held.items():
        promised[place] = promised.get(place, ZERO) + total
    for position in Position.objects.exclude(margin=ZERO).select_related("instrument__market"):
        place = position.portfolio_id, position.instrument.market.quote_id
        promised[place] = promised.get(place, ZERO) + position.margin
    errors = []
    for order in Order.objects.filter(state__in=UNFINISHED).select_related("instrument__market"):
        place, holds = (order.portfolio_id, reserved_asset(order)), held_by(order)
        promised[place] = promised.get(place, ZERO) + order.reserved - holds
        if (kept := held.pop((order.pk, place), ZERO)) != holds:
            detail = f"order {order.pk} holds {canonical(holds)} {place[1]}, its lines {canonical(kept)}"
            errors.append(BookError("promises_equal_holds", place[0], detail))
    for (pk, place), total in held.items():
        detail = f"order {pk} does not rest, its lines hold {canonical(total)} {place[1]}"
        errors.append(BookError("promises_equal_holds", place[0], detail))
    return errors + [
        BookError(
            "promises_equal_holds",
            row.portfolio_id,
            f"{canonical(row.reserved)} {row.asset_id} promised, "
            f"orders under way and margins hold {canonical(promised.get(key, ZERO))}",
        )
        for row in Balance.objects.all()
        if row.reserved != promised.get(key := (row.portfolio_id, row.asset_id), ZERO)
    ]


def no_orphan_order() -> list[BookError]:
    """Nothing is left under way: no unfinished order that does not rest, no event and no command."""
    waiting_at_venue = Order.objects.filter(WAITS_AT_VENUE, state__in=RESTING).values_list("pk", flat=True)
    errors = [
        BookError("no_orphan_order", order.portfolio_id, f"order {order.pk} is still {order.state}")
        for order in Order.objects.filter(state__in=UNFINISHED).exclude(pk__in=waiting_at_venue)
        if not order.rests_on_book
    ]
    waiting = LeadEvent.objects.filter(state=LeadEventState.WAITING)
    errors += [
        BookError("no_orphan_order", event.lead_id, f"lead event {event.seq} is not copied") for event in waiting
    ]
    errors += [
        BookError("no_orphan_order", command.follow.portfolio_id, f"command {command.pk} is not done")
        for command in FollowCommand.objects.filter(is_done=False).select_related("follow")
    ]
    return errors


def no_idle_stop() -> list[BookError]:
    """Every armed stop guards a position, and every stop that fired has made its order."""
    armed = Trigger.objects.filter(state=TriggerState.ARMED)
    held = Position.objects.filter(portfolio=OuterRef("portfolio"), instrument=OuterRef("instrument"))
    idle = armed.exclude(Exists(held.exclude(quantity=ZERO)))
    fired = Trigger.objects.filter(state=TriggerState.FIRED)
    made = set(Order.objects.filter(cause_kind=CauseKind.TRIGGER).values_list("cause_id", flat=True))
    return [BookError("no_idle_stop", one.portfolio_id, f"stop {one.pk} guards nothing") for one in idle] + [
        BookError("no_idle_stop", one.portfolio_id, f"stop {one.pk} fired without an order")
        for one in fired
        if str(one.pk) not in made
    ]


def no_duplicate_copy() -> list[BookError]:
    """No follower has two orders for one leg of one lead event, but for an exit's further attempts."""
    copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).values("portfolio_id", "cause_id", "leg")
    return [
        BookError(
            "no_duplicate_copy",
            row["portfolio_id"],
            f"event {row['cause_id']} was copied {row['count']} times ({row['leg']})",
        )
        for row in copies.annotate(count=Count("pk")).filter(count__gt=1)
        if row["leg"] == Leg.OPEN or row["count"] > LAST_EXIT
    ]


def every_follower_explained() -> list[BookError]:
    """Every event since a follow's start has that follower's row, and what did not run carries a code."""
    mute = Order.objects.filter(state__in=ENDED - {OrderState.FILLED}, code="")
    errors = [
        BookError("every_follower_explained", order.portfolio_id, f"order {order.pk} is {order.state} without a code")
        for order in mute
    ]
    copied: dict[tuple[UUID, str], set[str]] = {}
    for portfolio_id, cause_id, leg in (
        Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).values_list("portfolio_id", "cause_id", "leg").iterator()
    ):
        copied.setdefault((portfolio_id, cause_id), set()).add(leg)
    events: dict[UUID, list[LeadEvent]] = {}
    for event in LeadEvent.objects.filter(state=LeadEventState.DONE).order_by("seq"):
        events.setdefault(event.lead_id, []).append(event)
    for follow in Follow.objects.filter(state__in=MIRRORING):
        for event in events.get(follow.lead_id, []):
            if event.seq > follow.start_seq and copied.get((follow.portfolio_id, str(event.pk)), set()) != _legs(event):
                detail = f"lead event {event.seq} has no row of this follower"
                errors.append(BookError("every_follower_explained", follow.portfolio_id, detail))
    return errors


def _legs(event: LeadEvent) -> set[str]:
    return {leg for leg, part in ((Leg.OPEN, event.opened_quantity), (Leg.CLOSE, event.closed_fraction)) if part}
