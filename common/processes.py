"""How a process begins, and how a long-running command learns that it should end."""

from __future__ import annotations

import gc
import signal
import threading
from types import FrameType

# Objects that are new and still there before the collector looks at them. (Python's own is 700.)
NEW_OBJECTS = 50_000


def calm_collector() -> None:
    """Let the collector wait for what a large batch of rows makes; called as a process begins.

    All of a batch lives until it is committed, and then goes by itself. To look at it a hundred times over meanwhile took
    almost half of the time in which 10,000 copies are written.
    """
    gc.set_threshold(NEW_OBJECTS, 10, 10)


def freeze_startup() -> None:
    """Take what stands by now (modules, models, settings: 150,000 objects) out of the collector's way, for good.

    A full collection looks at all of it and halts every thread meanwhile: a tenth of a second in which no tick is met.
    """
    gc.collect()
    gc.freeze()


def stop_event() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. Call from the main thread."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return stop
