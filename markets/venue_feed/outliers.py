"""Prices that cannot be, and prices that are far off: the first are refused, the others wait for a second word."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

# A price further from the last one than this share of it is held until it is confirmed.
FAR_RATIO = Decimal("0.5")
# What confirms it is another message within this share of the held price.
NEAR_RATIO = Decimal("0.1")
# Nothing that is traded costs so much, and no amount field holds more.
ABSURD_PRICE = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class _Held:
    price: Decimal
    message: object
    until: float


class OutlierGuard:
    """Knows the last accepted price of each instrument and decides on the next. Times are seconds of any steady clock."""

    def __init__(self, confirm_seconds: float) -> None:
        """Where no price is known (`know`) the first of an instrument is taken as it comes."""
        self._confirm_seconds = confirm_seconds
        self._last: dict[UUID, Decimal] = {}
        self._held: dict[UUID, _Held] = {}
        # Refused, or held and never confirmed.
        self.dropped = 0

    def last(self, instrument_id: UUID) -> Decimal | None:
        """Return the last accepted price."""
        return self._last.get(instrument_id)

    def know(self, instrument_id: UUID, price: Decimal) -> None:
        """Take in a price that was accepted before, where none is known."""
        self._last.setdefault(instrument_id, price)

    def admit(self, instrument_id: UUID, price: Decimal, message: object, now: float) -> bool:
        """Return whether a price may be used; `message` identifies what said it, so that a repeat confirms nothing."""
        last = self._last.get(instrument_id)
        if last is not None and abs(price - last) <= last * FAR_RATIO:
            if instrument_id in self._held:
                self._drop(instrument_id)
            self._last[instrument_id] = price
            return True
        if not 0 < price < ABSURD_PRICE:
            self.dropped += 1
            return False
        if last is None or self._is_confirmed(instrument_id, price, message, now):
            self._held.pop(instrument_id, None)
            self._last[instrument_id] = price
            return True
        return False

    def waiting(self, now: float) -> list[UUID]:
        """Return the instruments with a held price; what has waited too long is dropped and counted."""
        for instrument_id in [key for key, held in self._held.items() if held.until < now]:
            self._drop(instrument_id)
        return list(self._held)

    def _is_confirmed(self, instrument_id: UUID, price: Decimal, message: object, now: float) -> bool:
        """Return whether another message said about the same before; else hold this price in place of the older one."""
        held = self._held.get(instrument_id)
        if held is not None and held.message == message:
            return False
        if held is not None and held.until >= now and abs(price - held.price) <= held.price * NEAR_RATIO:
            return True
        if held is not None:
            self._drop(instrument_id)
        self._held[instrument_id] = _Held(price, message, now + self._confirm_seconds)
        return False

    def _drop(self, instrument_id: UUID) -> None:
        del self._held[instrument_id]
        self.dropped += 1
