"""Trees and paths: the vectors of RFC 6962's own test suite, and every leaf of every small tree."""

from __future__ import annotations

import pytest

from engine.records.hashes import leaf_hash, link_after, next_link, split_hashes
from engine.records.tree import head_of_path, paths, tree_head

# Inputs and heads of certificate-transparency's reference tests.
INPUTS = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
HEADS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("size", "head"), HEADS.items())
def test_heads_are_those_of_rfc_6962(size: int, head: str) -> None:
    assert tree_head([leaf_hash(one) for one in INPUTS[:size]]).hex() == head


@pytest.mark.parametrize("size", range(1, 18))
def test_every_path_leads_to_the_head_and_no_other_does(size: int) -> None:
    leaves = [leaf_hash(bytes([one])) for one in range(size)]
    head, found = tree_head(leaves), paths(leaves)
    for place, path in enumerate(found):
        assert head_of_path(leaves[place], place, size, path) == head
        assert head_of_path(leaf_hash(b"other"), place, size, path) != head
        assert head_of_path(leaves[place], place, size, [*path, head]) is None
        assert head_of_path(leaves[place], size, size, path) is None
        if path:
            assert head_of_path(leaves[place], place, size, path[:-1]) is None
            assert head_of_path(leaves[place], place ^ 1, size, path) != head


def test_a_tree_needs_a_leaf_and_hashes_are_whole() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        tree_head([])
    with pytest.raises(ValueError, match="no whole hashes"):
        split_hashes(bytes(33))


def test_links_follow_each_other() -> None:
    one, two = leaf_hash(b"1"), leaf_hash(b"2")
    assert link_after(bytes(32), [one, two]) == next_link(next_link(bytes(32), one), two)
    assert link_after(bytes(32), [one, two]) != link_after(bytes(32), [two, one])
