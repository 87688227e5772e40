"""Merkle trees as in RFC 6962, section 2.1: a head over leaves, and for each leaf the path that leads to the head."""

from __future__ import annotations

from collections.abc import Sequence

from engine.records.hashes import node_hash


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """Return the head over at least one leaf hash."""
    return _levels(leaves)[-1][0]


def paths(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return each leaf's audit path, the leaf's own neighbour first."""
    found: list[list[bytes]] = [[] for _ in leaves]
    for depth, level in enumerate(_levels(leaves)[:-1]):
        for place, path in enumerate(found):
            # A node without a neighbour goes up a level as it is: nothing joins it there.
            neighbour = (place >> depth) ^ 1
            if neighbour < len(level):
                path.append(level[neighbour])
    return found


def head_of_path(leaf: bytes, place: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the head that a path leads to from a leaf at `place` of `size`, or None where it has not the right length."""
    if not 0 <= place < size:
        return None
    left, found, last = list(path), leaf, size - 1
    while last:
        if place % 2 or place < last:
            if not left:
                return None
            neighbour = left.pop(0)
            found = node_hash(neighbour, found) if place % 2 else node_hash(found, neighbour)
        place, last = place // 2, last // 2
    return None if left else found


def _levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Return the leaves, and above them level after level up to the head."""
    if not leaves:
        raise ValueError("A tree has at least one leaf.")
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        joined = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(joined + list(below[len(below) - len(below) % 2 :]))
    return levels
