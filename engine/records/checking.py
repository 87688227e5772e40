"""Checks of a record: roots among themselves, seals against their roots, and fill by fill what the seals say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from engine.records.hashes import first_link, link_after, split_hashes
from engine.records.statements import NO_ROOT, RootStatement, SealStatement, is_signed
from engine.records.tree import head_of_path


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: with which part (FILL, SEAL, ROOT, FIGURE), with which of them by number, and how in words."""

    part: str
    number: int
    message: str


@dataclass(frozen=True, slots=True)
class SignedRoot:
    statement: RootStatement
    signature: bytes


@dataclass(frozen=True, slots=True)
class KeptSeal:
    """A seal as it is kept: the leaves of its fills, one behind the other, and its way into a root's tree (none yet: root 0)."""

    statement: SealStatement
    leaves: bytes
    root: int = 0
    place: int = 0
    path: bytes = b""


@dataclass(frozen=True, slots=True)
class Proof:
    """That a fill is in a signed root: its leaf, the link before it, the leaves after it in its seal, and the seal's path."""

    number: int
    leaf: bytes
    before: bytes
    after: tuple[bytes, ...]
    seal: SealStatement
    place: int
    path: tuple[bytes, ...]
    root: SignedRoot


def proof_holds(proof: Proof, keys: Mapping[str, bytes]) -> bool:
    """Tell whether a proof leads from its leaf to a root that one of the trusted public keys (by id) has signed."""
    seal, root = proof.seal, proof.root.statement
    if not seal.first <= proof.number <= seal.last or len(proof.after) != seal.last - proof.number:
        return False
    if link_after(proof.before, (proof.leaf, *proof.after)).hex() != seal.link:
        return False
    head = head_of_path(seal.leaf, proof.place, root.size, proof.path)
    public = keys.get(root.key)
    return head is not None and head.hex() == root.root and public is not None and _signed(proof.root, public)


def root_faults(roots: Iterable[SignedRoot], keys: Mapping[str, bytes]) -> Iterator[Fault]:
    """Yield what is wrong with all roots there are, oldest first: their numbers, how they follow each other, signatures."""
    previous, expected = NO_ROOT, 1
    for one in roots:
        said = one.statement
        if said.number != expected:
            yield Fault("ROOT", expected, f"Root {expected} is missing.")
        elif said.previous != previous:
            yield Fault("ROOT", said.number, f"Root {said.number} does not follow root {said.number - 1}.")
        public = keys.get(said.key)
        if public is None:
            yield Fault("ROOT", said.number, f"Root {said.number} is signed by a key that is not trusted: {said.key}.")
        elif not _signed(one, public):
            yield Fault("ROOT", said.number, f"The signature of root {said.number} is not valid.")
        previous, expected = said.hash, said.number + 1


def _signed(root: SignedRoot, public: bytes) -> bool:
    return is_signed(root.statement, root.signature, public)


def seal_faults(portfolio: str, seals: Iterable[KeptSeal], roots: Mapping[int, RootStatement]) -> Iterator[Fault]:
    """Yield what is wrong with a portfolio's seals, in order of their fills: gaps, links, leaves, and ways to their roots."""
    link, expected = first_link(portfolio).hex(), 1
    for one in seals:
        said = one.statement
        if said.portfolio != portfolio or said.first != expected or said.last < said.first:
            yield Fault("SEAL", expected, f"No seal begins at fill {expected}.")
        if said.previous != link:
            yield Fault("SEAL", said.first, f"The seal of fill {said.first} and later does not follow the one before.")
        if not _leads_on(one):
            yield Fault("SEAL", said.first, f"The seal of fill {said.first} and later is not what its fills lead to.")
        if one.root and not _is_in(one, roots.get(one.root)):
            message = f"The seal of fill {said.first} and later is not in root {one.root}."
            yield Fault("SEAL", said.first, message)
        link, expected = said.link, said.last + 1


def _leads_on(seal: KeptSeal) -> bool:
    said = seal.statement
    try:
        leaves, previous = split_hashes(seal.leaves), bytes.fromhex(said.previous)
    except ValueError:
        return False
    return len(leaves) == said.last - said.first + 1 and link_after(previous, leaves).hex() == said.link


def _is_in(seal: KeptSeal, root: RootStatement | None) -> bool:
    if root is None or len(seal.path) % 32:
        return False
    head = head_of_path(seal.statement.leaf, seal.place, root.size, split_hashes(seal.path))
    return head is not None and head.hex() == root.root


def fill_fault(fills: Iterable[bytes], seals: Iterable[KeptSeal]) -> Fault | None:
    """Return the first fill that is not what its seal says, or None. `fills` are canonical bytes by number, from 1 on.

    Of seals in which `seal_faults` found nothing: their leaves make the chain, so fills that have these leaves do, too.
    """
    number, remaining = 0, iter(fills)
    for seal in seals:
        first, number = seal.statement.first, seal.statement.last
        block = list(islice(remaining, number - first + 1))
        leaves = [sha256(b"\x00" + data).digest() for data in block]
        if b"".join(leaves) != seal.leaves:
            return _first_that_differs(first, block, leaves, split_hashes(seal.leaves))
    return _unsealed_fault(number, remaining)


def _first_that_differs(first: int, block: list[bytes], leaves: list[bytes], kept: list[bytes]) -> Fault:
    pairs = zip(block, leaves, kept, strict=False)
    at = next((place for place, (_, leaf, sealed) in enumerate(pairs) if leaf != sealed), len(block))
    number = first + at
    if at == len(block):
        return Fault("FILL", number, f"Fill {number} is missing, and so are all after it.")
    return Fault("FILL", number, _told(number, block[at]))


def _unsealed_fault(number: int, fills: Iterator[bytes]) -> Fault | None:
    """Look at those that no seal holds yet: they can only be counted."""
    for expected, data in enumerate(fills, number + 1):
        if _number_of(data) != expected:
            return Fault("FILL", expected, f"Fill {expected} is missing.")
    return None


def _told(number: int, data: bytes) -> str:
    found = _number_of(data)
    if found == number:
        return f"Fill {number} is not what was sealed."
    return f"Fill {number} is missing: fill {found} stands in its place."


def _number_of(data: bytes) -> int | None:
    try:
        found = json.loads(data)["number"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None
