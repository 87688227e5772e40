"""What a peer's script needs: the candles, and taking turns. Runs in the peer's environment: numpy and nothing of ours."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def candles() -> dict[str, Any]:
    """Return the columns of the file that the command line names."""
    return dict(np.load(sys.argv[1]))


def take_turns(job: Callable[[], int], *, warm: bool = True) -> None:
    """Do the job once to be warm and say how many trades it made; then once more, timed, for every line that comes."""
    sys.stdout.write(json.dumps({"trades": job() if warm else None}) + "\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        began = time.perf_counter()
        trades = job()
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "trades": trades}) + "\n")
        sys.stdout.flush()
