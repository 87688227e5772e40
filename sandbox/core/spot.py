"""Spot accounts: a free and a locked amount of each asset."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ONE, ZERO
from sandbox.core.errors import Reason, Refusal
from sandbox.core.instruments import Instrument
from sandbox.core.orders import Hold, Order, OrderType, Side
from sandbox.core.settlement import Settled, fee_of


@dataclass(slots=True)
class Balance:
    """Free to use, and locked in open orders."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Return both together."""
        return self.free + self.locked


class SpotBooks:
    """Balances per account. A fee is taken from what is received, or always in quote (`fee_in_quote`)."""

    def __init__(self, *, fee_in_quote: bool = False) -> None:
        self._accounts: dict[str, dict[str, Balance]] = {}
        self._fee_in_quote = fee_in_quote

    def open_account(self, account: str, balances: dict[str, Decimal]) -> None:
        """Open an account with money in it, or add to one."""
        held = self._accounts.setdefault(account, {})
        for asset, amount in balances.items():
            held.setdefault(asset, Balance()).free += amount

    def kept(self) -> dict[str, dict[str, Balance]]:
        """Return what must be remembered."""
        return self._accounts

    def recall(self, kept: dict[str, dict[str, Balance]]) -> None:
        """Go on with what was remembered."""
        self._accounts = kept

    def balances(self, account: str) -> dict[str, Balance]:
        """Return an account's balances by asset."""
        return self._accounts.setdefault(account, {})

    def balance(self, account: str, asset: str) -> Balance:
        """Return one balance, empty when the account never had any."""
        return self.balances(account).setdefault(asset, Balance())

    def admit(self, order: Order, instrument: Instrument, cost: Decimal) -> None:
        """Lock what the order may cost; a market order, which never rests, only needs to be affordable."""
        asset, per_unit = self._need(order, instrument)
        amount = cost * self._with_fee(instrument) if not per_unit else per_unit * order.quantity
        balance = self.balance(order.account, asset)
        if balance.free < amount:
            raise Refusal(Reason.INSUFFICIENT_BALANCE, asset)
        if per_unit:
            balance.free -= amount
            balance.locked += amount
            order.hold = Hold(asset, per_unit, amount)

    def settle(self, order: Order, instrument: Instrument, price: Decimal, quantity: Decimal, rate: Decimal) -> Settled:
        """Move both assets and take the fee."""
        self._unlock(order, order.hold.per_unit * quantity if order.hold else ZERO)
        base = self.balance(order.account, instrument.base)
        quote = self.balance(order.account, instrument.quote)
        cost = price * quantity
        in_base = order.side is Side.BUY and not self._fee_in_quote
        fee = fee_of(quantity if in_base else cost, rate)
        base.free += order.side.sign * quantity - (fee if in_base else ZERO)
        quote.free -= order.side.sign * cost + (ZERO if in_base else fee)
        return Settled(fee, instrument.base if in_base else instrument.quote, ZERO)

    def release(self, order: Order) -> None:
        """Unlock what is left, unless the other leg of a list still stands for it."""
        if order.hold is None:
            return
        order.hold.users -= 1
        if not order.hold.users:
            self._unlock(order, order.hold.amount)
        order.hold = None

    def reducible(self, order: Order) -> Decimal:
        """Spot has nothing to reduce."""
        return ZERO

    def assets(self, instrument: Instrument) -> frozenset[str]:
        """Name both assets of the market."""
        return frozenset((instrument.base, instrument.quote))

    def _need(self, order: Order, instrument: Instrument) -> tuple[str, Decimal]:
        """Return the asset that the order pays with, and how much a unit may cost (0: whatever the book asks)."""
        if order.side is Side.SELL:
            return instrument.base, ONE
        if order.type is OrderType.MARKET:
            return instrument.quote, ZERO
        price = order.price or order.trigger_price
        assert price is not None, "only a market order has neither price nor trigger"
        return instrument.quote, price * self._with_fee(instrument)

    def _with_fee(self, instrument: Instrument) -> Decimal:
        return ONE + instrument.taker_fee if self._fee_in_quote else ONE

    def _unlock(self, order: Order, amount: Decimal) -> None:
        if order.hold is None:
            return
        amount = min(amount, order.hold.amount)
        order.hold.amount -= amount
        balance = self.balance(order.account, order.hold.asset)
        balance.locked -= amount
        balance.free += amount
