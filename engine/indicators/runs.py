"""How an undefined value is met: each stretch of defined values is computed by itself, what is too short stays undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from engine.candles import Floats

# Arrays that were looked through: a look costs a tenth of what a quick indicator does, and many share a series.
_WHOLE: WeakValueDictionary[int, Floats] = WeakValueDictionary()


def known_whole(series: Floats) -> Floats:
    """Return a view of an array of which the caller knows that no value is undefined; nobody looks through it again."""
    view = series.view()
    _WHOLE[id(view)] = view
    return view


def is_whole(series: Floats) -> bool:
    """Tell whether no value is undefined. The largest value of an array is NaN if any is, and that is the fastest test."""
    return _WHOLE.get(id(series)) is series or not len(series) or bool(series.max() == series.max())


def stretches(defined: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """Return the (start, stop) of every stretch of True, in order."""
    edges = np.flatnonzero(np.diff(defined.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def undefined(count: int) -> Floats:
    """Return an array of NaN."""
    return np.full(count, np.nan)


def by_runs(compute: Callable[..., Any], shortest: int, *series: Floats) -> Floats:
    """Return compute(*series), each run of candles on which all series are defined by itself.

    `shortest`: the length of run that gives a first value; shorter ones stay NaN without a call.
    """
    return many_by_runs(lambda *parts: (compute(*parts),), shortest, 1, *series)[0]


def many_by_runs(
    compute: Callable[..., tuple[Any, ...]], shortest: int, outputs: int, *series: Floats
) -> tuple[Floats, ...]:
    """Do the same for a function with several outputs."""
    count = len(series[0])
    if count < shortest or not count:
        return tuple(undefined(count) for _ in range(outputs))
    if all(is_whole(one) for one in series):
        return compute(*series)
    defined = ~np.isnan(series[0])
    for one in series[1:]:
        defined &= ~np.isnan(one)
    results = tuple(undefined(count) for _ in range(outputs))
    for start, stop in stretches(defined):
        if stop - start < shortest:
            continue
        parts = compute(*(one[start:stop] for one in series))
        for result, part in zip(results, parts, strict=True):
            result[start:stop] = part
    return results
