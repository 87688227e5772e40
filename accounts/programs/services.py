"""Writes for requests under an Idempotency-Key: claimed, answered, let go, forgotten."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.programs.models import KeyedRequest
from common.clock import wall_now
from common.errors import DomainError

KEPT_FOR = timedelta(hours=24)
# Longer than any request takes: a server gives up on one before that.
CLAIM_LASTS = timedelta(seconds=60)
FORGOTTEN_AT_ONCE = 5_000


def claim_request(*, user: User, key: str, request_hash: str, is_atomic: bool) -> KeyedRequest:
    """Return the row of a request: with its answer where it has one, else claimed for the caller, who carries it out.

    Raises DomainError IDEMPOTENCY_KEY_REUSED (422) where the key came with another request, IDEMPOTENCY_KEY_IN_USE
    (409) while the first one is under way, IDEMPOTENCY_OUTCOME_UNKNOWN (409) where a server died over one whose effects
    are not in one transaction with its answer (`is_atomic`): whether they came about, nobody can say from here.
    """
    now, digest = wall_now(), hashlib.sha256(key.encode()).hexdigest()
    KeyedRequest.objects.filter(user=user, digest=digest, created_at__lte=now - KEPT_FOR).delete()
    fresh = {"request_hash": request_hash, "created_at": now, "claimed_until": now + CLAIM_LASTS}
    row, is_ours = KeyedRequest.objects.get_or_create(user=user, digest=digest, defaults=fresh)
    if is_ours:
        return row
    if row.request_hash != request_hash:
        message = "This Idempotency-Key came with another request before: take a new one for each request."
        raise DomainError("IDEMPOTENCY_KEY_REUSED", message, status=422)
    if row.status is not None:
        return row
    if row.claimed_until > now:
        raise _in_use()
    if not is_atomic:
        message = "A server failed over this request, and what came of it is not known: look before you ask again."
        raise DomainError("IDEMPOTENCY_OUTCOME_UNKNOWN", message, status=409)
    # Whoever had it died before its transaction ended: nothing was done. One of those who ask again takes over.
    lapsed = KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=None)
    row.attempt += 1
    if not lapsed.update(attempt=row.attempt, claimed_until=now + CLAIM_LASTS):
        raise _in_use()
    return row


def answer_request(*, row: KeyedRequest, key: str, status: int, media_type: str, body: bytes) -> None:
    """Keep the answer for whoever asks again; raise DomainError IDEMPOTENCY_KEY_IN_USE where another took the request over."""
    kept = KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=None)
    if not kept.update(status=status, media_type=media_type, answer=_lock(key).encrypt(body)):
        raise _in_use()


def answer_of(*, row: KeyedRequest, key: str) -> bytes:
    """Return the body of the answer that is kept."""
    return _lock(key).decrypt(bytes(row.answer))


def release_request(*, row: KeyedRequest) -> None:
    """Let the same key be used again for a request of which nothing came: a failure of ours."""
    KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=None).delete()


@transaction.atomic
def forget_requests() -> int:
    """Forget what is older than a day, a batch at a time; return how many."""
    old: Any = KeyedRequest.objects.filter(created_at__lte=wall_now() - KEPT_FOR).order_by("created_at")
    return KeyedRequest.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])).delete()[0]


def _in_use() -> DomainError:
    message = "The first request with this Idempotency-Key is still under way: ask again in a moment."
    return DomainError("IDEMPOTENCY_KEY_IN_USE", message, status=409)


def _lock(key: str) -> Fernet:
    """Return what opens an answer: made of the caller's key, which is not stored, and of the site's secret."""
    made = hmac.new(settings.SECRET_KEY.encode(), b"idempotency:" + key.encode(), hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(made))
