"""The signer's writes: checks claimed and their findings, secrets sealed anew. Each use of a key is written down before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.services import notify
from common.clock import wall_now
from common.db import bulk_update, lock_rows
from portfolios.models import AccountState, ExchangeAccount, ExchangeAccountUse, KeyPurpose

# A signer that claimed a check and is silent for so long is taken for dead: the check is done again.
CLAIM_SECONDS = 60
BATCH = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: READY, REFUSED or FAILED, or CHECKING with the time of the next try."""

    state: AccountState
    code: str
    permissions: tuple[str, ...] = ()
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An account whose check is this signer's for a while, and the line that says so in the log of uses."""

    account: ExchangeAccount
    use: ExchangeAccountUse


@transaction.atomic
def claim_checks(*, limit: int = BATCH) -> list[Claim]:
    """Take up to `limit` checks that are due and that nobody is at, oldest first."""
    now = wall_now()
    due = _due(now)
    wanted = list(due.order_by("check_due_at").values_list("pk", flat=True)[:limit])
    rows = lock_rows(due.filter(pk__in=wanted).select_related("exchange")) if wanted else []
    for row in rows:
        row.claimed_until, row.attempts = now + timedelta(seconds=CLAIM_SECONDS), row.attempts + 1
        row.last_used_at = now
    bulk_update(ExchangeAccount, rows, ["claimed_until", "attempts", "last_used_at"])
    return _uses(rows, KeyPurpose.CHECK, now)


@transaction.atomic
def record_finding(*, claim: Claim, finding: Finding) -> bool:
    """Write down what a check found; False where another key was put in, or the account revoked, meanwhile."""
    ExchangeAccountUse.objects.filter(pk=claim.use.pk).update(outcome=finding.code)
    same = Q(pk=claim.account.pk, version=claim.account.version, state=AccountState.CHECKING)
    held = lock_rows(ExchangeAccount.objects.filter(same).select_related("exchange", "owner"))
    if not held:
        return False
    account, now = held[0], wall_now()
    account.state, account.code, account.permissions = finding.state, finding.code, list(finding.permissions)
    account.check_due_at, account.claimed_until = finding.next_try_at, None
    account.checked_at = account.updated_at = now
    account.save()
    if finding.state in (AccountState.REFUSED, AccountState.FAILED):
        told = {"label": account.label, "exchange": account.exchange.name, "account": str(account.pk)}
        notify(user=account.owner, event="exchange_account.refused", context=told)
    return True


@transaction.atomic
def note_use(*, account: ExchangeAccount, purpose: KeyPurpose) -> None:
    """Write down that an account's key is about to be taken out of its seal for something that lasts."""
    now = wall_now()
    ExchangeAccountUse.objects.create(account=account, at=now, purpose=purpose, outcome="OPENED")
    ExchangeAccount.objects.filter(pk=account.pk).update(last_used_at=now)


def sealed_otherwise(key_id: str) -> QuerySet[ExchangeAccount]:
    """Return the accounts whose key is sealed to another key of ours than this one."""
    return ExchangeAccount.objects.exclude(seal_key__in=["", key_id])


@transaction.atomic
def claim_reseals(*, key_id: str, after: UUID | None, limit: int = BATCH) -> list[Claim]:
    """Note that the next keys which are sealed to another key than `key_id` will be sealed to it, and return them.

    Nobody else is kept away: the same secret sealed twice is as good as once.
    """
    rest = sealed_otherwise(key_id) if after is None else sealed_otherwise(key_id).filter(pk__gt=after)
    rows = list(rest.order_by("pk")[:limit])
    return _uses(rows, KeyPurpose.RESEAL, wall_now())


@transaction.atomic
def store_reseals(*, claims: Sequence[Claim], sealed: Sequence[bytes], key_id: str) -> int:
    """Store secrets that were sealed anew, except where another key was put in meanwhile; return how many were."""
    fresh = {one.account.pk: (one.account.version, text) for one, text in zip(claims, sealed, strict=True)}
    rows = lock_rows(ExchangeAccount.objects.filter(pk__in=fresh))
    met = [row for row in rows if row.version == fresh[row.pk][0]]
    for row in met:
        row.credentials, row.seal_key = fresh[row.pk][1], key_id
    bulk_update(ExchangeAccount, met, ["credentials", "seal_key"])
    ExchangeAccountUse.objects.filter(pk__in=[one.use.pk for one in claims]).update(outcome="SEALED")
    return len(met)


def _due(now: datetime) -> QuerySet[ExchangeAccount]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return ExchangeAccount.objects.filter(free, check_due_at__lte=now, state=AccountState.CHECKING)


def _uses(rows: Sequence[ExchangeAccount], purpose: KeyPurpose, now: datetime) -> list[Claim]:
    # Their keys are needed for the outcome, so they are stored as Django does: still one statement.
    uses = ExchangeAccountUse.objects.bulk_create(
        ExchangeAccountUse(account=row, at=now, purpose=purpose) for row in rows
    )
    return [Claim(row, use) for row, use in zip(rows, uses, strict=True)]
