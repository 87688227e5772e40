"""Real processes of the product: started, listened to, and stopped as a person or a process manager would."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.services import OWNED

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 180.0
# What the site keeps to after Ctrl-C and SIGTERM.
STOP_SECONDS = 10.0
_NOT_INHERITED = {"DATABASE_URL", "REDIS_URL", OWNED, "DJANGO_ALLOW_ASYNC_UNSAFE", "EMAIL_URL"}


def own_environment(folder: Path, **extra: str) -> dict[str, str]:
    """Return an environment whose processes keep everything in `folder`, and are embedded unless `extra` says otherwise."""
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    return inherited | {"SLIPSTREAM_VAR_DIR": str(folder), "PYTHONUNBUFFERED": "1"} | extra


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return as soon as the condition holds; fail with `what` never happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)


@dataclass(frozen=True)
class Ended:
    """How a process ended, how long it took to, and all that it had said."""

    code: int
    seconds: float
    output: str


class Process:
    """One process of the product, its output in a file, in a session of its own as under a process manager."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that it has said, and those before it that wrote to the same file."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, words: str) -> None:
        """Wait until it has said something; fail when it ends before."""
        wait_until(lambda: words in self.output or not self.runs, f"{words!r}")
        assert words in self.output, self.output

    def end(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and wait for the end; fail when that takes longer than promised."""
        began = time.monotonic()
        self._process.send_signal(number)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"it did not end within {STOP_SECONDS:.0f} s of {number.name}:\n{self.output}"
            ) from None
        return Ended(code, time.monotonic() - began, self.output)

    def kill(self) -> None:
        """Kill it and whatever it has started, without a chance to clean up."""
        if self.runs:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
