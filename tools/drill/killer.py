"""Who kills: processes by SIGKILL, servers at once, and faults at the exchange, all dealt from one seed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tools.drill.stage import EXCHANGE, PROCESSES, Stage

# Dealt from the first to the last and shuffled anew: nobody is spared, whoever is more interesting comes more often.
DECK = (*PROCESSES, "signer", "worker", "signer", EXCHANGE, EXCHANGE, "redis", "forgetful redis", "postgres")
# For so long at the most the next death waits for a site that is itself again.
_PATIENCE_SECONDS = 15.0
_ORDER, _CANCEL = "POST /api/v3/order", "DELETE /api/v3/order"
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "timeout_after_accept", "where": _ORDER, "seconds": 12, "count": 1},
    {"kind": "timeout_after_accept", "where": _CANCEL, "seconds": 12, "count": 1},
    {"kind": "dropped_response", "where": _ORDER, "probability": 0.3, "count": 3},
    {"kind": "dropped_response", "where": _CANCEL, "probability": 0.3, "count": 3},
    {"kind": "dropped_response", "probability": 0.1, "count": 2},
    {"kind": "server_error", "where": _ORDER, "status": 502, "probability": 0.3, "count": 3},
    {"kind": "server_error", "status": 503, "probability": 0.1, "count": 2},
    {"kind": "latency", "seconds": 0.7, "probability": 0.3, "count": 10},
    {"kind": "duplicate_message", "probability": 0.3, "count": 50},
    {"kind": "reorder_message", "probability": 0.2, "count": 50},
    {"kind": "drop_connection", "probability": 0.05, "count": 2},
    {"kind": "silent_socket", "where": "executionReport", "count": 1},
    {"kind": "partial_fill", "probability": 0.5, "count": 4, "ratio": "0.4"},
    {"kind": "cancel_loses", "probability": 0.5, "count": 2},
    {"kind": "listen_key_expiry", "probability": 0.02, "count": 1},
    {"kind": "maintenance", "probability": 0.2, "count": 2},
)


@dataclass
class Killer:
    """Lays faults, kills and revives; every death and fault is counted."""

    stage: Stage
    random: Random
    deaths: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    _deck: list[str] = field(default_factory=list)

    def rage(self, seconds: float, is_calm: Callable[[], bool]) -> None:
        """Kill for so long; whoever is dead then is alive again.

        Mostly the next death waits until the site is itself again, so that something happens between deaths, sometimes not.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            patience = time.monotonic() + self.random.choice([0.0, _PATIENCE_SECONDS, _PATIENCE_SECONDS])
            while time.monotonic() < patience and not is_calm():
                time.sleep(0.3)
            time.sleep(self.random.uniform(0.5, 4.0))
            self._lay_faults()
            self._kill(self._deal())
            self.stage.lift_the_fallen()

    def _deal(self) -> str:
        if not self._deck:
            self._deck = [*DECK]
            self.random.shuffle(self._deck)
        return self._deck.pop()

    def _kill(self, victim: str) -> None:
        name = victim.removeprefix("forgetful ")
        self.stage.kill(name)
        self.deaths[victim] += 1
        if name != victim:
            self.stage.servers[name].forget()
        time.sleep(self.random.choice([0.0, 0.3, 1.5]))
        self.stage.revive(name)

    def _lay_faults(self) -> None:
        for fault in self.random.sample(FAULTS, 2):
            with suppress(httpx.HTTPError):
                httpx.post(f"{self.stage.exchange}/sandbox/faults", json={"venue": "binance", **fault}, timeout=2)
                self.faults[fault["kind"]] += 1
