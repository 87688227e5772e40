"""Drift (rules 21-24): how far what a follow holds is from what it aims at, when that is repaired, and how far it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from engine.copying.settings import CopySettings, SizingMode
from engine.decimals import ZERO

# Checked so often, and acted on when it was seen twice this far apart (market time).
EVERY, APART = timedelta(seconds=60), timedelta(seconds=30)
# So many missed events, or orders that nobody here made, ask for a full resync.
MISSED_FOR_RESYNC, UNEXPLAINED_FOR_RESYNC = 10, 2


@dataclass(frozen=True, slots=True)
class Aim:
    """One instrument of a follow: what it holds and aims at, its price, and when the drift was first seen (None: not before).

    `smallest` is the worth below which nothing is sent. Nothing can be said of what `is_moving` (an order in flight, no
    fresh price); what `is_left_alone` (diverged, dust) has no drift.
    """

    held: Decimal
    target: Decimal
    price: Decimal
    smallest: Decimal
    seen_at: datetime | None = None
    is_moving: bool = False
    is_left_alone: bool = False

    @property
    def may_be_mended(self) -> bool:
        """Say whether an order could mend it, now or when what moves has ended."""
        return self.is_moving or (bool(self.drift) and self.worth >= self.smallest)

    @property
    def drift(self) -> Decimal:
        """Return actual less target: positive is too much."""
        return ZERO if self.is_left_alone or self.is_moving else self.held - self.target

    @property
    def worth(self) -> Decimal:
        return abs(self.drift) * self.price


def needing_repair(aims: Sequence[Aim], *, equity: Decimal, settings: Sequence[CopySettings]) -> list[bool]:
    """Say of each aim of one follow whether it is off by enough, alone or with all the others, and can be mended by an order.

    Each has the settings of its position; in weights mode the tolerance of weights stands in for rule 21.
    """
    mendable = [one.worth >= one.smallest and bool(one.drift) for one in aims]
    together = sum((one.worth for one, fits in zip(aims, mendable, strict=True) if fits), ZERO)
    return [
        fits and (one.worth >= _share(own) * equity or together >= _together(own) * equity)
        for one, fits, own in zip(aims, mendable, settings, strict=True)
    ]


def _share(settings: CopySettings) -> Decimal:
    return settings.weight_tolerance if settings.sizing == SizingMode.WEIGHTS else settings.drift_share


def _together(settings: CopySettings) -> Decimal:
    return settings.weight_tolerance if settings.sizing == SizingMode.WEIGHTS else settings.drift_total_share


def is_seen_twice(seen_at: datetime | None, now: datetime) -> bool:
    """Say whether a drift that is seen now was seen long enough ago."""
    return seen_at is not None and now - seen_at >= APART


def needs_resync(*, missed_events: int, unexplained_orders: int) -> bool:
    """Say whether a follow has to be compared with its lead as a whole."""
    return missed_events >= MISSED_FOR_RESYNC or unexplained_orders >= UNEXPLAINED_FOR_RESYNC


def has_gap(*, seen: int, seq: int) -> bool:
    """Say whether events are missing between the last that a follow has seen and this one (rule 3)."""
    return seq > seen + 1
