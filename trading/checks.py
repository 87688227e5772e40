"""The proof that trading's rows agree with each other and with the books: what `check_books` and every replay run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef

from common.fields import DecimalSum
from engine.decimals import ZERO
from portfolios.models import Balance, BookingKind, LedgerLine, Position
from portfolios.selectors import BookError, balances_equal_entries, ledger_sums_zero, net_deposits_equal_entries
from trading.models import (
    UNFINISHED,
    CauseKind,
    Fill,
    Follow,
    FollowState,
    LeadEvent,
    LeadEventState,
    LeadStream,
    Order,
    OrderState,
    Side,
)


def run_checks() -> dict[str, list[BookError]]:
    """Run every check over the whole database; a name with an empty list passed."""
    checks: list[Callable[[], list[BookError]]] = [
        ledger_sums_zero,
        balances_equal_entries,
        net_deposits_equal_entries,
        positions_equal_fills,
        orders_equal_fills,
        fills_are_booked,
        fill_numbers_gapless,
        no_orphan_order,
        no_duplicate_copy,
        every_follower_explained,
    ]
    return {check.__name__: check() for check in checks}


def positions_equal_fills() -> list[BookError]:
    """Each position is the sum of its fills."""
    net: dict[tuple[UUID, UUID], Decimal] = {}
    for portfolio_id, instrument_id, side, total in Fill.objects.values_list(
        "portfolio_id", "instrument_id", "side"
    ).annotate(total=DecimalSum("quantity")):
        key = (portfolio_id, instrument_id)
        net[key] = net.get(key, ZERO) + (total if side == Side.BUY else -total)
    kept = {(row.portfolio_id, row.instrument_id): row.quantity for row in Position.objects.all()}
    return [
        BookError("positions_equal_fills", key[0], f"position {kept.get(key, ZERO)}, fills {net.get(key, ZERO)}")
        for key in net.keys() | kept.keys()
        if net.get(key, ZERO) != kept.get(key, ZERO)
    ]


def orders_equal_fills() -> list[BookError]:
    """Each order's filled quantity is the sum of its fills, and FILLED means filled."""
    filled = dict(Fill.objects.values_list("order_id").annotate(total=DecimalSum("quantity")))
    errors = []
    for pk, portfolio_id, asked, quantity, state in Order.objects.values_list(
        "pk", "portfolio_id", "quantity", "filled_quantity", "state"
    ).iterator():
        if filled.get(pk, ZERO) != quantity or (state == OrderState.FILLED) != (ZERO < quantity == asked):
            errors.append(
                BookError(
                    "orders_equal_fills",
                    portfolio_id,
                    f"order {pk} is {state}, filled {quantity}, fills {filled.get(pk, ZERO)}",
                )
            )
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


def fill_numbers_gapless() -> list[BookError]:
    """A portfolio's fills are numbered 1, 2, 3 … without gaps, and lead events likewise."""
    rows = Fill.objects.values("portfolio_id", count=F("portfolio__fill_count")).annotate(stored=Count("pk"))
    errors = [
        BookError("fill_numbers_gapless", row["portfolio_id"], f"{row['stored']} fills, counter {row['count']}")
        for row in rows
        if row["stored"] != row["count"]
    ]
    events = dict(LeadEvent.objects.values_list("lead_id").annotate(stored=Count("pk")))
    return errors + [
        BookError(
            "fill_numbers_gapless", stream.pk, f"{events.get(stream.pk, 0)} lead events, counter {stream.last_seq}"
        )
        for stream in LeadStream.objects.all()
        if events.get(stream.pk, 0) != stream.last_seq
    ]


def no_orphan_order() -> list[BookError]:
    """Nothing is left under way: no unfinished order or event, and no promise without an order."""
    promised: dict[tuple[UUID, str], Decimal] = {}
    errors = []
    for order in Order.objects.filter(state__in=UNFINISHED).select_related("instrument__market"):
        market = order.instrument.market
        key = (order.portfolio_id, market.quote_id if order.side == Side.BUY else market.base_id)
        promised[key] = promised.get(key, ZERO) + order.reserved
        errors.append(BookError("no_orphan_order", order.portfolio_id, f"order {order.pk} is still {order.state}"))
    waiting = LeadEvent.objects.filter(state=LeadEventState.WAITING)
    errors += [
        BookError("no_orphan_order", event.lead_id, f"lead event {event.seq} is not copied") for event in waiting
    ]
    return errors + [
        BookError(
            "no_orphan_order",
            row.portfolio_id,
            f"{row.reserved} {row.asset_id} promised, orders under way hold {promised.get(key, ZERO)}",
        )
        for row in Balance.objects.all()
        if row.reserved != promised.get(key := (row.portfolio_id, row.asset_id), ZERO)
    ]


def no_duplicate_copy() -> list[BookError]:
    """No follower has two orders for one leg of one lead event."""
    copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).values("portfolio_id", "cause_id", "leg")
    return [
        BookError(
            "no_duplicate_copy",
            row["portfolio_id"],
            f"event {row['cause_id']} was copied {row['count']} times ({row['leg']})",
        )
        for row in copies.annotate(count=Count("pk")).filter(count__gt=1)
    ]


def every_follower_explained() -> list[BookError]:
    """Every event since a follow's start has that follower's row, and what did not run carries a code."""
    mute = Order.objects.filter(state__in=[OrderState.DENIED, OrderState.CANCELED, OrderState.REJECTED], code="")
    errors = [
        BookError("every_follower_explained", order.portfolio_id, f"order {order.pk} is {order.state} without a code")
        for order in mute
    ]
    copied: dict[tuple[UUID, str], set[str]] = {}
    for portfolio_id, cause_id, leg in (
        Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).values_list("portfolio_id", "cause_id", "leg").iterator()
    ):
        copied.setdefault((portfolio_id, cause_id), set()).add(leg)
    for follow in Follow.objects.exclude(state__in=[FollowState.STOPPED, FollowState.STOPPING]):
        for event in LeadEvent.objects.filter(
            lead_id=follow.lead_id, seq__gt=follow.start_seq, state=LeadEventState.DONE
        ):
            wanted = {leg for leg, part in (("OPEN", event.opened_quantity), ("CLOSE", event.closed_fraction)) if part}
            if copied.get((follow.portfolio_id, str(event.pk)), set()) != wanted:
                errors.append(
                    BookError(
                        "every_follower_explained",
                        follow.portfolio_id,
                        f"lead event {event.seq} has no row of this follower",
                    )
                )
    return errors
