"""`manage.py rotate_signer_key`: a new key for the signer, everything sealed to it, the old ones forgotten (docs/keys.md)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.errors import DomainError
from portfolios.services.key_checks import sealed_otherwise
from trading.signer.keys import key_file, key_service
from trading.signer.running import reseal_all


class Command(BaseCommand):
    help = "Seal all keys of exchange accounts to the signer's newest key. Run it where the signer runs."
    # As run_signer: it is given the private key.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--generate", action="store_true", help="put a fresh key before the others first")
        parser.add_argument("--retire", action="store_true", help="forget the older keys at the end")

    def handle(self, *args: Any, generate: bool, retire: bool, **options: Any) -> None:
        try:
            self._rotate(generate=generate, retire=retire)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _rotate(self, *, generate: bool, retire: bool) -> None:
        if generate:
            key_file().generate()
        keys = key_service()
        newest = keys.public_keys()[0]
        self.stdout.write(f"Sealed anew: {reseal_all(keys)}.")
        self.stdout.write(f"SLIPSTREAM_SIGNER_PUBLIC_KEY={newest.text}")
        if left := sealed_otherwise(newest.id).count():
            raise CommandError(f"{left} keys do not open with what is held here; no key of ours was forgotten.")
        if retire:
            self.stdout.write(f"Forgotten: {key_file().keep_newest()}.")
