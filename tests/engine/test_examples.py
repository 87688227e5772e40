"""The examples in the engine's docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import engine


def test_every_example_in_a_docstring_holds() -> None:
    names = [module.name for module in pkgutil.iter_modules(engine.__path__, "engine.")]
    results = {name: doctest.testmod(importlib.import_module(name)) for name in names}
    assert {name: result.failed for name, result in results.items() if result.failed} == {}
    assert sum(result.attempted for result in results.values()) >= 3
