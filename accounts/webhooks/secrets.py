"""An endpoint's secret: made, encrypted for its row, and what signs a request.

It must be had again for each request, by whichever worker sends it, so it cannot be a fingerprint; nor is it sealed to the
signer, who alone opens keys of exchange accounts. AES-256-GCM under a key derived from the site's secret key, with the row's id as
associated data: a ciphertext that is moved to another row does not open.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from common.ids import new_key, new_token

MARK = "slwh_"
NONCE_BYTES = 12


def new_secret() -> str:
    """Return a fresh secret."""
    return MARK + new_token()


def _key() -> bytes:
    return HKDF(SHA256(), 32, None, b"slipstream webhook secrets 1").derive(settings.SECRET_KEY.encode())


def encrypted(secret: str, endpoint: UUID) -> str:
    """Return what an endpoint's row keeps of its secret."""
    nonce = new_key(NONCE_BYTES)
    return urlsafe_b64encode(nonce + AESGCM(_key()).encrypt(nonce, secret.encode(), endpoint.bytes)).decode()


def decrypted(stored: str, endpoint: UUID) -> str:
    """Return the secret of an endpoint's row; InvalidTag where it is another row's, or another site's."""
    raw = urlsafe_b64decode(stored)
    return AESGCM(_key()).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], endpoint.bytes).decode()


def signature(body: bytes, secrets: list[str], at: int) -> str:
    """Return the header that proves who sent a body and when (seconds since 1970): one v1 for each secret."""
    signed = f"{at}.".encode() + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])
