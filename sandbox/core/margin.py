"""Futures accounts: one wallet, cross margin, one-way positions with leverage, funding and a liquidation price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from engine.decimals import ZERO
from engine.positions import PositionState, apply_fill, closed_quantity
from sandbox.core.errors import Reason, Refusal
from sandbox.core.instruments import Instrument
from sandbox.core.orders import Hold, Order
from sandbox.core.settlement import EIGHT, Settled, fee_of

DEFAULT_LEVERAGE = 20


@dataclass(slots=True)
class Position:
    """What an account holds of one perpetual; the leverage stays when the position is closed."""

    account: str
    instrument: Instrument
    state: PositionState = field(default_factory=PositionState)
    leverage: int = DEFAULT_LEVERAGE
    isolated: bool = False
    updated_ms: int = 0

    @property
    def quantity(self) -> Decimal:
        """Return the signed quantity."""
        return self.state.quantity

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return what closing at `mark` would earn, in quote units."""
        return self.quantity * mark - self.state.cost

    def initial_margin(self, mark: Decimal) -> Decimal:
        """Return the margin the position binds."""
        return abs(self.quantity) * mark / self.leverage

    def maintenance_margin(self, mark: Decimal) -> Decimal:
        """Return the margin below which the position is closed by force."""
        notional = abs(self.quantity) * mark
        bracket = self.instrument.bracket(notional)
        return max(ZERO, notional * bracket.maintenance - bracket.cumulative)


# Wallets, held margin and positions.
_Kept = tuple[dict[str, dict[str, Decimal]], dict[str, Decimal], dict[tuple[str, str], Position]]


