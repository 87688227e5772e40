"""How long to wait before trying again: exponentially longer, with full jitter, and never less than was asked for."""

from __future__ import annotations

import random


class Backoff:
    """The waits of one thing that is tried again and again; `reset` when it worked.

    Full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015): a wait is drawn evenly from 0 to the bound, so
    that those who failed together do not come back together. The bound doubles up to `cap_seconds`.
    """

    def __init__(self, chooser: random.Random, *, first_seconds: float = 0.5, cap_seconds: float = 60.0) -> None:
        """`chooser` comes from common.ids.seeded_random."""
        self._chooser, self._first, self._cap = chooser, first_seconds, cap_seconds
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many waits were given since the last success."""
        return self._failures

    def next_wait(self, retry_after: float = 0.0) -> float:
        """Return the next wait in seconds: at least `retry_after`, which the other side asked for."""
        # The exponent is held small: past the cap it changes nothing, and 2**1024 is no float.
        bound = min(self._cap, self._first * 2.0 ** min(self._failures, 40))
        self._failures += 1
        return retry_after + self._chooser.uniform(0.0, bound)

    def denied_wait(self, retry_after: float) -> float:
        """Return the wait after something that was not even tried: as it was told, apart from the others, and no failure."""
        return retry_after + self._chooser.uniform(0.0, self._first)

    def reset(self) -> None:
        """Begin with short waits again."""
        self._failures = 0
