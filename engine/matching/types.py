"""The words of the matching kernel: what an order says, what has become of it, what happened. Prices in ticks, sizes in lots."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

# A share of a price in whole units of 1e-10, so that basis points with six decimals stay whole numbers.
SHARE_UNITS = 10**10


class Kind(StrEnum):
    """What an order waits for. A take profit is what venues also call *if touched*; STOP and TAKE_PROFIT end as market orders."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"


LIMIT_KINDS = frozenset({Kind.LIMIT, Kind.STOP_LIMIT, Kind.TAKE_PROFIT_LIMIT})
STOP_KINDS = frozenset({Kind.STOP, Kind.STOP_LIMIT, Kind.TRAILING_STOP})
TARGET_KINDS = frozenset({Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_LIMIT})
TRIGGERED_KINDS = frozenset({Kind.STOP, Kind.STOP_LIMIT, Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_LIMIT})


class TimeInForce(StrEnum):
    """How long an order waits: until canceled, not at all (what fills at once stays filled), all or nothing at once, a date."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Liquidity(StrEnum):
    """Whether a fill waited in the book (maker) or took what waited there (taker)."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class EventKind(StrEnum):
    """What happened to an order. UPDATED: its trigger moved with the market, or it was amended."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    TRIGGERED = "TRIGGERED"
    UPDATED = "UPDATED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class Reason(StrEnum):
    """Why an order was refused, or ended before it was filled."""

    QUANTITY_NOT_POSITIVE = "QUANTITY_NOT_POSITIVE"
    QUANTITY_OFF_STEP = "QUANTITY_OFF_STEP"
    PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    LIMIT_PRICE_MISSING = "LIMIT_PRICE_MISSING"
    TRIGGER_PRICE_MISSING = "TRIGGER_PRICE_MISSING"
    TRAIL_INVALID = "TRAIL_INVALID"
    FIELD_NOT_OF_KIND = "FIELD_NOT_OF_KIND"
    EXPIRY_MISSING = "EXPIRY_MISSING"
    EXPIRY_PASSED = "EXPIRY_PASSED"
    DISPLAY_INVALID = "DISPLAY_INVALID"
    POST_ONLY_NOT_RESTING = "POST_ONLY_NOT_RESTING"
    POST_ONLY_WOULD_TAKE = "POST_ONLY_WOULD_TAKE"
    REDUCE_ONLY_WOULD_OPEN = "REDUCE_ONLY_WOULD_OPEN"
    TRIGGER_IN_MARKET = "TRIGGER_IN_MARKET"
    NO_MARKET = "NO_MARKET"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    KEY_TAKEN = "KEY_TAKEN"
    GROUP_DIFFERS = "GROUP_DIFFERS"
    PARENT_UNKNOWN = "PARENT_UNKNOWN"
    BATCH_REFUSED = "BATCH_REFUSED"
    PARENT_ENDED = "PARENT_ENDED"
    GROUP_FILLED = "GROUP_FILLED"
    NOT_OPEN = "NOT_OPEN"
    QUANTITY_FILLED_ALREADY = "QUANTITY_FILLED_ALREADY"


class Status(StrEnum):
    """Where an order stands. WAITING: its parent has not filled anything yet, so the market does not see it."""

    WAITING = "WAITING"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order says, in ticks and lots. `sign` is 1 for a purchase, -1 for a sale.

    A trail is either `trail` ticks or `trail_share` of the price in units of 1e-10. `group`: orders of one group share
    one quantity (OCO). `parent`: starts when that order fills, with as much as it filled (OTO). `account` is whose
    position reduce-only looks at.
    """

    key: Hashable
    sign: int
    kind: Kind
    lots: int
    limit: int | None = None
    trigger: int | None = None
    trail: int | None = None
    trail_share: int | None = None
    activation: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ms: int | None = None
    display: int | None = None
    is_reduce_only: bool = False
    is_post_only: bool = False
    account: Hashable = None
    group: Hashable = None
    parent: Hashable = None


@dataclass(frozen=True, slots=True)
class OrderState:
    """One order as it stands. `left` are lots still to fill; `trigger` moves where it trails; `best` is the price it follows.

    `place` is its turn among orders at one price: earlier first. `started` are the lots that a parent's fills have set free.
    """

    terms: Terms
    left: int
    filled: int = 0
    place: int = 0
    status: Status = Status.OPEN
    trigger: int | None = None
    is_triggered: bool = False
    best: int | None = None
    started: int = 0

    @property
    def is_open(self) -> bool:
        """Say whether the market may fill it now."""
        return self.status is Status.OPEN


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to order `key`: the price in ticks (a fill's, or the new trigger) and lots; the reason of a refusal or end."""

    key: Hashable
    kind: EventKind
    price: int | None = None
    lots: int | None = None
    liquidity: Liquidity | None = None
    reason: Reason | None = None


Events = list[Event]

# Price and lots, the best first.
Levels = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Depth:
    """What rests on either side of the real market, the best first, in ticks and lots. Each order meets the whole of it."""

    bids: Levels = ()
    asks: Levels = ()

    def against(self, sign: int) -> Levels:
        """Return what an order of this sign takes from."""
        return self.asks if sign > 0 else self.bids


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the market to `price`. A jump trades at no price on its way; otherwise it passed all from `origin` on."""

    price: int
    origin: int
    is_jump: bool = True
    depth: Depth | None = None

    def at(self, level: int) -> int:
        """Return the price that somebody meets who waited for `level`: that level where the move passed it, else the nearest."""
        if self.is_jump:
            return self.price
        return min(max(level, min(self.origin, self.price)), max(self.origin, self.price))
