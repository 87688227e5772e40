"""What a wallet is asked to sign, and whether it did: pure functions, no database.

Ethereum: EIP-4361 in the form of `personal_sign` (EIP-191). Solana: "Sign in with Solana", whose text has the same shape,
signed as it stands with Ed25519.
"""

from __future__ import annotations

import base64
import re
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime

import base58
from coincurve import PublicKey
from Crypto.Hash import keccak
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from accounts.wallets.models import Chain
from common.errors import DomainError

# The chain's id in the message: Ethereum's main network, Solana's.
CHAIN_IDS = {Chain.ETHEREUM: "1", Chain.SOLANA: "mainnet"}
_ETHEREUM = re.compile(r"0x[0-9a-fA-F]{40}\Z")
_ETHEREUM_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}\Z")
_SOLANA_KEY_BYTES, _SOLANA_SIGNATURE_BYTES = 32, 64
STATEMENTS = {
    "LOGIN": "Log in to Slipstream. This costs nothing and moves nothing.",
    "LINK": "Link this wallet to your Slipstream account: it can log in from then on. This costs nothing and moves nothing.",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a message binds a signature to."""

    chain: str
    address: str
    purpose: str
    domain: str
    uri: str
    nonce: str
    issued_at: datetime
    expires_at: datetime


def plain_address(chain: str, address: str) -> str:
    """Return the address in its one spelling; raise DomainError WALLET_ADDRESS_INVALID where it is none."""
    if chain == Chain.ETHEREUM and _ETHEREUM.match(address):
        return _with_checksum(address[2:].lower())
    if chain == Chain.SOLANA and len(address) <= 64:
        try:
            if len(base58.b58decode(address)) == _SOLANA_KEY_BYTES:
                return address
        except ValueError:
            pass
    raise DomainError("WALLET_ADDRESS_INVALID", "This is no address of such a wallet: choose another account in it.")


def compose(wanted: Request) -> str:
    """Return the message, line by line as EIP-4361 has it; times in UTC, to the second."""
    chain = Chain(wanted.chain)
    return "\n".join(
        [
            f"{wanted.domain} wants you to sign in with your {chain.label} account:",
            wanted.address,
            "",
            STATEMENTS[wanted.purpose],
            "",
            f"URI: {wanted.uri}",
            "Version: 1",
            f"Chain ID: {CHAIN_IDS[chain]}",
            f"Nonce: {wanted.nonce}",
            f"Issued At: {_iso(wanted.issued_at)}",
            f"Expiration Time: {_iso(wanted.expires_at)}",
        ]
    )


def is_signed(chain: str, address: str, message: str, signature: str) -> bool:
    """Tell whether this address's key signed exactly this message.

    Ethereum's signature is hexadecimal (65 bytes, r, s, v), Solana's base64 or base 58 (64 bytes). What is neither is no
    signature.
    """
    if chain == Chain.ETHEREUM:
        return _recovered(message, signature) == address
    found = _solana_bytes(signature)
    if found is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(base58.b58decode(address)).verify(found, message.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _recovered(message: str, signature: str) -> str:
    """Return the address whose key signed a message as `personal_sign` does (EIP-191), or nothing."""
    if not _ETHEREUM_SIGNATURE.match(signature):
        return ""
    raw, text = bytes.fromhex(signature[2:]), message.encode()
    # (Which of two keys it is: 0 or 1, which most wallets give from 27 on, as Bitcoin's did.)
    which = raw[64] - 27 if raw[64] >= 27 else raw[64]
    digest = _keccak(b"\x19Ethereum Signed Message:\n%d" % len(text) + text)
    try:
        key = PublicKey.from_signature_and_message(raw[:64] + bytes([which]), digest, hasher=None)
    except ValueError:
        return ""
    return _with_checksum(_keccak(key.format(compressed=False)[1:])[-20:].hex())


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


def _with_checksum(digits: str) -> str:
    """Return an address of 40 small hexadecimal digits in the spelling that tells a mistyped one (EIP-55)."""
    raised = _keccak(digits.encode()).hex()
    return "0x" + "".join(one.upper() if int(by, 16) > 7 else one for one, by in zip(digits, raised, strict=False))


def _solana_bytes(signature: str) -> bytes | None:
    if len(signature) > 128:
        return None
    for decode in (lambda text: base64.b64decode(text, validate=True), base58.b58decode):
        try:
            found = decode(signature)
        except (ValueError, NotBase64):
            continue
        if len(found) == _SOLANA_SIGNATURE_BYTES:
            return bytes(found)
    return None


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
