"""The sign-in log, and the word to its owner when a browser logs in that never did."""

from __future__ import annotations

from django.db import transaction

from accounts.models import SignIn, User
from accounts.requests import current_origin, device_digest
from accounts.selectors import email_digest
from accounts.services.notifications import notify
from accounts.sessions.devices import device_name, place_name

NEW_DEVICE = "sign_in.new_device"


@transaction.atomic
def record_sign_in(*, email: str, user: User | None, succeeded: bool) -> SignIn:
    """Write down an attempt to log in, with the address and the browser's device cookie of the present request.

    A browser that logs in for the first time, to an account that has been logged in to before, is told of by mail.
    """
    origin = current_origin()
    digest = device_digest(origin.device()) if origin else ""
    is_new = bool(user and succeeded and origin) and _is_new(user, digest)
    sign_in = SignIn.objects.create(
        user=user,
        email_digest=email_digest(email),
        succeeded=succeeded,
        address=origin.address if origin else None,
        device_digest=digest,
        user_agent=origin.user_agent if origin else "",
    )
    if is_new and user:
        context = {
            "device": device_name(sign_in.user_agent),
            "place": place_name(sign_in.address),
            "at": f"{sign_in.at:%Y-%m-%d %H:%M} UTC",
        }
        notify(user=user, event=NEW_DEVICE, context=context)
    return sign_in


def _is_new(user: User | None, digest: str) -> bool:
    before = SignIn.objects.filter(user=user, succeeded=True)
    return before.exists() and not before.filter(device_digest=digest).exists()
