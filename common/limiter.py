"""A token bucket per key, shared by threads (embedded) or by processes (Redis)."""

from __future__ import annotations

import threading
from functools import cache
from typing import Protocol

import redis
from django.conf import settings

from common import clock

# Tokens and the time of the last visit live in one hash; Redis's own clock rules, so that processes agree.
_TAKE = """
local rate, burst, weight = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = redis.call('time')
local seconds = now[1] + now[2] / 1000000
local held = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(held[1]) or burst) + (seconds - (tonumber(held[2]) or seconds)) * rate)
local wait = 0
if tokens >= weight then tokens = tokens - weight else wait = (weight - tokens) / rate end
redis.call('hset', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(seconds))
redis.call('pexpire', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return tostring(wait)
"""


class Limiter(Protocol):
    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1) -> float:
        """Take `weight` tokens and return 0, or take none and return the seconds until they will be there."""


class MemoryLimiter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1) -> float:
        with self._lock:
            now = clock.monotonic()
            tokens, at = self._buckets.get(key, (burst, now))
            tokens = min(burst, tokens + (now - at) * per_second)
            wait = 0.0 if tokens >= weight else (weight - tokens) / per_second
            self._buckets[key] = (tokens - weight if wait == 0 else tokens, now)
            return wait


class RedisLimiter:
    def __init__(self, url: str, prefix: str) -> None:
        self._prefix = f"{prefix}limit:"
        self._take = redis.Redis.from_url(url, decode_responses=True, **settings.REDIS_OPTIONS).register_script(_TAKE)

    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1) -> float:
        return float(self._take(keys=[self._prefix + key], args=[per_second, burst, weight]))


@cache
def limiter() -> Limiter:
    """Return this process's limiter, as settings choose it."""
    return RedisLimiter(settings.REDIS_URL, settings.REDIS_PREFIX) if settings.REDIS_URL else MemoryLimiter()
