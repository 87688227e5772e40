"""`manage.py serve_sandbox`: the whole platform with a test exchange beside it. What `make sandbox` starts."""

from __future__ import annotations

import shlex
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError

from common.clock import wall_now
from config import demo, own_data
from config.embedded import background_processes, serve_site
from config.exchange_process import HOST, memory, running_exchange, running_processor
from config.serving import SiteCommand, closing_engine, closing_feed, closing_signer, refuse_unusable_port
from markets.connecting import fetch_markets
from markets.gateway.errors import GatewayError
from markets.models import Exchange, SourceKind
from markets.scanning.running import run_scanners
from markets.selectors import tradable_instruments
from markets.services import connect_exchange, register_exchange, request_backfill, synchronise_instruments

NAMESPACE = "sandbox"
# Code, dialect and name of each exchange that the one process stands in for.
EXCHANGES = (
    ("sandbox-binance", "binance", "Sandbox Binance"),
    ("sandbox-futures", "binanceusdm", "Sandbox Binance Futures"),
    ("sandbox-kraken", "kraken", "Sandbox Kraken"),
)
# What the test exchange remembers from its start, in the timeframes that charts begin with.
_HISTORY, _TIMEFRAMES = timedelta(days=1), ("1m", "5m", "15m", "1h")


class Command(SiteCommand):
    help = "Serve the platform in one process, and beside it a test exchange: trading as on real ones, without money."
    started_by = "make sandbox"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--exchange-port", type=int, default=8100, help="where the test exchange listens")
        parser.add_argument("--stripe-port", type=int, default=8200, help="where the payment processor listens")
        parser.add_argument(
            "--exchange-arguments", default="", metavar="WORDS", help='for it, such as "--candles BTC=file"'
        )
        parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has stored")

    def refuse_unusable_ports(self, *, host: str, port: int, **options: Any) -> None:
        super().refuse_unusable_ports(host=host, port=port)
        refuse_unusable_port(HOST, options["exchange_port"], f"{self.started_by} SANDBOX_PORT=")
        refuse_unusable_port(HOST, options["stripe_port"], f"{self.started_by} STRIPE_PORT=")

    def serve(self, *, host: str, port: int, fresh: bool, **options: Any) -> None:
        exchange_port, arguments = options["exchange_port"], shlex.split(options["exchange_arguments"])
        if fresh or own_data.is_half_made():
            own_data.discard()
            memory().unlink(missing_ok=True)
        with self.step("Preparing the database"):
            call_command("migrate", verbosity=0, interactive=False)
        with ExitStack() as stack:
            with self.step("Starting the test exchange"):
                said = stack.enter_context(running_exchange(exchange_port, arguments))
            with self.step("Starting the payment processor"):
                webhook = f"http://{host}:{port}/webhooks/stripe/"
                said += stack.enter_context(running_processor(options["stripe_port"], webhook))
            with self.step("Asking the exchange for its instruments"):
                exchanges = connected_exchanges(exchange_port)
            demo.seed_sandbox(exchanges[0])
            loops: dict[str, Callable[[threading.Event], None]] = {
                f"feed-{one.code}": partial(closing_feed, one.code, 1.0) for one in exchanges
            }
            loops["engine"] = partial(closing_engine, NAMESPACE)
            loops["scanners"] = run_scanners
            loops["signer"] = closing_signer
            keys = "".join(f"  {line}\n" for line in said.splitlines() if line)
            with background_processes(loops):
                serve_site(host=host, port=port, on_start=lambda: self.announce(host, port, f"{keys}\n"))


def connected_exchanges(port: int) -> list[Exchange]:
    """Return the exchanges of a test exchange on a port of this machine, synchronised, with their past asked for.

    Raises CommandError where it does not answer.
    """
    try:
        return [_connected(code, dialect, name, f"http://{HOST}:{port}/{{host}}") for code, dialect, name in EXCHANGES]
    except GatewayError as error:
        raise CommandError(f"The test exchange did not tell its markets: {error.code} {error.message}") from error


def _connected(code: str, dialect: str, name: str, base_url: str) -> Exchange:
    exchange = register_exchange(code=code, name=name, namespace=NAMESPACE, source_kind=SourceKind.REAL)
    exchange = connect_exchange(exchange=exchange, dialect=dialect, base_url=base_url, is_sandbox=True)
    synchronise_instruments(exchange=exchange, markets=fetch_markets(exchange))
    start = wall_now() - _HISTORY
    for timeframe in _TIMEFRAMES:
        for instrument in tradable_instruments(NAMESPACE).filter(exchange=exchange):
            request_backfill(instrument=instrument, timeframe=timeframe, start=start)
    return exchange
