"""Real Celery workers for a replay, in the replay's own world, started again when a drill kills them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from common.errors import DomainError


class Workers:
    """One `celery worker` process with two children. `restarts` counts how often the whole worker had to be started again."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
        self._log = log
        self._process = self._start()
        self.restarts = 0

    def keep_alive(self) -> None:
        """Start the worker again if it is gone."""
        if self._process.poll() is not None:
            self.restarts += 1
            self._process = self._start()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def deaths(self) -> int:
        """Return how many of the worker's children were killed, by its own log."""
        return self._log.read_text(errors="replace").count("signal 9 (SIGKILL)")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "--concurrency=2",
            "--loglevel=ERROR",
            "--without-gossip",
            "--without-mingle",
        ]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command, env=self._environment, cwd=settings.BASE_DIR, stdout=log, stderr=subprocess.STDOUT
            )


@contextmanager
def celery_workers(environment: Mapping[str, str], log: Path) -> Iterator[Workers]:
    """Run workers for the time of the block."""
    if not settings.REDIS_URL:
        raise DomainError(
            "NO_REDIS", "Set REDIS_URL for a replay with --workers celery; the default, inline, needs none."
        )
    workers = Workers(environment, log)
    try:
        yield workers
    finally:
        workers.stop()
