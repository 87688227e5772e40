"""What happens at a venue to an account's perpetuals without an order of ours: trades of nobody's, liquidations, funding.

A venue nets: it keeps one position a market, whoever opened what of it. So a trade of nobody's that reduces it closes first
what is in no portfolio, then what the portfolios hold, by held quantity; its owner made it there, or the venue did, which
liquidates. Only what is left opens something, in no portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.services import notify
from common.clock import wall_now
from common.db import bulk_insert
from common.fields import DecimalSum, canonical
from common.realtime import publish
from engine.decimals import ZERO, money
from engine.positions import PositionState, apply_fill
from markets.gateway.protocol import AccountTrade, FundingReceived
from markets.gateway.protocol import Side as VenueSide
from markets.models import Instrument
from portfolios.margin_models import AccountFunding
from portfolios.models import AccountBalance, Portfolio, Position, RemainderReason
from portfolios.services.books import lock_portfolios
from portfolios.services.margin import Funding, book_funding
from portfolios.services.remainders import Change, change_remainders, lock_account
from trading.brokers import BrokerFill
from trading.models import CauseKind, ForeignFill, Leg, Order, OrderState, Side
from trading.services.account_fees import broker_fill, rates_of, trade_key
from trading.services.fills import record_fills
from trading.services.funding import held_at
from trading.services.orders import Cause, new_order

# A trade that closes what several portfolios hold is a fill of each, numbered from 1 behind the venue's own number.
FIRST_PART = "/1"
# Venues list a payment some time after they took it: so much is read again.
FUNDING_OVERLAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Netted:
    """What of a trade nobody's position takes: a signed quantity, and its part of the fee."""

    change: Decimal
    fee: Decimal


def net_trade(account_id: UUID, one: AccountTrade, instrument: Instrument) -> Netted:
    """Book what a trade of nobody's closes in portfolios, and return what is left for the remainder.

    The caller holds the locks of the account's portfolios and the account's.
    """
    change = one.quantity if one.side == VenueSide.BUY else -one.quantity
    nobodys, _ = remainder_of(account_id, instrument.gateway_symbol)
    own = min(abs(nobodys), one.quantity) if nobodys * change < ZERO else ZERO
    held = Position.objects.filter(portfolio__account=account_id, instrument=instrument).exclude(quantity=ZERO)
    sides = {pk: quantity for pk, quantity in held.values_list("portfolio_id", "quantity") if quantity * change < ZERO}
    closed = min(sum(map(abs, sides.values()), ZERO), one.quantity - own)
    if not closed:
        return Netted(change, one.fee)
    parts = shared(closed, sides, instrument.lot_step)
    fees = shared(one.fee * closed / one.quantity, parts)
    _close(account_id, one, instrument, parts, fees)
    left = one.quantity - closed
    return Netted(left if change > ZERO else -left, one.fee - sum(fees.values(), ZERO))


def shared(amount: Decimal, held: Mapping[UUID, Decimal], step: Decimal | None = None) -> dict[UUID, Decimal]:
    """Divide an amount by held quantity, to the last digit; with a step in whole steps, and nobody gets more than is held.

    >>> one, two = UUID(int=1), UUID(int=2)
    >>> [str(part) for part in shared(Decimal("0.03"), {one: Decimal("0.01"), two: Decimal("0.03")}, Decimal("0.01")).values()]
    ['0.01', '0.02']
    """
    total, found, left = sum(held.values(), ZERO), dict[UUID, Decimal](), amount
    for pk in sorted(held):
        part = money(amount * held[pk] / total)
        found[pk] = part if step is None else part - part % step
        left -= found[pk]
    for pk in sorted(held):
        more = left if step is None else min(left, abs(held[pk]) - found[pk])
        found[pk] += more
        left -= more
    return found


def _close(
    account_id: UUID,
    one: AccountTrade,
    instrument: Instrument,
    parts: Mapping[UUID, Decimal],
    fees: Mapping[UUID, Decimal],
) -> None:
    """Book what portfolios' positions lose to a trade at the venue, each with an order that says where it comes from."""
    portfolios = Portfolio.objects.select_related("owner").in_bulk([pk for pk, part in parts.items() if part])
    orders, fills = list[Order](), list[BrokerFill]()
    for number, pk in enumerate(sorted(portfolios), 1):
        order = _order(portfolios[pk], instrument, one, parts[pk])
        trade = AccountTrade(
            symbol=one.symbol,
            trade_id=f"{one.trade_id}/{number}",
            venue_order_id=one.venue_order_id,
            client_order_id="",
            at=one.at,
            side=one.side,
            price=one.price,
            quantity=parts[pk],
            fee=fees[pk],
            fee_asset=one.fee_asset,
            is_maker=one.is_maker,
        )
        orders.append(order)
        fills.append(broker_fill(order, trade, rates_of([(order, trade)])))
    bulk_insert(Order, orders)
    record_fills(fills)
    for order in orders:
        _tell(account_id, order, one)


