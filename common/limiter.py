"""A weighted token bucket per key, shared by threads (embedded) or by processes (Redis)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import redis
from django.conf import settings

from common import clock

# Tokens, the time of the last visit and the end of a pause live in one hash; Redis's own clock rules, so that
# processes agree. A bucket that is given up on is forgotten once it would be full and its pause over.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local weight, patience = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = redis.call('time')
local seconds = now[1] + now[2] / 1000000
local held = redis.call('hmget', KEYS[1], 'tokens', 'at', 'until')
local tokens = math.min(burst, (tonumber(held[1]) or burst) + (seconds - (tonumber(held[2]) or seconds)) * rate)
local pause = math.max(0, (tonumber(held[3]) or 0) - seconds)
local wait = math.max(pause, (math.min(weight, burst) - tokens) / rate)
if wait <= patience then tokens = tokens - weight end
redis.call('hset', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', seconds))
redis.call('pexpire', KEYS[1], math.ceil(((burst - tokens) / rate + pause) * 1000) + 1000)
return {string.format('%.17g', wait), string.format('%.17g', tokens)}
"""
_PAUSE = """
local now = redis.call('time')
local ends = now[1] + now[2] / 1000000 + tonumber(ARGV[1])
if ends > (tonumber(redis.call('hget', KEYS[1], 'until')) or 0) then
    redis.call('hset', KEYS[1], 'until', string.format('%.17g', ends))
    local kept = redis.call('pttl', KEYS[1])
    redis.call('pexpire', KEYS[1], math.max(kept, math.ceil(tonumber(ARGV[1]) * 1000) + 1000))
end
"""


class Limiter(Protocol):
    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1, patience: float = 0) -> float:
        """Take `weight` tokens and return the seconds to wait before using them, or take none and return that wait.

        They are taken where the wait is at most `patience` seconds, 0 unless given: so 0 means go, and with patience
        those who ask form a queue. A weight above `burst` needs a full bucket, and leaves a debt.
        """

    def count(self, key: str, *, per_second: float, burst: float) -> tuple[float, float]:
        """Take one token as `take` does, and return the wait together with how many tokens are left."""

    def pause(self, key: str, seconds: float) -> None:
        """Let nobody take from a bucket for so long: the other side said so. A longer pause stands."""


# Beyond so many buckets, those that are full again are forgotten: a full one is as good as none.
MOST_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    full_at: float


class MemoryLimiter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sweep_at = MOST_BUCKETS
        self._buckets: dict[str, _Bucket] = {}
        self._pauses: dict[str, float] = {}

    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1, patience: float = 0) -> float:
        return self._taken(key, per_second, burst, weight, patience)[0]

    def count(self, key: str, *, per_second: float, burst: float) -> tuple[float, float]:
        return self._taken(key, per_second, burst, 1, 0)

    def _taken(self, key: str, per_second: float, burst: float, weight: float, patience: float) -> tuple[float, float]:
        with self._lock:
            now = clock.monotonic()
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now)
            bucket = self._buckets.setdefault(key, _Bucket(burst, now, now))
            bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * per_second)
            bucket.at = now
            pause = max(0.0, self._pauses.get(key, 0.0) - now)
            wait = max(pause, (min(weight, burst) - bucket.tokens) / per_second)
            if wait <= patience:
                bucket.tokens -= weight
            bucket.full_at = now + (burst - bucket.tokens) / per_second
            return wait, bucket.tokens

    def _sweep(self, now: float) -> None:
        self._buckets = {key: one for key, one in self._buckets.items() if one.full_at > now}
        self._pauses = {key: ends for key, ends in self._pauses.items() if ends > now}
        # Not at every new key while most are in use.
        self._sweep_at = max(MOST_BUCKETS, 2 * len(self._buckets))

    def pause(self, key: str, seconds: float) -> None:
        with self._lock:
            self._pauses[key] = max(self._pauses.get(key, 0.0), clock.monotonic() + seconds)


class RedisLimiter:
    def __init__(self, url: str, prefix: str) -> None:
        self._prefix = f"{prefix}limit:"
        client = redis.Redis.from_url(url, decode_responses=True, **settings.REDIS_OPTIONS)
        self._take, self._pause = client.register_script(_TAKE), client.register_script(_PAUSE)

    def take(self, key: str, *, per_second: float, burst: float, weight: float = 1, patience: float = 0) -> float:
        return self._taken(key, per_second, burst, weight, patience)[0]

    def count(self, key: str, *, per_second: float, burst: float) -> tuple[float, float]:
        return self._taken(key, per_second, burst, 1, 0)

    def _taken(self, key: str, per_second: float, burst: float, weight: float, patience: float) -> tuple[float, float]:
        wait, left = self._take(keys=[self._prefix + key], args=[per_second, burst, weight, patience])
        return float(wait), float(left)

    def pause(self, key: str, seconds: float) -> None:
        self._pause(keys=[self._prefix + key], args=[seconds])


@cache
def limiter() -> Limiter:
    """Return this process's limiter, as settings choose it."""
    return RedisLimiter(settings.REDIS_URL, settings.REDIS_PREFIX) if settings.REDIS_URL else MemoryLimiter()
