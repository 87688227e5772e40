"""What a drill runs on: its own PostgreSQL and Redis, a test exchange, and the processes of the Procfile."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from accounts.sealing import PublicKey, public_key_of
from common.ids import new_key
from tests.story.processes import ROOT, Process, own_environment
from tools.procfile import procfile_commands, shelled
from tools.services import Server, Services, free_port, running_servers

VENUE = "drill"
EXCHANGE = "exchange"
MEMORY = "exchange.memory"
# What runs beside the exchange: all that trades need.
PROCESSES = ("web", "worker", "beat", "feed", "engine", "signer")
START_SECONDS = 90.0


@dataclass
class Stage:
    """Running processes and servers by their names, each of which may be killed and started again."""

    folder: Path
    services: Services
    environment: dict[str, str]
    commands: dict[str, list[str]]
    web: str
    exchange: str
    running: dict[str, Process] = field(default_factory=dict)
    # Who ended without having been killed.
    fallen: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def servers(self) -> dict[str, Server]:
        """The servers by their names."""
        return {"postgres": self.services.postgres, "redis": self.services.redis}

    def start(self, *names: str) -> None:
        """Start processes, without waiting for them."""
        with self._lock:
            for name in names:
                self.running[name] = Process(self.commands[name], self.environment, self.folder / f"{name}.log")

    def kill(self, name: str) -> None:
        """Kill a process, or stop a server at once."""
        with self._lock:
            if name in self.servers:
                # An immediate shutdown is PostgreSQL's own kill: of a killed one the children would live on.
                self.servers[name].kill(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
            else:
                self.running.pop(name).kill()

    def revive(self, name: str) -> None:
        """Start again what was killed."""
        if name in self.servers:
            self.servers[name].start_again()
        else:
            self.start(name)

    def lift_the_fallen(self) -> None:
        """Start again what ended by itself, as a process manager does."""
        with self._lock:
            fallen = [name for name, process in self.running.items() if not process.runs]
            self.fallen += fallen
            for name in fallen:
                self.running.pop(name).kill()
            self.start(*fallen)

    def wait_for_web(self) -> None:
        """Wait until pages are served."""
        _wait_for(f"{self.web}/accounts/login/")

    def wait_for_exchange(self) -> None:
        """Wait until the test exchange answers."""
        _wait_for(f"{self.exchange}/sandbox/status")

    def end(self) -> None:
        """Kill every process that still runs; the servers end with their block."""
        with self._lock:
            for process in self.running.values():
                process.kill()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(address, timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer within {START_SECONDS:.0f} s")


@contextmanager
def stage(folder: Path, seed: int, *arguments: str, is_killed: bool = True) -> Iterator[Stage]:
    """Start the servers and the exchange (with further `arguments`), point this process's own environment at them, and yield the stage.

    An exchange that nobody kills (`is_killed` False) keeps no memory: it would write all accounts at each fill of one.
    """
    # A folder that was used before would have the exchange remember accounts of another site.
    (folder / MEMORY).unlink(missing_ok=True)
    with running_servers(durable=True, remembers=True) as services:
        port, exchange_port, private = free_port(), free_port(), new_key(32)
        places = {
            **services.environment,
            "PORT": str(port),
            "SLIPSTREAM_SIGNER_PUBLIC_KEY": public_key_of(private).text,
            "SLIPSTREAM_CLAIM_LEASE_SECONDS": "5",
            # A folder of a drill's own would have every process compile its kernels anew.
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba")),
        }
        environment = own_environment(folder, **places)
        os.environ.update(environment)
        commands = _commands(f"SLIPSTREAM_SIGNER_KEYS={PublicKey(private).text}")
        commands[EXCHANGE] = [sys.executable, "-m", "sandbox", "--port", str(exchange_port), "--seed", str(seed)]
        commands[EXCHANGE] += [*(("--memory", str(folder / MEMORY)) if is_killed else ()), *arguments]
        web, exchange = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{exchange_port}"
        made = Stage(folder, services, environment, commands, web, exchange)
        try:
            made.start(EXCHANGE)
            made.wait_for_exchange()
            yield made
        finally:
            made.end()


def _commands(signer_keys: str) -> dict[str, list[str]]:
    """Return the Procfile's commands; feed and engine are the drill's venue's."""
    commands = {name: one.replace("simulated", VENUE) for name, one in procfile_commands(PROCESSES).items()}
    # The one process that gets the private key.
    commands["signer"] = f"env {signer_keys} {commands['signer']}"
    return {name: shelled(command) for name, command in commands.items()}
