"""One first start of the whole site for all tests of a run, those of other workers included: it takes longest of all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.story.processes import Process, own_environment
from tools.services import free_port

# Broken off as a person does, broken off as the kernel does, and then let to its end.
BREAKS = (signal.SIGINT, signal.SIGKILL)


@dataclass(frozen=True)
class FirstStart:
    """A folder in which the demo has lived through its first hours, and how the starts before that one ended.

    `broken` has exit code, output and whether the mark of a half-made database stood, for each of BREAKS.
    """

    folder: Path
    broken: list[tuple[int, str, bool]]
    last_code: int

    def copy(self, target: Path) -> None:
        """Give a test the folder's contents for its own."""
        shutil.copytree(self.folder, target, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, told = shared / "first-start", shared / "first-start.json"
    with (shared / "first-start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(_start(folder, shared)))
    broken, last_code = json.loads(told.read_text())
    return FirstStart(folder, [tuple(one) for one in broken], last_code)


def _start(folder: Path, logs: Path) -> tuple[list[tuple[int, str, bool]], int]:
    shutil.rmtree(folder, ignore_errors=True)  # of another worker, whose start failed
    folder.mkdir()
    environment = own_environment(folder)
    command = [sys.executable, "manage.py", "serve", "--port", str(free_port())]
    broken = []
    for number in BREAKS:
        started = Process(command, environment, logs / f"first-start-{number.name}.log")
        started.wait_for("Letting the demo live")
        _wait_for(folder / "half-made")  # it says what it does, and then does it
        ended = started.end(number)
        broken.append((ended.code, ended.output, (folder / "half-made").exists()))
    last = Process(command, environment, logs / "first-start.log")
    try:
        last.wait_for("is running at")
        return broken, last.end().code
    finally:
        last.kill()


def _wait_for(path: Path, seconds: float = 30.0) -> None:
    began = time.monotonic()
    while not path.exists():
        assert time.monotonic() - began < seconds, f"There never was {path.name}."
        time.sleep(0.02)
