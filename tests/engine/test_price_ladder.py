"""Armed prices found by bisection, against a plain look through all of them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.price_ladder import PriceLadder

D = Decimal


class Reference:
    """A dictionary and a look at each of its entries."""

    def __init__(self) -> None:
        self.armed: dict[int, tuple[Decimal, bool]] = {}

    def cross(self, price: Decimal) -> set[int]:
        hit = {key for key, (at, below) in self.armed.items() if (price <= at if below else price >= at)}
        for key in hit:
            del self.armed[key]
        return hit


keys = st.integers(0, 12)
prices = st.integers(1, 15).map(D)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), keys, prices, st.booleans()),
        st.tuples(st.just("disarm"), keys, prices, st.booleans()),
        st.tuples(st.just("cross"), keys, prices, st.booleans()),
    ),
    max_size=60,
)


@given(steps=steps)
def test_the_ladder_finds_what_a_look_at_all_finds(steps: list[tuple[str, int, Decimal, bool]]) -> None:
    ladder: PriceLadder[int] = PriceLadder()
    reference = Reference()
    for what, key, price, below in steps:
        if what == "arm":
            ladder.arm(key, price, below=below)
            reference.armed[key] = (price, below)
        elif what == "disarm":
            ladder.disarm(key)
            reference.armed.pop(key, None)
        else:
            crossed = ladder.cross(price)
            assert len(crossed) == len(set(crossed))
            assert set(crossed) == reference.cross(price)
        assert len(ladder) == len(reference.armed)


def test_the_nearest_to_the_market_comes_first() -> None:
    ladder: PriceLadder[str] = PriceLadder()
    for key, price in {"far": 90, "near": 99, "middle": 95}.items():
        ladder.arm(key, D(price), below=True)
    assert ladder.cross(D(100)) == []
    assert ladder.cross(D(95)) == ["near", "middle"]
    assert ladder.cross(D(1)) == ["far"]
    for key, price in {"far": 120, "near": 101, "middle": 110}.items():
        ladder.arm(key, D(price), below=False)
    assert ladder.cross(D(100)) == []
    assert ladder.cross(D(110)) == ["near", "middle"]
    assert len(ladder) == 1


def test_what_crossed_is_gone_and_what_moved_is_where_it_moved() -> None:
    ladder: PriceLadder[str] = PriceLadder()
    ladder.arm("stop", D(95), below=True)
    ladder.arm("stop", D(90), below=True)
    assert ladder.cross(D(93)) == []
    assert ladder.cross(D(90)) == ["stop"]
    assert ladder.cross(D(1)) == []
    ladder.disarm("stop")
    assert len(ladder) == 0


def test_the_bounds_are_where_the_next_price_crosses_something() -> None:
    ladder: PriceLadder[str] = PriceLadder()
    assert ladder.bounds() == (Decimal("-Infinity"), Decimal("Infinity"))
    for key, price, below in (("a", 90, True), ("b", 95, True), ("c", 120, False), ("d", 110, False)):
        ladder.arm(key, Decimal(price), below=below)
    assert ladder.bounds() == (Decimal(95), Decimal(110))
    assert [ladder.reaches(Decimal(price)) for price in (94, 95, 96, 109, 110, 111)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    ladder.cross(Decimal(112))
    assert ladder.bounds() == (Decimal(95), Decimal(120))
