"""Browsers that are told though no page is open."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction

from accounts.models import User
from accounts.notifying.models import PushSubscription
from accounts.notifying.vapid import decoded, is_push_ready
from accounts.services.auditing import audit
from accounts.webhooks.sending import check_url
from common.db import lock_rows
from common.errors import DomainError

MOST_BROWSERS = 10
_AUTH_BYTES = 16


@transaction.atomic
def subscribe_browser(*, user: User, endpoint: str, p256dh: str, auth: str, label: str) -> PushSubscription:
    """Remember a browser; one that subscribes again is the same row, and one that another person used is theirs no more.

    Raises DomainError PUSH_NOT_SET_UP, PUSH_ENDPOINT_INVALID, PUSH_KEYS_INVALID, PUSH_TAKEN, PUSH_LIMIT.
    """
    if not is_push_ready():
        raise DomainError("PUSH_NOT_SET_UP", "This site does not tell browsers.", status=409)
    try:
        check_url(endpoint)
    except DomainError:
        message = "A browser's address begins with https://."
        raise DomainError("PUSH_ENDPOINT_INVALID", message, {"field": "endpoint"}) from None
    if not _are_keys(p256dh, auth):
        raise DomainError("PUSH_KEYS_INVALID", "These are no keys of a browser.", {"field": "keys"})
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    lock_rows(User.objects.filter(pk=user.pk))
    held = PushSubscription.objects.filter(digest=digest).first()
    if held is not None and held.user_id == user.pk:
        PushSubscription.objects.filter(pk=held.pk).update(p256dh=p256dh, auth=auth, label=label[:60])
        return PushSubscription.objects.get(pk=held.pk)
    if held is not None:
        # Whoever sits at that browser knows its keys; whoever only saw its address does not take it away.
        if (held.p256dh, held.auth) != (p256dh, auth):
            raise DomainError("PUSH_TAKEN", "This address belongs to another browser.", status=409)
        held.delete()
    if PushSubscription.objects.filter(user=user).count() >= MOST_BROWSERS:
        raise DomainError("PUSH_LIMIT", f"You have {MOST_BROWSERS} browsers: remove one first.", status=409)
    made = PushSubscription.objects.create(
        user=user, endpoint=endpoint, digest=digest, p256dh=p256dh, auth=auth, label=label[:60] or "Browser"
    )
    audit(action="push.subscribed", obj=made, actor=user)
    return made


@transaction.atomic
def forget_browser(*, subscription: PushSubscription) -> None:
    """Tell a browser nothing any more."""
    audit(action="push.forgotten", obj=subscription, actor=subscription.user)
    subscription.delete()


def _are_keys(p256dh: str, auth: str) -> bool:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(p256dh))
        return len(decoded(auth)) == _AUTH_BYTES
    except ValueError:
        return False
