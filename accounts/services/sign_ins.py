"""The sign-in log."""

from __future__ import annotations

import hashlib

from accounts.models import SignIn, User
from accounts.requests import current_origin
from accounts.selectors import email_digest


def record_sign_in(*, email: str, user: User | None, succeeded: bool) -> SignIn:
    """Write down an attempt to log in, with the address and the browser's device cookie of the present request."""
    origin = current_origin()
    return SignIn.objects.create(
        user=user,
        email_digest=email_digest(email),
        succeeded=succeeded,
        address=origin.address if origin else None,
        device_digest=hashlib.sha256(origin.device().encode()).hexdigest() if origin else "",
        user_agent=origin.user_agent if origin else "",
    )
