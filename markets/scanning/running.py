"""The process that scans while somebody watches: one on the whole platform, by lease; the others stand by."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any, Protocol

from django.db import close_old_connections, connections

from common import clock, realtime
from common.lease import lease
from markets.scanning.results import Found, Scanner, put_found, wanted_scanners
from markets.scanning.wording import cells_of

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
# How often books are looked through, and candles, which change once a minute.
BOOK_SECONDS, CANDLE_SECONDS = 0.5, 5.0
# How often what is looked at is chosen anew, well before its interest lapses.
PREPARE_SECONDS = 20.0
# Open pages fetch their rows again when others are found, and this often anyway: a row may pass their filters now.
REFRESH_SECONDS = 3.0
_RETRY_SECONDS = 1.0


class Look(Protocol):
    """One scanner: `prepare` may ask the database, `scan` is called several times a second."""

    def prepare(self) -> None: ...

    def scan(self) -> Found: ...


class _Turn:
    """One scanner's turns: when it is next prepared, looks, and has pages fetch their rows."""

    def __init__(self, scanner: Scanner, look: Look, every_seconds: float) -> None:
        self._scanner, self._look, self._every = scanner, look, every_seconds
        self._prepare_at = self._scan_at = self._refresh_at = 0.0
        self._keys: list[str] = []

    def take(self) -> None:
        """Do what is due now."""
        now = clock.monotonic()
        if now >= self._prepare_at:
            self._look.prepare()
            self._prepare_at = now + PREPARE_SECONDS
        if now >= self._scan_at:
            self._scan_at = now + self._every
            self._tell(self._look.scan(), now)

    def _tell(self, found: Found, now: float) -> None:
        put_found(self._scanner, found)
        payload: dict[str, Any] = {"rows": found["rows"], "cells": cells_of(self._scanner, found)}
        keys = [row["key"] for row in found["rows"]]
        if sorted(keys) != sorted(self._keys) or now >= self._refresh_at:
            self._keys, self._refresh_at = keys, now + REFRESH_SECONDS
            payload["refresh"] = ["rows"]
        realtime.publish([(f"scanner:{self._scanner}", payload)])


class Scanning:
    """All scanners, each working only while it is wanted."""

    def __init__(self) -> None:
        self._turns: dict[Scanner, _Turn] = {}

    def look(self) -> bool:
        """Let each wanted scanner do what is due; return whether there is one. Who is no longer wanted forgets everything."""
        wanted = wanted_scanners()
        self._turns = {scanner: self._turns.get(scanner) or _turn(scanner) for scanner in sorted(wanted)}
        for turn in self._turns.values():
            turn.take()
        return bool(wanted)

    def rest(self) -> None:
        """Forget everything: another process scans."""
        self._turns = {}


def _turn(scanner: Scanner) -> _Turn:
    # The compiled kernels take a second and much memory to load: not before somebody watches.
    from markets.scanning.movers import MoverScanner
    from markets.scanning.opportunities import SpreadScanner, TriangleScanner

    if scanner is Scanner.MOVERS:
        return _Turn(scanner, MoverScanner(), CANDLE_SECONDS)
    look = SpreadScanner() if scanner is Scanner.SPREADS else TriangleScanner()
    return _Turn(scanner, look, BOOK_SECONDS)


def run_scanners(stop: threading.Event) -> None:
    """Scan what is wanted until `stop` is set. Whatever breaks (the database, the bus), it goes on as soon as it can."""
    held, scanning = lease("scanners", LEASE_SECONDS), Scanning()
    try:
        while not stop.is_set():
            wait = BOOK_SECONDS
            try:
                if held.hold():
                    scanning.look()
                else:
                    scanning.rest()
            except Exception:
                logger.exception("The scanners broke off; they are tried again.")
                scanning.rest()
                close_old_connections()
                wait = _RETRY_SECONDS
            stop.wait(wait)
    finally:
        with contextlib.suppress(Exception):
            held.release()
        connections.close_all()
