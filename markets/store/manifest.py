"""The manifest: beside each candle file what it holds, written before the file is.

A writer that is killed in between leaves a manifest that names both the old content and the new: either is right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

from engine.candles import Candles, fingerprint
from markets.store.files import Files


@dataclass(frozen=True, slots=True)
class Entry:
    """What a candle file holds: its content's fingerprint (that of a backtest over all of it), and the one before."""

    fingerprint: str
    rows: int
    first_ms: int | None
    last_ms: int | None
    previous: str = ""

    def knows(self, found: str) -> bool:
        """Tell whether a content is the one that was written, or the one before it."""
        return found in (self.fingerprint, self.previous)


def manifest_name(name: str) -> str:
    """Return the name of a candle file's manifest."""
    return f"{name.removesuffix('.parquet')}.json"


def read_entry(files: Files, name: str) -> Entry | None:
    """Return a candle file's entry; None where there is none, or none that can be read."""
    found = files.read(manifest_name(name))
    if found is None:
        return None
    try:
        value: Mapping[str, Any] = json.loads(found)
        return Entry(**{field: value[field] for field in Entry.__slots__})
    except (ValueError, KeyError, TypeError):
        return None


def write_entry(files: Files, name: str, candles: Candles, previous: Candles | None = None) -> Entry:
    """Write down what a file is about to hold, and beside it what it holds until then."""
    times = candles.opened_at
    entry = Entry(
        fingerprint=fingerprint(candles),
        rows=len(candles),
        first_ms=int(times[0]) if len(times) else None,
        last_ms=int(times[-1]) if len(times) else None,
        previous=fingerprint(previous) if previous is not None and len(previous) else "",
    )
    text = json.dumps(asdict(entry), indent=1).encode() + b"\n"

    def fill(opened: IO[bytes]) -> None:
        opened.write(text)

    files.replace(manifest_name(name), fill)
    return entry
