"""The site's own key for Web Push (VAPID, RFC 8292): from the settings, or made once beside the database."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid02


def vapid() -> Vapid02 | None:
    """Return the key that signs what is sent to browsers; None where this site has none.

    The embedded default makes its file at the first call, readable by its owner alone.
    """
    text = settings.VAPID_KEY or _from_file(settings.VAPID_KEY_FILE)
    return _opened(text) if text else None


@cache
def _opened(text: str) -> Vapid02:
    return Vapid02.from_raw(text.encode())


def _from_file(name: str) -> str:
    if not name:
        return ""
    path = Path(name)
    if not path.exists():
        _make(path)
    return path.read_text().strip()


def _make(path: Path) -> None:
    """Write a fresh key; where two processes do so at once, the first one's stays."""
    secret = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{urlsafe_b64encode(secret).rstrip(b'=').decode()}\n")
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def is_push_ready() -> bool:
    """Tell whether browsers can be told here."""
    return vapid() is not None


def public_key() -> str:
    """Return what a browser is subscribed with, URL-safe base64 without padding; "" where this site has no key."""
    key = vapid()
    if key is None:
        return ""
    point = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return URL-safe base64 as bytes, with or without padding; ValueError where it is none."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
