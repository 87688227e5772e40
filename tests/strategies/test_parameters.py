"""The template's parameters at and beyond their bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from common.errors import DomainError
from engine.ema_cross import EmaCross
from strategies.parameters import EmaCrossParameters, parse_parameters

GOOD = {"fast": 12, "slow": 26}


def test_what_is_left_out_is_a_fifth_of_equity_and_no_stop() -> None:
    parameters = parse_parameters(GOOD)
    assert parameters == EmaCrossParameters(12, 26, Decimal("0.2"), None)
    assert parameters.spec == EmaCross(fast=12, slow=26)


def test_parameters_are_stored_as_exact_text_and_read_back_unchanged() -> None:
    given = {**GOOD, "share": Decimal("0.2500"), "stop_loss": "0.01250"}
    stored = parse_parameters(given).stored()
    assert stored == {"fast": 12, "slow": 26, "share": "0.25", "stop_loss": "0.0125"}
    assert parse_parameters(stored).stored() == stored


@pytest.mark.parametrize(
    "given",
    [
        {"fast": 2, "slow": 3},
        {"fast": 499, "slow": 500},
        {**GOOD, "share": "0.01"},
        {**GOOD, "share": "1"},
        {**GOOD, "stop_loss": "0.001"},
        {**GOOD, "stop_loss": "0.5"},
    ],
)
def test_the_bounds_themselves_are_allowed(given: dict[str, Any]) -> None:
    assert parse_parameters(given).stored().items() >= given.items()


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"fast": 26, "slow": 26}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"fast": 27, "slow": 26}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"fast": 1, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": 12, "slow": 501}, "PERIOD_OUT_OF_RANGE", "slow"),
        ({"fast": 12}, "PERIOD_OUT_OF_RANGE", "slow"),
        ({"fast": "12", "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": 12.0, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": True, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({**GOOD, "share": "0.009"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "1.01"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "-0.2"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": None}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": 0.2}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "NaN"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "a fifth"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "0.2000001"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "stop_loss": "0.0009"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "stop_loss": "0.51"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "stop_loss": "Infinity"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "leverage": 5}, "PARAMETER_UNKNOWN", "leverage"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(given: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_parameters(given)
    assert (refused.value.code, refused.value.context["field"]) == (code, field)


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(DomainError) as refused:
        parse_parameters({**GOOD, "stop_loss": "0.9"})
    assert refused.value.message == "Enter a stop loss from 0.1 % to 50 %, with at most 3 decimals."
