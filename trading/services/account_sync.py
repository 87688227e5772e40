"""What a venue tells of an account becomes rows: fills of our orders, fills of nobody's, ends of orders, and the comparison.

Called by the signer with what it read; nothing here asks a venue. Everything may be told twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from accounts.services import notify
from common.clock import wall_now
from common.db import bulk_insert
from common.ids import new_id
from engine.decimals import ZERO
from markets.gateway.protocol import AccountTrade, Balance, OrderState, OrderStatus
from markets.gateway.protocol import Position as VenuePosition
from markets.gateway.protocol import Side as VenueSide
from markets.models import Instrument, MarketKind
from portfolios.models import AccountBalance, AccountState, ExchangeAccount, Portfolio, Position, RemainderReason
from portfolios.services.books import lock_portfolios
from portfolios.services.remainders import (
    Change,
    Gaps,
    change_remainders,
    changes_of_account,
    compare_account,
    lock_account,
)
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.models import IN_FLIGHT, UNFINISHED, Fill, ForeignFill, Order, Side
from trading.models import OrderState as State
from trading.services.account_fees import broker_fill, rates_of, trade_key, venue_account
from trading.services.account_margin import FIRST_PART, moved_on_margin, net_trade
from trading.services.diverging import look_at_drift, note_shortages
from trading.services.execution import record_results
from trading.services.fills import record_fills

logger = logging.getLogger(__name__)
# What was read to the end is read again for so long back: venues list a fill some time after they tell it.
_OVERLAP = timedelta(minutes=2)
_ENDS = {
    OrderStatus.CANCELED: Outcome.CANCELED,
    OrderStatus.EXPIRED: Outcome.EXPIRED,
    OrderStatus.REJECTED: Outcome.REJECTED,
}
_UNANSWERED = (State.SUBMITTING, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lists of an account's fills are read for: these markets, since then; and `as_of` for the comparison."""

    symbols: tuple[str, ...]
    since: datetime


def ready_accounts() -> list[UUID]:
    """Return the accounts whose keys work."""
    return list(ExchangeAccount.objects.filter(state=AccountState.READY).order_by("pk").values_list("pk", flat=True))


def forget_reconciled(account_ids: Sequence[UUID]) -> None:
    """Deny opens on these accounts until they have been reconciled: whoever listened to their venues is cut off."""
    ExchangeAccount.objects.filter(pk__in=account_ids).update(reconciled_at=None)


def keep_reconciled(*, account_id: UUID, since: datetime) -> None:
    """Write down that orders, fills and balances agreed, by what was asked at `since` or later."""
    ExchangeAccount.objects.filter(pk=account_id).update(reconciled_at=since, fills_read_at=since)
    note_shortages(account_id=account_id)
    look_at_drift(account_id=account_id)


def keep_unchanged(*, account_id: UUID, since: datetime) -> None:
    """Write down that all agreed still: since the last comparison nothing was booked, and the venue told the same."""
    AccountBalance.objects.filter(account=account_id).update(read_at=wall_now())
    ExchangeAccount.objects.filter(pk=account_id).update(reconciled_at=since, fills_read_at=since)
    # What follows aim at changes without a booking.
    note_shortages(account_id=account_id)


def reading_of(*, account_id: UUID) -> Reading:
    """Return what to read: every market that a portfolio of the account trades, or that was traded at the venue itself."""
    account = ExchangeAccount.objects.get(pk=account_id)
    held = Position.objects.filter(portfolio__account=account_id).exclude(quantity=ZERO).values("instrument")
    moving = Order.objects.filter(portfolio__account=account_id, state__in=UNFINISHED).values("instrument")
    recent = Fill.objects.filter(portfolio__account=account_id, recorded_at__gte=wall_now() - timedelta(days=1))
    foreign = ForeignFill.objects.filter(account=account_id).values("instrument")
    markets = Q(pk__in=held) | Q(pk__in=moving) | Q(pk__in=recent.values("instrument")) | Q(pk__in=foreign)
    nobodys = AccountBalance.objects.filter(account=account_id).exclude(remainder=ZERO).values("asset")
    markets |= Q(exchange=account.exchange_id, market__kind=MarketKind.PERPETUAL, gateway_symbol__in=nobodys)
    symbols = Instrument.objects.filter(markets).order_by("gateway_symbol").values_list("gateway_symbol", flat=True)
    since = account.fills_read_at or account.books_from or wall_now()
    return Reading(tuple(symbols), since - _OVERLAP)


