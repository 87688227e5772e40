"""`manage.py backfill VENUE SYMBOL`: load an instrument's past, with a line that says how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from common.clock import market_now
from common.errors import DomainError
from engine.timeframes import TIMEFRAMES
from markets.backfilling import work_backfills
from markets.connecting import connection_of
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client
from markets.history import backfills, coverage
from markets.models import Backfill, BackfillState
from markets.selectors import instrument_by_symbol
from markets.services import request_backfill

_LOOK_SECONDS = 0.25


class Command(BaseCommand):
    help = (
        "Load an instrument's past candles into the candle store; what is stored is not asked for again. Where the venue's "
        "feed runs, it does the loading and this command looks on; ended early, it goes on with the next start of either."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("venue", help="code of the exchange, for example: binance")
        parser.add_argument("symbol", help="the instrument there, for example: BTC-USDT")
        parser.add_argument("--timeframe", default="1m", choices=list(TIMEFRAMES), help="default: %(default)s")
        parser.add_argument("--days", type=int, default=365, help="how far back (default: %(default)s)")

    def handle(self, *, venue: str, symbol: str, timeframe: str, days: int, **options: Any) -> None:
        if days < 1:
            raise CommandError("--days is a whole number above zero.")
        try:
            instrument = instrument_by_symbol(venue, symbol)
            start = market_now(instrument.market.namespace) - timedelta(days=days)
            backfill = request_backfill(instrument=instrument, timeframe=timeframe, start=start)
        except DomainError as error:
            raise CommandError(error.message) from error
        ended = asyncio.run(self._load(backfill))
        self.stdout.write()
        if ended.is_open:
            self.stdout.write(
                "Not all is loaded: start the feed of the venue, or this command, and it goes on from here."
            )
        elif ended.state != BackfillState.DONE:
            raise CommandError(ended.error or "It was canceled.")
        for one in coverage(instrument):
            if one.timeframe == timeframe:
                self.stdout.write(
                    f"{instrument.symbol} {timeframe}: {one.candles} candles from {one.first:%Y-%m-%d %H:%M} to "
                    f"{one.last:%Y-%m-%d %H:%M} UTC, {one.missing} missing in {one.gaps} gaps."
                )

    async def _load(self, backfill: Backfill) -> Backfill:
        """Work beside whoever else would, until the row has ended or somebody stops this."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not on the main thread: nobody sends it signals
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Client(connection_of(backfill.instrument.exchange)) as client:
            work = asyncio.create_task(work_backfills(backfill.instrument.exchange, CcxtMarketData(client), stop))
            try:
                while not stop.is_set():
                    backfill = await asyncio.to_thread(_now, backfill)
                    self._say(backfill)
                    if not backfill.is_open:
                        break
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            finally:
                stop.set()
                await work
        return backfill

    def _say(self, backfill: Backfill) -> None:
        line = f"{backfill.instrument.symbol} {backfill.timeframe} {backfill.progress:4.0%} {backfill.error}"
        self.stdout.write(f"\r{line:<100.100}", ending="")
        self.stdout.flush()


def _now(backfill: Backfill) -> Backfill:
    try:
        return backfills().get(pk=backfill.pk)
    finally:
        close_old_connections()