class MarginBooks:
    """Wallets and positions. `mark` gives an instrument's mark price, `now` market time in milliseconds."""

    def __init__(self, mark: Callable[[str], Decimal], now: Callable[[], int]) -> None:
        self.mark = mark
        self._now = now
        self._wallets: dict[str, dict[str, Decimal]] = {}
        self._held: dict[str, Decimal] = {}
        self._positions: dict[tuple[str, str], Position] = {}
        self._hedged: set[str] = set()

    def open_account(self, account: str, balances: dict[str, Decimal]) -> None:
        """Open an account with money in it, or add to one."""
        wallet = self._wallets.setdefault(account, {})
        for asset, amount in balances.items():
            wallet[asset] = wallet.get(asset, ZERO) + amount

    def kept(self) -> _Kept:
        """Return what must be remembered."""
        return self._wallets, self._held, self._positions

    def recall(self, kept: _Kept) -> None:
        """Go on with what was remembered."""
        self._wallets, self._held, self._positions = kept

    def wallet(self, account: str) -> dict[str, Decimal]:
        """Return an account's money by asset, without unrealized profit."""
        return self._wallets.setdefault(account, {})

    def position(self, account: str, instrument: Instrument) -> Position:
        """Return a position, flat when there was never any."""
        return self._positions.setdefault((account, instrument.symbol), Position(account, instrument))

    def positions(self, account: str | None = None) -> list[Position]:
        """Return an account's positions (everybody's by default), flat ones too."""
        return [p for p in self._positions.values() if account in (None, p.account)]

    def held(self, account: str) -> Decimal:
        """Return the margin that open orders bind."""
        return self._held.get(account, ZERO)

    def unrealized(self, account: str) -> Decimal:
        """Return the unrealized profit of all positions."""
        return sum((p.unrealized(self.mark(p.instrument.symbol)) for p in self.positions(account)), ZERO)

    def maintenance(self, account: str) -> Decimal:
        """Return the maintenance margin of all positions."""
        return sum((p.maintenance_margin(self.mark(p.instrument.symbol)) for p in self.positions(account)), ZERO)

    def initial(self, account: str) -> Decimal:
        """Return the margin that positions bind."""
        return sum((p.initial_margin(self.mark(p.instrument.symbol)) for p in self.positions(account)), ZERO)

    def available(self, account: str, asset: str) -> Decimal:
        """Return what new orders may bind."""
        bound = self.initial(account) + self.held(account)
        return max(ZERO, self.wallet(account).get(asset, ZERO) + self.unrealized(account) - bound)

    def set_leverage(self, account: str, instrument: Instrument, leverage: int) -> Position:
        """Change a market's leverage; Refusal above what the first bracket allows."""
        if not 1 <= leverage <= instrument.brackets[0].leverage:
            raise Refusal(Reason.BAD_LEVERAGE, instrument.symbol)
        position = self.position(account, instrument)
        position.leverage = leverage
        return position

    def set_isolated(self, account: str, instrument: Instrument, *, isolated: bool) -> bool:
        """Change the margin mode's label and tell whether it changed; risk is computed as cross margin in both."""
        position = self.position(account, instrument)
        if position.isolated == isolated:
            return False
        if position.quantity:
            raise Refusal(Reason.HAS_POSITION, instrument.symbol)
        position.isolated = isolated
        return True

    def is_hedged(self, account: str) -> bool:
        """Tell whether an account says of itself that it is in hedge mode."""
        return account in self._hedged

    def set_hedged(self, account: str, *, is_hedged: bool) -> bool:
        """Change that, and tell whether it changed. (A restart forgets it.)"""
        if (account in self._hedged) == is_hedged:
            return False
        (self._hedged.add if is_hedged else self._hedged.discard)(account)
        return True

    def admit(self, order: Order, instrument: Instrument, cost: Decimal) -> None:
        """Bind margin for the part of the order that adds exposure."""
        position = self.position(order.account, instrument)
        if order.reduce_only or order.close_position:
            if not self.reducible(order):
                raise Refusal(Reason.NOT_REDUCING, instrument.symbol)
            return
        added = order.quantity - closed_quantity(position.quantity, order.side.sign * order.quantity)
        price = order.price or (cost / order.quantity)
        per_unit = price / position.leverage
        amount = per_unit * added
        if amount + fee_of(price * added, instrument.taker_fee) > self.available(order.account, instrument.quote):
            raise Refusal(Reason.INSUFFICIENT_MARGIN, instrument.quote)
        order.hold = Hold(instrument.quote, per_unit, amount)
        self._held[order.account] = self.held(order.account) + amount

    def settle(self, order: Order, instrument: Instrument, price: Decimal, quantity: Decimal, rate: Decimal) -> Settled:
        """Move the position; book fee and realized profit in the wallet."""
        if order.hold:
            self._free(order, order.hold.per_unit * quantity)
        fee = fee_of(price * quantity, rate)
        position = self.position(order.account, instrument)
        before = position.state.realized_pnl
        position.state = apply_fill(position.state, change=order.side.sign * quantity, price=price, fee=fee)
        position.updated_ms = self._now()
        realized = (position.state.realized_pnl - before).quantize(EIGHT)
        self._credit(order.account, instrument.quote, realized - fee)
        return Settled(fee, instrument.quote, realized)

    def release(self, order: Order) -> None:
        """Free the margin that the order still binds."""
        if order.hold is not None:
            self._free(order, order.hold.amount)
            order.hold = None

    def reducible(self, order: Order) -> Decimal:
        """Return how much of the position an order on its side can close."""
        position = self._positions.get((order.account, order.symbol))
        if position is None or position.quantity * order.side.sign >= 0:
            return ZERO
        return abs(position.quantity)

    def assets(self, instrument: Instrument) -> frozenset[str]:
        """Name the settlement asset."""
        return frozenset((instrument.quote,))

    def pay_funding(self, symbol: str, rate: Decimal) -> list[tuple[Position, Decimal]]:
        """Let longs pay shorts (a positive rate) on what they hold; return each position with what it received."""
        paid = []
        for position in self.positions():
            if position.instrument.symbol == symbol and position.quantity:
                amount = (-position.quantity * self.mark(symbol) * rate).quantize(EIGHT)
                self._credit(position.account, position.instrument.quote, amount)
                paid.append((position, amount))
        return paid

    def liquidation_price(self, position: Position) -> Decimal:
        """Return the mark at which all money is down to the maintenance margin, all else equal; 0 where it cannot be."""
        if not position.quantity:
            return ZERO
        mark = self.mark(position.instrument.symbol)
        spare = (
            self.wallet(position.account).get(position.instrument.quote, ZERO)
            + self.unrealized(position.account)
            - self.maintenance(position.account)
        )
        price = mark - spare / position.quantity
        return max(ZERO, price).quantize(position.instrument.tick)

    def _credit(self, account: str, asset: str, amount: Decimal) -> None:
        wallet = self.wallet(account)
        wallet[asset] = wallet.get(asset, ZERO) + amount

    def _free(self, order: Order, amount: Decimal) -> None:
        if order.hold is not None:
            amount = min(amount, order.hold.amount)
            order.hold.amount -= amount
            self._held[order.account] -= amount