def markets_of(*, account_id: UUID, assets: Sequence[str]) -> list[str]:
    """Return the markets in which a trade would explain differences in these assets, or positions."""
    exchange = ExchangeAccount.objects.get(pk=account_id).exchange_id
    between = Q(market__kind=MarketKind.SPOT, market__base__in=assets, market__quote__in=assets)
    found = Instrument.objects.filter(between | Q(gateway_symbol__in=assets), exchange=exchange)
    return list(found.order_by("gateway_symbol").values_list("gateway_symbol", flat=True))


def record_trades(*, account_id: UUID, trades: Sequence[AccountTrade]) -> int:
    """Book fills of our orders and keep those of nobody's in the remainder; return how many cannot be told apart yet.

    Those come while an order in their market is unanswered: they may be its own.
    """
    fresh = _not_yet_stored(account_id, trades)
    if not fresh:
        return 0
    orders = _orders_of(account_id, fresh)
    ours = [(orders[one.venue_order_id], one) for one in fresh if one.venue_order_id in orders]
    rates = rates_of(ours)
    _book_each([broker_fill(order, trade, rates) for order, trade in ours])
    rest = [one for one in fresh if one.venue_order_id not in orders]
    doubtful = _unanswered_symbols(account_id) if rest else set()
    _keep_foreign(account_id, [one for one in rest if one.symbol not in doubtful])
    return sum(1 for one in rest if one.symbol in doubtful)


def record_order_states(*, account_id: UUID, states: Sequence[OrderState]) -> None:
    """End our orders that the venue ended. What it filled of them before is waited for, where it is not booked yet."""
    told = {one.client_order_id: one for one in states}
    mine = Order.objects.filter(portfolio__account=account_id, client_order_id__in=list(told), state__in=IN_FLIGHT)
    results = [
        OrderResult(
            pk,
            _ENDS.get(told[client_id].status, Outcome.OPEN),
            filled_quantity=told[client_id].filled,
            venue_order_id=told[client_id].venue_order_id,
        )
        for pk, client_id in mine.values_list("pk", "client_order_id")
    ]
    if results:
        record_results(results)


@transaction.atomic
def compare(
    *,
    account_id: UUID,
    told: Mapping[str, Balance],
    as_of: int,
    seen: Gaps | None,
    positions: Sequence[VenuePosition] = (),
) -> Gaps | None:
    """Compare balances as `compare_account` does; None as well while an order is unanswered: the venue may have filled it."""
    lock_portfolios(Portfolio.objects.filter(account=account_id).values_list("pk", flat=True))
    if Order.objects.filter(portfolio__account=account_id, state__in=_UNANSWERED).exists():
        return None
    return compare_account(account_id=account_id, told=told, as_of=as_of, seen=seen, positions=positions)


def moment_of(*, account_id: UUID) -> int:
    """Return what `compare` wants from before the venue is asked."""
    return changes_of_account(account_id)


def _not_yet_stored(account_id: UUID, trades: Sequence[AccountTrade]) -> list[AccountTrade]:
    by_key = {trade_key(one): one for one in trades}
    keys = [*by_key, *(key + FIRST_PART for key in by_key)]
    booked = Fill.objects.filter(venue_account=venue_account(account_id), venue_fill_id__in=keys)
    foreign = ForeignFill.objects.filter(account=account_id, venue_fill_id__in=list(by_key))
    known = {key.removesuffix(FIRST_PART) for key in booked.values_list("venue_fill_id", flat=True)}
    known |= set(foreign.values_list("venue_fill_id", flat=True))
    return [one for key, one in by_key.items() if key not in known]


def _orders_of(account_id: UUID, trades: Sequence[AccountTrade]) -> dict[str, Order]:
    """Return our orders that these fills belong to, by the venue's name: most venues list fills by that alone."""
    mine = Order.objects.filter(portfolio__account=account_id)
    mine = mine.select_related("portfolio", "instrument__market", "instrument__exchange")
    told = {one.client_order_id: one.venue_order_id for one in trades if one.client_order_id and one.venue_order_id}
    by_name = mine.filter(venue_order_id__in=sorted({one.venue_order_id for one in trades if one.venue_order_id}))
    found = {order.venue_order_id: order for order in by_name}
    by_id = mine.filter(client_order_id__in=list(told))
    return found | {told[order.client_order_id]: order for order in by_id}


