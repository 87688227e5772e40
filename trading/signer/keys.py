"""Private keys: where the signer has them from. A key management service takes the place of these by the same protocol."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from django.conf import settings
from django.core.checks import CheckMessage, Error

from accounts.sealing import (
    KeyService,
    PublicKey,
    SealError,
    keeps_key_beside_database,
    key_bytes,
    public_file,
    public_key_of,
)
from common.errors import DomainError
from common.ids import new_key

logger = logging.getLogger(__name__)

BESIDE = (
    "The key that opens exchange accounts lies beside the database (%s): whoever copies this folder can use them. "
    "Run the signer as a process of its own, with the key elsewhere, before real money depends on it (docs/keys.md)."
)


class LocalKeys:
    """Private keys in this process's memory, newest first."""

    def __init__(self, private: list[bytes]) -> None:
        self._keys = {public_key_of(raw): X25519PrivateKey.from_private_bytes(raw) for raw in private}

    def public_keys(self) -> tuple[PublicKey, ...]:
        return tuple(self._keys)

    def agree(self, key_id: str, sender: bytes) -> bytes:
        held = next((key for public, key in self._keys.items() if public.id == key_id), None)
        if held is None:
            raise SealError(f"The key {key_id} is not held here.")
        try:
            return held.exchange(X25519PublicKey.from_public_bytes(sender))
        except ValueError:
            raise SealError("The sender's key is none.") from None


class KeyFile:
    """A file of private keys, one a line, newest first; read again when it changed, so that none need restart for a new key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_as: tuple[int, int] | None = None
        self._keys = LocalKeys([])

    def public_keys(self) -> tuple[PublicKey, ...]:
        return self._current().public_keys()

    def agree(self, key_id: str, sender: bytes) -> bytes:
        return self._current().agree(key_id, sender)

    def generate(self) -> PublicKey:
        """Put a fresh key before those that are there, and return its public half."""
        raw = new_key(32)
        self._write([raw, *self._lines()])
        return public_key_of(raw)

    def keep_newest(self) -> int:
        """Forget all keys but the newest; return how many went."""
        held = self._lines()
        self._write(held[:1])
        return len(held[1:])

    def _current(self) -> LocalKeys:
        if not self._path.exists():
            return LocalKeys([])
        found = self._path.stat()
        if (found.st_mtime_ns, found.st_ino) != self._read_as:
            self._keys = LocalKeys(self._lines())
            self._read_as = (found.st_mtime_ns, found.st_ino)
        return self._keys

    def _lines(self) -> list[bytes]:
        text = self._path.read_text() if self._path.exists() else ""
        return [key_bytes(line) for line in text.split()]

    def _write(self, held: list[bytes]) -> None:
        """Replace the file in one step, readable by its owner alone; its public half stands beside it."""
        newest = public_key_of(held[0])
        _replace(self._path, "".join(f"{PublicKey(raw).text}\n" for raw in held))
        _replace(public_file(str(self._path)), f"{newest.text}\n")


def key_file() -> KeyFile:
    """Return the file that settings name; raise DomainError SIGNER_KEY_MISSING where they name none."""
    if not settings.SIGNER_KEY_FILE:
        message = "Name a file for the signer's keys first: SLIPSTREAM_SIGNER_KEY_FILE (docs/keys.md)."
        raise DomainError("SIGNER_KEY_MISSING", message)
    return KeyFile(Path(settings.SIGNER_KEY_FILE))


def key_service() -> KeyService:
    """Return the signer's keys, as settings say; raise DomainError SIGNER_KEY_MISSING or SIGNER_KEY_NOT_VALID.

    The embedded default makes its key at the first call, and says each time where it lies.
    """
    try:
        keys = LocalKeys([key_bytes(one) for one in settings.SIGNER_KEYS]) if settings.SIGNER_KEYS else _from_file()
        held = keys.public_keys()
    except (ValueError, OSError) as error:
        raise DomainError("SIGNER_KEY_NOT_VALID", f"The signer's keys cannot be read: {error}") from error
    if not held:
        raise DomainError(
            "SIGNER_KEY_MISSING", "There is no key for the signer: manage.py rotate_signer_key --generate."
        )
    return keys


def _from_file() -> KeyFile:
    found = key_file()
    if keeps_key_beside_database():
        if not Path(settings.SIGNER_KEY_FILE).exists():
            found.generate()
        logger.warning(BESIDE, settings.SIGNER_KEY_FILE)
    return found


def private_key_refused(**kwargs: object) -> list[CheckMessage]:
    """Check, in every process but the signer's: with services none may be given what opens the sealed keys."""
    if not settings.REDIS_URL or not (settings.SIGNER_KEYS or settings.SIGNER_KEY_FILE):
        return []
    return [
        Error(
            "This process was given the signer's private key.",
            hint="Take SLIPSTREAM_SIGNER_KEYS and SLIPSTREAM_SIGNER_KEY_FILE out of its environment; only"
            " run_signer and rotate_signer_key get them. Others need SLIPSTREAM_SIGNER_PUBLIC_KEY alone.",
            id="trading.E001",
        )
    ]


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
