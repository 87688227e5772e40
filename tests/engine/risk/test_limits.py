"""Limits as they are typed and kept: every range at its ends and beyond, the profiles, and what counts as looser."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.risk import LimitError, Limits, limits_data, limits_from
from engine.risk.limits import PROFILES, SPECS, Profile, Spec, companion, loosened, profile_of
from tests.engine.risk.samples import D, limits

BEYOND = Decimal("0.000001")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_each_limit_takes_its_ends_and_nothing_beyond(spec: Spec) -> None:
    for end in (spec.low, spec.high):
        assert getattr(limits_from({spec.name: str(end)}), spec.name) == end
    for beyond in (spec.low - BEYOND, spec.high + BEYOND):
        with pytest.raises(LimitError) as refusal:
            limits_from({spec.name: str(beyond)})
        assert (refusal.value.field, refusal.value.message) == (
            spec.name,
            f"Enter a value from {spec.low} to {spec.high}.",
        )
    assert getattr(limits_from({spec.name: ""}), spec.name) is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e30", "ten", True, 0.5, [], {}, "0." + "1" * 40])
def test_what_is_no_such_figure_is_refused(value: object) -> None:
    with pytest.raises(LimitError):
        limits_from({"max_order_share": value})


def test_counts_are_whole_and_names_are_known() -> None:
    for given, field in (({"max_positions": "2.5"}, "max_positions"), ({"max_everything": "1"}, "max_everything")):
        with pytest.raises(LimitError) as refusal:
            limits_from(given)
        assert refusal.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        {"allowed": "BTC"},
        {"denied": [1]},
        {"denied": ["x" * 61]},
        {"denied": [f"C{n}" for n in range(201)]},
        {"allowed": ["A"], "denied": ["A"]},
    ],
)
def test_lists_are_lists_of_symbols_and_do_not_contradict_each_other(given: dict[str, object]) -> None:
    with pytest.raises(LimitError):
        limits_from(given)


@pytest.mark.parametrize("profile", list(PROFILES))
def test_profiles_come_back_from_storage_as_they_are(profile: Profile) -> None:
    ready = PROFILES[profile]
    assert limits_from(limits_data(ready)) == ready
    assert profile_of(ready) == profile
    assert profile_of(Limits()) == Profile.CUSTOM


def test_each_profile_is_looser_than_the_one_before() -> None:
    conservative, balanced, aggressive = PROFILES.values()
    for tight, loose in ((conservative, balanced), (balanced, aggressive)):
        assert loosened(loose, tight) == []
        assert "max_daily_loss" in loosened(tight, loose)


def test_what_is_stored_is_plain() -> None:
    given = Limits(allowed=frozenset({"B", "A"}), max_order_share=D("0.10"), max_positions=D("5E+1"))
    assert limits_data(given) == {"max_order_share": "0.1", "max_positions": "50", "allowed": ["A", "B"]}


@pytest.mark.parametrize(
    ("before", "after", "looser"),
    [
        (limits(max_order_share="0.1"), limits(max_order_share="0.2"), ["max_order_share"]),
        (limits(max_order_share="0.2"), limits(max_order_share="0.1"), []),
        (limits(max_order_share="0.2"), limits(), ["max_order_share"]),
        (limits(), limits(max_order_share="0.2"), []),
        (limits(reserve_share="0.2"), limits(reserve_share="0.1"), ["reserve_share"]),
        (limits(max_drawdown="0.1", pause_minutes="1441"), limits(max_drawdown="0.1"), ["pause_minutes"]),
        (limits(max_drawdown="0.1"), limits(max_drawdown="0.1", pause_minutes="10"), ["pause_minutes"]),
        (limits(), limits(max_drawdown="0.1", pause_minutes="10"), []),
        (limits(denied=frozenset({"A"})), limits(), ["denied"]),
        (limits(allowed=frozenset({"A"})), limits(allowed=frozenset({"A", "B"})), ["allowed"]),
        (limits(allowed=frozenset({"A", "B"})), limits(allowed=frozenset({"A"})), []),
        (limits(), limits(allowed=frozenset({"A"})), []),
    ],
)
def test_looser_is_what_lets_more_pass(before: Limits, after: Limits, looser: list[str]) -> None:
    assert loosened(before, after) == looser


def test_a_companion_has_a_figure_where_none_is_set() -> None:
    assert companion(limits(), "pause_minutes") == D(1440)
    assert companion(limits(pause_minutes=5), "pause_minutes") == D(5)
