"""The terms of trading on margin: an instrument's tiers, a position's leverage and margin mode, and what follows of them.

The caller of what changes a portfolio's rows holds its lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.services import audit
from common.clock import wall_now
from common.db import bulk_insert, bulk_save, bulk_update
from common.errors import DomainError
from common.fields import canonical
from common.ids import new_id
from engine.decimals import ZERO
from engine.margin import Tier, Tiers, funding_payment, is_liquidated, margin_at, paid_from_margin, tier_at, tiers_of
from markets.gateway.protocol import LeverageTier
from markets.models import Exchange, Instrument
from markets.selectors import perpetuals_of
from portfolios.margin import maintenance_of, position_on_margin, tiers_by_instrument
from portfolios.margin_models import FundingPayment, MarginMode, MarginTier
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position
from portfolios.selectors import Holding, worth_of
from portfolios.services.books import Holdings

logger = logging.getLogger(__name__)


@transaction.atomic
def set_tiers(*, instrument: Instrument, tiers: Iterable[Tier]) -> bool:
    """Put these tiers in place of an instrument's and audit that; say whether they are others than before."""
    wanted = sorted((one.floor, one.max_leverage, one.maintenance_ratio) for one in tiers)
    rows = MarginTier.objects.filter(instrument=instrument)
    held = sorted(rows.values_list("floor", "max_leverage", "maintenance_ratio"))
    if held == wanted:
        return False
    rows.delete()
    bulk_insert(
        MarginTier,
        [
            MarginTier(instrument=instrument, floor=floor, max_leverage=leverage, maintenance_ratio=ratio)
            for floor, leverage, ratio in wanted
        ],
    )
    audit(action="instrument.tiers_changed", obj=instrument, before=_plain(held), after=_plain(wanted))
    return True


def _plain(tiers: Iterable[tuple[Decimal, int, Decimal]]) -> dict[str, list[str]]:
    words = [f"{leverage}x, {canonical(ratio)} from {canonical(floor)}" for floor, leverage, ratio in tiers]
    return {"tiers": words} if words else {}


def take_over_tiers(*, exchange: Exchange, told: Mapping[str, Sequence[LeverageTier]]) -> list[str]:
    """Give an exchange's perpetuals the tiers that its venue tells, by its own symbols; return which have others now.

    Of what a venue tells no tiers, or none that make sense, those that were there stay.
    """
    changed = []
    for instrument in perpetuals_of(exchange).filter(gateway_symbol__in=told):
        rows = [
            (one.min_notional, int(one.max_leverage), one.maintenance_margin_ratio)
            for one in told[instrument.gateway_symbol]
        ]
        try:
            tiers = tiers_of(rows)
        except ValueError as error:
            logger.warning("The tiers of %s at %s stay as they are: %s", instrument, exchange, error)
            continue
        if set_tiers(instrument=instrument, tiers=tiers):
            changed.append(instrument.symbol)
    return changed


def change_terms(
    *, portfolio: Portfolio, instrument: Instrument, leverage: int, mode: MarginMode, at: datetime
) -> Position:
    """Set what a position of a locked portfolio is traded on from now on, as one booking where it is open on isolated margin.

    Raises DomainError LEVERAGE_NOT_ALLOWED, MARGIN_MODE_LOCKED, INSUFFICIENT_BALANCE or LEVERAGE_WOULD_LIQUIDATE. What
    portfolios trade on their venue's terms, those change there.
    """
    position, tiers = position_on_margin(portfolio, instrument), tiers_by_instrument([instrument.pk])
    worth = worth_of([portfolio])[portfolio.pk]
    holding = next((one for one in worth.holdings if one.position.instrument_id == instrument.pk), None)
    _refuse_leverage(leverage, instrument, tiers[instrument.pk], abs(holding.value) if holding else ZERO)
    if mode != position.margin_mode and position.quantity:
        message = "Close the position first: its margin mode stays as long as it is open."
        raise DomainError("MARGIN_MODE_LOCKED", message, {"field": "margin_mode"}, status=409)
    before = Position(leverage=position.leverage, margin=position.margin)
    position.leverage, position.margin_mode = leverage, mode
    if holding is not None:
        if mode == MarginMode.ISOLATED:
            position.margin = margin_at(position.cost, before.margin, before=before.leverage, after=leverage)
        holding.position.leverage = leverage
        _refuse_uncovered(worth.free - (position.margin - before.margin), portfolio)
        _refuse_liquidation(position, holding, tiers)
    if not portfolio.uses_margin:
        portfolio.uses_margin = True
        portfolio.save(update_fields=["uses_margin"])
    position.save()
    _set_aside(position, position.margin - before.margin, at)
    return position


def _refuse_leverage(leverage: int, instrument: Instrument, tiers: Tiers, notional: Decimal) -> None:
    most = tier_at(notional, tiers).max_leverage
    if not 1 <= leverage <= most:
        message = f"Choose a leverage from 1 to {most} for {instrument.symbol}, as much as is held of it."
        raise DomainError("LEVERAGE_NOT_ALLOWED", message, {"field": "leverage", "most": most})


def _refuse_uncovered(free: Decimal, portfolio: Portfolio) -> None:
    if free < ZERO:
        message = (
            f"At this leverage the position binds more {portfolio.settlement_id} than is free; pay in, or choose more."
        )
        raise DomainError("INSUFFICIENT_BALANCE", message, {"field": "leverage"}, status=409)


