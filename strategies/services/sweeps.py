"""A sweep's life: one job of many points, worked off in chunks; what a chunk found is never computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accounts.models import User
from strategies.faces import Face
from strategies.models import StrategyVersion, Sweep
from strategies.terms import Terms


@dataclass(frozen=True, slots=True)
class Search:
    """Which points: all of a grid (name → values), or `count` random ones between the parameters' bounds (seeded)."""

    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    random: Sequence[str] = ()
    count: int = 0
    seed: int = 1


def request_sweep(
    *,
    owner: User,
    terms: Terms,
    search: Search,
    version: StrategyVersion | None = None,
    face: Face | None = None,
    name: str = "",
) -> Sweep:
    """Store a sweep with its chunks and have them computed. Refusals name the field in their context."""
    raise NotImplementedError


def cancel_sweep(*, actor: User, sweep: Sweep) -> Sweep:
    """End a sweep that is not finished; what was found stays. A repeat is a no-op."""
    raise NotImplementedError
