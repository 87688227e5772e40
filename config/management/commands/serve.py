"""`manage.py serve`: the whole platform in one process, with a living demo. What `make run` starts."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from common.processes import freeze_startup
from config import demo, own_data
from config.embedded import background_processes, serve_site
from config.serving import SiteCommand, closing_engine, closing_feed, closing_signer
from engine.timeframes import timeframe_ms
from markets.feeding import announce_market
from markets.models import Exchange
from markets.scanning.running import run_scanners
from markets.services import seed_simulated_venue
from strategies.replay.cast import load_series, read_walks

# Six hours of the simulated market (ten-second steps), or some hundred candles of a replay (four prices each).
_SIMULATED_STEPS, _REPLAY_STEPS = 6 * 60 * 6, 4 * 300


class Command(SiteCommand):
    help = "Serve the platform in one process: site, worker, beat, feed and engine, with a demo to look at."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--candles",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="replay this file instead of simulating; may be given several times",
        )
        parser.add_argument("--speed", type=float, help="market seconds per second")
        parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has stored")

    def serve(self, *, host: str, port: int, fresh: bool, **options: Any) -> None:
        if fresh or own_data.is_half_made():
            own_data.discard()
        with self.step("Preparing the database"):
            call_command("migrate", verbosity=0, interactive=False)
        exchange, timeframe, steps = self._venue(options["candles"])
        announce_market(exchange)
        with self.step("Letting the demo live through its first hours"):
            demo.seed_demo(exchange, timeframe=timeframe, warm_up_steps=steps)
        speed = options["speed"] or (
            timeframe_ms(timeframe) / 1000 if options["candles"] else settings.SIMULATION_SPEED
        )
        loops: dict[str, Callable[[threading.Event], None]] = {
            "feed": partial(closing_feed, exchange.code, speed),
            "engine": partial(closing_engine, exchange.namespace),
            "scanners": run_scanners,
            "signer": closing_signer,
        }
        freeze_startup()
        with background_processes(loops):
            serve_site(host=host, port=port, on_start=lambda: self.announce(host, port))

    def _venue(self, candles: list[Path]) -> tuple[Exchange, str, int]:
        if not candles:
            with self.step("Preparing the simulated market"):
                return seed_simulated_venue(), "1m", _SIMULATED_STEPS
        with self.step("Reading the candles"):
            series = load_series(read_walks(candles, limit=None))
            return series[0].instrument.exchange, series[0].timeframe, _REPLAY_STEPS
