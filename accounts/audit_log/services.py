"""Taking new entries into the chain: by one task a minute, so that whoever writes an entry waits for nobody."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.audit_log.chain import FIRST, canonical_entry, link
from accounts.audit_log.models import AuditSeal
from accounts.audit_log.selectors import SETTLED_AFTER, newest_seal, unsealed
from accounts.models import AuditEntry
from common.clock import wall_now

BATCH = 5_000


def seal_entries(*, batch: int = BATCH) -> int:
    """Seal what was committed since the last time, and return how many entries that were.

    Keys are given before transactions commit, so an entry may appear behind one that is sealed already: it comes into
    the chain later. Of two that seal at once, the second finds the numbers taken, and leaves it to the next minute.
    """
    sealed = 0
    while count := _seal_batch(batch):
        sealed += count
        if count < batch:
            break
    return sealed


def _seal_batch(batch: int) -> int:
    try:
        with transaction.atomic():
            last = newest_seal()
            number, previous = (last.number, last.hash) if last else (0, FIRST)
            seals = []
            for entry in unsealed().filter(pk__gt=_floor(last))[:batch]:
                number += 1
                following = link(previous, canonical_entry(entry, number))
                seals.append(
                    AuditSeal(number=number, entry_id=entry.pk, previous=previous, hash=following, sealed_at=wall_now())
                )
                previous = following
            AuditSeal.objects.bulk_create(seals)
    except IntegrityError:
        return 0
    return len(seals)


def _floor(last: AuditSeal | None) -> int:
    """Return the entry's key up to which everything is sealed for certain: no transaction then open has lasted so long."""
    if last is None:
        return 0
    settled = AuditEntry.objects.filter(at__lt=last.sealed_at - SETTLED_AFTER, pk__lte=last.entry_id)
    return settled.order_by("-pk").values_list("pk", flat=True).first() or 0
