"""A server as a process of its own: served until a signal, or until the process that started it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Protocol


class Server(Protocol):
    """What is started on a port and stopped again."""

    async def start(self, host: str, port: int) -> None: ...

    async def stop(self) -> None: ...


async def serve_until_ended(
    server: Server, host: str, port: int, *, say: Callable[[], None], end_with_stdin: bool
) -> None:
    """Serve, `say` where, and stop on SIGINT, SIGTERM or (`end_with_stdin`) the end of standard input.

    A port that cannot be used ends the process with one sentence.
    """
    try:
        await server.start(host, port)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise SystemExit(
            f"Port {port} on {host} cannot be used ({why}): stop what uses it, or choose another."
        ) from error
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if end_with_stdin:
        threading.Thread(target=_await_end_of_input, args=(loop, ended), daemon=True).start()
    try:
        say()
        await ended.wait()
    finally:
        await server.stop()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(ended.set)
