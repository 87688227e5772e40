"""A Redis cache that clears its own keys only: the bus, the queues and other sites may live in the same database."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache


class OwnKeysRedisCache(RedisCache):
    """Django's would answer `clear()` with FLUSHDB."""

    def clear(self) -> None:
        client: Any = self._cache.get_client(None, write=True)
        keys = list(client.scan_iter(match=f"{self.key_prefix}:*", count=1_000))
        if keys:
            client.delete(*keys)
