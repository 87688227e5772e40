"""`manage.py check_billing`: prove that the books of money sum to zero and agree with the processor's. Exit 1 where they do not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplace.billing.checks import book_errors, differences_from_processor
from marketplace.billing.modes import current_mode


class Command(BaseCommand):
    help = "Prove that the books of money sum to zero and agree with the payment processor's balances to the cent."

    def handle(self, *args: Any, **options: Any) -> None:
        checks = {"every booking sums to zero": book_errors()}
        if current_mode() is None:
            self.stdout.write("left out  balances at the processor: no key is set")
        else:
            checks["balances agree with the processor's"] = differences_from_processor()
        for name, errors in checks.items():
            self.stdout.write(f"{'FAILED' if errors else 'ok':<8}{name}")
            for error in errors[:20]:
                self.stdout.write(f"        {error}")
        if failed := sum(map(bool, checks.values())):
            raise CommandError(f"{failed} checks failed.")
