"""What following a lead would have come to: the lead's moves once more, through the rules that real copies pass.

Sizing, minimums, guards, price caps and costs are the fan-out's own functions (engine/copying); beside the follower runs a
perfect copy, which rounds nothing, skips nothing, is cut by nothing and pays nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from engine.copy_accounts.profit_share import Basis, next_settlement, settle
from engine.copying.checks import Book, clipped
from engine.copying.minimums import (
    EMPTY,
    ROUND_UP_SHARE,
    Bucket,
    Netted,
    Terms,
    after_expiry,
    is_dust,
    net_open,
    net_reduction,
    smallest_order,
    venue_minimum,
)
from engine.copying.prices import EXIT_BAND, capped_price, is_within
from engine.copying.settings import DEFAULTS, CopySettings
from engine.copying.sizing import Opening, closing_fraction, open_size
from engine.decimals import ONE, ZERO, money
from engine.execution import limit_costs, taker_fee, taker_price
from engine.positions import PositionState, apply_fill
from engine.risk import InstrumentRules, OrderFacts, judge
from engine.sizing import equity_ratio, part_of, reduction_quantity

KEPT, MISSED = "KEPT_BELOW_MINIMUM", "MISSED_PRICE_CAP"
MINIMUM_CODES = frozenset({KEPT, "QUANTITY_BELOW_MINIMUM", "NOTIONAL_BELOW_MINIMUM"})
NOTHING_TO_CLOSE = "NOTHING_TO_CLOSE"


@dataclass(frozen=True, slots=True)
class Move:
    """What a lead event did: opened units, the closed fraction (0–1) of the position, its prices and the lead's equity after it."""

    at: datetime
    instrument: Hashable
    is_buy: bool
    opened: Decimal
    closed_fraction: Decimal
    # What copies meet.
    price: Decimal
    lead_equity: Decimal
    # What the lead paid (None: the same), and how far from it (0-1) opens still trade (None: at any price).
    lead_price: Decimal | None = None
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A price at a moment, between moves."""

    at: datetime
    instrument: Hashable
    price: Decimal


@dataclass(slots=True)
class Result:
    """What came of it, in the settlement currency. Curves are (time, equity), one point per moment of a move or quote."""

    capital: Decimal
    equity: Decimal = ZERO
    perfect_equity: Decimal = ZERO
    fees: Decimal = ZERO
    profit_share: Decimal = ZERO
    orders: int = 0
    # Orders that did not trade, by code.
    denied: Counter[str] = field(default_factory=Counter)
    clipped: int = 0
    curve: list[tuple[datetime, Decimal]] = field(default_factory=list)
    perfect_curve: list[tuple[datetime, Decimal]] = field(default_factory=list)
    # The capital at which each open would just have met the minimums.
    needed: list[Decimal] = field(default_factory=list)

    @property
    def return_ratio(self) -> float:
        """Return the return after fees and profit share: 0.1 is ten per cent."""
        return float((self.equity - self.profit_share - self.capital) / self.capital)

    @property
    def perfect_return_ratio(self) -> float:
        return float((self.perfect_equity - self.capital) / self.capital)

    @property
    def skipped(self) -> int:
        """Return how many orders minimums kept from trading."""
        return sum(count for code, count in self.denied.items() if code in MINIMUM_CODES)

    @property
    def skipped_ratio(self) -> float:
        """Return the share (0–1) of what there was to copy that minimums skipped; an exit of what was never bought is not counted."""
        counted = self.orders - self.denied[NOTHING_TO_CLOSE]
        return self.skipped / counted if counted else 0.0

    @property
    def max_drawdown_ratio(self) -> float:
        """Return the deepest fall (0–1) of the equity below an earlier peak."""
        peak = deepest = 0.0
        for _, equity in self.curve:
            peak = max(peak, float(equity))
            deepest = max(deepest, 1 - float(equity) / peak if peak else 0.0)
        return deepest

    @property
    def tracking_error(self) -> float:
        """Return the annual tracking error: the root of the summed squares of return differences to the perfect copy, per year."""
        years = (self.curve[-1][0] - self.curve[0][0]).total_seconds() / (365 * 86_400) if self.curve else 0.0
        own, perfect = _returns(self.curve), _returns(self.perfect_curve)
        squares = sum((one - other) ** 2 for one, other in zip(own, perfect, strict=True))
        return float((squares / years) ** 0.5) if years > 0 else 0.0


def _returns(curve: list[tuple[datetime, Decimal]]) -> list[float]:
    values = [float(equity) for _, equity in curve]
    return [after / before - 1 if before > 0 else 0.0 for before, after in pairwise(values)]


@dataclass(slots=True)
class _Held:
    """One instrument: the follower's position, what sizing aims at, and the perfect copy's quantity."""

    position: PositionState = field(default_factory=PositionState)
    ratio: Decimal = ZERO
    target: Decimal = ZERO
    bucket: Bucket = EMPTY
    perfect: Decimal = ZERO
    price: Decimal = ZERO


class _Follower:
    """A follow in memory: one book that obeys the rules, and the perfect copy beside it."""

    def __init__(self, capital: Decimal, settings: CopySettings, share: Decimal) -> None:
        self.settings, self.share = settings, share
        self.cash = self.perfect_cash = capital
        self.held: dict[Hashable, _Held] = {}
        self.result = Result(capital)
        self.high = ZERO
        self.settles_at: datetime | None = None

    def equity(self) -> Decimal:
        held = (one for one in self.held.values() if one.position.quantity)
        return self.cash + sum((one.position.quantity * one.price for one in held), ZERO)

    def perfect_equity(self) -> Decimal:
        held = (one for one in self.held.values() if one.perfect)
        return self.perfect_cash + sum((one.perfect * one.price for one in held), ZERO)

    def mark(self, instrument: Hashable, price: Decimal) -> _Held:
        held = self.held.setdefault(instrument, _Held())
        held.price = price
        return held

    def note(self, at: datetime) -> None:
        """Put a point on both curves; of one moment the last counts."""
        for curve, equity in ((self.result.curve, self.equity()), (self.result.perfect_curve, self.perfect_equity())):
            if curve and curve[-1][0] == at:
                curve.pop()
            curve.append((at, equity))

    def settle(self, at: datetime) -> None:
        """Settle the profit share where a Monday has passed since the last time."""
        if self.settles_at is None:
            self.settles_at = next_settlement(at)
        if at >= self.settles_at:
            self.settle_now()
            self.settles_at = next_settlement(at)

    def settle_now(self) -> None:
        states = [one.position for one in self.held.values()]
        basis = Basis(
            sum((one.realized_pnl for one in states), ZERO),
            sum((held.position.quantity * held.price - held.position.cost for held in self.held.values()), ZERO),
            sum((one.fees_paid for one in states), ZERO),
        )
        settled = settle(basis.profit, self.high, self.share)
        self.high = settled.high_after
        self.result.profit_share += settled.due

    def copy(self, move: Move, rules: InstrumentRules) -> None:
        held = self.mark(move.instrument, move.price)
        held.bucket = after_expiry(held.bucket, move.at)
        if move.closed_fraction:
            self._close(held, move, rules)
        if move.opened:
            self._open(held, move, rules)

    def _close(self, held: _Held, move: Move, rules: InstrumentRules) -> None:
        gone = held.perfect * move.closed_fraction
        held.perfect -= gone
        self.perfect_cash += gone * move.price
        whole, step = held.position.quantity, rules.lot_step
        held.target -= reduction_quantity(held=held.target, closed_fraction=move.closed_fraction, lot_step=step)
        pending = max(-held.bucket.quantity, ZERO)
        fraction = closing_fraction(closed_fraction=move.closed_fraction, held=whole, pending=pending)
        closing = whole if fraction >= ONE else part_of(whole, fraction)
        netted = net_reduction(closing, move.closed_fraction, held.bucket, self._terms(move, rules))
        held.bucket = netted.bucket
        if whole and not netted.quantity:
            self._refuse(KEPT)
        else:
            self._trade(held, move, rules, netted.quantity, reduces=True)

    def _open(self, held: _Held, move: Move, rules: InstrumentRules) -> None:
        multiplier, equity, whole = self.settings.multiplier, self.equity(), held.position.quantity
        perfect_ratio = equity_ratio(
            follower_equity=self.perfect_equity(), lead_equity=move.lead_equity, multiplier=multiplier
        )
        held.perfect += move.opened * perfect_ratio
        self.perfect_cash -= move.opened * perfect_ratio * move.price
        venue = venue_minimum(min_quantity=rules.min_quantity, min_notional=rules.min_notional, price=move.price)
        dust = ZERO
        if not held.target and (not whole or is_dust(whole, price=move.price, venue=venue, lot_step=rules.lot_step)):
            held.ratio, dust = ZERO, whole
        wish, ratio = open_size(self._opening(held, move, equity), self.settings)
        held.ratio = ratio or held.ratio
        wish = max(wish - dust, ZERO)
        if wish and equity > ZERO:
            least = max(smallest_order(venue), rules.lot_step * move.price)
            self.result.needed.append(money(self.result.capital * least / (wish * move.price)))
        netted = net_open(wish, held.bucket, self._terms(move, rules)) if wish else Netted(ZERO, held.bucket)
        held.bucket = netted.bucket
        if not netted.quantity:
            self._refuse(KEPT if wish else "QUANTITY_BELOW_MINIMUM")
            return
        quantity, code = clipped(netted.quantity, self._book(held, move, rules, equity), self.settings)
        if code and quantity * move.price < smallest_order(venue):
            self._refuse(code)
        elif not self._is_within_cap(move):
            self._refuse(MISSED)
        else:
            held.target += dust + self._trade(held, move, rules, quantity, reduces=False, is_cut=bool(code))

    def _opening(self, held: _Held, move: Move, equity: Decimal) -> Opening:
        lead_price = move.price if move.lead_price is None else move.lead_price
        return Opening(move.opened, lead_price, move.lead_equity, equity, max(self.cash, ZERO), move.price, held.ratio)

    def _book(self, held: _Held, move: Move, rules: InstrumentRules, equity: Decimal) -> Book:
        exposure = sum((abs(one.position.quantity) * one.price for one in self.held.values()), ZERO)
        return Book(max(equity, ZERO), exposure, abs(held.position.quantity), move.price, rules.lot_step)

    def _is_within_cap(self, move: Move) -> bool:
        if move.cap is None or move.lead_price is None:
            return True
        return is_within(move.price, move.lead_price, move.cap, is_buy=move.is_buy)

    def _limit(self, move: Move, rules: InstrumentRules, *, reduces: bool) -> Decimal | None:
        """Return the worst price that an order may meet: an open's cap, which is what it promises, an exit's band."""
        if reduces:
            return capped_price(move.price, EXIT_BAND, is_buy=move.is_buy, tick=rules.costs.tick_size)
        if move.cap is None or move.lead_price is None:
            return None
        return capped_price(move.lead_price, move.cap, is_buy=move.is_buy, tick=rules.costs.tick_size)

    def _terms(self, move: Move, rules: InstrumentRules) -> Terms:
        venue = venue_minimum(min_quantity=rules.min_quantity, min_notional=rules.min_notional, price=move.price)
        rounding = max(self.equity(), ZERO) * ROUND_UP_SHARE if self.settings.round_up else ZERO
        return Terms(move.at, move.price, smallest_order(venue), rules.lot_step, rounding)

    def _refuse(self, code: str) -> None:
        self.result.orders += 1
        self.result.denied[code] += 1

    def _trade(
        self,
        held: _Held,
        move: Move,
        rules: InstrumentRules,
        quantity: Decimal,
        *,
        reduces: bool,
        is_cut: bool = False,
    ) -> Decimal:
        """Judge and book an order as the platform would; return what traded. `is_cut`: a guard has cut it before."""
        limit = self._limit(move, rules, reduces=reduces)
        # What a limit promises holds no slippage: counted in, less would be bought where the balance cuts.
        promised = limit_costs(rules.costs, maker_fee_bps=rules.maker_fee_bps)
        verdict = judge(
            self._facts(held, move, quantity, limit, reduces=reduces),
            rules if limit is None else replace(rules, costs=promised),
        )
        if not verdict.quantity:
            self._refuse(verdict.code)
            return ZERO
        self.result.orders += 1
        # Once an order, whatever has cut it.
        self.result.clipped += is_cut or bool(verdict.code)
        price = taker_price(market_price=move.price, is_buy=move.is_buy, costs=rules.costs)
        if limit is not None:
            price = min(price, limit) if move.is_buy else max(price, limit)
        fee = taker_fee(quantity=verdict.quantity, price=price, costs=rules.costs)
        change = verdict.quantity if move.is_buy else -verdict.quantity
        held.position = apply_fill(held.position, change=change, price=price, fee=fee)
        self.cash -= change * price + fee
        self.result.fees += fee
        return verdict.quantity

    def _facts(self, held: _Held, move: Move, quantity: Decimal, limit: Decimal | None, *, reduces: bool) -> OrderFacts:
        return OrderFacts(
            is_buy=move.is_buy,
            reduces=reduces,
            quantity=quantity,
            market_price=move.price,
            price_is_stale=False,
            free_quote=self.cash,
            held_quantity=held.position.quantity,
            may_clip=True,
            portfolio_is_open=True,
            instrument_is_allowed=True,
            safety_state="ACTIVE",
            named_price=limit,
        )


def rerun(
    moves: Iterable[Move],
    rules: Mapping[Hashable, InstrumentRules],
    *,
    capital: Decimal,
    settings: CopySettings = DEFAULTS,
    quotes: Iterable[Quote] = (),
    profit_share_ratio: Decimal = ZERO,
) -> Result:
    """Follow a lead through its moves with `capital`, new trades only; `quotes` value what is held between them.

    Moves and quotes come in any order and are taken by time, a move before a quote of its moment.
    """
    follower = _Follower(capital, settings, profit_share_ratio)
    steps: list[Move | Quote] = sorted([*moves, *quotes], key=lambda step: (step.at, isinstance(step, Quote)))
    for step in steps:
        follower.settle(step.at)
        if isinstance(step, Quote):
            follower.mark(step.instrument, step.price)
        else:
            follower.copy(step, rules[step.instrument])
        follower.note(step.at)
    follower.settle_now()
    follower.result.equity, follower.result.perfect_equity = money(follower.equity()), money(follower.perfect_equity())
    return follower.result
