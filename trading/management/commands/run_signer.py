"""`manage.py run_signer`: the one process that opens sealed keys of exchange accounts. It alone gets the private key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.errors import DomainError
from common.processes import freeze_startup, stop_event
from trading.signer.keys import key_service
from trading.signer.running import run_signer


class Command(BaseCommand):
    help = "Check keys of exchange accounts at their venues. Several may run."
    # One of them refuses the private key, which is this process's business.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = key_service()
        except DomainError as error:
            raise CommandError(error.message) from error
        freeze_startup()
        run_signer(keys, stop_event())
