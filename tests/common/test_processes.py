"""How a process begins: the collector waits for a batch, and what stood at a long-running one's start is out of its way."""

from __future__ import annotations

import gc
import subprocess
import sys

from common.processes import NEW_OBJECTS

# A process of its own: what is frozen stays so for all of it.
_FROZEN = """
import gc
from common.processes import freeze_startup

class Node:
    pass

lost = Node()
lost.itself = lost
kept = [Node() for _ in range(1000)]
del lost
freeze_startup()
tracked = gc.get_objects()
print(gc.get_freeze_count() > 1000, any(isinstance(one, Node) for one in tracked))
"""


def test_what_stood_at_the_start_is_not_looked_at_again_and_garbage_was_not_kept() -> None:
    program = _FROZEN + "print(sum(isinstance(one, Node) for one in (gc.unfreeze() or gc.get_objects())))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "1000"]


def test_the_collector_waits_for_more_than_a_batch_of_rows_makes() -> None:
    # Of this process: Django has begun in it.
    assert gc.get_threshold()[0] == NEW_OBJECTS >= 10_000
