"""`manage.py serve`: the whole platform in one process, with a living demo. What `make run` starts."""

from __future__ import annotations

import errno
import socket
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from common import clock
from common.errors import DomainError
from config import demo, own_data
from config.embedded import background_processes, end_on_signals, serve_site
from engine.timeframes import timeframe_ms
from markets.feeding import announce_market, feed_venue
from markets.models import Exchange
from markets.scanning.running import run_scanners
from markets.services import seed_simulated_venue
from strategies.replay.cast import load_series
from trading.trigger_engine import run_engine

# Six hours of the simulated market (ten-second steps), or some hundred candles of a replay (four prices each).
_SIMULATED_STEPS, _REPLAY_STEPS = 6 * 60 * 6, 4 * 300


class Command(BaseCommand):
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

    def handle(self, *args: Any, **options: Any) -> None:
        end_on_signals()
        _refuse_unusable_port(options["host"], options["port"])
        try:
            with own_data.sole_use():
                self._serve(**options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _serve(self, *, host: str, port: int, fresh: bool, **options: Any) -> None:
        if fresh or own_data.is_half_made():
            own_data.discard()
        with self._step("Preparing the database"):
            call_command("migrate", verbosity=0, interactive=False)
        exchange, timeframe, steps = self._venue(options["candles"])
        announce_market(exchange)
        with self._step("Letting the demo live through its first hours"):
            demo.seed_demo(exchange, timeframe=timeframe, warm_up_steps=steps)
        speed = options["speed"] or (
            timeframe_ms(timeframe) / 1000 if options["candles"] else settings.SIMULATION_SPEED
        )
        loops: dict[str, Callable[[threading.Event], None]] = {
            "feed": partial(_closing, feed_venue, exchange.code, speed),
            "engine": partial(_closing_engine, exchange.namespace),
            "scanners": run_scanners,
        }
        with background_processes(loops):
            serve_site(host=host, port=port, on_start=lambda: self._announce(host, port))

    def _venue(self, candles: list[Path]) -> tuple[Exchange, str, int]:
        if not candles:
            with self._step("Preparing the simulated market"):
                return seed_simulated_venue(), "1m", _SIMULATED_STEPS
        with self._step("Reading the candles"):
            series = load_series(candles, limit=None)
            return series[0].instrument.exchange, series[0].timeframe, _REPLAY_STEPS

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = clock.monotonic()
        self.stdout.write(f"{what} …", ending="")
        self.stdout.flush()
        try:
            yield
        except BaseException:
            self.stdout.write()
            raise
        self.stdout.write(f" {clock.monotonic() - began:.1f} s")

    def _announce(self, host: str, port: int) -> None:
        self.stdout.write(
            f"\n  Slipstream is running at http://{host}:{port}\n\n"
            f"  lead      {demo.LEAD}\n"
            f"  follower  {demo.FOLLOWER}\n"
            f"  operator  {demo.OPERATOR}   (admin: http://{host}:{port}/admin/)\n"
            f"  password  {demo.PASSWORD}\n\n"
            "  Ctrl-C stops it.\n"
        )
        self.stdout.flush()


def _refuse_unusable_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError as error:
            raise CommandError(
                f"There is no port {port}: choose one up to 65535, for example make run PORT=8001."
            ) from error
        except OSError as error:
            why = (
                "is taken: stop what uses it"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used ({error.strerror})"
            )
            raise CommandError(
                f"Port {port} on {host} {why}, or choose another: make run PORT={port % 65535 + 1}"
            ) from error


def _closing(feed: Any, code: str, speed: float, stop: Any) -> None:
    try:
        feed(code, speed=speed, stop=stop)
    finally:
        connections.close_all()


def _closing_engine(namespace: str, stop: Any) -> None:
    try:
        run_engine(namespace, stop)
    finally:
        connections.close_all()
