"""A web process that starts reads ahead what its first visitors ask for, and waits for nothing."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import MutableMapping
from typing import Any

import pytest


def test_a_server_that_starts_has_the_search_index_read_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asgi = importlib.import_module("config.asgi")
    was_read, may_end = threading.Event(), threading.Event()

    def read() -> None:
        may_end.wait(10)
        was_read.set()

    monkeypatch.setattr(asgi, "warm", read)
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": next(messages)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    asyncio.run(asgi.application({"type": "lifespan"}, receive, send))
    # Answered though the index is still being read.
    assert (sent, was_read.is_set()) == (["lifespan.startup.complete", "lifespan.shutdown.complete"], False)
    may_end.set()
    assert was_read.wait(10)
