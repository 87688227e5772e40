"""`manage.py check_candles`: prove that the candle store holds what was written. Exit 1 where it does not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.candle_store import candle_store
from markets.store.integrity import Report, check_series


class Command(BaseCommand):
    help = (
        "Read every candle file whole and compare it with the manifest, its grid and what a candle can be. Gaps are"
        " shown; everything else that is found can be mended with repair_candles."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", default="", metavar="CODE", help="only this venue's; default: all")

    def handle(self, *, exchange: str, **options: Any) -> None:
        store = candle_store()
        checked = [one for one in store.series() if exchange in ("", one.exchange_code)]
        failed = 0
        for series in checked:
            report = check_series(store, series)
            failed += not report.is_sound
            self._say(report)
        if failed:
            raise CommandError(f"{failed} of {len(checked)} candle files have faults: manage.py repair_candles.")
        self.stdout.write(f"{len(checked)} candle files are sound.")

    def _say(self, report: Report) -> None:
        gaps = (
            f", {report.missing} missing in {report.gaps} gaps (longest: {report.longest_gap})" if report.gaps else ""
        )
        verdict = "ok" if report.is_sound else "FAILED"
        self.stdout.write(f"{verdict:<8}{report.series}: {report.rows} candles, {report.fingerprint[:16]}{gaps}")
        for fault in report.faults:
            self.stdout.write(f"        {fault}")
