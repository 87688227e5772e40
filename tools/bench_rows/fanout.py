"""Live updates to many at once: how many deliveries a process makes, beside a bare broadcast, and how long one takes."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from tools.bench_rows import Measurement, at_least, at_most, row
from tools.fanout.publisher import TOPIC
from tools.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS, FLOOD_MESSAGES, PACED_MESSAGES = 3, 1280, 25
SITE, BARE = "config.asgi:application", "tools.fanout.bare:application"


@dataclass(frozen=True)
class _Found:
    """One value a round, ours and the bare broadcast's in turn: deliveries a second, and p99 in ms at a steady pace."""

    ours: list[float]
    bare: list[float]
    our_waits: list[float]
    bare_waits: list[float]


@row(
    "fanout",
    what="WebSocket fan-out over Redis: 500 clients, 200 bytes, one process",
    unit="deliveries/s",
    target=at_least(60_000),
    services=True,
)
def fanout(environment: Mapping[str, str]) -> Measurement:
    """Flood the site's own process; a message is asked for when an earlier one has reached everybody, so none waits idle."""
    return Measurement(_found(environment).ours)


@row(
    "fanout_share",
    what="the same beside a bare ASGI broadcast under the same server",
    unit="deliveries/s",
    target=at_least(0.5, of="ratio"),
    services=True,
)
def fanout_share(environment: Mapping[str, str]) -> Measurement:
    """The same clients, the same server and flags, in turn with the floods of `fanout`."""
    found = _found(environment)
    return Measurement(found.ours, peer=median(found.bare))


@row(
    "fanout_wait",
    what="the same at 5 messages/s: from published to heard, p99 of all clients",
    unit="ms",
    target=at_most(20),
    services=True,
)
def fanout_wait(environment: Mapping[str, str]) -> Measurement:
    """Three times five seconds at that pace, from the publisher's call to each of the 500 clients."""
    found = _found(environment)
    return Measurement(found.our_waits, peer=median(found.bare_waits))


def _found(environment: Mapping[str, str]) -> _Found:
    return _measured(tuple(sorted(environment.items())))


@cache
def _measured(environment: tuple[tuple[str, str], ...]) -> _Found:
    """Measure once for all three rows, which are about one and the same run."""
    with tempfile.TemporaryDirectory() as folder:
        own = dict(environment) | {"SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own |= {"SLIPSTREAM_REDIS_PREFIX": "fanout:"}
        own.pop("DATABASE_URL", None)  # what clients hear comes from no database; the snapshot may come from SQLite
        subprocess.run([sys.executable, "-m", "tools.fanout.publisher", "prepare"], cwd=ROOT, env=own, check=True)
        with _server(SITE, own) as site, _server(BARE, own) as bare:
            ends = ((site, TOPIC), (bare, "-")) * ROUNDS
            floods = [_heard(own, *end, "flood", FLOOD_MESSAGES)["deliveries_per_second"] for end in ends]
            waits = [_heard(own, *end, "pace", PACED_MESSAGES)["p99_ms"] for end in ends]
    return _Found(floods[::2], floods[1::2], waits[::2], waits[1::2])


@contextmanager
def _server(application: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Serve an application as the Procfile serves the site, and yield its port."""
    port = free_port()
    web = re.search(r"^sockets: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert web is not None
    command = shlex.split(re.sub(r"\$\{SOCKET_PORT:-\d+\}", str(port), web[1]).replace(SITE, application))
    command = ["127.0.0.1" if part == "0.0.0.0" else part for part in command]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as it:
        try:
            _wait_for(port, it)
            yield port
        finally:
            it.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start; it ended with {process.poll()}")


def _heard(environment: Mapping[str, str], port: int, topic: str, kind: str, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tools.fanout.client", str(port), topic, kind, str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the clients broke off: {done.stderr.strip()[-400:]}")
    return {name: float(value) for name, value in json.loads(done.stdout).items()}
