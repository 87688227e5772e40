"""`manage.py check_books`: prove that ledger, balances, positions, orders and fills agree. Exit 1 where they do not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.checks import run_checks


class Command(BaseCommand):
    help = "Prove that ledger, balances, positions, orders and fills agree with each other."

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for name, errors in run_checks().items():
            failed += bool(errors)
            self.stdout.write(f"{'FAILED' if errors else 'ok':<8}{name}")
            for error in errors[:20]:
                self.stdout.write(f"        portfolio {error.portfolio_id}: {error.detail}")
        if failed:
            raise CommandError(f"{failed} checks failed.")
