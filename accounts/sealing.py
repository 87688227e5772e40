"""Sealed secrets: the byte format, and how anybody seals to the signer, who alone can open. Version 1.

    0   "SLK" and the version 0x01
    4   key id: the first 8 bytes of SHA-256 of the recipient's X25519 public key
    12  the sender's X25519 public key, fresh for each sealing
    44  the data key, wrapped: AES-256-GCM under HKDF-SHA256 of the two keys' agreement (32 bytes and a tag of 16)
    92  the secret: AES-256-GCM under the data key, and a tag of 16

Associated data: the context for the secret; for the data key the first 44 bytes too. So a key can be rotated by wrapping
the data key anew, and a sealed secret opens in no other context. tests/accounts/test_sealing.py has a test vector.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from common.errors import DomainError
from common.ids import new_key

MAGIC = b"SLK\x01"
KEY_BYTES = 32
_ID_BYTES, _TAG_BYTES = 8, 16
_SENDER_AT = len(MAGIC) + _ID_BYTES
_WRAPPED_AT = _SENDER_AT + KEY_BYTES
_SECRET_AT = _WRAPPED_AT + KEY_BYTES + _TAG_BYTES
_INFO = b"slipstream sealed secret 1: data key"
# Every key here encrypts one message in its life, so that the nonce need not differ.
_NONCE = bytes(12)


class SealError(Exception):
    """A sealed secret that cannot be opened: the key is not held, or the bytes or their context are not what was sealed."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whom to seal to: 32 bytes of an X25519 public key."""

    raw: bytes

    @property
    def id(self) -> str:
        """What rows and logs know it by: 16 hex digits."""
        return hashlib.sha256(self.raw).digest()[:_ID_BYTES].hex()

    @property
    def text(self) -> str:
        """How settings and files write it."""
        return urlsafe_b64encode(self.raw).decode()


class KeyService(Protocol):
    """Who holds private keys: a file, the environment, or a key management service that never lets one out."""

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return the keys held, newest first."""

    def agree(self, key_id: str, sender: bytes) -> bytes:
        """Return X25519 of the private key and a sender's public key; raise SealError for a key not held."""


def context_of(purpose: str, *parts: object) -> bytes:
    """Return the associated data that binds a secret to its purpose, its user and its account."""
    texts = [str(part).encode() for part in (purpose, *parts)]
    # Lengths before the parts: no two lists of parts read the same.
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)


def key_bytes(text: str) -> bytes:
    """Return a key as settings and files write it, as bytes; raise ValueError for anything else."""
    try:
        raw = urlsafe_b64decode(text.strip().encode("ascii"))
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError("A key is 32 bytes in URL-safe base64.")
    return raw


def public_key_of(private: bytes) -> PublicKey:
    """Return the public half of a private key."""
    return PublicKey(X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())


def seal(secret: bytes, recipient: PublicKey, context: bytes, *, random: Callable[[int], bytes] = new_key) -> bytes:
    """Return `secret` sealed to the recipient; opens in the same context only."""
    data_key = random(KEY_BYTES)
    return _wrapped(data_key, recipient, context, random) + AESGCM(data_key).encrypt(_NONCE, secret, context)


def open_sealed(sealed: bytes, keys: KeyService, context: bytes) -> bytes:
    """Return the secret; raise SealError."""
    return _decrypted(_data_key(sealed, keys, context), sealed[_SECRET_AT:], context)


def rewrap(
    sealed: bytes, keys: KeyService, recipient: PublicKey, context: bytes, *, random: Callable[[int], bytes] = new_key
) -> bytes:
    """Return the same secret sealed to another recipient: its data key is wrapped anew; raise SealError."""
    return _wrapped(_data_key(sealed, keys, context), recipient, context, random) + sealed[_SECRET_AT:]


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that opens it; raise SealError for what is no sealed secret of this version."""
    if sealed[: len(MAGIC)] != MAGIC or len(sealed) < _SECRET_AT + _TAG_BYTES:
        raise SealError("This is no sealed secret of version 1.")
    return sealed[len(MAGIC) : _SENDER_AT].hex()


def sealing_key() -> PublicKey:
    """Return whom to seal to; raise DomainError SIGNER_NOT_SET_UP (503).

    It comes from settings, never from the database: who could write a row there could have secrets sealed to himself.
    The embedded default reads it from beside the database, where its signer keeps it up to date.
    """
    try:
        return PublicKey(key_bytes(settings.SIGNER_PUBLIC_KEY or _embedded_key()))
    except (OSError, ValueError):
        message = "Exchange accounts cannot be connected here yet: the operator has to set up the signer's key."
        raise DomainError("SIGNER_NOT_SET_UP", message, status=503) from None


def keeps_key_beside_database() -> bool:
    """Tell whether this is the embedded default, whose signer is a thread and keeps its key in the same folder."""
    return bool(not settings.SIGNER_PUBLIC_KEY and settings.SIGNER_KEY_FILE and not settings.REDIS_URL)


def public_file(key_file: str) -> Path:
    """Return where the public half of a file of private keys stands."""
    return Path(f"{key_file}.pub")


def _embedded_key() -> str:
    return public_file(settings.SIGNER_KEY_FILE).read_text() if keeps_key_beside_database() else ""


def _wrapped(data_key: bytes, recipient: PublicKey, context: bytes, random: Callable[[int], bytes]) -> bytes:
    sender = X25519PrivateKey.from_private_bytes(random(KEY_BYTES))
    header = MAGIC + bytes.fromhex(recipient.id) + sender.public_key().public_bytes_raw()
    shared = sender.exchange(X25519PublicKey.from_public_bytes(recipient.raw))
    return header + AESGCM(_wrapping_key(shared, header)).encrypt(_NONCE, data_key, header + context)


def _data_key(sealed: bytes, keys: KeyService, context: bytes) -> bytes:
    shared = keys.agree(key_id_of(sealed), sealed[_SENDER_AT:_WRAPPED_AT])
    header = sealed[:_WRAPPED_AT]
    return _decrypted(_wrapping_key(shared, header), sealed[_WRAPPED_AT:_SECRET_AT], header + context)


def _wrapping_key(shared: bytes, header: bytes) -> bytes:
    # The header names both sides of the agreement.
    return HKDF(SHA256(), KEY_BYTES, salt=header, info=_INFO).derive(shared)


def _decrypted(key: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(_NONCE, ciphertext, associated)
    except InvalidTag:
        raise SealError("The secret was sealed for something else, or was changed since.") from None
