"""Reads of what is held on margin: tiers, terms, and the prices at which positions are liquidated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from engine.decimals import ZERO
from engine.margin import ONE_TIER, Tiers, is_liquidated, liquidation_price, maintenance_margin, settle, tiers_of
from engine.positions import PositionState
from markets.models import Instrument
from portfolios.margin_models import FundingPayment, MarginMode, MarginTier
from portfolios.models import Portfolio, Position
from portfolios.selectors import Holding, Worth, worth_of


def tiers_by_instrument(instrument_ids: Iterable[UUID]) -> dict[UUID, Tiers]:
    """Return the tiers of instruments, in one statement; one careful tier of those whose venue told none."""
    wanted = set(instrument_ids)
    rows: defaultdict[UUID, list[tuple[Decimal, int, Decimal]]] = defaultdict(list)
    fields = ("instrument_id", "floor", "max_leverage", "maintenance_ratio")
    for pk, *tier in MarginTier.objects.filter(instrument__in=wanted).values_list(*fields) if wanted else ():
        rows[pk].append((tier[0], tier[1], tier[2]))
    return {pk: tiers_of(rows[pk]) if pk in rows else ONE_TIER for pk in wanted}


def position_on_margin(portfolio: Portfolio, instrument: Instrument) -> Position:
    """Return the portfolio's position in a perpetual, flat and not stored where there is none: terms stand there, too."""
    found = Position.objects.filter(portfolio=portfolio, instrument=instrument).first()
    return found or Position(portfolio=portfolio, instrument=instrument, margin_mode=MarginMode.ISOLATED)


def funding_of(portfolio: Portfolio) -> QuerySet[FundingPayment]:
    """Return what the portfolio's positions paid and received at funding times, newest first."""
    found = FundingPayment.objects.filter(portfolio=portfolio).select_related("instrument__market")
    return found.order_by("-happened_at", "-pk")


def maintenance_of(holding: Holding, tiers: Mapping[UUID, Tiers]) -> Decimal:
    """Return the maintenance margin of a position at its price."""
    return maintenance_margin(abs(holding.value), tiers[holding.position.instrument_id])


def crossed(worth: Worth) -> list[Holding]:
    """Return the cross positions that are open."""
    return [one for one in worth.holdings if one.position.margin_mode == MarginMode.CROSS]


def cross_equity(worth: Worth) -> Decimal:
    """Return what backs a portfolio's cross positions: cash that is neither promised nor set aside, and their profits."""
    return worth.cash - worth.reserved + sum((one.unrealized_pnl for one in crossed(worth)), ZERO)


def liquidation_prices(worth: Worth, tiers: Mapping[UUID, Tiers]) -> dict[UUID, Decimal | None]:
    """Return at which price each position on margin is liquidated, all else equal, by instrument; None where at none."""
    together, found = crossed(worth), dict[UUID, Decimal | None]()
    spare = cross_equity(worth) - sum((maintenance_of(one, tiers) for one in together), ZERO)
    for one in worth.holdings:
        position = one.position
        if not position.on_margin:
            continue
        backing: Decimal = position.margin
        if position.margin_mode == MarginMode.CROSS:
            backing = spare + maintenance_of(one, tiers) - one.unrealized_pnl
        mine = tiers[position.instrument_id]
        found[position.instrument_id] = liquidation_price(position.quantity, position.cost, backing, mine)
    return found


def with_liquidation_prices(portfolio: Portfolio, held: list[Holding]) -> list[Holding]:
    """Return what a portfolio holds with the prices at which each is liquidated; without a query where none is on margin."""
    if not any(one.side for one in held):
        return held
    worth = worth_of([portfolio])[portfolio.pk]
    tiers = tiers_by_instrument(one.position.instrument_id for one in worth.holdings if one.position.on_margin)
    prices = liquidation_prices(worth, tiers)
    return [replace(one, liquidation_price=prices.get(one.position.instrument_id)) for one in held]


def price_of_liquidation(
    portfolio: Portfolio, position: Position, *, change: Decimal, price: Decimal, fee: Decimal
) -> Decimal | None:
    """Return at which price a position would be liquidated after a fill, all else equal; None where at none."""
    tiers, worth = tiers_by_instrument([position.instrument_id]), worth_of([portfolio])[portfolio.pk]
    is_isolated = position.margin_mode == MarginMode.ISOLATED
    before = PositionState(position.quantity, position.cost)
    settled = settle(
        before,
        position.margin,
        change=change,
        price=price,
        fee=fee,
        leverage=position.leverage,
        is_isolated=is_isolated,
    )
    if not settled.state.quantity:
        return None
    backing = settled.margin
    if not is_isolated:
        others = [one for one in crossed(worth) if one.position.instrument_id != position.instrument_id]
        theirs = tiers_by_instrument({one.position.instrument_id for one in others})
        profits = sum((one.unrealized_pnl - maintenance_of(one, theirs) for one in others), ZERO)
        backing = worth.cash - worth.reserved + profits + settled.cash
    mine = tiers[position.instrument_id]
    return liquidation_price(settled.state.quantity, settled.state.cost, backing, mine)


def to_liquidate(worth: Worth, tiers: Mapping[UUID, Tiers]) -> list[Holding]:
    """Return the positions that no longer carry their maintenance margins at the prices they are valued at.

    Of cross positions all or none: one backs the other.
    """
    isolated = [one for one in worth.holdings if one.position.margin_mode == MarginMode.ISOLATED and one.price]
    gone = [
        one for one in isolated if is_liquidated(one.position.margin + one.unrealized_pnl, maintenance_of(one, tiers))
    ]
    together = crossed(worth)
    needed = sum((maintenance_of(one, tiers) for one in together), ZERO)
    if together and all(one.price for one in together) and is_liquidated(cross_equity(worth), needed):
        gone += together
    return gone
