"""The key that signs roots: from the settings or a file, whose maker is the embedded default."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from pathlib import Path

from django.conf import settings

from accounts.sealing import key_bytes
from common.errors import DomainError
from common.ids import new_key
from engine.records.statements import key_id, public_half


def signing_key() -> bytes:
    """Return the private key; raise DomainError RECORD_KEY_MISSING or RECORD_KEY_NOT_VALID.

    The embedded default makes its file at the first call, readable by its owner alone.
    """
    try:
        return key_bytes(settings.RECORD_KEY or _file().read_text())
    except FileNotFoundError as error:
        message = "There is no key that signs records: set SLIPSTREAM_RECORD_KEY (docs/records.md)."
        raise DomainError("RECORD_KEY_MISSING", message) from error
    except (ValueError, OSError) as error:
        raise DomainError("RECORD_KEY_NOT_VALID", f"The key that signs records cannot be read: {error}") from error


def _file() -> Path:
    if not settings.RECORD_KEY_FILE:
        raise FileNotFoundError
    path = Path(settings.RECORD_KEY_FILE)
    if not settings.REDIS_URL and not path.exists():
        _make(path)
    return path


def _make(path: Path) -> None:
    """Write a fresh key; where two processes do so at once, the first one's stays."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{urlsafe_b64encode(new_key(32)).decode()}\n")
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def trusted_keys() -> dict[str, str]:
    """Return the public keys (hex, by id) that settings name; none where they leave it to the database."""
    return {key_id(bytes.fromhex(one)): one.lower() for one in settings.RECORD_PUBLIC_KEYS}


def own_public_key(private: bytes) -> tuple[str, str]:
    """Return the id and the hex of a private key's public half."""
    public = public_half(private)
    return key_id(public), public.hex()
