"""What is said of a record, and its one byte form: seals, and roots with their signatures. JSON in ASCII, keys sorted, no spaces."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.records.hashes import leaf_hash

VERSION = 1
# The former root of the first one.
NO_ROOT = "0" * 64
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class SealStatement:
    """That the fills `first` to `last` of a portfolio lead from the link `previous` to `link` (hex), said at `at`."""

    portfolio: str
    first: int
    last: int
    previous: str
    link: str
    at: str

    @property
    def data(self) -> bytes:
        """The canonical bytes."""
        return _written(
            {
                "v": VERSION,
                "kind": "seal",
                "portfolio": self.portfolio,
                "first": self.first,
                "last": self.last,
                "previous": self.previous,
                "link": self.link,
                "at": self.at,
            }
        )

    @property
    def leaf(self) -> bytes:
        """Its leaf hash in a root's tree."""
        return leaf_hash(self.data)


@dataclass(frozen=True, slots=True)
class RootStatement:
    """That a tree of `size` seals has the head `root` (hex); it follows the root whose hash is `previous`. Signed by `key`."""

    number: int
    previous: str
    size: int
    root: str
    at: str
    key: str

    @property
    def data(self) -> bytes:
        """The canonical bytes: what is signed."""
        return _written(
            {
                "v": VERSION,
                "kind": "root",
                "number": self.number,
                "previous": self.previous,
                "size": self.size,
                "root": self.root,
                "at": self.at,
                "key": self.key,
            }
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical bytes (hex): how the next root names this one."""
        return hashlib.sha256(self.data).hexdigest()


def key_id(public: bytes) -> str:
    """Return what roots call a public key of 32 bytes: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:_ID_DIGITS]


def public_half(private: bytes) -> bytes:
    """Return the public key of a private one; both have 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def sign(statement: RootStatement, private: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes) of a root."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(statement.data)


def is_signed(statement: RootStatement, signature: bytes, public: bytes) -> bool:
    """Tell whether this key signed this root, and the root says so."""
    if key_id(public) != statement.key:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement.data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _written(facts: dict[str, int | str]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode("ascii")
