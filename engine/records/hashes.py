"""The hashes of records. Each kind of input has a first byte of its own, so that none can pass for another (RFC 6962)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

HASH_BYTES = 32
_LEAF, _NODE, _LINK, _START = b"\x00", b"\x01", b"\x02", b"\x03"
_START_OF = b"slipstream record 1:"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a fill's canonical bytes, or of a seal's: SHA-256(00 || data)."""
    return hashlib.sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two neighbours in a tree: SHA-256(01 || left || right)."""
    return hashlib.sha256(_NODE + left + right).digest()


def next_link(previous: bytes, leaf: bytes) -> bytes:
    """Return the link after a fill: SHA-256(02 || the link before it || its leaf)."""
    return hashlib.sha256(_LINK + previous + leaf).digest()


def first_link(portfolio: str) -> bytes:
    """Return link 0 of a portfolio, by its id in lower case with dashes: SHA-256(03 || "slipstream record 1:" || id)."""
    return hashlib.sha256(_START + _START_OF + portfolio.encode("ascii")).digest()


def link_after(previous: bytes, leaves: Iterable[bytes]) -> bytes:
    """Return the link after several fills."""
    for leaf in leaves:
        previous = next_link(previous, leaf)
    return previous


def split_hashes(joined: bytes) -> list[bytes]:
    """Return the hashes that were written one behind the other; raise ValueError where they are not whole ones."""
    if len(joined) % HASH_BYTES:
        raise ValueError("These are no whole hashes.")
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
