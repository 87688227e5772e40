"""The live topic `scanner:<name>`: whoever hears it has the scanner run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markets.scanning.results import known_scanner, latest_found, want
from markets.scanning.wording import cells_of


def scanner_snapshot(user: Any, name: str) -> dict[str, Any]:
    """Return what a scanner found last, and have it run (the gate of `scanner:`; market data is for everybody)."""
    scanner = known_scanner(name)
    want([scanner])
    found = latest_found(scanner)
    if found is None:
        return {"rows": [], "cells": {}}
    return {"rows": found["rows"], "cells": cells_of(scanner, found)}


def keep_scanning(names: Sequence[str]) -> None:
    """Have the scanners that are heard go on."""
    want(names)
