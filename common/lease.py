"""One active holder per name: the engine of a venue, a feed. A lease that is not renewed lapses by the wall clock."""

from __future__ import annotations

import threading
from typing import Protocol

import redis
from django.conf import settings

from common import clock, ids

_RENEW_OR_TAKE = """
local holder = redis.call('get', KEYS[1])
if holder == false or holder == ARGV[1] then
    redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1
end
return 0
"""
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Lease(Protocol):
    """`hold()` takes or renews and says whether the caller is the holder; `release()` lets the next one in at once."""

    def hold(self) -> bool: ...

    def release(self) -> None: ...


class MemoryLease:
    """For one process: holders are threads of it."""

    _held: dict[str, tuple[str, float]] = {}
    _lock = threading.Lock()

    def __init__(self, name: str, ttl_seconds: float) -> None:
        self._name, self._ttl, self._holder = name, ttl_seconds, ids.new_token(12)

    def hold(self) -> bool:
        with self._lock:
            holder, until = self._held.get(self._name, ("", 0.0))
            if holder not in ("", self._holder) and until > clock.monotonic():
                return False
            self._held[self._name] = (self._holder, clock.monotonic() + self._ttl)
            return True

    def release(self) -> None:
        with self._lock:
            if self._held.get(self._name, ("", 0.0))[0] == self._holder:
                del self._held[self._name]


class RedisLease:
    """For any processes over one Redis."""

    def __init__(self, client: redis.Redis, name: str, ttl_seconds: float) -> None:
        self._name, self._ttl, self._holder = name, ttl_seconds, ids.new_token(12)
        self._renew_or_take = client.register_script(_RENEW_OR_TAKE)
        self._release = client.register_script(_RELEASE)

    def hold(self) -> bool:
        return bool(self._renew_or_take(keys=[self._name], args=[self._holder, int(self._ttl * 1000)]))

    def release(self) -> None:
        self._release(keys=[self._name], args=[self._holder])


def lease(name: str, ttl_seconds: float) -> Lease:
    """Return a lease handle for this process, as settings choose it."""
    if not settings.REDIS_URL:
        return MemoryLease(name, ttl_seconds)
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, **settings.REDIS_OPTIONS)
    return RedisLease(client, f"{settings.REDIS_PREFIX}lease:{name}", ttl_seconds)
