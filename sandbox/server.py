"""The process around the venues: one HTTP server for all dialects, the loop that moves the markets, and a thread to run it in."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from sandbox.binance.dialect import BinanceDialect
from sandbox.control import Control
from sandbox.kraken.dialect import KrakenDialect
from sandbox.memory import Memory
from sandbox.serving import Dialect, serve
from sandbox.venue import Setup, Venue, build_venues

Result = TypeVar("Result")
# A client points at us by putting our address before the venue's host: http://127.0.0.1:8100/api.binance.com/api/v3/…
HOST = re.compile(r"^/(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)+)(:\d+)?(?P<path>/.*|$)")
# Clients that can only put one address before all paths use these; ccxt tells spot streams by a "/stream" in their address.
MOUNTS = {
    "/binance/stream": "stream.binance.com",
    "/binanceusdm": "fstream.binance.com",
    "/kraken": "ws.kraken.com",
}
STEP_SECONDS = 0.1


class SandboxServer:
    """Serves the venues on one port. Use from the loop it was started on; other threads go through `ServerThread`."""

    def __init__(
        self, setup: Setup | None = None, *, step_seconds: float = STEP_SECONDS, memory: Path | None = None
    ) -> None:
        self.venues = build_venues(setup or Setup())
        self.port = 0
        self._dialects: list[Dialect] = [
            BinanceDialect(self.venues["binance"]),
            KrakenDialect(self.venues["kraken"]),
        ]
        self._memory = None if memory is None else Memory(memory, self.venues)
        self._control = Control(self.venues)
        self._step_seconds = step_seconds
        self._runner: web.AppRunner | None = None
        self._mover: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind (port 0: a free one, then in `port`) and let the markets move."""
        await self.show(host, port)
        self._mover = asyncio.create_task(self._move())

    async def show(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind, and answer from now on."""
        app = web.Application(client_max_size=1_000_000)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def hide(self) -> None:
        """Close every connection and take no more, as in a total outage; the markets move on. `show` ends it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def stop(self) -> None:
        """Stop moving and close every connection."""
        if self._mover is not None:
            self._mover.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._mover
        await self.hide()

    def remember(self) -> None:
        """Write what must outlive the process, where a file for it was named. Trading does so by itself."""
        if self._memory is not None:
            self._memory.write()

    async def _move(self) -> None:
        while True:
            for venue in self.venues.values():
                venue.step()
            await asyncio.sleep(self._step_seconds)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        host, path = split_host(request.path)
        if path.startswith("/sandbox/"):
            answer = await self._control.answer(request, path)
            self.remember()
            return answer
        for dialect in self._dialects:
            if dialect.speaks(path) if not host else host.endswith(dialect.domain):
                return await serve(dialect, request, host, path)
        return web.Response(status=404, text="No venue here speaks of this path.")


def split_host(path: str) -> tuple[str, str]:
    """Split /api.binance.com/api/v3/time into ("api.binance.com", "/api/v3/time"); no host or mount before it gives ""."""
    for mount, host in MOUNTS.items():
        if path.startswith(f"{mount}/"):
            return host, path.removeprefix(mount)
    match = HOST.match(path)
    return (match["host"], match["path"] or "/") if match else ("", path)


class ServerThread:
    """A sandbox in a thread of this process. `call` runs a function on its loop, where everything lives."""

    def __init__(self, setup: Setup | None = None, *, step_seconds: float = STEP_SECONDS) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        self.server = self.call(lambda: SandboxServer(setup, step_seconds=step_seconds))
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(30)

    @property
    def url(self) -> str:
        """Return the address, without a slash at its end."""
        return f"http://127.0.0.1:{self.server.port}"

    def venue(self, name: str) -> Venue:
        """Return a venue; touch it through `call` only."""
        return self.server.venues[name]

    def call(self, function: Callable[[], Result]) -> Result:
        """Run a function on the server's loop and return what it returns."""

        async def run() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def hide(self) -> None:
        """Let nobody reach the server: a total outage."""
        asyncio.run_coroutine_threadsafe(self.server.hide(), self._loop).result(30)

    def show(self) -> None:
        """Answer again, on the same port."""
        asyncio.run_coroutine_threadsafe(self.server.show(port=self.server.port), self._loop).result(30)

    def stop(self) -> None:
        """Stop the server and the thread."""
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def pointed_at(url: str, addresses: Mapping[str, object]) -> dict[str, object]:
    """Return a client's table of addresses (ccxt's urls["api"], nested) with ours before every host."""
    return {name: _moved(url, value) for name, value in addresses.items()}


def _moved(url: str, value: object) -> object:
    if isinstance(value, Mapping):
        return pointed_at(url, value)
    if not isinstance(value, str) or "://" not in value:
        return value
    scheme, rest = value.split("://", 1)
    ours = url.replace("http", "ws", 1) if scheme.startswith("ws") else url
    return f"{ours}/{rest}"


@contextlib.contextmanager
def running(setup: Setup | None = None, *, step_seconds: float = STEP_SECONDS) -> Iterator[ServerThread]:
    """Run a sandbox while the block lasts."""
    thread = ServerThread(setup, step_seconds=step_seconds)
    try:
        yield thread
    finally:
        thread.stop()
