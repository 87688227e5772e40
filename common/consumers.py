"""The WebSocket door /ws/live/: subscribe to topics, get a snapshot of each first, or what one missed, then its updates."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, cast

from channels.db import database_sync_to_async

from common import clock
from common.errors import DomainError
from common.realtime import CloseCode, Listener, Payload, frame, gate_of, hub, snapshot

MAX_TOPICS = 200
MAX_MESSAGE_BYTES = 16_384
EXPIRED = "This token has expired: create a new one."
USAGE = 'Send {"type": "subscribe", "topics": ["portfolio:<id>"]}.'


async def live_socket(scope: Any, receive: Any, send: Any) -> None:
    """Serve one browser page or API client, as a plain ASGI application: nothing stands between a frame and the socket.

    `scope["user"]` is a User or None, `scope["auth_error"]` a refused token's reason, and `scope["credentials"]` names
    what the connection was opened with: it ends when one of those is withdrawn. `scope["still_valid"]`, where there is
    one, raises DomainError when that is over already, and `scope["expires_at"]` says when it will be.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    await send({"type": "websocket.accept"})
    client = _Client(scope)
    writer = asyncio.create_task(client.write(send))
    try:
        await client.greet()
        while (event := await receive())["type"] == "websocket.receive":
            await client.take(event.get("text"))
    finally:
        client.leave()
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer


class _Client:
    """What the socket knows of its client. Whatever is said to it goes through its inbox, in order."""

    def __init__(self, scope: Any) -> None:
        self._scope = scope
        self.listener = Listener()
        self.topics: set[str] = set()
        self._expiry: asyncio.TimerHandle | None = None

    def leave(self) -> None:
        """Hear nothing more: the socket is gone."""
        hub.leave_all(self.listener)
        if self._expiry is not None:
            self._expiry.cancel()

    async def greet(self) -> None:
        """Begin: say why a token was refused, and hear of what ends the connection."""
        if refused := str(self._scope.get("auth_error", "")):
            self._refuse_token(refused)
        try:
            for credential in cast("Sequence[str]", self._scope.get("credentials", ())):
                await hub.join_credential(credential, self.listener)
        except DomainError as error:
            # Nobody could end this connection when its credential is withdrawn.
            self._refuse("", error)
            self.listener.end(CloseCode.INTERRUPTED, error.message)
        # Joined, then asked: what is withdrawn from here on is heard of, and what was withdrawn before is found.
        if (still_valid := self._scope.get("still_valid")) is not None:
            try:
                await database_sync_to_async(still_valid)()
            except DomainError as error:
                self._refuse_token(error.message)
        if (expires_at := self._scope.get("expires_at")) is not None:
            rest = max(0.0, (expires_at - clock.wall_now()).total_seconds())
            self._expiry = asyncio.get_running_loop().call_later(rest, self._refuse_token, EXPIRED)

    def _refuse_token(self, reason: str) -> None:
        """Say why the token opens nothing, or nothing more, and end."""
        self._refuse("", DomainError("BAD_TOKEN", reason, status=401))
        self.listener.end(CloseCode.BAD_TOKEN, reason)

    async def write(self, send: Any) -> None:
        """Send what comes into the inbox until it ends; alone in sending, so that nothing follows the close."""
        frames = self.listener.frames
        # The client is gone: the reader hears so too, and ends the writer.
        with contextlib.suppress(OSError):
            while frames or self.listener.ending is None:
                await self.listener.wait()
                while frames:
                    await send({"type": "websocket.send", "text": frames.popleft()})
            code, reason = self.listener.ending
            await send({"type": "websocket.close", "code": code, "reason": reason})

    async def take(self, text: str | None) -> None:
        """Do what a message of the client asks for."""
        message = _parsed(text)
        kind = message.get("type") if message else None
        if kind == "ping":
            self.listener.put('{"type":"pong"}')
        elif kind == "subscribe":
            if len(topics := _topics(message)) > MAX_TOPICS:
                # In one word, not topic by topic: so many answers would be more than the inbox holds.
                self._refuse("", _too_many())
                return
            stream, since = _position(message)
            for topic in topics:
                await self._subscribe(topic, stream, since.get(topic))
                # What was missed of many topics must not fill the inbox of somebody who reads it: let the writer have its turn.
                await asyncio.sleep(0)
        elif kind == "unsubscribe":
            # Only what was subscribed: the hub also knows the connection's credentials by a topic.
            for topic in self.topics.intersection(_topics(message)):
                self._leave(topic)
        else:
            self._refuse("", DomainError("BAD_MESSAGE", USAGE))

    async def _subscribe(self, topic: str, stream: str, known: object) -> None:
        try:
            state, now = await self._join(topic)
        except DomainError as error:
            self._refuse(topic, error)
            return
        self.topics.add(topic)
        missed = hub.missed(topic, stream, known, now) if type(known) is int else None
        # The state was read all the same: it is the gate that says who may hear of the topic.
        kind, told = ("snapshot", state) if missed is None else ("resumed", {})
        self.listener.release(topic, [frame(kind, topic, now, {"stream": hub.stream, **told}), *(missed or ())])

    async def _join(self, topic: str) -> tuple[Payload, int]:
        """Hear a topic; return its state, and the number after which its updates follow that."""
        if topic not in self.topics and len(self.topics) >= MAX_TOPICS:
            raise _too_many()
        gate_of(topic)
        # Held, then joined, then read: what comes meanwhile follows the snapshot, and is dropped with a refusal.
        self.listener.hold(topic)
        now = hub.sequence
        try:
            await hub.join(topic, self.listener)
            state = await database_sync_to_async(snapshot, thread_sensitive=False)(self._scope.get("user"), topic)
        except DomainError:
            self._leave(topic, forget=True)
            raise
        return state, now

    def _leave(self, topic: str, *, forget: bool = False) -> None:
        self.topics.discard(topic)
        hub.leave(topic, self.listener, forget=forget)
        self.listener.forget(topic)

    def _refuse(self, topic: str, error: DomainError) -> None:
        refusal = {"type": "error", "topic": topic, "code": error.code, "message": error.message}
        self.listener.put(json.dumps(refusal))


def _too_many() -> DomainError:
    return DomainError("TOO_MANY_TOPICS", f"At most {MAX_TOPICS} topics fit one connection.")


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


def _position(message: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return what a client that comes back has heard: whose numbers it knows, and the last one of each topic."""
    stream, since = (message or {}).get("stream"), (message or {}).get("since")
    return (stream, since) if isinstance(stream, str) and isinstance(since, dict) else ("", {})
