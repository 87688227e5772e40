"""Run a sandbox: `python -m sandbox --port 8100 --candles BTC=candles.parquet --speed 10`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from engine.timeframes import MINUTE_MS
from sandbox import catalog
from sandbox.core.clock import wall_ms
from sandbox.core.keys import ApiKey
from sandbox.process import serve_until_ended
from sandbox.server import SandboxServer
from sandbox.venue import Setup

WEEK_MINUTES = 7 * 1440
UNCOUNTED = 10**9
# 1970-01-05 was a Monday.
_FIRST_MONDAY_MINUTE = 4 * 1440
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
    parser.add_argument(
        "--end-with-stdin", action="store_true", help="end when standard input does: with the process that started this"
    )
    parser.add_argument(
        "--memory", type=Path, metavar="FILE", help="keep accounts, orders and keys here, over restarts and kills"
    )
    parser.add_argument("--no-limits", action="store_true", help="count no requests, as no real venue does")
    parser.add_argument("--account", default="demo", help="an account opened with play money; its keys are printed")
    return parser


def _opened(server: SandboxServer, account: str) -> dict[str, ApiKey]:
    """Return a key of the account at each venue; where none is remembered, the account is opened first."""
    keys = {}
    for name, venue in server.venues.items():
        known = next((key for key in venue.keys.values() if key.account == account), None)
        if known is None:
            venue.open_account(account, MONEY, {"USDT": Decimal(100_000)})
        keys[name] = known or venue.issue_key(account)
    server.remember()
    return keys


def _say(server: SandboxServer, host: str, keys: dict[str, ApiKey]) -> None:
    sys.stdout.write(f"Sandbox exchange at http://{host}:{server.port}; put this before a venue's own addresses:\n")
    sys.stdout.write(f"  http://{host}:{server.port}/api.binance.com/api/v3/time\n")
    sys.stdout.write(f"  http://{host}:{server.port}/api.kraken.com/0/public/Time\n")
    for name, key in keys.items():
        sys.stdout.write(f"{name} account {key.account}: key {key.key} secret {key.secret}\n")
    sys.stdout.flush()


def _monday(history_minutes: int) -> int:
    """Return the minute in which the week began that the history begins in: all starts of a week share one made market."""
    first = wall_ms() // MINUTE_MS - history_minutes
    return first - (first - _FIRST_MONDAY_MINUTE) % WEEK_MINUTES


async def _run(options: argparse.Namespace) -> None:
    setup = Setup(
        seed=options.seed,
        speed=options.speed,
        history_minutes=options.history_minutes,
        candles=dict(options.candles),
        first_minute=_monday(options.history_minutes),
    )
    if options.no_limits:
        setup = replace(setup, spot_weight=UNCOUNTED, futures_weight=UNCOUNTED, kraken_counter=float(UNCOUNTED))
    try:
        server = SandboxServer(setup, memory=options.memory)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    await serve_until_ended(
        server,
        options.host,
        options.port,
        say=lambda: _say(server, options.host, _opened(server, options.account)),
        end_with_stdin=options.end_with_stdin,
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_parser().parse_args()))
