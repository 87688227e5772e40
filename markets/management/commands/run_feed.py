"""`manage.py run_feed VENUE`: the process that moves a venue's prices."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import DomainError
from common.processes import freeze_startup, stop_event
from markets.feeding import feed_venue


class Command(BaseCommand):
    help = "Feed a venue's prices until SIGTERM. One feed per venue is active, others stand by."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("venue", help="code of the exchange, for example: simulated")
        parser.add_argument(
            "--speed",
            type=float,
            default=settings.SIMULATION_SPEED,
            help="market seconds per second (default: SLIPSTREAM_SIMULATION_SPEED)",
        )

    def handle(self, *, venue: str, speed: float, **options: Any) -> None:
        if not speed > 0:
            raise CommandError("--speed is a positive number.")
        try:
            freeze_startup()
            feed_venue(venue, speed=speed, stop=stop_event())
        except DomainError as error:
            raise CommandError(error.message) from error