def _order(portfolio: Portfolio, instrument: Instrument, one: AccountTrade, quantity: Decimal) -> Order:
    order = new_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.BUY if one.side == VenueSide.BUY else Side.SELL,
        leg=Leg.CLOSE,
        quantity=quantity,
        cause=Cause(CauseKind.VENUE, trade_key(one)),
    )
    order.quantity, order.state, order.claimed_at = quantity, OrderState.OPEN, wall_now()
    return order


def _tell(account_id: UUID, order: Order, one: AccountTrade) -> None:
    notify(
        user=order.portfolio.owner,
        event="exchange_account.closed_at_venue",
        context={
            "label": order.portfolio.account.label if order.portfolio.account else "",
            "account": str(account_id),
            "symbol": order.instrument.symbol,
            "portfolio": order.portfolio.name,
            "quantity": canonical(order.quantity),
            "price": canonical(one.price),
        },
    )


def remainder_of(account_id: UUID, symbol: str) -> tuple[Decimal, Decimal]:
    """Return what is in no portfolio of a perpetual (signed), and what it was opened for."""
    row = AccountBalance.objects.filter(account=account_id, asset=symbol).first()
    return (row.remainder, row.cost) if row else (ZERO, ZERO)


def moved_on_margin(
    account_id: UUID, instrument: Instrument, *, change: Decimal, price: Decimal, fee: Decimal, fee_asset: str,
    reason: RemainderReason, note: str,
) -> list[Change]:  # fmt: skip
    """Return what a trade of nobody's does to the remainder: its position, what that earned, and the fee."""
    held, cost = remainder_of(account_id, instrument.gateway_symbol)
    after = apply_fill(PositionState(held, cost), change=change, price=price, fee=ZERO)
    changes = [
        Change(instrument.gateway_symbol, change, reason, note, cost=after.cost - cost),
        Change(instrument.market.quote_id, after.realized_pnl, reason, note),
        Change(fee_asset, -fee, reason, note),
    ]
    return [one for one in changes if one.amount]


@transaction.atomic
def record_funding(*, account_id: UUID, received: Sequence[FundingReceived]) -> int:
    """Book what a venue paid and took at funding times, each once by its number, and return how many were new.

    Positions share it by what they held *at that time*; what was in no portfolio, and what nobody held, is the remainder's.
    """
    portfolios = lock_portfolios(Portfolio.objects.filter(account=account_id).values_list("pk", flat=True))
    account = lock_account(account_id)
    since = account.books_from
    later = {one.payment_id: one for one in received if since is not None and one.at >= since}
    known = AccountFunding.objects.filter(account=account_id, payment_id__in=list(later))
    fresh = later.keys() - set(known.values_list("payment_id", flat=True))
    found = Instrument.objects.filter(
        exchange=account.exchange_id, gateway_symbol__in={later[pk].symbol for pk in fresh}
    )
    instruments = {one.gateway_symbol: one for one in found.select_related("market", "exchange")}
    news = [one for pk, one in sorted(later.items()) if pk in fresh and one.symbol in instruments]
    for one in sorted(news, key=lambda one: one.at):
        _divide(account_id, one, instruments[one.symbol], list(portfolios))
    bulk_insert(
        AccountFunding,
        [
            AccountFunding(
                account_id=account_id,
                payment_id=one.payment_id,
                instrument=instruments[one.symbol],
                amount=one.amount,
                happened_at=one.at,
                recorded_at=wall_now(),
            )
            for one in news
        ],
    )
    if news:
        publish([(f"portfolio:{pk}", {"refresh": ["positions", "summary", "ledger"]}) for pk in sorted(portfolios)])
    return len(news)


def _divide(account_id: UUID, one: FundingReceived, instrument: Instrument, portfolio_ids: list[UUID]) -> None:
    """Give a payment to those who held the position at its time."""
    held = {pk: quantity for pk, quantity in held_at(instrument, portfolio_ids, one.at).items() if quantity}
    nobodys = _nobodys_at(account_id, instrument, one.at)
    everybodys = held | ({account_id: nobodys} if nobodys else {})
    parts = shared(one.amount, everybodys) if sum(everybodys.values(), ZERO) else {}
    rest = parts.pop(account_id, ZERO) if parts else one.amount
    due = [Funding(pk, instrument, held[pk], one.at, told=-part) for pk, part in parts.items()]
    if due:
        book_funding(due)
    if rest:
        change_remainders(account_id, [Change(one.asset, rest, RemainderReason.FUNDING, one.payment_id)])


def _nobodys_at(account_id: UUID, instrument: Instrument, at: datetime) -> Decimal:
    """Return what was in no portfolio at a moment: what is now, without the trades since."""
    held, _ = remainder_of(account_id, instrument.gateway_symbol)
    since = ForeignFill.objects.filter(account=account_id, instrument=instrument, assigned_to=None, happened_at__gt=at)
    for side, quantity in since.values_list("side").annotate(DecimalSum("quantity")):
        held -= quantity if side == Side.BUY else -quantity
    return held
