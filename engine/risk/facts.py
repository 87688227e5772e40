"""What the rules need to know of one order at the moment of judging; all gathered beforehand, for a batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.decimals import ZERO
from engine.execution import Costs
from engine.risk.limits import Limits


@dataclass(frozen=True, slots=True)
class InstrumentRules:
    """A venue's rules for one instrument: steps and minimums (quantity in base units, notional in quote units)."""

    lot_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    is_active: bool
    costs: Costs
    # What an order pays that waited for its price, in basis points: a limit may meet either fee.
    maker_fee_bps: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip that ended: when the position was flat again (market time), and what it earned after fees."""

    at: datetime
    symbol: str
    profit: Decimal
    by_stop: bool


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """How an order's portfolio stands by its own limits. Amounts are in the settlement currency.

    Exposures are what positions and opens in flight are worth, this order left out. A loss counts from its base and is
    negative where there is a gain; deposits and withdrawals are in neither.
    """

    limits: Limits
    now: datetime
    symbol: str
    equity: Decimal
    exposure: Decimal = ZERO
    instrument_exposure: Decimal = ZERO
    # Of the same base asset, whatever it is quoted in; and of everything by how much it moves along with it.
    asset_exposure: Decimal = ZERO
    correlated_exposure: Decimal = ZERO
    positions: int = 0
    day_base: Decimal = ZERO
    week_base: Decimal = ZERO
    peak: Decimal = ZERO
    # What the position in this instrument has lost so far, unrealized.
    trade_loss: Decimal = ZERO
    # The newest last.
    trades: tuple[Trade, ...] = ()
    orders_in_minute: int = 0
    orders_today: int = 0
    # How far (0-1) below its price the order's stop will lie; None without one.
    stop_ratio: Decimal | None = None
    # The price that the order was meant at (its limit, or the lead's fill); None where it takes any.
    meant_price: Decimal | None = None
    price_age_seconds: Decimal = ZERO
    # (price, quantity) of the side of the book that the order would take, best first; empty where there is no book.
    levels: tuple[tuple[Decimal, Decimal], ...] = ()
    # How far (0-1) the price could move before the isolated position, with this order, is liquidated; None: nothing isolated.
    liquidation_ratio: Decimal | None = None

    @property
    def day_loss(self) -> Decimal:
        return self.day_base - self.equity

    @property
    def week_loss(self) -> Decimal:
        return self.week_base - self.equity

    @property
    def drawdown(self) -> Decimal:
        return self.peak - self.equity


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order, and what it meets. `risk` is None for a portfolio that has no limits of its own."""

    is_buy: bool
    reduces: bool
    quantity: Decimal
    market_price: Decimal | None
    price_is_stale: bool
    free_quote: Decimal
    held_quantity: Decimal
    may_clip: bool
    portfolio_is_open: bool
    instrument_is_allowed: bool
    # The strictest state of all scopes the order falls under: ACTIVE, REDUCING or HALTED.
    safety_state: str
    risk: RiskFacts | None = None
    # Why the account at a venue that fills the order opens nothing at the moment; "" where nothing keeps it.
    account_refusal: str = ""
    # What the order itself expects to pay or get for a unit at worst (its limit, its trigger); None: the market's price.
    named_price: Decimal | None = None
    # On margin, the units that may be added before the position needs a lower leverage; None: without end.
    room: Decimal | None = None

    @property
    def unit_price(self) -> Decimal | None:
        """Return the price at which the order is weighed."""
        return self.market_price if self.named_price is None else self.named_price
