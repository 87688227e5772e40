"""After warming, no evaluation waits for a compiler."""

from __future__ import annotations

from types import ModuleType

import pytest
from numba.core.dispatcher import Dispatcher

from engine.indicators import alignment, averages, conditions, rolling, volatility, volume
from engine.strategy.warming import warm


@pytest.mark.parametrize("module", [alignment, averages, conditions, rolling, volatility, volume])
def test_every_kernel_is_compiled(module: ModuleType) -> None:
    warm()
    # _is_above is compiled into those that call it.
    kernels = {name: one for name, one in vars(module).items() if isinstance(one, Dispatcher) and name != "_is_above"}
    assert kernels
    assert [name for name, one in kernels.items() if not one.signatures] == []
