"""`manage.py verify_record LISTING`: compute a listing's record anew from its fills, and compare. Exit 1 where it differs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from marketplace.models import Listing
from marketplace.proofs.selectors import Verdict, verify


class Command(BaseCommand):
    help = (
        "Compute the chain of a listing's fills anew and compare it with seals and signed roots. Also compared: positions"
        " and fees with the fills, their number with the book's counter, the newest figures with their snapshot."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("listing", type=UUID, help="the listing's id")
        parser.add_argument("--json", action="store_true", help="write one JSON object instead of sentences")

    def handle(self, *args: Any, **options: Any) -> None:
        listing = Listing.objects.filter(pk=options["listing"]).first()
        if listing is None:
            raise CommandError("There is no such listing.")
        verdict = verify(listing)
        self.stdout.write(_as_json(verdict) if options["json"] else _in_words(verdict))
        if not verdict.holds:
            raise CommandError(verdict.faults[0].message)


def _as_json(verdict: Verdict) -> str:
    return json.dumps({"holds": verdict.holds, **asdict(verdict)}, default=str)


def _in_words(verdict: Verdict) -> str:
    counted = (
        f"{verdict.fills:,} fills, {verdict.sealed:,} of them in {verdict.seals:,} seals, up to {verdict.signed:,} in"
        f" signed roots; {verdict.roots:,} roots."
    )
    faults = [f"{'':8}{fault.message}" for fault in verdict.faults]
    return "\n".join([f"{'ok' if verdict.holds else 'FAILED':8}{counted}", *faults])
