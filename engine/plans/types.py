"""What plans are told and what they wish for. Prices in quote units, quantities in base units, times in ms since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from engine.decimals import floor_to_step
from engine.matching.resting import Grid
from engine.matching.types import Kind

BUY, SELL = "BUY", "SELL"


@dataclass(frozen=True, slots=True)
class Fill:
    """One of the plan's orders filled, in whole or in part."""

    key: str
    side: str
    quantity: Decimal
    price: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The market was at a price at a time: now and then, at the latest at each candle's close."""

    price: Decimal
    at_ms: int


Event = Fill | Tick


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that a plan wants placed: MARKET, or LIMIT with its price. `key` is its client key, unique in the plan's life."""

    key: str
    side: str
    kind: Kind
    quantity: Decimal
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be withdrawn, by client key, and then placed. `is_done`: the plan has ended and wishes nothing more."""

    place: tuple[Wish, ...] = ()
    cancel: tuple[str, ...] = ()
    is_done: bool = False


NOTHING = Wishes()
State = TypeVar("State")


class Plan(Protocol[State]):
    """A kind of plan with its settings."""

    @property
    def grid(self) -> Grid:
        """Return the instrument's steps."""

    def begin(self, price: Decimal, at_ms: int) -> tuple[State, Wishes]:
        """Return the first state at a market's price, and the first orders."""

    def step(self, state: State, event: Event) -> tuple[State, Wishes]:
        """Return the state after an event, and what is wished for then. An event of an unknown key changes nothing."""

    def due(self, state: State) -> int | None:
        """Return from when on (ms) it wants to be told the price; None: only fills concern it."""


class PlanError(ValueError):
    """Settings that make no plan; the code is stable, the message is for people, `field` names the setting where it is one."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def demand(holds: bool, code: str, message: str) -> None:
    """Raise PlanError unless something holds."""
    if not holds:
        raise PlanError(code, message)


def demand_quantity(quantity: Decimal, grid: Grid) -> None:
    """Raise PlanError for a quantity that is not a positive number of lots."""
    fits = quantity.is_finite() and quantity > 0 and floor_to_step(quantity, grid.lot_step) == quantity
    demand(fits, "QUANTITY", "The quantity must be a positive multiple of the lot step.")


def demand_price(price: Decimal, grid: Grid) -> None:
    """Raise PlanError for a price that is not a positive number of ticks."""
    fits = price.is_finite() and price > 0 and price % grid.tick_size == 0
    demand(fits, "LIMIT_PRICE", "The limit price must be a positive multiple of the price tick.")


def demand_side(side: str) -> None:
    """Raise PlanError for what is neither side."""
    demand(side in (BUY, SELL), "SIDE", f"Choose {BUY} or {SELL}.")
