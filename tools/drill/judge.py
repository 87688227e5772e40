"""Compares what a venue knows of accounts with what the database says of them, to the last digit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.fields import canonical
from engine.decimals import ZERO, money
from portfolios.models import ExchangeAccount, RemainderEntry, RemainderReason
from portfolios.selectors import account_balances
from trading.checks import run_checks
from trading.models import RESTING, UNFINISHED, CauseKind, Fill, ForeignFill, Order, OrderState
from trading.services.account_fees import venue_account

# Changes of a remainder that nobody in a drill has made: each stands for something that the books did not see.
UNEXPLAINED = (
    RemainderReason.VENUE_FILL,
    RemainderReason.DEPOSIT,
    RemainderReason.WITHDRAWAL,
    RemainderReason.ROUNDING,
    RemainderReason.UNKNOWN,
)
_OPEN = ("NEW", "PARTIALLY_FILLED")
_NEVER_SENT = (OrderState.DENIED, OrderState.REJECTED)


@dataclass(frozen=True, slots=True)
class VenueFill:
    """An execution as the venue keeps it; `fee` in `fee_asset`."""

    id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue keeps it."""

    id: str
    client_id: str
    status: str
    filled: Decimal
    fills: tuple[VenueFill, ...]


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """All that a venue knows of an account: what it holds of each asset, and every order it ever took."""

    balances: Mapping[str, Decimal]
    orders: tuple[VenueOrder, ...]


def told(answer: Mapping[str, Any]) -> VenueAccount:
    """Return an account as the test exchange tells it (`GET /sandbox/accounts`, one venue)."""
    return VenueAccount(
        balances={asset: Decimal(amount) for asset, amount in answer["balances"].items()},
        orders=tuple(
            VenueOrder(
                id=order["id"],
                client_id=order["client_id"],
                status=order["status"],
                filled=Decimal(order["filled"]),
                fills=tuple(
                    VenueFill(
                        id=fill["id"],
                        price=Decimal(fill["price"]),
                        quantity=Decimal(fill["quantity"]),
                        fee=Decimal(fill["fee"]),
                        fee_asset=fill["fee_asset"],
                    )
                    for fill in order["fills"]
                ),
            )
            for order in answer["orders"]
        ),
    )


def judge(accounts: Mapping[ExchangeAccount, VenueAccount], keys: Mapping[str, int] | None = None) -> list[str]:
    """Return every way in which venue and database differ, in words; none where they agree.

    `keys` says of each name that a client gave to what it asked for how many orders it was told to have placed.
    """
    found = [f"order {order.pk} is still {order.state}" for order in _under_way()]
    for account, venue in accounts.items():
        differences = (*_orders(account, venue), *_fills(account, venue), *_balances(account, venue))
        found += [f"{account.label}: {difference}" for difference in differences]
    found += _keys(keys or {})
    found += [
        f"{name}: portfolio {error.portfolio_id}: {error.detail}"
        for name, errors in run_checks().items()
        for error in errors
    ]
    return found


def _under_way() -> list[Order]:
    return [
        order
        for order in Order.objects.filter(state__in=UNFINISHED)
        if order.state not in RESTING and not order.rests_on_book
    ]


def _orders(account: ExchangeAccount, venue: VenueAccount) -> Iterator[str]:
    """Every order of the venue is one of ours, and every one of ours that was sent is there once."""
    ours = {order.client_order_id: order for order in Order.objects.filter(portfolio__account=account)}
    times = Counter(order.client_id for order in venue.orders)
    for theirs in venue.orders:
        mine = ours.get(theirs.client_id)
        if mine is None:
            yield f"the venue has an order {theirs.client_id} that is none of ours"
        elif times[theirs.client_id] > 1:
            yield f"order {mine.pk} was sent {times[theirs.client_id]} times"
        elif mine.state in _NEVER_SENT:
            yield f"order {mine.pk} is {mine.state}, yet the venue has it"
        elif (theirs.status in _OPEN) != (mine.state in RESTING and mine.is_at_venue):
            yield f"order {mine.pk} is {mine.state}, at the venue {theirs.status}"
        elif theirs.filled != mine.filled_quantity:
            yield f"order {mine.pk} has filled {mine.filled_quantity}, at the venue {theirs.filled}"
    for order in ours.values():
        is_sent = order.venue_order_id or order.filled_quantity or (order.is_at_venue and order.state in RESTING)
        if is_sent and order.client_order_id not in times:
            yield f"order {order.pk} was sent, and the venue has it not"


def _fills(account: ExchangeAccount, venue: VenueAccount) -> Iterator[str]:
    """Every fill of the venue is booked once, with its quantity, price and fee, and none besides."""
    orders = Order.objects.filter(portfolio__account=account).select_related("instrument__market")
    ours = {order.client_order_id: order for order in orders}
    wanted: dict[str, tuple[Decimal, ...]] = {}
    for theirs in venue.orders:
        if (mine := ours.get(theirs.client_id)) is not None:
            for fill in theirs.fills:
                wanted[f"{mine.instrument.gateway_symbol}:{fill.id}"] = _figures(mine, fill)
    stored = Fill.objects.filter(venue_account=venue_account(account.pk))
    kept = {fill.venue_fill_id: (fill.quantity, fill.price, fill.fee, fill.base_fee) for fill in stored}
    for name in sorted(wanted.keys() | kept.keys()):
        if name not in kept:
            yield f"fill {name} of the venue is not booked"
        elif name not in wanted:
            yield f"fill {name} is booked, and the venue has it not"
        elif kept[name] != wanted[name]:
            yield f"fill {name} is booked as {_plain(kept[name])}, at the venue {_plain(wanted[name])}"


def _figures(order: Order, fill: VenueFill) -> tuple[Decimal, ...]:
    """Return quantity, price, fee and base fee as a fill has to be booked; a fee in a third asset is none of a drill's."""
    market = order.instrument.market
    assert fill.fee_asset in (market.base_id, market.quote_id), f"a fee in {fill.fee_asset}"
    if fill.fee_asset == market.base_id:
        return fill.quantity, fill.price, money(fill.fee * fill.price), fill.fee
    return fill.quantity, fill.price, fill.fee, ZERO


def _plain(figures: tuple[Decimal, ...]) -> str:
    return " / ".join(canonical(figure) for figure in figures)


def _balances(account: ExchangeAccount, venue: VenueAccount) -> Iterator[str]:
    """What the venue holds is what the portfolios and the remainder hold, and nothing moved that nobody explains."""
    ours = {row.asset: row.remainder + books for row, books in account_balances(account)}
    for asset in sorted(ours.keys() | venue.balances.keys()):
        mine, theirs = ours.get(asset, ZERO), venue.balances.get(asset, ZERO)
        if mine != theirs:
            yield f"{asset}: books and remainder hold {canonical(mine)}, the venue {canonical(theirs)}"
    for entry in RemainderEntry.objects.filter(account=account, reason__in=UNEXPLAINED):
        yield f"{entry.asset}: {canonical(entry.amount)} of the remainder are {entry.reason}"
    for fill in ForeignFill.objects.filter(account=account):
        yield f"fill {fill.venue_fill_id} is taken for nobody's"


def _keys(keys: Mapping[str, int]) -> Iterator[str]:
    """However often something was asked for under one name, it was placed once, or refused and never placed."""
    placed = Order.objects.filter(cause_kind=CauseKind.HAND, cause_id__in=list(keys), replaces=None)
    times = Counter(placed.values_list("cause_id", flat=True))
    for key, count in keys.items():
        if times[key] != count:
            yield f"{key} was answered with {count} orders, and made {times[key]}"
