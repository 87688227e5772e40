"""`python -m tests.kernels`: every kernel compiled once, into the cache that all test processes load them from.

Each of them would otherwise compile the same ones anew in a fresh checkout, in the middle of its tests.
"""

from __future__ import annotations

import tests.environment  # noqa: F401 - names the cache, before numba is told of it


def main() -> None:
    """Compile them, or load those that are there."""
    from engine.scanners import warm as scanners
    from engine.simulation import warm as simulation
    from engine.strategy import warming as strategies
    from strategies import computing

    for warm in (simulation.warm, strategies.warm, scanners.warm, computing.warm_up):
        warm()


if __name__ == "__main__":
    main()
