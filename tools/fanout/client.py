"""Hundreds of WebSocket clients in one process, so lean that they are not what is measured; prints what they heard as JSON.

python -m tools.fanout.client PORT TOPIC flood|pace COUNT

With a topic they subscribe to it and ask a publisher of their own process for messages; with "-" they ask the server
itself. `flood`: so many are on their way at any time that the server never waits. `pace`: five a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import NoReturn, cast

import uvloop

CLIENTS = 500
# On their way at most, well below what makes the site drop a client for being slow; asked for in portions.
WINDOW, PORTION = 128, 32
MESSAGES_PER_SECOND = 5
GIVE_UP_SECONDS = 60.0
_PUBLISHER = (sys.executable, "-m", "tools.fanout.publisher")


class Crowd:
    """What all clients have heard together."""

    def __init__(self) -> None:
        self.ready = 0
        self.all_ready = asyncio.Event()
        self.waits_ns: list[int] = []
        self.on_complete: Callable[[int], None] = lambda _number: None
        self._arrived: list[int] = []
        self._complete = 0

    def greet(self) -> None:
        """Note that one more client is ready to hear messages."""
        self.ready += 1
        if self.ready == CLIENTS:
            self.all_ready.set()

    def hear(self, number: int, payload: bytes) -> None:
        """Note that one client has got its message with this number, counted from 0."""
        if number == len(self._arrived):
            self._arrived.append(0)
        self._arrived[number] += 1
        if self._arrived[number] == CLIENTS:
            self._complete += 1
            self.on_complete(self._complete)

    def time(self, number: int, payload: bytes) -> None:
        """The same, with the time since the message was sent."""
        start = payload.index(b'"sent":"') + 8
        self.waits_ns.append(time.monotonic_ns() - int(payload[start : payload.index(b'"', start)]))
        self.hear(number, payload)


class Client(asyncio.Protocol):
    """One socket: the handshake, then a count of its frames."""

    def __init__(self, crowd: Crowd, topic: str, hear: Callable[[int, bytes], None]) -> None:
        self._crowd, self._topic, self._hear = crowd, topic, hear
        self._waiting = b""
        self._is_open = False
        self._number = -1 if topic else 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            b"GET /ws/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data if self._waiting else data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._waiting = head
                return
            self._opened(head)
        self._waiting = data[self._frames(data) :]

    def connection_lost(self, error: Exception | None) -> None:
        _give_up(f"the server closed a socket: {error}")

    def say(self, message: object) -> None:
        """Send a short message, masked with zeros, which leaves it as it is."""
        text = json.dumps(message).encode()
        self.transport.write(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)

    def _opened(self, head: bytes) -> None:
        if b" 101 " not in head.partition(b"\r\n")[0]:
            _give_up(f"no WebSocket here: {head!r}")
        self._is_open = True
        if self._topic:
            self.say({"type": "subscribe", "topics": [self._topic]})
        else:
            self._crowd.greet()

    def _frames(self, data: bytes) -> int:
        """Take the whole frames at the beginning of the data; return how many bytes those were."""
        at, end = 0, len(data)
        while end - at >= 4:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = data[at + 2] << 8 | data[at + 3], at + 4
            elif size == 127:
                if end - at < 10:
                    break
                size, start = struct.unpack_from("!Q", data, at + 2)[0], at + 10
            if start + size > end:
                break
            if data[at] == 0x88:
                _give_up(f"the server closes a socket: {data[start + 2 : start + size].decode()}")
            if data[at] == 0x89:
                self.transport.write(bytes((0x8A, 0x80 | size)) + bytes(4) + data[start : start + size])
            if data[at] == 0x81:
                self._text(data[start : start + size])
            at = start + size
        return at

    def _text(self, payload: bytes) -> None:
        if self._number < 0:
            if b'"snapshot"' not in payload:
                _give_up(f"no snapshot: {payload.decode()}")
            self._crowd.greet()
        else:
            self._hear(self._number, payload)
        self._number += 1


def _give_up(reason: str) -> NoReturn:
    """End at once, out of the middle of a callback."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(1)


async def run(port: int, topic: str, kind: str, count: int) -> dict[str, float]:
    """Open all sockets, have `count` messages sent, and return what came of it."""
    loop, crowd = asyncio.get_running_loop(), Crowd()
    hear = crowd.time if kind == "pace" else crowd.hear
    clients = []
    for _ in range(CLIENTS):
        _, client = await loop.create_connection(lambda: Client(crowd, topic, hear), "127.0.0.1", port)
        clients.append(client)
    await asyncio.wait_for(crowd.all_ready.wait(), GIVE_UP_SECONDS)
    if not topic:
        return await _measure(crowd, lambda number: clients[0].say({"more": number}), kind, count)
    publisher = await asyncio.create_subprocess_exec(*_PUBLISHER, stdin=asyncio.subprocess.PIPE)
    orders = publisher.stdin
    assert orders is not None
    try:
        return await _measure(crowd, lambda number: orders.write(b"%d\n" % number), kind, count)
    finally:
        orders.close()
        await publisher.wait()


async def _measure(crowd: Crowd, ask: Callable[[int], None], kind: str, count: int) -> dict[str, float]:
    warm, done = asyncio.Event(), asyncio.Event()
    asked = 1

    def on_complete(complete: int) -> None:
        nonlocal asked
        if complete == 1:
            warm.set()
        if complete == count + 1:
            done.set()
        if kind == "flood" and complete % PORTION == 1 and asked <= count:
            more = min(complete + WINDOW, count + 1) - asked
            asked += more
            ask(more)

    crowd.on_complete = on_complete
    # The first message finds out that the publisher has started and everybody hears it.
    ask(asked)
    await asyncio.wait_for(warm.wait(), GIVE_UP_SECONDS)
    began = time.monotonic()
    crowd.waits_ns.clear()
    if kind == "pace":
        for _ in range(count):
            ask(1)
            await asyncio.sleep(1 / MESSAGES_PER_SECOND)
    await asyncio.wait_for(done.wait(), GIVE_UP_SECONDS)
    waits = sorted(crowd.waits_ns) or [0]
    return {
        "deliveries_per_second": count * CLIENTS / (time.monotonic() - began),
        "p99_ms": waits[len(waits) * 99 // 100] / 1e6,
    }


def main(port: str, topic: str, kind: str, count: str) -> None:
    """Run and print the result; the process ends without closing five hundred sockets one by one."""
    result = uvloop.run(run(int(port), "" if topic == "-" else topic, kind, int(count)))
    print(json.dumps(result), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
