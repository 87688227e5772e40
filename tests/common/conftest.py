"""Both implementations behind one suite: what stands on the bus, a lease or the limiter must not know which it has."""

from __future__ import annotations

import pytest

IN_PROCESS = "memory"
OVER_REDIS = "redis"


@pytest.fixture(params=[IN_PROCESS, pytest.param(OVER_REDIS, marks=pytest.mark.services)])
def way(request: pytest.FixtureRequest) -> str:
    """Which implementation a test is run with."""
    return str(request.param)
