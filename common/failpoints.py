"""Places where a drill kills this very process, to prove that dying there loses and doubles nothing. Idle unless configured.

SLIPSTREAM_FAILPOINTS="claimed=0.05,booked=0.05" gives each named place its probability.
"""

from __future__ import annotations

import os
import secrets
import signal

from django.conf import settings

# Which visit dies must differ from process to process: a drill counts deaths, it does not repeat them.
_ODDS = 1_000_000


def failpoint(name: str) -> None:
    """Die by SIGKILL here, with the probability that settings give this place."""
    if (probability := settings.FAILPOINTS.get(name)) and secrets.randbelow(_ODDS) < probability * _ODDS:
        os.kill(os.getpid(), signal.SIGKILL)
