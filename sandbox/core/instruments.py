"""What can be traded and by which rules: ticks, lots, notionals, fees, leverage brackets."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.decimals import ZERO
from sandbox.core.errors import Reason, Refusal


class Kind(StrEnum):
    """Spot, or a perpetual future settled in its quote asset."""

    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"


@dataclass(frozen=True, slots=True)
class Bracket:
    """Up to `cap` of notional (quote units) the leverage may be `leverage`, and `maintenance` (a ratio) must stay as margin."""

    floor: Decimal
    cap: Decimal
    leverage: int
    maintenance: Decimal
    cumulative: Decimal = ZERO


BRACKETS = (
    Bracket(Decimal(0), Decimal(50_000), 125, Decimal("0.004")),
    Bracket(Decimal(50_000), Decimal(600_000), 100, Decimal("0.005"), Decimal(50)),
    Bracket(Decimal(600_000), Decimal(3_000_000), 50, Decimal("0.01"), Decimal(3050)),
    Bracket(Decimal(3_000_000), Decimal(1_000_000_000), 20, Decimal("0.025"), Decimal(48_050)),
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market. `symbol` is the venue's own name of it; sizes are in base units, prices and notionals in quote units."""

    symbol: str
    base: str
    quote: str
    kind: Kind
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    min_price: Decimal = field(default=ZERO)
    max_price: Decimal = field(default=Decimal(1_000_000))
    brackets: tuple[Bracket, ...] = ()

    @property
    def price_decimals(self) -> int:
        """Return how many decimals a price has."""
        return _decimals(self.tick)

    @property
    def quantity_decimals(self) -> int:
        """Return how many decimals a quantity has."""
        return _decimals(self.step)

    def check_price(self, price: Decimal) -> None:
        """Refuse a price outside the bounds or off the ticks."""
        if not max(self.tick, self.min_price) <= price <= self.max_price or price % self.tick:
            raise Refusal(Reason.BAD_PRICE, "PRICE_FILTER")

    def check_quantity(self, quantity: Decimal) -> None:
        """Refuse a quantity outside the bounds or off the lot step."""
        if not self.min_quantity <= quantity <= self.max_quantity or quantity % self.step:
            raise Refusal(Reason.BAD_QUANTITY, "LOT_SIZE")

    def check_notional(self, notional: Decimal) -> None:
        """Refuse an order that is worth too little."""
        if notional < self.min_notional:
            raise Refusal(Reason.BELOW_NOTIONAL, "NOTIONAL")

    def bracket(self, notional: Decimal) -> Bracket:
        """Return the bracket that a position of this notional falls into."""
        return next((b for b in self.brackets if notional < b.cap), self.brackets[-1])


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))
