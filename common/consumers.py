"""The WebSocket door /ws/live/: subscribe to topics, get a snapshot of each first, then its updates."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from common.errors import DomainError
from common.realtime import Listener, frame, hub, snapshot

MAX_TOPICS = 200
MAX_MESSAGE_BYTES = 16_384
BAD_TOKEN, TOO_SLOW, BAD_MESSAGE = 4401, 4408, 4400


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser page or API client. `scope["user"]` is a User or None; `scope["auth_error"]` a refused token's reason."""

    async def connect(self) -> None:
        self.listener = Listener()
        self.topics: set[str] = set()
        self.writer: asyncio.Task[None] | None = None
        await self.accept()
        if refused := str(self.scope.get("auth_error", "")):
            await self._error("", DomainError("BAD_TOKEN", refused, status=401))
            await self.close(code=BAD_TOKEN, reason=refused)
            return
        self.writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:
        for topic in self.topics:
            hub.leave(topic, self.listener)
        if self.writer is not None:
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
            for topic in _topics(message):
                self.topics.discard(topic)
                hub.leave(topic, self.listener)
        else:
            await self._error("", DomainError("BAD_MESSAGE", 'Send {"type": "subscribe", "topics": ["portfolio:<id>"]}.'))

    async def _subscribe(self, topic: str) -> None:
        if topic not in self.topics and len(self.topics) >= MAX_TOPICS:
            await self._error(topic, DomainError("TOO_MANY_TOPICS", f"At most {MAX_TOPICS} topics fit one connection."))
            return
        # Joined first: an update that arrives while the snapshot is read comes after it, not never.
        hub.join(topic, self.listener)
        try:
            state = await sync_to_async(snapshot, thread_sensitive=False)(self.scope.get("user"), topic)
        except DomainError as error:
            hub.leave(topic, self.listener)
            self.topics.discard(topic)
            await self._error(topic, error)
            return
        self.topics.add(topic)
        await self.send(text_data=frame("snapshot", topic, 0, state))

    async def _write(self) -> None:
        while (waiting := await self.listener.frames.get()) is not None:
            await self.send(text_data=waiting)
        await self.close(code=TOO_SLOW, reason="This connection did not keep up; connect again for a fresh snapshot.")

    async def _error(self, topic: str, error: DomainError) -> None:
        await self.send(text_data=json.dumps({"type": "error", "topic": topic, "code": error.code, "message": error.message}))


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > MAX_MESSAGE_BYTES:
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _topics(message: dict[str, Any] | None) -> list[str]:
    topics = (message or {}).get("topics")
    return [topic for topic in topics if isinstance(topic, str)] if isinstance(topics, list) else []
