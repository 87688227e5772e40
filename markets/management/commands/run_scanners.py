"""`manage.py run_scanners`: the process that scans while somebody watches."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from common.processes import freeze_startup, stop_event
from engine.scanners.warm import warm
from markets.scanning.running import run_scanners


class Command(BaseCommand):
    help = "Scan live books and candles while somebody watches, until SIGTERM. One is active, others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        freeze_startup()
        stop = stop_event()
        warm()
        run_scanners(stop)
