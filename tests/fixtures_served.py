"""The platform served to programs: the real ASGI application on a port of its own, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from django.db import connections

from common.tasks import tasks_into
from tools.services import free_port


class _Worker:
    """Does tasks one after the other in a thread of its own, as a worker does."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
        self.failures: list[BaseException] = []

    def add(self, call: Callable[[], Any]) -> None:
        self._thread.submit(self._do, call)

    def _do(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:
            self.failures.append(error)

    def end(self) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown()


@contextmanager
def _serving() -> Iterator[str]:
    from config.asgi import application

    port = free_port()
    config = uvicorn.Config(application, port=port, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def served(transactional_db: None) -> Iterator[str]:
    """Serve the test's database, do what its requests set off, and give the address; no task may fail."""
    worker = _Worker()
    with tasks_into(worker):
        try:
            with _serving() as address:
                yield address
        finally:
            worker.end()
    assert worker.failures == []
