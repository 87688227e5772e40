"""From a follow's rows to its shortfall account: what the lead's events, the follow's orders and its books say."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.clock import market_now
from common.fields import DecimalSum
from engine.copy_accounts.shortfall import Bar, Copy, Part, Shortfall, perfect_quantity, shortfall_of, waterfall
from engine.decimals import ZERO, money
from engine.sizing import equity_ratio
from markets.models import Instrument
from markets.prices import Price, latest_prices
from markets.selectors import instruments_by_id
from portfolios.models import EquitySnapshot, LedgerAccount, LedgerLine
from portfolios.selectors import worth_of
from trading.copy_accounts.selectors import dues_of
from trading.models import CauseKind, Fill, Follow, FollowPosition, LeadEvent, Order, Side

# What closes a follow, or all of somebody's positions: the perfect copy goes along, at the market's price.
_ENDINGS = (CauseKind.FOLLOW_COMMAND, CauseKind.CLOSE_ALL)
_FAR = (LedgerAccount.EXTERNAL, LedgerAccount.TRANSFER)


@dataclass(frozen=True, slots=True)
class Traded:
    """What an order's fills came to: signed base units, quote units."""

    change: Decimal = ZERO
    paid: Decimal = ZERO
    fee: Decimal = ZERO


def account_of(follow: Follow) -> Shortfall:
    """Return the shortfall account of a follow (read with its portfolio) as prices stand now, in a constant number of statements."""
    orders = list(Order.objects.filter(portfolio=follow.portfolio_id).order_by("pk"))
    events = _events(orders)
    instruments = instruments_by_id({order.instrument_id for order in orders})
    prices = _marks(follow, orders, events, instruments)
    ratios, traded = _Ratios(follow), _traded(follow)
    worth = worth_of([follow.portfolio], prices)[follow.portfolio_id]
    copies = [
        _copy(order, events.get(order.pk), traded.get(order.pk, Traded()), ratios, instruments[order.instrument_id])
        for order in orders
    ]
    return shortfall_of(
        copies,
        {pk: price.price for pk, price in prices.items()},
        capital=_paid_in(follow),
        book_profit=worth.profit,
        funding=worth.funding_paid,
        insured=worth.insured,
        profit_share=dues_of([follow.pk]).get(follow.pk, ZERO),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A bar of the chart: its place from the left (0–100), its width, and the figures beside it."""

    bar: Bar
    left: float
    width: float


def steps_of(account: Shortfall) -> list[Step]:
    """Return the waterfall's bars as a picture a hundred units wide takes them; parts that came to nothing are left out."""
    bars = [bar for bar in waterfall(account) if bar.change or bar.name in ("lead", "follower")]
    ends = [float(end) for bar in bars for end in (bar.start, bar.end)]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    steps = []
    for bar in bars:
        first, last = sorted((float(bar.start), float(bar.end)))
        steps.append(Step(bar, round((first - low) / span * 100, 2), round(max((last - first) / span * 100, 0.5), 2)))
    return steps


def parts_of(account: Shortfall) -> list[tuple[Part, Decimal, Decimal]]:
    """Return (part, amount, ratio of the capital) of every part, the ones that are zero included."""
    return [(part, amount, account.ratio(amount)) for part, amount in account.parts.items()]


def _events(orders: Sequence[Order]) -> dict[UUID, LeadEvent]:
    """Return the lead event of each copied order, with the lead's own order."""
    causes = {order.pk: int(order.cause_id) for order in orders if order.cause_kind == CauseKind.LEAD_EVENT}
    found = {one.pk: one for one in LeadEvent.objects.filter(pk__among=causes.values()).select_related("order")}
    return {pk: found[event_id] for pk, event_id in causes.items()}


def _traded(follow: Follow) -> dict[UUID, Traded]:
    sums: dict[UUID, Traded] = {}
    for fill in Fill.objects.filter(portfolio=follow.portfolio_id).order_by("number"):
        so_far = sums.get(fill.order_id, Traded())
        change = fill.change
        sums[fill.order_id] = Traded(so_far.change + change, so_far.paid + change * fill.price, so_far.fee + fill.fee)
    return sums


def _marks(
    follow: Follow, orders: Sequence[Order], events: Mapping[UUID, LeadEvent], instruments: Mapping[UUID, Instrument]
) -> dict[UUID, Price]:
    """Return the newest price of each instrument; of one that has none any more, the last that an order met."""
    now = market_now(follow.portfolio.namespace)
    met = {}
    for order in orders:
        event = events.get(order.pk)
        met[order.instrument_id] = Price(event.price if event else order.market_price or order.average_price, now)
    return met | latest_prices(instruments.values())


def _paid_in(follow: Follow) -> Decimal:
    """Return all that was ever paid into the follow: what its returns are measured against."""
    lines = LedgerLine.objects.filter(portfolio=follow.portfolio_id, account__in=_FAR, amount__lt=ZERO)
    paid: Decimal = -lines.aggregate(total=DecimalSum("amount"))["total"]
    return paid


class _Ratios:
    """The ratio that each opening was sized by: known of the newest position in an instrument, else told by the snapshots."""

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._known = dict(FollowPosition.objects.filter(follow=follow).values_list("instrument", "ratio"))
        snapshots = EquitySnapshot.objects.filter(portfolio=follow.portfolio_id).order_by("at")
        self._equity: list[tuple[datetime, Decimal]] = list(snapshots.values_list("at", "equity").distinct())
        self._times = [at for at, _ in self._equity]

    def of(self, event: LeadEvent, requested: Decimal, lot_step: Decimal) -> Decimal:
        known = self._known.get(event.instrument_id, ZERO)
        if known and ZERO <= event.opened_quantity * known - requested < lot_step:
            return known
        before = bisect_right(self._times, event.happened_at)
        equity = self._equity[before - 1][1] if before else self._follow.portfolio.net_deposits
        return equity_ratio(follower_equity=equity, lead_equity=event.lead_equity, multiplier=self._follow.multiplier)


def _copy(order: Order, event: LeadEvent | None, traded: Traded, ratios: _Ratios, instrument: Instrument) -> Copy:
    sign = 1 if order.side == Side.BUY else -1
    facts = {
        "instrument": order.instrument_id,
        "requested": order.requested_quantity * sign,
        "change": traded.change,
        "paid": traded.paid,
        "fee": traded.fee,
    }
    if event is None:
        met = money(traded.paid / traded.change) if traded.change else order.market_price or ZERO
        ends = order.cause_kind in _ENDINGS and order.market_price is not None
        price = order.market_price if ends and order.market_price is not None else met
        closed = (order.closed_fraction or ZERO) if ends and traded.change else ZERO
        return Copy(lead_price=price, market_price=price, closed_fraction=closed, **facts)
    value = event.order.filled_quantity * event.order.average_price
    leads = {
        "lead_price": event.price,
        "market_price": event.price if order.market_price is None else order.market_price,
        "lead_fee_ratio": event.order.fee / value if value else ZERO,
    }
    if order.closed_fraction is not None:
        return Copy(closed_fraction=order.closed_fraction, **leads, **facts)
    opened = perfect_quantity(
        lead_quantity=event.opened_quantity,
        ratio=ratios.of(event, order.requested_quantity, instrument.lot_step),
        requested=order.requested_quantity,
        lot_step=instrument.lot_step,
    )
    return Copy(opened=opened * sign, **leads, **facts)
