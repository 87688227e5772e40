"""Waiting orders found by bisection, against a plain look through all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.matching.levels import BEYOND, Levels

keys = st.integers(0, 12)
prices = st.integers(1, 15)
steps = st.lists(st.tuples(st.sampled_from(["arm", "disarm", "cross"]), keys, prices, st.booleans()), max_size=60)


@given(steps=steps)
def test_levels_find_what_a_look_at_all_finds_the_nearest_and_oldest_first(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    levels, waiting = Levels(), dict[int, tuple[int, bool]]()
    for what, key, price, below in steps:
        if what == "cross":
            hit = {one: at for one, at in waiting.items() if (price <= at[0] if at[1] else price >= at[0])}
            found = levels.cross(price)
            assert {one for _, one in found} == set(hit)
            for side in (True, False):
                ours = [(level, one) for level, one in found if hit[one][1] is side]  # type: ignore[index]
                # dict keeps the order of arrival, and sorting is stable.
                theirs = [(at[0], one) for one, at in hit.items() if at[1] is side]
                assert ours == sorted(theirs, key=lambda one: -one[0] if side else one[0])
            waiting = {one: at for one, at in waiting.items() if one not in hit}
        else:
            levels.disarm(key)
            waiting.pop(key, None)
            if what == "arm":
                levels.arm(key, price, below=below)
                waiting[key] = (price, below)
        below_levels = [at for at, side in waiting.values() if side]
        above_levels = [at for at, side in waiting.values() if not side]
        assert levels.bounds() == (max(below_levels, default=-BEYOND), min(above_levels, default=BEYOND))
        assert len(levels) == len(waiting)
