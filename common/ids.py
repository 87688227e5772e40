"""The one source of ids and randomness, so that a seed repeats a whole run exactly."""

from __future__ import annotations

import hashlib
import random
import secrets
import threading
import uuid
from datetime import datetime

from common import clock


class IdSource:
    """Makes UUIDv7 ids (RFC 9562, section 5.7): 48 bits of wall-clock milliseconds, then a counter and random bits.

    The 12-bit counter keeps ids of one process in order inside a millisecond, so that index pages stay warm and
    `ORDER BY id` is the order of creation. With a seed, both the bits and the milliseconds repeat.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.SystemRandom() if seed is None else random.Random(seed)
        self._seeded = seed is not None
        self._lock = threading.Lock()
        self._last = 0

    def new_id(self) -> uuid.UUID:
        with self._lock:
            # Milliseconds and counter as one number: it only ever grows, also when the clock steps back.
            stamp = 0 if self._seeded else int(clock.wall_now().timestamp() * 1000) << 12
            self._last = max(stamp, self._last + 1)
            milliseconds, counter = divmod(self._last, 1 << 12)
            low = self._random.getrandbits(62)
        return uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | low)


_source = IdSource()


def use_seed(seed: int | None) -> None:
    """Make every later id repeatable (a number) or unpredictable again (None)."""
    use_source(IdSource(seed))


def use_source(source: IdSource) -> IdSource:
    """Take every later id from this source, and return the one before: whoever borrows this process puts it back."""
    global _source
    before, _source = _source, source
    return before


def new_id() -> uuid.UUID:
    """Return a fresh UUIDv7."""
    return _source.new_id()


def first_id_at(at: datetime) -> uuid.UUID:
    """Return what no id is below that was made then (wall time) or later: an index of keys finds what is new by it."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def deterministic_id(*parts: object) -> str:
    """Return the first 128 bits of SHA-256 over the parts, as 32 lowercase hex digits.

    Every venue's client-order-id format admits such a string. Parts are joined by a unit separator, so that
    ("ab", "c") and ("a", "bc") differ.
    """
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def seeded_random(*parts: object) -> random.Random:
    """Return a generator whose stream depends on the parts alone."""
    return random.Random(deterministic_id(*parts))


def new_key(size: int) -> bytes:
    """Return `size` bytes for a cryptographic key (never seeded: what it locks must not be guessed)."""
    return secrets.token_bytes(size)


def new_token(size: int = 32) -> str:
    """Return an unguessable URL-safe secret of `size` bytes (never seeded: it guards a door)."""
    return secrets.token_urlsafe(size)
