"""Work in a child process that can be limited, stopped and watched, since a thread can be neither killed nor limited.

A child is started afresh (not forked), warmed, and used for one job after the other; one that was stopped, ran out of
memory or crashed is replaced. `common/child_main.py` runs inside.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from common.child_main import OUT_OF_MEMORY
from common.clock import monotonic

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
# A cold start compiles kernels; with their cache filled it takes a few seconds.
START_SECONDS = 180.0
_LISTEN_SECONDS = 0.05
# A process whose end of the channel closed is ending; how long it may take about it.
_END_SECONDS = 2.0
# How often `stopped` is asked: well within the second in which a cancelled job must have ended.
_ASK_SECONDS = 0.25
# One thread each: several of them share the processors, and a thread's buffers would count against the limit.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a job may take: seconds of the wall, and bytes of memory above those of a warm child."""

    seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ChildUsage:
    """What a job took: seconds; the child's most resident memory in bytes, and how much it had when it was warm."""

    seconds: float
    peak_memory_bytes: int
    idle_memory_bytes: int


class ChildError(Exception):
    """A job that gave no result. `code`: TIMED_OUT, STOPPED, OUT_OF_MEMORY, CRASHED or RAISED.

    RAISED comes with the error's type, message and text attributes (`facts`), and its traceback in `detail`.
    """

    def __init__(self, code: str, detail: str = "", kind: str = "", facts: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.kind, self.facts = code, detail, kind, dict(facts or {})


class Children:
    """The warm children of this process for one module.

    The module defines `warm_up()` and the functions that jobs name, which take `progress(fraction)` before their own
    arguments; arguments and results travel pickled. Safe among threads; each thread's job has a child of its own.
    """

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        self._module, self._environment = module, {**_ENVIRONMENT, **(environment or {})}
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def warm(self) -> None:
        """See to it that one idle child is there, or on its way; does not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Child(self._module, self._environment))

    def wait_until_warm(self) -> float:
        """Return the seconds until an idle child was ready for its first job."""
        began = monotonic()
        child = self._take()
        try:
            child.wait_until_ready(_never)
        except ChildError:
            child.kill()
            raise
        self._put_back(child)
        return monotonic() - began

    def run(
        self,
        function: str,
        *args: Any,
        limits: ChildLimits,
        on_progress: Callable[[float], None] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> tuple[Any, ChildUsage]:
        """Return what the module's function returns for these arguments, and what it took; raise ChildError.

        `stopped` is asked four times a second, also while the child gets ready; when it says so the child is killed.
        """
        child = self._take()
        try:
            result = child.work(function, args, limits, on_progress or _ignore, stopped or _never)
        except BaseException as error:
            if isinstance(error, ChildError) and error.code == "RAISED":
                self._put_back(child)
            else:
                child.kill()
                self.warm()
            raise
        self._put_back(child)
        return result

    def close(self) -> None:
        """Kill the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def _take(self) -> _Child:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        return child or _Child(self._module, self._environment)

    def _put_back(self, child: _Child) -> None:
        """Keep one idle child, the one that has just worked, and no more: each holds its memory."""
        with self._lock:
            surplus, self._idle = self._idle, [child]
        for one in surplus:
            one.kill()

    def _forget(self) -> None:
        """After a fork: these children are the parent's, and must die with it alone."""
        self._lock = threading.Lock()
        for child in self._idle:
            child.abandon()
        self._idle = []


class _Child:
    """One child process, and the two ends that tie it to this one."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._channel, theirs = multiprocessing.Pipe()
        watched, self._lifeline = os.pipe()
        self._idle_bytes: int | None = None
        self._asked_at = monotonic()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "common.child_main", module, str(theirs.fileno()), str(watched)],
                cwd=_ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), watched),
            )
        finally:
            theirs.close()
            os.close(watched)

    def wait_until_ready(self, stopped: Callable[[], bool]) -> int:
        """Return how many bytes the warm child holds."""
        if self._idle_bytes is None:
            late = ChildError("CRASHED", "It did not get ready.")
            self._idle_bytes = int(self._next(monotonic() + START_SECONDS, late, stopped)[1])
        return self._idle_bytes

    def work(
        self,
        function: str,
        args: tuple[Any, ...],
        limits: ChildLimits,
        on_progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> tuple[Any, ChildUsage]:
        idle_bytes = self.wait_until_ready(stopped)
        began = monotonic()
        late = ChildError("TIMED_OUT", f"It was stopped after {limits.seconds:g} seconds.")
        self._tell(limits.memory_bytes)
        self._tell((function, args))
        while (message := self._next(began + limits.seconds, late, stopped))[0] == "progress":
            on_progress(message[1])
        usage = ChildUsage(monotonic() - began, int(message[-1]), idle_bytes)
        return _result(message), usage

    def _next(self, until: float, late: ChildError, stopped: Callable[[], bool]) -> tuple[Any, ...]:
        """Return the child's next message; raise `late` when there is none in time, STOPPED when that is the wish."""
        while True:
            now = monotonic()
            if now - self._asked_at >= _ASK_SECONDS:
                self._asked_at = now
                if stopped():
                    raise ChildError("STOPPED")
            if now > until:
                raise late
            if self._channel.poll(_LISTEN_SECONDS):
                return self._hear()

    def _tell(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except OSError:
            self._crashed()

    def _hear(self) -> tuple[Any, ...]:
        try:
            message: tuple[Any, ...] = self._channel.recv()
        except (EOFError, OSError):
            self._crashed()
        return message

    def _crashed(self) -> NoReturn:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code == OUT_OF_MEMORY:
            raise ChildError("OUT_OF_MEMORY")
        raise ChildError("CRASHED", f"It ended with {code}.")

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        os.close(self._lifeline)

    def abandon(self) -> None:
        """Close this process's ends without ending a child that is another's."""
        self._channel.close()
        os.close(self._lifeline)
        self._process.returncode = 0  # not ours to wait for


def _result(message: tuple[Any, ...]) -> Any:
    kind, *rest = message
    if kind == "done":
        return rest[0]
    name, text, facts, trace, _ = rest
    logger.info("A job raised %s: %s", name, trace)
    raise ChildError("RAISED", text, kind=name, facts=facts)


def _ignore(fraction: float) -> None:
    """Hear of progress, and do nothing."""


def _never() -> bool:
    return False
