"""The peer: an ASGI application that does nothing but broadcast, in a plain loop over its sockets.

Any client's message {"more": N} has N frames of `FRAME_BYTES` sent to everybody.
"""

from __future__ import annotations

import json
import time
from typing import Any

FRAME_BYTES = 200
_sends: list[Any] = []


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve one socket."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    _sends.append(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            for _ in range(int(json.loads(event["text"]).get("more", 0))):
                await _broadcast()
    finally:
        _sends.remove(send)


async def _broadcast() -> None:
    text = f'{{"sent":"{time.monotonic_ns()}","filling":"'.ljust(FRAME_BYTES - 2, "x") + '"}'
    message = {"type": "websocket.send", "text": text}
    for send in _sends:
        await send(message)
