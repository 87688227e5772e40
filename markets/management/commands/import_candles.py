"""`manage.py import_candles FILE…`: candle files of any known form into the candle store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import DomainError
from engine.timeframes import TIMEFRAMES
from markets.importing import read_candle_file
from markets.services import store_candle_file


class Command(BaseCommand):
    help = (
        "Read candle files into the candle store: shared Parquet, freqtrade Feather or JSON, Binance CSV. Each is"
        " checked whole first; of a file with a bad row nothing is stored. The same file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--exchange", default="", metavar="CODE", help="whose candles; default: as the name says")
        parser.add_argument("--instrument", default="", metavar="BASE-QUOTE", help="of what; default: as the name says")
        parser.add_argument("--timeframe", default="", choices=list(TIMEFRAMES), help="default: as name or times say")
        parser.add_argument("--dry-run", action="store_true", help="check and report only")

    def handle(self, *, files: list[Path], **options: Any) -> None:
        refused = sum(not self._import(path, options) for path in files)
        if refused:
            raise CommandError(f"{refused} of {len(files)} files were refused; see above for the reason.")

    def _import(self, path: Path, options: dict[str, Any]) -> bool:
        try:
            file = read_candle_file(
                path,
                exchange_code=options["exchange"],
                pair=options["instrument"],
                timeframe=options["timeframe"],
            )
            stored = "nothing stored (dry run)"
            if not options["dry_run"]:
                instrument, counts = store_candle_file(file=file)
                stored = (
                    f"{counts.inserted} new, {counts.replaced} replaced, {counts.unchanged} as before: {instrument}"
                )
        except DomainError as error:
            self.stderr.write(self.style.ERROR(error.message))
            for row in error.context.get("rows", []):
                self.stderr.write(f"  row {row['row']}: {row['reason']}")
            return False
        self.stdout.write(f"{path.name}: {file.summary()}; {stored}.")
        return True
