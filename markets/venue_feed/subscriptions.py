"""What is to be watched, read from the interests, and how it is split into groups of streams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from markets.interests import wanted_data
from markets.models import AlertKind, Exchange, Instrument, InstrumentState, InterestKind, MarketKind
from markets.selectors import instruments_by_id, waiting_alerts

Groups = dict[InterestKind, list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The active instruments that somebody needs, by the gateway's symbol, and those symbols by kind of data.

    The price is wanted of each of them. `retired` are instruments that somebody needs and that are no longer listed.
    """

    instruments: Mapping[str, Instrument]
    symbols: Mapping[InterestKind, frozenset[str]]
    retired: frozenset[str]

    @property
    def perpetuals(self) -> list[str]:
        """The symbols of those that pay funding."""
        return sorted(symbol for symbol, one in self.instruments.items() if one.market.kind == MarketKind.PERPETUAL)


NOTHING = Wanted({}, {kind: frozenset() for kind in InterestKind}, frozenset())


def read_wanted(exchange: Exchange) -> Wanted:
    """Return what interests and waiting alerts ask of an exchange now."""
    keys = wanted_data(exchange)
    for instrument_id, kind in (
        waiting_alerts().filter(instrument__exchange=exchange).values_list("instrument", "kind").distinct()
    ):
        keys[InterestKind.CANDLES if kind == AlertKind.VOLUME_SPIKE else InterestKind.TICKER].add(instrument_id)
    found = instruments_by_id(set().union(*keys.values()))
    active = {key: one for key, one in found.items() if one.state == InstrumentState.ACTIVE and one.gateway_symbol}
    retired = frozenset(one.symbol for one in found.values() if one.state != InstrumentState.ACTIVE)
    by_kind = {kind: _symbols(active, wanted) for kind, wanted in keys.items()}
    instruments = {one.gateway_symbol: one for one in active.values()}
    return Wanted(instruments, by_kind | {InterestKind.TICKER: frozenset(instruments)}, retired)


def _symbols(instruments: Mapping[UUID, Instrument], wanted: Iterable[UUID]) -> frozenset[str]:
    return frozenset(instruments[key].gateway_symbol for key in wanted if key in instruments)


def regroup(groups: Sequence[tuple[str, ...]], wanted: Collection[str], size: int) -> list[tuple[str, ...]]:
    """Return groups of at most `size` symbols that hold what is wanted; as few as possible differ from those there are.

    What is new goes into the smallest group with room: there a fresh connection takes the fewest others with it.
    """
    kept = [tuple(symbol for symbol in group if symbol in wanted) for group in groups]
    kept = [group for group in kept if group]
    held = {symbol for group in kept for symbol in group}
    new = sorted(set(wanted) - held)
    while new:
        place = min(range(len(kept)), key=lambda one: len(kept[one]), default=None)
        if place is None or len(kept[place]) >= size:
            kept.append(())
            place = len(kept) - 1
        room = size - len(kept[place])
        kept[place] += tuple(new[:room])
        new = new[room:]
    return kept
