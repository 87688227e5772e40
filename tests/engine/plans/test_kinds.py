"""Every setting of every kind, at, below and above each end of its range; what is no number; and state as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.plans.kinds import SETTINGS, STATES, PlanKind, Setting, Unit, checked, plan_of
from engine.plans.storing import restored, stored
from engine.plans.types import PlanError
from tests.engine.plans.tables import GRID
from tests.fixtures_wishes import SETTINGS as FINE

D = Decimal
K = PlanKind
NUMBERS = [(kind, one) for kind in K for one in SETTINGS[kind] if one.unit is not Unit.SIDE]
WHOLE = (Unit.COUNT, Unit.SECONDS, Unit.TIME)
STEPS = {Unit.PRICE: GRID.tick_size, Unit.QUANTITY: GRID.lot_step, Unit.MONEY: D("1E-8")}


def name_of(value: object) -> str:
    return value.name if isinstance(value, Setting) else str(value)


def refusal(kind: PlanKind, name: str, value: Any) -> str:
    """Return the code of a setting's refusal; "" where it passes by itself."""
    try:
        checked(kind, {**FINE[kind], name: value}, GRID)
    except PlanError as error:
        assert error.field == name
        return error.code
    return ""


@pytest.mark.parametrize(("kind", "one"), NUMBERS, ids=name_of)
def test_each_range_holds_at_both_ends(kind: PlanKind, one: Setting) -> None:
    step = D(1) if one.unit in WHOLE else STEPS.get(one.unit, D("1E-4"))
    code = f"{one.name.upper()}_INVALID"
    least = one.least or step
    assert [refusal(kind, one.name, value) for value in (least, one.most)] == ["", ""]
    assert [refusal(kind, one.name, value) for value in (least - step, one.most + step, D(0), -least)] == [code] * 4
    for value in ("NaN", "-NaN", "Infinity", "-Infinity", "1e30"):
        assert refusal(kind, one.name, D(value)) == code, value


@pytest.mark.parametrize(("kind", "one"), NUMBERS, ids=name_of)
def test_a_number_of_forty_decimals_lies_on_no_step(kind: PlanKind, one: Setting) -> None:
    value = (one.least or D(1)) + D("0." + "1" * 40)
    name = one.name.upper()
    codes = {Unit.PRICE: f"{name}_OFF_TICK", Unit.QUANTITY: f"{name}_OFF_STEP"} | dict.fromkeys(
        WHOLE, f"{name}_INVALID"
    )
    assert refusal(kind, one.name, value) == codes.get(one.unit, f"{name}_TOO_FINE")


@pytest.mark.parametrize("kind", K)
def test_what_a_kind_needs_is_asked_for_and_what_it_has_not_is_refused(kind: PlanKind) -> None:
    for one in SETTINGS[kind]:
        assert refusal(kind, one.name, None) == ("" if one.is_optional else f"{one.name.upper()}_REQUIRED")
    foreign = {one.name for other in K for one in SETTINGS[other]} - {one.name for one in SETTINGS[kind]}
    for name in foreign:
        assert refusal(kind, name, "1") == f"{name.upper()}_NOT_ALLOWED"


@pytest.mark.parametrize("value", ["HOLD", "buy", "", 1])
def test_a_side_is_one_of_two(value: Any) -> None:
    assert refusal(K.TWAP, "side", value) == "SIDE_INVALID"


@pytest.mark.parametrize("kind", K)
def test_a_state_is_the_same_again_after_its_json(kind: PlanKind) -> None:
    plan = plan_of(kind, checked(kind, FINE[kind], GRID), GRID)
    state, wishes = plan.begin(D(100), 0)
    text = json.dumps(stored(state))
    assert restored(STATES[kind], json.loads(text)) == state
    for wish in wishes.place:
        assert restored(type(wish), json.loads(json.dumps(stored(wish)))) == wish


def test_the_same_amount_is_the_same_text() -> None:
    assert [stored(D(text)) for text in ("1.50", "15E-1", "0.00", "1E+3")] == ["1.5", "1.5", "0", "1000"]
