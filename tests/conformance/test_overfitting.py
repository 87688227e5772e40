"""Known answers about luck: probabilistic and deflated Sharpe ratio, minimum track record, overfitting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.statistics import luck
from tests.conformance.conftest import Case, cases

RELATIVE = 1e-9


def probabilistic_sharpe_ratio(given: dict[str, Any]) -> dict[str, float]:
    psr = luck.probabilistic_sharpe(
        given["sharpe_per_period"],
        given["observations"],
        given["skew"],
        given["kurtosis_nonexcess"],
        given["benchmark_per_period"],
    )
    return {"psr": psr}


def deflated_sharpe_ratio(given: dict[str, Any]) -> dict[str, float]:
    periods = given["periods_per_year"]
    variance = given["variance_of_trial_sharpes_annual"] / periods
    sharpe = given["sharpe_annual"] / math.sqrt(periods)
    shape = (given["observations"], given["skew"], given["kurtosis_nonexcess"])
    return {
        "sr0_per_period": luck.chance_sharpe(given["trials"], variance),
        "dsr": luck.deflated_sharpe(sharpe, *shape, given["trials"], variance),
    }


def expected_maximum_sharpe_unit_variance(given: dict[str, Any]) -> dict[str, float]:
    return {
        "value": luck.expected_maximum(given["trials"]),
        "minimum_backtest_years_for_sharpe_1": luck.minimum_backtest_years(given["trials"]),
    }


def minimum_track_record_length(given: dict[str, Any]) -> dict[str, float]:
    needed = luck.minimum_track_record(
        given["sharpe_per_period"],
        given["skew"],
        given["kurtosis_nonexcess"],
        given["benchmark_per_period"],
        given["alpha"],
    )
    return {"observations": needed}


def probability_of_backtest_overfitting(given: dict[str, Any]) -> dict[str, Any]:
    found = luck.backtest_overfitting(np.array(given["returns_matrix_rows_are_periods"]), given["blocks"])
    return {
        "pbo": found.probability,
        "logits": found.logits.tolist(),
        "probability_of_loss": found.loss_probability,
        "degradation_slope": found.slope,
        "degradation_intercept": found.intercept,
        "combinations": len(found.logits),
    }


@pytest.mark.parametrize("case", cases("overfitting"))
def test_luck_has_the_known_size(case: Case) -> None:
    found = globals()[case["metric"]](case["inputs"])
    for name, expected in case["expected"].items():
        assert found[name] == pytest.approx(expected, rel=RELATIVE, abs=1e-12), name
    # The literature also prints what follows from these figures; what is computed here must be as printed.
    for name in found.keys() & (case.get("published") or {}).keys():
        printed = case["published"][name]
        decimals = len(printed.partition(".")[2])
        assert found[name] == pytest.approx(float(printed), abs=0.5000001 * 10**-decimals), name
