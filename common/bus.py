"""How processes talk: messages by channel (hints, may be lost) and boards of newest values (truth for prices and clocks).

In-process for the embedded default, Redis for services; `tests/common/test_bus.py` holds both to the same suite.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
Message = tuple[str, Any]

# A listener that does not keep up loses the oldest messages: they are hints, and the newest says most.
QUEUE_LIMIT = 10_000
SUBSCRIBE_SECONDS = 5.0


class Subscription(Protocol):
    """A listener on some channels; use as a context manager."""

    def get(self, timeout_seconds: float) -> Message | None:
        """Return the next (channel, message), or None when the time is up."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Bus(Protocol):
    """Publish and listen by channel; put and get newest values by board and key. Messages are JSON-ready."""

    def publish(self, channel: str, message: Any) -> None: ...

    def listen(self, *channels: str) -> Subscription: ...

    def board_put(self, board: str, values: Mapping[str, str]) -> None: ...

    def board_get(self, board: str, keys: Iterable[str] | None = None) -> dict[str, str]: ...

    def board_drop(self, board: str) -> None: ...

    def announce(self, boards: Mapping[str, Mapping[str, str]], channel: str, message: Any) -> None:
        """Put values on several boards, then publish: whoever hears the message finds them. One round trip."""


class _Closing:
    def close(self) -> None:
        raise AssertionError("each subscription closes itself")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MemorySubscription(_Closing):
    def __init__(self, owner: MemoryBus, channels: tuple[str, ...]) -> None:
        self._owner, self._channels = owner, channels
        self._queue: queue.Queue[Message] = queue.Queue(QUEUE_LIMIT)

    def put(self, message: Message) -> None:
        while True:
            try:
                return self._queue.put_nowait(message)
            except queue.Full:
                self.get(0)

    def get(self, timeout_seconds: float) -> Message | None:
        try:
            return self._queue.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        self._owner.forget(self, self._channels)


class MemoryBus:
    """One process, any threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[MemorySubscription, ...]] = {}
        self._boards: dict[str, dict[str, str]] = {}

    def publish(self, channel: str, message: Any) -> None:
        for subscription in self._listeners.get(channel, ()):
            subscription.put((channel, message))

    def listen(self, *channels: str) -> MemorySubscription:
        subscription = MemorySubscription(self, channels)
        with self._lock:
            for channel in channels:
                self._listeners[channel] = (*self._listeners.get(channel, ()), subscription)
        return subscription

    def forget(self, subscription: MemorySubscription, channels: tuple[str, ...]) -> None:
        with self._lock:
            for channel in channels:
                self._listeners[channel] = tuple(
                    one for one in self._listeners.get(channel, ()) if one is not subscription
                )

    def board_put(self, board: str, values: Mapping[str, str]) -> None:
        with self._lock:
            self._boards.setdefault(board, {}).update(values)

    def board_get(self, board: str, keys: Iterable[str] | None = None) -> dict[str, str]:
        with self._lock:
            held = self._boards.get(board, {})
            return dict(held) if keys is None else {key: held[key] for key in keys if key in held}

    def board_drop(self, board: str) -> None:
        with self._lock:
            self._boards.pop(board, None)

    def announce(self, boards: Mapping[str, Mapping[str, str]], channel: str, message: Any) -> None:
        for board, values in boards.items():
            self.board_put(board, values)
        self.publish(channel, message)


class RedisSubscription(_Closing):
    def __init__(self, client: redis.Redis, prefix: str, channels: tuple[str, ...]) -> None:
        self._prefix = prefix
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(*(prefix + channel for channel in channels))
        # Wait for the server's word, one for each channel: before it, what others publish would be missed.
        for _ in channels:
            self._pubsub.get_message(timeout=SUBSCRIBE_SECONDS)

    def get(self, timeout_seconds: float) -> Message | None:
        raw = self._pubsub.get_message(timeout=timeout_seconds)
        return None if raw is None else (raw["channel"].removeprefix(self._prefix), json.loads(raw["data"]))

    def close(self) -> None:
        self._pubsub.close()


class RedisBus:
    """Any processes, over one Redis; every name carries `prefix`, so that a replay shares nothing with the running site."""

    def __init__(self, url: str, prefix: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True, **settings.REDIS_OPTIONS)
        self._prefix = f"{prefix}bus:"

    def publish(self, channel: str, message: Any) -> None:
        self._publish(self.client, channel, message)

    def _publish(self, client: redis.Redis, channel: str, message: Any) -> None:
        client.publish(self._prefix + channel, json.dumps(message, separators=(",", ":")))

    def listen(self, *channels: str) -> RedisSubscription:
        return RedisSubscription(self.client, self._prefix, channels)

    def board_put(self, board: str, values: Mapping[str, str]) -> None:
        self._board_put(self.client, board, values)

    def _board_put(self, client: redis.Redis, board: str, values: Mapping[str, str]) -> None:
        if values:
            client.hset(self._prefix + board, items=[part for pair in values.items() for part in pair])

    def board_get(self, board: str, keys: Iterable[str] | None = None) -> dict[str, str]:
        if keys is None:
            return {str(key): str(value) for key, value in self.client.hgetall(self._prefix + board).items()}
        wanted = list(keys)
        found = self.client.hmget(self._prefix + board, wanted) if wanted else []
        return {key: str(value) for key, value in zip(wanted, found, strict=True) if value is not None}

    def board_drop(self, board: str) -> None:
        self.client.delete(self._prefix + board)

    def announce(self, boards: Mapping[str, Mapping[str, str]], channel: str, message: Any) -> None:
        with self.client.pipeline(transaction=False) as pipeline:
            for board, values in boards.items():
                self._board_put(pipeline, board, values)
            self._publish(pipeline, channel, message)
            pipeline.execute()


@cache
def bus() -> Bus:
    """Return this process's bus, as settings choose it."""
    return RedisBus(settings.REDIS_URL, settings.REDIS_PREFIX) if settings.REDIS_URL else MemoryBus()


def hint(channel: str, message: Any) -> None:
    """Publish what its listeners can do without: where the bus is away it is lost, and nothing else with it."""
    try:
        bus().publish(channel, message)
    except (redis.RedisError, OSError):
        logger.warning("The bus is away: a hint on %s is lost.", channel, exc_info=True)
