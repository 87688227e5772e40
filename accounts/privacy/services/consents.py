"""Agreeing, and taking it back where that makes sense."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.privacy.models import Consent, ConsentKind
from accounts.privacy.selectors import REVOCABLE, current_version
from accounts.services.auditing import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound


@transaction.atomic
def give_consent(*, user: User, kind: str) -> Consent:
    """Keep that somebody agrees to the version in force; once more is the same. NotFound where this site asks for none."""
    if kind not in ConsentKind.values or not current_version(kind):
        raise NotFound("consent")
    lock_rows(User.objects.filter(pk=user.pk))
    version = current_version(kind)
    made, is_new = Consent.objects.get_or_create(user=user, kind=kind, version=version, revoked_at=None)
    if is_new:
        audit(action="consent.given", obj=made, actor=user, after={"kind": kind, "version": version})
    return made


@transaction.atomic
def revoke_consent(*, user: User, kind: str) -> int:
    """Take a consent back, all versions of it, and return how many were in force.

    Raises DomainError CONSENT_NOT_REVOCABLE (409): what the account rests on ends with the account.
    """
    if kind not in ConsentKind.values:
        raise NotFound("consent")
    if kind not in REVOCABLE:
        message = "This consent ends with your account: close it if you no longer agree."
        raise DomainError("CONSENT_NOT_REVOCABLE", message, status=409)
    ended = Consent.objects.filter(user=user, kind=kind, revoked_at=None).update(revoked_at=wall_now())
    if ended:
        audit(action="consent.revoked", obj=user, actor=user, after={"kind": kind})
    return ended
