"""Journey C's last step before the browser: publish by topic, one bus message per batch, one encoded frame per topic and process.

A message is a hint; the snapshot that every subscription starts with is the truth. Upper apps register their topics
here, each with a gate that also makes the snapshot.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from common.bus import bus
from common.errors import DomainError

CHANNEL = "live"
Payload = dict[str, Any]
# (user or None, the part behind the colon) -> snapshot; raises DomainError where the asker may not look.
Gate = Callable[[Any, str], Payload]

_gates: dict[str, Gate] = {}


def register_topic(kind: str, gate: Gate) -> None:
    """Offer topics `kind:<id>` to subscribers; called from an app's `AppConfig.ready`."""
    _gates[kind] = gate


def snapshot(user: Any, topic: str) -> Payload:
    """Return a topic's present state for this user, or raise DomainError."""
    kind, _, key = topic.partition(":")
    if kind not in _gates or not key:
        raise DomainError("UNKNOWN_TOPIC", f"There is no topic {topic[:80]!r}.", status=404)
    return _gates[kind](user, key)


def publish(messages: Sequence[tuple[str, Payload]]) -> None:
    """Send (topic, payload) pairs to every process's listeners once the present transaction has committed."""
    if messages:
        transaction.on_commit(partial(bus().publish, CHANNEL, [list(message) for message in messages]))


class Listener:
    """One socket's inbox: frames wait here for its writer; a client that does not keep up is told and dropped."""

    LIMIT = 256

    def __init__(self) -> None:
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()

    def offer(self, frame: str) -> None:
        if self.frames.qsize() < self.LIMIT:
            self.frames.put_nowait(frame)
        elif self.frames.qsize() == self.LIMIT:
            self.frames.put_nowait(None)


class Hub:
    """A process's switchboard: one bus subscription feeds the listeners of every topic."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sequence = 0

    def join(self, topic: str, listener: Listener) -> None:
        """Start hearing a topic. Call from the event loop; join before taking the snapshot, so that nothing is missed."""
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._pump, args=(self._loop,), name="live-hub", daemon=True).start()
        self._listeners.setdefault(topic, set()).add(listener)

    def leave(self, topic: str, listener: Listener) -> None:
        heard = self._listeners.get(topic, set())
        heard.discard(listener)
        if not heard:
            self._listeners.pop(topic, None)

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        with bus().listen(CHANNEL) as subscription:
            while not loop.is_closed():
                received = subscription.get(1.0)
                if received is None:
                    continue
                try:
                    loop.call_soon_threadsafe(self._deliver, received[1])
                except RuntimeError:  # the loop closed between the test and the call: the process is ending
                    return

    def _deliver(self, batch: list[tuple[str, Payload]]) -> None:
        for topic, payload in batch:
            listeners = self._listeners.get(topic)
            if not listeners:
                continue
            self._sequence += 1
            encoded = frame("update", topic, self._sequence, payload)
            for listener in listeners:
                listener.offer(encoded)


def frame(kind: str, topic: str, sequence: int, payload: Payload) -> str:
    """Return the text of one message as the browser and API clients see it."""
    return json.dumps({"type": kind, "topic": topic, "seq": sequence, **payload}, separators=(",", ":"))


hub = Hub()