def _book_each(fills: Sequence[BrokerFill]) -> None:
    """Book fills together where that goes, else each for itself, and tell the owner of one that the books do not cover."""
    try:
        record_fills(fills)
    except (IntegrityError, DataError):
        if len(fills) > 1:
            for one in fills:
                _book_each([one])
            return
        logger.exception("Fill %s cannot be booked.", fills[0].venue_fill_id)
        order = Order.objects.select_related("portfolio__account", "portfolio__owner").get(pk=fills[0].order_id)
        account = order.portfolio.account
        assert account is not None
        context = {"label": account.label, "account": str(account.pk), "portfolio": order.portfolio.name}
        notify(user=order.portfolio.owner, event="exchange_account.fill_not_booked", context=context)


def _unanswered_symbols(account_id: UUID) -> set[str]:
    unanswered = Order.objects.filter(portfolio__account=account_id, state__in=_UNANSWERED)
    return set(unanswered.values_list("instrument__gateway_symbol", flat=True))


@transaction.atomic
def _keep_foreign(account_id: UUID, trades: Sequence[AccountTrade]) -> None:
    """Store fills of nobody's order with what they did to the remainder, once; what was before our books is in them.

    On margin one after the other: each is netted with what those before it left.
    """
    if not trades:
        return
    lock_portfolios(Portfolio.objects.filter(account=account_id).values_list("pk", flat=True))
    account = lock_account(account_id)
    since = account.books_from
    later = [one for one in trades if since is not None and one.at >= since]
    fresh = _not_yet_stored(account_id, later)
    found = Instrument.objects.filter(exchange=account.exchange_id, gateway_symbol__in={one.symbol for one in fresh})
    instruments = {one.gateway_symbol: one for one in found.select_related("market", "exchange")}
    kept = [(one, instruments[one.symbol]) for one in fresh if one.symbol in instruments]
    for one, instrument in sorted(kept, key=lambda pair: (pair[0].at, trade_key(pair[0]))):
        if instrument.is_perpetual:
            _keep_on_margin(account, one, instrument)
    kept = [(one, instrument) for one, instrument in kept if not instrument.is_perpetual]
    bulk_insert(ForeignFill, [_foreign(account, one, instrument) for one, instrument in kept])
    if changes := [change for one, instrument in kept for change in _moved(one, instrument)]:
        change_remainders(account_id, changes)


def _keep_on_margin(account: ExchangeAccount, one: AccountTrade, instrument: Instrument) -> None:
    """Book what a trade closes in portfolios, and keep the rest of it as nobody's."""
    netted = net_trade(account.pk, one, instrument)
    if not netted.change:
        return
    rest = replace(one, quantity=abs(netted.change), fee=netted.fee)
    bulk_insert(ForeignFill, [_foreign(account, rest, instrument)])
    changes = moved_on_margin(
        account.pk,
        instrument,
        change=netted.change,
        price=one.price,
        fee=netted.fee,
        fee_asset=one.fee_asset,
        reason=RemainderReason.VENUE_FILL,
        note=trade_key(one),
    )
    change_remainders(account.pk, changes)


def _foreign(account: ExchangeAccount, one: AccountTrade, instrument: Instrument) -> ForeignFill:
    return ForeignFill(
        id=new_id(),
        account=account,
        instrument=instrument,
        venue_fill_id=trade_key(one),
        venue_order_id=one.venue_order_id,
        side=Side.BUY if one.side == VenueSide.BUY else Side.SELL,
        quantity=one.quantity,
        price=one.price,
        fee=one.fee,
        fee_asset=one.fee_asset,
        happened_at=one.at,
        recorded_at=wall_now(),
    )


def _moved(one: AccountTrade, instrument: Instrument) -> list[Change]:
    sign = 1 if one.side == VenueSide.BUY else -1
    sides = (
        (instrument.market.base_id, sign * one.quantity),
        (instrument.market.quote_id, -sign * one.quantity * one.price),
        (one.fee_asset, -one.fee),
    )
    return [Change(asset, amount, RemainderReason.VENUE_FILL, trade_key(one)) for asset, amount in sides if amount]
