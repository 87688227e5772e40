"""Places where a drill kills this very process, to prove that dying there loses and doubles nothing. Idle unless configured.

SLIPSTREAM_FAILPOINTS="claimed=0.05,booked=0.05" gives each named place its probability.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

# Which visit dies must differ from process to process: a drill counts deaths, it does not repeat them.
_ODDS = 1_000_000
_visitor: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Die by SIGKILL here, with the probability that settings give this place; or do what a simulation does instead."""
    if _visitor is not None:
        return _visitor(name)
    if (probability := settings.FAILPOINTS.get(name)) and secrets.randbelow(_ODDS) < probability * _ODDS:
        os.kill(os.getpid(), signal.SIGKILL)
    return None


@contextmanager
def failpoints_into(visitor: Callable[[str], None]) -> Iterator[None]:
    """Call `visitor` with the name of every failpoint that this process passes, instead of dying there."""
    global _visitor
    outer, _visitor = _visitor, visitor
    try:
        yield
    finally:
        _visitor = outer
