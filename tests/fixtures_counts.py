"""How often somebody tried: every test comes from 127.0.0.1, and must not suffer from the one before."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from common.limiter import limiter


def forget_counts() -> None:
    """Count attempts afresh: allauth's in the cache, the API's in the limiter."""
    cache.clear()
    limiter.cache_clear()
    if settings.REDIS_URL:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            for key in client.scan_iter(match=f"{settings.REDIS_PREFIX}limit:*", count=1_000):
                client.delete(key)


@pytest.fixture
def fresh_counts() -> None:
    forget_counts()
