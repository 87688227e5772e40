"""`manage.py run_engine VENUE`: watch a venue's prices for stops and whatever else waits for a price."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.errors import DomainError
from common.processes import freeze_startup, stop_event
from markets.selectors import venue_to_run
from trading.trigger_engine import run_engine


class Command(BaseCommand):
    help = "Watch a venue's prices for stops. One engine per venue is active, others stand by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venue", help="code of the exchange, for example: simulated")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            exchange = venue_to_run(options["venue"])
        except DomainError as error:
            raise CommandError(error.message) from error
        freeze_startup()
        run_engine(exchange.namespace, stop_event())
