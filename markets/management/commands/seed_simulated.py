"""`manage.py seed_simulated`: make the simulated venue, so that its feed and its engine have a market to run."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.selectors import tradable_instruments
from markets.services import seed_simulated_venue
from markets.services.simulation import HISTORY_MINUTES

_MINUTES_PER_DAY = 1440


class Command(BaseCommand):
    help = "Make the simulated exchange with its instruments and their history. Again, it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=HISTORY_MINUTES // _MINUTES_PER_DAY,
            help="how much history its charts start with (default: %(default)s)",
        )

    def handle(self, *, days: int, **options: Any) -> None:
        if days < 1:
            raise CommandError("--days is a whole number above zero.")
        exchange = seed_simulated_venue(history_minutes=days * _MINUTES_PER_DAY)
        symbols = ", ".join(one.symbol for one in tradable_instruments(exchange.namespace))
        self.stdout.write(f"{exchange.name} ({exchange.code}): {symbols}.")
