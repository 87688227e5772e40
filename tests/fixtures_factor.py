"""A second factor as its owner's phone has it: RFC 6238 in ten lines, beside the library's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts.models import User

SECRET = base64.b32encode(b"12345678901234567890").decode()
FACTOR_SESSION = ("account_authentication_methods", "account_authentication_methods_user")


def code_at(seconds: float, secret: str = SECRET, digits: int = 6) -> str:
    """Return the code that an authenticator app shows at a moment of Unix time."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(seconds) // 30), hashlib.sha1).digest()
    at = digest[-1] & 0xF
    (number,) = struct.unpack(">I", digest[at : at + 4])
    return str((number & 0x7FFFFFFF) % 10**digits).zfill(digits)


def code_now(secret: str = SECRET) -> str:
    """Return the code that counts now and for some seconds on; near the end of its half minute wait for the next."""
    now = time.time()  # noqa: TID251 - the library asks the system's clock, too
    if now % 30 > 25:
        time.sleep(30 - now % 30)
    return code_at(time.time(), secret)  # noqa: TID251


def with_factor(user: User) -> User:
    """Set up the user's second factor with SECRET, and recovery codes."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return user


def recovery_code(user: User) -> str:
    """Return one of the user's unused recovery codes."""
    found = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()
    return str(found[0])


def signed_in(user: User, *, factor_age: float | None = None) -> Client:
    """Return a browser of the user's whose second factor was used so many seconds ago, or never."""
    client = Client()
    client.force_login(user)
    if factor_age is not None:
        session = client.session
        record = {"method": "mfa", "at": time.time() - factor_age}  # noqa: TID251 - as above
        session.update(dict(zip(FACTOR_SESSION, ([record], str(user.pk)), strict=True)))
        session.save()
    return client