def _refuse_liquidation(position: Position, holding: Holding, tiers: Mapping[UUID, Tiers]) -> None:
    if position.margin_mode != MarginMode.ISOLATED:
        return
    if is_liquidated(position.margin + holding.unrealized_pnl, maintenance_of(holding, tiers)):
        message = "At this leverage the position would be liquidated at once; choose less, or close some of it."
        raise DomainError("LEVERAGE_WOULD_LIQUIDATE", message, {"field": "leverage"}, status=409)


def _set_aside(position: Position, amount: Decimal, at: datetime) -> None:
    """Move cash of a portfolio to a position's margin (negative: back)."""
    if not amount:
        return
    asset = position.instrument.market.quote_id
    balance = Balance.objects.get(portfolio_id=position.portfolio_id, asset=asset)
    balance.reserved += amount
    bulk_update(Balance, [balance], ["reserved"])
    booking, recorded_at = new_id(), wall_now()
    bulk_insert(
        LedgerLine,
        [
            LedgerLine(
                booking_id=booking,
                kind=BookingKind.MARGIN,
                portfolio_id=position.portfolio_id,
                account=account,
                asset_id=asset,
                amount=change,
                happened_at=at,
                recorded_at=recorded_at,
            )
            for account, change in ((LedgerAccount.MARGIN, amount), (LedgerAccount.HOLDINGS, -amount))
        ],
    )


def adopt_terms(*, source: Portfolio, instrument: Instrument, most: Mapping[Portfolio, int]) -> None:
    """Let flat positions of (locked) portfolios be traded on another portfolio's terms, in a constant number of statements.

    `most` names the portfolios with the most leverage that each allows itself: where the other's is higher, it is that.
    """
    model = position_on_margin(source, instrument)
    books = {one.pk: one for one in most}
    leverages = {one.pk: min(model.leverage, limit) for one, limit in most.items()}
    known = {one.portfolio_id: one for one in Position.objects.filter(portfolio_id__among=books, instrument=instrument)}
    moved = []
    for pk in books:
        own = known.get(pk) or Position(portfolio_id=pk, instrument=instrument)
        if not own.quantity and (own.leverage, own.margin_mode) != (leverages[pk], model.margin_mode):
            own.leverage, own.margin_mode = leverages[pk], model.margin_mode
            moved.append(own)
    bulk_save(Position, moved, ["leverage", "margin_mode"])
    fresh = [one for one in books.values() if not one.uses_margin]
    for one in fresh:
        one.uses_margin = True
    bulk_update(Portfolio, fresh, ["uses_margin"])


@dataclass(frozen=True, slots=True)
class Funding:
    """A funding time of one instrument, at which a portfolio held a signed quantity of it (base units).

    On paper mark and rate say what it paid. A venue says it itself: `told` (negative: received).
    """

    portfolio_id: UUID
    instrument: Instrument
    quantity: Decimal
    at: datetime
    mark: Decimal | None = None
    rate: Decimal | None = None
    told: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        """Return what is paid (negative: received)."""
        if self.mark is None or self.rate is None:
            return self.told
        return funding_payment(self.quantity, self.mark, self.rate)


def book_funding(due: Sequence[Funding]) -> list[FundingPayment]:
    """Book what positions of locked portfolios pay and receive, at most one per portfolio, in a constant number of statements.

    An isolated position pays from its margin, and on paper never more than that; a cross one pays from cash.
    """
    held = Holdings({one.portfolio_id for one in due}, {one.instrument.market.quote_id for one in due})
    found = Position.objects.filter(
        portfolio_id__among={one.portfolio_id for one in due}, instrument__in={one.instrument.pk for one in due}
    )
    positions = {(one.portfolio_id, one.instrument_id): one for one in found}
    lines, payments, recorded_at = list[LedgerLine](), list[FundingPayment](), wall_now()
    for one in due:
        position, quote = positions[one.portfolio_id, one.instrument.pk], one.instrument.market.quote_id
        amount = one.amount
        margin, insured = position.margin, ZERO
        if position.margin_mode == MarginMode.ISOLATED and position.quantity:
            position.margin, insured = paid_from_margin(margin, amount)
            # What a venue took is gone.
            insured = insured if one.mark is not None else ZERO
        change = position.margin - margin
        position.funding_paid += amount
        position.insured += insured
        held.change(one.portfolio_id, quote, amount=insured - amount, reserved=change, may_owe=True)
        payment = FundingPayment(
            id=new_id(),
            portfolio_id=one.portfolio_id,
            instrument=one.instrument,
            quantity=one.quantity,
            mark=one.mark,
            rate=one.rate,
            amount=amount,
            insured=insured,
            happened_at=one.at,
            recorded_at=recorded_at,
        )
        payments.append(payment)
        sides = (
            (LedgerAccount.HOLDINGS, insured - amount - change),
            (LedgerAccount.MARGIN, change),
            (LedgerAccount.FUNDING, amount),
            (LedgerAccount.INSURANCE, -insured),
        )
        lines += [
            LedgerLine(
                booking_id=payment.pk,
                kind=BookingKind.FUNDING,
                portfolio_id=one.portfolio_id,
                account=account,
                asset_id=quote,
                amount=moved,
                happened_at=one.at,
                recorded_at=recorded_at,
            )
            for account, moved in sides
            if moved
        ]
    held.save()
    bulk_update(Position, list(positions.values()), ["margin", "funding_paid", "insured"])
    bulk_insert(FundingPayment, payments)
    bulk_insert(LedgerLine, lines)
    return payments
