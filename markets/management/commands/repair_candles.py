"""`manage.py repair_candles`: drop what is bad in the candle store, keep a backup, say what was done."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from markets.candle_store import CandleStore, Series, candle_store
from markets.store.integrity import check_series, repair_series


class Command(BaseCommand):
    help = (
        "Mend every candle file in which check_candles finds faults: bad rows go, the rest is put in order, the manifest"
        " is written anew. The file from before stays beside it with the ending .bak."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", default="", metavar="CODE", help="only this venue's; default: all")
        parser.add_argument("--dry-run", action="store_true", help="say what is wrong, change nothing")

    def handle(self, *, exchange: str, dry_run: bool, **options: Any) -> None:
        store, mended = candle_store(), 0
        for series in store.series():
            if exchange not in ("", series.exchange_code):
                continue
            report = check_series(store, series)
            if report.is_sound:
                continue
            mended += 1
            self.stdout.write(f"{series}:")
            done = tuple(report.faults) if dry_run else self._mend(store, series)
            for line in done:
                self.stdout.write(f"        {line}")
        self.stdout.write(f"{mended} candle files {'would be' if dry_run else 'were'} repaired.")

    def _mend(self, store: CandleStore, series: Series) -> tuple[str, ...]:
        done = repair_series(store, series)
        kept = f"{done.kept} candles kept, {done.dropped} dropped"
        return (*done.done, f"{kept}; before: {done.backup}" if done.backup else kept)
