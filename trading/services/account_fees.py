"""Fees of venue fills in whatever asset the venue takes them, so that none is lost.

In quote: as it is. In base: the venue keeps part of what it fills; the book gets the rest, and the fee counts at the fill's
price. In a third asset: the account's remainder pays it, and is paid for it by the book in quote at the asset's newest
price here; without such a price the account bears it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from engine.decimals import ZERO, money
from markets.gateway.protocol import AccountTrade
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import RemainderReason
from portfolios.services.remainders import Change, change_remainders
from trading.brokers import BrokerFill
from trading.models import Order

# (asset, quote) → how much quote one of it is worth.
Rates = Mapping[tuple[str, str], Decimal]


def venue_account(account_id: UUID) -> str:
    """Return what the fills of an account are unique with."""
    return f"account:{account_id}"


def broker_fill(order: Order, trade: AccountTrade, rates: Rates) -> BrokerFill:
    """Return a venue's fill of an order (with its portfolio, instrument and market) as we book it."""
    assert order.portfolio.account_id is not None
    market = order.instrument.market
    fee, base_fee, paid = trade.fee, ZERO, ("", ZERO)
    if trade.fee_asset == market.base_id and not order.instrument.is_perpetual:
        fee, base_fee = money(trade.fee * trade.price), trade.fee
    elif trade.fee and trade.fee_asset != market.quote_id:
        fee = money(trade.fee * rates.get((trade.fee_asset, market.quote_id), ZERO))
        paid = (trade.fee_asset, trade.fee)
    return BrokerFill(
        order_id=order.pk,
        venue_account=venue_account(order.portfolio.account_id),
        venue_fill_id=trade_key(trade),
        quantity=trade.quantity,
        price=trade.price,
        fee=fee,
        happened_at=trade.at,
        base_fee=base_fee,
        paid_asset=paid[0],
        paid_amount=paid[1],
    )


def trade_key(trade: AccountTrade) -> str:
    """Return a fill's id at its account: venues number fills market by market."""
    return f"{trade.symbol}:{trade.trade_id}"


def rates_of(pairs: Iterable[tuple[Order, AccountTrade]]) -> Rates:
    """Return the newest prices of what fees were paid in, against the quotes of the orders; none asked where none is needed."""
    wanted = {
        (trade.fee_asset, order.instrument.market.quote_id, order.instrument.exchange_id)
        for order, trade in pairs
        if trade.fee and trade.fee_asset not in _own_assets(order.instrument)
    }
    if not wanted:
        return {}
    found = Instrument.objects.filter(
        market__base__in={one[0] for one in wanted},
        market__quote__in={one[1] for one in wanted},
        exchange__in={one[2] for one in wanted},
    )
    instruments = list(found.select_related("market"))
    prices = latest_prices(instruments)
    return {(one.market.base_id, one.market.quote_id): prices[one.pk].price for one in instruments if one.pk in prices}


def _own_assets(instrument: Instrument) -> tuple[str, ...]:
    """Return the assets that a market's fills move: of a perpetual the settlement currency alone."""
    market = instrument.market
    return (market.quote_id,) if instrument.is_perpetual else (market.base_id, market.quote_id)


def pay_third_assets(booked: Sequence[BrokerFill], orders: Mapping[UUID, Order]) -> None:
    """Take fees in third assets out of their accounts' remainders, and put in what the books paid for them."""
    by_account: dict[UUID, list[Change]] = {}
    for one in booked:
        if not one.paid_asset:
            continue
        order = orders[one.order_id]
        assert order.portfolio.account_id is not None
        quote = order.instrument.market.quote_id
        sides = ((one.paid_asset, -one.paid_amount), (quote, one.fee))
        by_account.setdefault(order.portfolio.account_id, []).extend(
            Change(asset, amount, RemainderReason.FEE, one.venue_fill_id) for asset, amount in sides if amount
        )
    for account_id in sorted(by_account):
        change_remainders(account_id, by_account[account_id])
