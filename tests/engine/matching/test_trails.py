"""Trailing stops that nobody touches at each price, against a plain look at each of them at each price."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.matching.rules import trailing_trigger
from engine.matching.trails import Trails
from engine.matching.types import Kind, OrderState, Terms

keys = st.integers(0, 12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), keys, st.integers(1, 40), st.booleans()),
        st.tuples(st.just("remove"), keys, st.just(0), st.booleans()),
        st.tuples(st.just("price"), keys, st.integers(1000, 1060), st.booleans()),
    ),
    max_size=80,
)


def stop(key: int, sign: int, trail: int, by_share: bool, best: int, place: int) -> OrderState:
    steps, share = (None, trail * 10**7) if by_share else (trail, None)
    terms = Terms(key, sign, Kind.TRAILING_STOP, 1, trail=steps, trail_share=share)
    return OrderState(terms, 1, best=best, place=place)


class Reference:
    """Every stop, looked at at every price."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.states: dict[object, OrderState] = {}

    def fire(self, price: int) -> dict[object, int]:
        hit = {
            key: trigger
            for key, state in self.states.items()
            if self.sign * (price - (trigger := trailing_trigger(state.terms, state.best or 0))) >= 0
        }
        self.states = {key: state for key, state in self.states.items() if key not in hit}
        return hit

    def follow(self, price: int) -> None:
        for key, state in self.states.items():
            if self.sign * (price - (state.best or 0)) < 0:
                self.states[key] = replace(state, best=price)


@pytest.mark.parametrize("sign", [1, -1])
@given(steps=steps)
def test_cohorts_fire_and_follow_as_each_stop_by_itself_would(
    sign: int, steps: list[tuple[str, int, int, bool]]
) -> None:
    trails, reference, price = Trails(sign), Reference(sign), 1030
    for place, (what, key, number, by_share) in enumerate(steps):
        if what == "price":
            low, high = trails.bounds()
            before = dict(trails.triggers())
            fired = {state.terms.key: state.trigger for state in trails.fire(number)}
            assert fired == reference.fire(number)
            trails.follow(number)
            reference.follow(number)
            if low < number < high:
                assert fired == {}
                assert dict(trails.triggers()) == before
            price = number
        else:
            trails.remove(key)
            reference.states.pop(key, None)
            if what == "add":
                state = stop(key, sign, number, by_share, price, place)
                trails.add(state)
                reference.states[key] = state
        assert dict(trails.triggers()) == {
            key: trailing_trigger(state.terms, state.best or 0) for key, state in reference.states.items()
        }
        assert len(trails) == len(reference.states)
        for one, state in reference.states.items():
            now = trails.now(one)
            assert now is not None
            assert now.best == state.best


def test_a_stop_that_is_put_back_goes_on_from_an_old_best_price() -> None:
    trails = Trails(-1)
    trails.add(stop(1, -1, 5, False, best=100, place=1))
    trails.add(stop(2, -1, 5, False, best=110, place=2))
    trails.add(stop(3, -1, 9, False, best=120, place=3))
    assert trails.bounds() == (111, 101)
    assert [(state.terms.key, state.trigger) for state in trails.fire(105)] == [(3, 111), (2, 105)]


def test_stops_that_were_withdrawn_leave_nothing_behind() -> None:
    trails = Trails(-1)
    for place in range(1000):
        trails.add(stop(place, -1, 5, False, best=100, place=place))
        trails.remove(place)
    assert len(trails) == 0
    assert dict(trails.triggers()) == {}
    assert len(trails._cohorts) == len(trails._reach) == 0
