"""What venues must not forget, in a file: accounts, orders, fills and keys, written before anybody is told of a change."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

from sandbox.core.events import AccountEvent
from sandbox.venue import Venue


class Memory:
    """Keeps venues in a file, so that an exchange that is killed goes on where it was; what a crowd traded is not in it.

    It outlives the process, not the machine: nothing is flushed to the disk.
    """

    def __init__(self, file: Path, venues: Mapping[str, Venue]) -> None:
        self._file, self._venues = file, venues
        if file.exists():
            self._recall()
        for venue in venues.values():
            for place in venue.places:
                place.exchange.matcher.listeners.append(self)

    def write(self) -> None:
        """Replace the file as a whole: whatever ends the process, one version or the other is there."""
        fresh = self._file.with_name(f"{self._file.name}.new")
        fresh.write_bytes(pickle.dumps({name: venue.kept() for name, venue in self._venues.items()}))
        fresh.replace(self._file)

    def on_trade(self, trade: object) -> None:
        """What the crowd trades may be forgotten."""

    def on_order(self, event: object) -> None:
        """Orders move money: what follows each change of them is told as one."""

    def on_account(self, event: AccountEvent) -> None:
        """Write; streams and answers go out only when the loop turns next."""
        self.write()

    def _recall(self) -> None:
        """Take the venues back to where the file has them, then let their markets meet the orders that rested meanwhile."""
        try:
            kept = pickle.loads(self._file.read_bytes())  # noqa: S301 - the exchange's own file: no stranger writes it
        except Exception as error:
            raise ValueError(f"{self._file} is of another version: remove it to begin anew.") from error
        for name, venue in self._venues.items():
            venue.recall(kept[name])
