"""One client's WebSocket: messages leave in order through a queue, unless a fault doubles, swaps, swallows or cuts them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.faults import FaultBoard, FaultKind

# A client that lets so many messages wait is cut off, as real venues do.
QUEUE_LIMIT = 10_000


def encoded(message: object) -> str:
    """Return a message as compact JSON."""
    return json.dumps(message, separators=(",", ":"))


class Socket:
    """A connection that was accepted. `send` may be called from anywhere on the loop and never waits."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, faults: FaultBoard) -> None:
        self._transport = request.transport
        self.response = response
        self._faults = faults
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_LIMIT)
        self._held: str | None = None
        self.is_silent = False
        # What the dialect remembers about this connection.
        self.streams: set[str] = set()

    def send(self, where: str, text: str) -> None:
        """Send a message of a stream, through the faults that strike there; one that nobody hears uses no fault up."""
        if self.is_silent or self.response.closed or self._transport is None or self._transport.is_closing():
            return
        if self._faults.draw(FaultKind.DROP_CONNECTION, where):
            self.cut()
            return
        if self._faults.draw(FaultKind.SILENT_SOCKET, where):
            self.is_silent = True
        if self._held is None and self._faults.draw(FaultKind.REORDER_MESSAGE, where):
            self._held = text
            return
        self._put(text)
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held)
        if self._faults.draw(FaultKind.DUPLICATE_MESSAGE, where):
            self._put(text)

    def reply(self, message: object) -> None:
        """Answer a request of the client, or beat: no stream's message, so only silence can swallow or move it."""
        self._put(encoded(message))

    def close(self) -> None:
        """Close politely once everything before was sent."""
        self._put(None)

    def cut(self) -> None:
        """Tear the connection down without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def run(self, hear: Callable[[Socket, Any], Awaitable[None]]) -> None:
        """Serve the connection until it ends; `hear` gets each JSON message of the client (None: it was no JSON)."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self.response:
                if message.type is WSMsgType.PING and not self.is_silent:
                    await self.response.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    await hear(self, _decoded(message.data))
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def _put(self, text: str | None) -> None:
        if self.is_silent:
            return
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self.cut()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (text := await self._queue.get()) is not None:
                await self.response.send_str(text)
        await self.response.close()


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


async def accept(request: web.Request, faults: FaultBoard) -> Socket:
    """Upgrade a request. Pings are answered by hand, so that a silent socket stays silent."""
    response = web.WebSocketResponse(autoping=False, compress=False)
    await response.prepare(request)
    return Socket(request, response, faults)
