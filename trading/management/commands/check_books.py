"""`manage.py check_books`: prove that ledger, balances, positions, orders and fills agree. Exit 1 where they do not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.checks import PATIENCE_SECONDS, run_checks_beside_work


class Command(BaseCommand):
    help = "Prove that ledger, balances, positions, orders and fills agree with each other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience",
            type=float,
            default=PATIENCE_SECONDS,
            metavar="SECONDS",
            help="how long orders may be under way before they count as left behind",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for name, errors in run_checks_beside_work(options["patience"]).items():
            failed += bool(errors)
            self.stdout.write(f"{'FAILED' if errors else 'ok':<8}{name}")
            for error in errors[:20]:
                self.stdout.write(f"        portfolio {error.portfolio_id}: {error.detail}")
        if failed:
            raise CommandError(f"{failed} checks failed.")
