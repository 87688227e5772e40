"""The test exchange as a feed's stage uses it, in a thread here or in a process of its own; needs no Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Protocol

from sandbox.core.klines import Kline
from sandbox.faults import Fault
from sandbox.server import ServerThread, running
from sandbox.venue import Setup

Row = tuple[float, float, float, float, float]


class TestExchange(Protocol):
    """Its address, its faults, its own candles; venues are named by the dialect they speak."""

    url: str

    def switch_on(self, dialect: str, fault: Fault) -> Fault: ...

    def switch_off(self, dialect: str) -> None: ...

    def candles(self, dialect: str, symbol: str, timeframe: str) -> dict[int, Row]:
        """Return a series' closed candles by their time; `symbol` is the gateway's."""

    def hide(self) -> None:
        """Let nobody reach it: a total outage."""

    def show(self) -> None:
        """End the outage, on the same port."""


class LocalExchange:
    """A sandbox in a thread of this process."""

    def __init__(self, thread: ServerThread) -> None:
        self._thread = thread
        self.url = thread.url
        self.hide, self.show = thread.hide, thread.show

    def switch_on(self, dialect: str, fault: Fault) -> Fault:
        return self._thread.call(lambda: self._thread.venue(_side(dialect)).faults.switch_on(fault))

    def switch_off(self, dialect: str) -> None:
        self._thread.call(self._thread.venue(_side(dialect)).faults.switch_off)

    def candles(self, dialect: str, symbol: str, timeframe: str) -> dict[int, Row]:
        place = self._thread.venue(_side(dialect))
        market = place.futures.market if dialect == "binanceusdm" else place.spot.market
        name = symbol.partition(":")[0]
        name = name if dialect == "kraken" else name.replace("/", "")
        found: list[Kline] = self._thread.call(lambda: list(market.klines[name].series(timeframe)[:-1]))
        return {
            one.opened_ms: (float(one.open), float(one.high), float(one.low), float(one.close), float(one.volume))
            for one in found
        }


class RemoteExchange:
    """A sandbox in another process: its memory is not taken for that of the feeds that follow it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url: str = pipe.recv()

    def switch_on(self, dialect: str, fault: Fault) -> Fault:
        found: Fault = self._ask("switch_on", dialect, fault)
        return found

    def switch_off(self, dialect: str) -> None:
        self._ask("switch_off", dialect)

    def candles(self, dialect: str, symbol: str, timeframe: str) -> dict[int, Row]:
        found: dict[int, Row] = self._ask("candles", dialect, symbol, timeframe)
        return found

    def hide(self) -> None:
        self._ask("hide")

    def show(self) -> None:
        self._ask("show")

    def _ask(self, name: str, *args: Any) -> Any:
        self._pipe.send((name, args))
        return self._pipe.recv()


def _side(dialect: str) -> str:
    return "kraken" if dialect == "kraken" else "binance"


def _serve(pipe: Connection, setup: Setup) -> None:
    """Run a sandbox and answer until the other side is gone."""
    with running(setup) as thread:
        exchange = LocalExchange(thread)
        pipe.send(exchange.url)
        try:
            while True:
                name, args = pipe.recv()
                pipe.send(getattr(exchange, name)(*args))
        except EOFError:
            return


@contextmanager
def exchange_process(setup: Setup) -> Iterator[RemoteExchange]:
    """Run an exchange in a process of its own while the block lasts."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setup), daemon=True)
    process.start()
    theirs.close()
    try:
        yield RemoteExchange(ours)
    finally:
        ours.close()
        process.join(10)
        process.kill()
