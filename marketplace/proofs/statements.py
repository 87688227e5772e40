"""Rows of proofs as the statements that engine/records checks."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.records.checking import KeptSeal, SignedRoot
from engine.records.statements import RootStatement, SealStatement
from marketplace.proofs.models import RecordRoot, Seal


def moment(at: datetime) -> str:
    """Return a time as statements write it: UTC, microseconds, a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seal_statement(seal: Seal) -> SealStatement:
    return SealStatement(
        portfolio=str(seal.portfolio_id),
        first=seal.first,
        last=seal.last,
        previous=seal.previous_link,
        link=seal.link,
        at=moment(seal.sealed_at),
    )


def kept_seal(seal: Seal) -> KeptSeal:
    return KeptSeal(seal_statement(seal), bytes(seal.leaves), seal.root_id or 0, seal.place, bytes(seal.path))


def root_statement(root: RecordRoot) -> RootStatement:
    return RootStatement(
        number=root.number,
        previous=root.previous,
        size=root.size,
        root=root.root,
        at=moment(root.at),
        key=root.key_id,
    )


def signed_root(root: RecordRoot) -> SignedRoot:
    """Return a root with its signature; one that is no hex signs nothing."""
    try:
        signature = bytes.fromhex(root.signature)
    except ValueError:
        signature = b""
    return SignedRoot(root_statement(root), signature)
