"""What runs inside a supervised child (common/child.py starts it): warm up, then one job after the other.

Imports neither Django nor settings, so that a child is ready soon and small. Nothing here may outlive the parent.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

# Computing yields to the trading that shares its processors.
NICENESS = 5
# With what a child ends whose job needed more memory than it may have.
OUT_OF_MEMORY = 77


def main() -> None:
    """Serve the parent: `python -m common.child_main MODULE CHANNEL LIFELINE`, the last two being file descriptors."""
    name, channel_fd, lifeline = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _die_with_parent(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent to answer
    os.nice(NICENESS)
    channel = Connection(channel_fd)
    module = importlib.import_module(name)
    module.warm_up()
    channel.send(("ready", _resident_bytes()))
    try:
        while True:
            _serve(channel, module)
    except (EOFError, OSError):
        return  # the parent has closed the channel


def _serve(channel: Connection, module: ModuleType) -> None:
    """Do one job: its memory limit comes first, so that receiving it is limited too."""
    memory_bytes: int = channel.recv()
    _forget_peak()
    _limit_growth(memory_bytes)
    try:
        function, args = channel.recv()
        answer = _answer(channel, getattr(module, function), args)
    except MemoryError:
        # What is left of a message that did not fit must not be taken for the next one: begin afresh.
        os._exit(OUT_OF_MEMORY)
    finally:
        _limit_growth(None)
    channel.send((*answer, _peak_bytes()))


def _answer(channel: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    def progress(fraction: float) -> None:
        channel.send(("progress", fraction))

    try:
        return "done", function(progress, *args)
    except MemoryError:
        raise
    except Exception as error:
        facts = {name: value for name, value in vars(error).items() if isinstance(value, str)}
        return "raised", type(error).__name__, str(error), facts, traceback.format_exc()


def _die_with_parent(lifeline: int) -> None:
    """End at once when the other end of this pipe closes, which only the parent's end can bring about.

    Linux sends SIGIO then, whose default is to end the process even inside a kernel that holds the interpreter; the
    thread is for other systems. (PR_SET_PDEATHSIG would watch the parent's thread, and threads end early.)
    """
    if hasattr(fcntl, "F_SETSIG"):
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _limit_growth(memory_bytes: int | None) -> None:
    """Let the address space grow by so many bytes from here on; None lifts the limit.

    What is mapped after warming up (code, arenas, thread stacks) is not the job's, and is large beside its arrays.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = hard if memory_bytes is None else _mapped_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _forget_peak() -> None:
    """Measure the peak from here on, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
