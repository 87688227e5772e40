"""Check that nobody has rewritten the audit."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit_log.selectors import first_broken, newest_seal

_HEAD = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")


class Command(BaseCommand):
    help = "Read the whole audit and name the first row that is not what its chain of hashes says."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expect", action="append", default=[], metavar="NUMBER:HASH", help="A head that was kept elsewhere."
        )

    def handle(self, *args: Any, expect: list[str], **options: Any) -> None:
        heads = [_HEAD.fullmatch(one) for one in expect]
        if not all(heads):
            raise CommandError("A head reads NUMBER:HASH, as this command prints it.")
        broken = first_broken({int(one[1]): one[2] for one in heads if one})
        if broken is not None:
            entry = f"entry {broken.entry_id}" if broken.entry_id else "no entry"
            raise CommandError(f"The audit is broken at number {broken.number} ({entry}): {broken.message}.")
        seal = newest_seal()
        head = f"{seal.number}:{seal.hash}" if seal else "none"
        self.stdout.write(f"The audit is whole. Keep its head elsewhere: {head}")
