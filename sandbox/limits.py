"""Request limits: weights per window with bans for who will not listen, and a counter that drains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request costs its sender: the weight used in this window, and why it is refused, if it is."""

    used: int
    status: int = 200
    retry_after_seconds: int = 0


@dataclass(slots=True)
class _Sender:
    window: int = -1
    used: int = 0
    warnings: int = 0
    banned_until: int = 0


@dataclass
class WeightLimit:
    """So much weight per minute and sender. Over it: 429; `patience` requests more in the same window: 418 for `ban_ms`."""

    limit: int
    now: Callable[[], int]
    patience: int = 3
    ban_ms: int = 120_000
    window_ms: int = 60_000
    _senders: dict[str, _Sender] = field(default_factory=dict)

    def charge(self, sender: str, weight: int) -> Verdict:
        """Count a request and judge it."""
        now = self.now()
        state = self._senders.setdefault(sender, _Sender())
        window = now // self.window_ms
        if state.window != window:
            state.window, state.used, state.warnings = window, 0, 0
        if now < state.banned_until:
            return Verdict(state.used, 418, _seconds(state.banned_until - now))
        state.used += weight
        if state.used <= self.limit:
            return Verdict(state.used)
        state.warnings += 1
        if state.warnings > self.patience:
            state.banned_until = now + self.ban_ms
            return Verdict(state.used, 418, _seconds(self.ban_ms))
        return Verdict(state.used, 429, _seconds((window + 1) * self.window_ms - now))


@dataclass
class DrainingLimit:
    """A counter per sender that each call raises and time drains: over `limit` a call is refused (Kraken's way)."""

    limit: float
    drain_per_second: float
    now: Callable[[], int]
    _counters: dict[str, tuple[float, int]] = field(default_factory=dict)

    def charge(self, sender: str, cost: float) -> bool:
        """Count a call; False when it is one too many (and then it does not count)."""
        now = self.now()
        level, at_ms = self._counters.get(sender, (0.0, now))
        level = max(0.0, level - (now - at_ms) / 1000 * self.drain_per_second)
        allowed = level + cost <= self.limit
        self._counters[sender] = (level + cost if allowed else level, now)
        return allowed


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
