"""Live sockets of a test, over the platform's real ASGI application; each is closed when the test ends."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import connections

WAIT_SECONDS = 5
# channels.testing would bring a whole server of its own; the protocol is these few messages.
_SCOPE = {"type": "websocket", "http_version": "1.1", "scheme": "ws", "subprotocols": [], "client": ["127.0.0.1", 1]}


class Socket:
    """One client of the platform's WebSocket."""

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        from config.asgi import application

        address, _, query = path.partition("?")
        wire = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            **_SCOPE,
            "path": address,
            "raw_path": address.encode(),
            "query_string": query.encode(),
            "headers": wire,
        }
        self._communicator: Any = ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]

    async def connect(self) -> bool:
        """Open the socket and return whether it was accepted."""
        await self._communicator.send_input({"type": "websocket.connect"})
        answer = await self._communicator.receive_output(WAIT_SECONDS)
        return bool(answer["type"] == "websocket.accept")

    async def say(self, message: Any) -> None:
        """Send a message: a string as it is, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self._communicator.send_input({"type": "websocket.receive", "text": text})

    async def subscribe(self, *topics: str) -> None:
        await self.say({"type": "subscribe", "topics": list(topics)})

    async def hear(self) -> dict[str, Any]:
        """Return the next message, parsed."""
        answer = await self._communicator.receive_output(WAIT_SECONDS)
        assert answer["type"] == "websocket.send", answer
        return dict(json.loads(answer["text"]))

    async def closing(self) -> tuple[int, str]:
        """Return the code and reason with which the server closes now."""
        answer = await self._communicator.receive_output(WAIT_SECONDS)
        assert answer["type"] == "websocket.close", answer
        return answer["code"], answer.get("reason") or ""

    async def is_silent(self) -> bool:
        return bool(await self._communicator.receive_nothing(0.2))

    async def close(self) -> None:
        await self._communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._communicator.wait(WAIT_SECONDS)


Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def live() -> AsyncIterator[Connect]:
    """Return a function that opens a socket which must be accepted: `await live(path, {"origin": …})`."""
    # The first import sets the logs up anew; now, and not while a test listens to them.
    importlib.import_module("config.asgi")
    opened: list[Socket] = []

    async def connect(path: str = "/ws/live/", headers: Mapping[str, str] | None = None) -> Socket:
        socket = Socket(path, headers or {})
        assert await socket.connect()
        opened.append(socket)
        return socket

    yield connect
    for socket in opened:
        await socket.close()
    # A test's own questions to the database went through the one thread that asgiref keeps for them.
    await sync_to_async(connections.close_all)()
