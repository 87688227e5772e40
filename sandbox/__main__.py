"""Run a sandbox: `python -m sandbox --port 8100 --candles BTC=candles.parquet --speed 10`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from decimal import Decimal
from pathlib import Path

from sandbox import catalog
from sandbox.core.keys import ApiKey
from sandbox.server import SandboxServer
from sandbox.venue import Setup

MONEY = {
    "USDT": Decimal(100_000),
    "USD": Decimal(100_000),
    "USDC": Decimal(10_000),
    "BTC": Decimal(1),
    "ETH": Decimal(10),
}


def _candles(text: str) -> tuple[str, Path]:
    asset, _, file = text.partition("=")
    if asset not in catalog.ASSETS or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not ASSET=file with one of {', '.join(catalog.ASSETS)}")
    return asset, Path(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1, help="of the made market and of faults")
    parser.add_argument("--speed", type=int, default=1, help="how many minutes of market pass in a minute")
    parser.add_argument("--history-minutes", type=int, default=1440, help="candles there are from the start")
    parser.add_argument("--candles", type=_candles, action="append", default=[], metavar="ASSET=FILE")
    parser.add_argument("--account", default="demo", help="an account opened with play money; its keys are printed")
    return parser


def _opened(server: SandboxServer, account: str) -> dict[str, ApiKey]:
    for venue in server.venues.values():
        venue.open_account(account, MONEY, {"USDT": Decimal(100_000)})
    return {name: venue.issue_key(account) for name, venue in server.venues.items()}


def _say(server: SandboxServer, host: str, keys: dict[str, ApiKey]) -> None:
    sys.stdout.write(f"Sandbox exchange at http://{host}:{server.port}; put this before a venue's own addresses:\n")
    sys.stdout.write(f"  http://{host}:{server.port}/api.binance.com/api/v3/time\n")
    sys.stdout.write(f"  http://{host}:{server.port}/api.kraken.com/0/public/Time\n")
    for name, key in keys.items():
        sys.stdout.write(f"{name} account {key.account}: key {key.key} secret {key.secret}\n")
    sys.stdout.flush()


async def _run(options: argparse.Namespace) -> None:
    setup = Setup(
        seed=options.seed,
        speed=options.speed,
        history_minutes=options.history_minutes,
        candles=dict(options.candles),
    )
    server = SandboxServer(setup)
    await server.start(options.host, options.port)
    try:
        _say(server, options.host, _opened(server, options.account))
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_parser().parse_args()))
