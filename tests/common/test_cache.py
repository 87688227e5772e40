"""Clearing the cache must leave the boards and queues of the same Redis alone."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from common.bus import bus


@pytest.mark.services
def test_clearing_the_cache_keeps_what_is_not_the_cache() -> None:
    bus().board_put("kept", {"key": "value"})
    cache.set("counted", 3)
    cache.clear()
    assert cache.get("counted") is None
    assert bus().board_get("kept") == {"key": "value"}
    bus().board_drop("kept")
