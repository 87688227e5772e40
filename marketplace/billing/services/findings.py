"""Writing down what an operator should look at, once as long as it is open."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError
from marketplace.billing.models import Finding, FindingKind


def note_finding(*, kind: FindingKind, object_id: str, user: User | None = None, **details: object) -> Finding:
    """Write down a finding; a repeat of one that is open changes nothing."""
    fresh = {"user": user, "details": details, "found_at": wall_now()}
    return Finding.objects.get_or_create(kind=kind, object_id=object_id, settled_at=None, defaults=fresh)[0]


@transaction.atomic
def settle_finding(*, operator: User, finding: Finding) -> None:
    """Close a finding that an operator has dealt with."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may close this.", status=403)
    if Finding.objects.filter(pk=finding.pk, settled_at=None).update(settled_at=wall_now()):
        audit(action="finding.settled", obj=finding, actor=operator, after={"kind": finding.kind})


def settle_of(kind: FindingKind, object_id: object) -> None:
    """Close what was found of an object where the cause of it is gone."""
    Finding.objects.filter(kind=kind, object_id=str(object_id), settled_at=None).update(settled_at=wall_now())
