"""Which of what a scanner found somebody wants to see. Pages and API read the same filters from an address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markets.scanning.results import Mover, Opportunity

MOMENTUM, VOLUME = "momentum", "volume"


@dataclass(frozen=True, slots=True)
class OpportunityFilter:
    """`min_size` is in the asset in which an opportunity's size is; `venue` is an exchange's code ("": any)."""

    min_bps: float = 0.0
    min_size: float = 0.0
    venue: str = ""
    namespace: str = ""

    def chosen(self, rows: Iterable[Opportunity]) -> list[Opportunity]:
        """Return the rows that pass, in their order."""
        return [row for row in rows if self._passes(row)]

    def _passes(self, row: Opportunity) -> bool:
        return (
            row["profit_bps"] >= self.min_bps
            and (row["size"] or 0.0) >= self.min_size
            and (not self.venue or any(one["exchange"] == self.venue for one in row["legs"]))
            and (not self.namespace or row["namespace"] == self.namespace)
        )


@dataclass(frozen=True, slots=True)
class MoverFilter:
    """What counts as moving, over which of WINDOWS (minutes). Turnovers are of the last hour, in quote units.

    `by` momentum: a change of at least `min_change_ratio` up or down; `by` volume: at least `min_multiple` times the usual.
    `max_turnover` keeps the small ones; market capitalisations are not known here.
    """

    by: str = MOMENTUM
    minutes: int = 15
    min_change_ratio: float = 0.005
    min_multiple: float = 3.0
    min_turnover: float = 0.0
    max_turnover: float = float("inf")
    venue: str = ""
    namespace: str = ""

    def chosen(self, rows: Iterable[Mover]) -> list[Mover]:
        """Return the rows that pass, strongest first: by change, or by multiple of the usual volume."""
        return sorted((row for row in rows if self._passes(row)), key=self._strength, reverse=True)

    def _strength(self, row: Mover) -> float:
        window = row["windows"][str(self.minutes)]
        return abs(window["change_ratio"]) if self.by == MOMENTUM else window["volume_multiple"] or 0.0

    def _passes(self, row: Mover) -> bool:
        least = self.min_change_ratio if self.by == MOMENTUM else self.min_multiple
        return (
            self._strength(row) >= least
            and self.min_turnover <= row["turnover"] <= self.max_turnover
            and (not self.venue or row["exchange"] == self.venue)
            and (not self.namespace or row["namespace"] == self.namespace)
        )
