"""The WebSocket door /ws/live/: subscribe to topics, get a snapshot of each first, then its updates."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, cast

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from common.errors import DomainError
from common.realtime import CloseCode, Listener, Payload, frame, gate_of, hub, snapshot

MAX_TOPICS = 200
MAX_MESSAGE_BYTES = 16_384
USAGE = 'Send {"type": "subscribe", "topics": ["portfolio:<id>"]}.'


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser page or API client.

    `scope["user"]` is a User or None, `scope["auth_error"]` a refused token's reason, and `scope["credentials"]` names
    what the connection was opened with: it ends when one of those is withdrawn.
    """

    async def connect(self) -> None:
        self.listener = Listener()
        self.topics: set[str] = set()
        await self.accept()
        if refused := str(self.scope.get("auth_error", "")):
            await self._error("", DomainError("BAD_TOKEN", refused, status=401))
            self.listener.end(CloseCode.BAD_TOKEN, refused)
        for credential in cast("Sequence[str]", self.scope.get("credentials", ())):
            await hub.join_credential(credential, self.listener)
        self.writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:
        hub.leave_all(self.listener)
        self.writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.writer

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = _parsed(text_data)
        kind = message.get("type") if message else None
        if kind == "ping":
            await self.send(text_data='{"type":"pong"}')
        elif kind == "subscribe":
            for topic in _topics(message):
                await self._subscribe(topic)
        elif kind == "unsubscribe":
            # Only what was subscribed: the hub also knows the connection's credentials by a topic.
            for topic in self.topics.intersection(_topics(message)):
                self._leave(topic)
        else:
            await self._error("", DomainError("BAD_MESSAGE", USAGE))

    async def _subscribe(self, topic: str) -> None:
        try:
            state = await self._join(topic)
        except DomainError as error:
            await self._error(topic, error)
        else:
            self.topics.add(topic)
            self.listener.release(topic, frame("snapshot", topic, 0, state))

    async def _join(self, topic: str) -> Payload:
        if topic not in self.topics and len(self.topics) >= MAX_TOPICS:
            raise DomainError("TOO_MANY_TOPICS", f"At most {MAX_TOPICS} topics fit one connection.")
        gate_of(topic)
        # Held, then joined, then read: what comes meanwhile follows the snapshot, and is dropped with a refusal.
        self.listener.hold(topic)
        try:
            await hub.join(topic, self.listener)
            return await database_sync_to_async(snapshot, thread_sensitive=False)(self.scope.get("user"), topic)
        except DomainError:
            self._leave(topic)
            raise

    def _leave(self, topic: str) -> None:
        self.topics.discard(topic)
        hub.leave(topic, self.listener)
        self.listener.forget(topic)

    async def _write(self) -> None:
        while (waiting := await self.listener.frames.get()) is not None:
            await self.send(text_data=waiting)
        if self.listener.ending is not None:
            code, reason = self.listener.ending
            await self.close(code=code, reason=reason)

    async def _error(self, topic: str, error: DomainError) -> None:
        refusal = {"type": "error", "topic": topic, "code": error.code, "message": error.message}
        await self.send(text_data=json.dumps(refusal))


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > MAX_MESSAGE_BYTES:
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):  # the latter: brackets in brackets in brackets
        return None
    return message if isinstance(message, dict) else None


def _topics(message: dict[str, Any] | None) -> list[str]:
    topics = (message or {}).get("topics")
    return [topic for topic in topics if isinstance(topic, str)] if isinstance(topics, list) else []
