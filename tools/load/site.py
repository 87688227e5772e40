"""The site in its production shape, on servers of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from accounts.sealing import public_key_of
from common.ids import new_key
from tests.story.processes import ROOT, Process, own_environment
from tools.procfile import procfile_commands, shelled
from tools.services import free_port, running_servers

# All that people who trade on paper and look at it meet; nobody here backtests, scans or has an exchange account.
PROCESSES = ("web", "sockets", "worker", "webhooks", "notifications", "beat", "feed", "engine")
START_SECONDS = 180.0


@dataclass
class Site:
    """Where it is, and its processes by their names in the Procfile."""

    folder: Path
    environment: dict[str, str]
    web: str
    sockets: str
    running: dict[str, Process] = field(default_factory=dict)

    def start(self) -> None:
        """Start every process, and wait until pages, sockets and prices are there."""
        for name, command in procfile_commands(PROCESSES).items():
            self.running[name] = Process(shelled(command), self.environment, self.folder / f"{name}.log")
        for address in (self.web, self.sockets.replace("ws://", "http://")):
            _wait_for(f"{address}/healthz")

    def fallen(self) -> list[str]:
        """Return what each process said last that ended by itself."""
        return [f"{name} ended: {one.output[-300:]}" for name, one in self.running.items() if not one.runs]

    def end(self) -> None:
        """Kill every process; the servers end with their block."""
        for process in self.running.values():
            process.kill()


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Start the servers, point this process's own environment at them, and yield a site whose processes are to be started."""
    with running_servers(durable=True) as services:
        port, socket_port = free_port(), free_port()
        places = {
            **services.environment,
            "PORT": str(port),
            "SOCKET_PORT": str(socket_port),
            "SLIPSTREAM_SIGNER_PUBLIC_KEY": public_key_of(new_key(32)).text,
            # A folder of its own would have every process compile its kernels anew.
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba")),
        }
        environment = own_environment(folder, **places)
        os.environ.update(environment)
        made = Site(folder, environment, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{socket_port}")
        try:
            yield made
        finally:
            made.end()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(address, timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer within {START_SECONDS:.0f} s")
