"""A follower's settings: each with its range and default, checked in one place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.copying.settings import (
    DEFAULTS,
    SPECS,
    CopySettings,
    SettingError,
    SizingMode,
    settings_data,
    settings_from,
    stored_settings,
)

D = Decimal


def test_what_is_left_out_has_the_default_of_the_rules() -> None:
    assert settings_from({}) == DEFAULTS == stored_settings({})
    assert (DEFAULTS.sizing, DEFAULTS.multiplier, DEFAULTS.round_up) == (SizingMode.EQUITY_RATIO, D(1), False)
    assert (DEFAULTS.max_order_share, DEFAULTS.max_instrument_share, DEFAULTS.max_leverage) == (
        D("0.2"),
        D("0.3"),
        D(5),
    )
    assert (DEFAULTS.max_age_seconds, DEFAULTS.max_spread, DEFAULTS.price_cap) == (D(5), D("0.005"), None)
    assert (DEFAULTS.max_positions, DEFAULTS.max_orders_per_day) == (D(20), D(200))
    assert (DEFAULTS.drift_share, DEFAULTS.drift_total_share) == (D("0.02"), D("0.05"))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_figure_has_its_range_both_ends_included(spec: object) -> None:
    name, low, high = spec.name, spec.low, spec.high  # type: ignore[attr-defined]  # a Spec
    for inside in (low, high):
        assert getattr(settings_from({name: str(inside)}), name) == inside
    for outside in (low - D("0.000001"), high + D("0.000001"), "NaN", "many", True, 0.5):
        with pytest.raises(SettingError) as refusal:
            settings_from({name: outside})
        assert refusal.value.field == name


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sizing": "ALL_IN"}, "sizing"),
        ({"round_up": "yes"}, "round_up"),
        ({"allowed": "BTC-USDT"}, "allowed"),
        ({"allowed": ["A"], "denied": ["A"]}, "denied"),
        ({"leverage": "3"}, "leverage"),
        ({"max_positions": "2.5"}, "max_positions"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given: dict[str, object], field: str) -> None:
    with pytest.raises(SettingError) as refusal:
        settings_from(given)
    assert refusal.value.field == field


def test_stored_settings_say_only_what_differs_and_come_back() -> None:
    wanted = CopySettings(
        sizing=SizingMode.FIXED_AMOUNT, price_cap=D("0.01"), denied=frozenset({"B", "A"}), round_up=True
    )
    data = settings_data(wanted)
    assert data == {"sizing": "FIXED_AMOUNT", "price_cap": "0.01", "denied": ["A", "B"], "round_up": True}
    assert stored_settings(data) == wanted
