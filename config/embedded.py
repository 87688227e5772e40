"""Everything in one process: the site on the main thread; worker, beat, feed, engine and signer in threads beside it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from django.conf import settings
from django.db import close_old_connections
from kombu import Message

from config.celery import app

logger = logging.getLogger(__name__)

WORKER_THREADS = 3
# Each listens to a queue of its own.
_COMPUTING, _WEBHOOKS, _NOTIFICATIONS = "computing", "webhooks", "notifications"
_JOIN_SECONDS = 10.0
_LISTEN_SECONDS = 0.5


@contextmanager
def background_processes(loops: Mapping[str, Callable[[threading.Event], None]]) -> Iterator[None]:
    """Run a Celery worker, its beat and the given loops (name → function of a stop event) while the block runs."""
    stop = threading.Event()
    worker = WorkController(
        app=app, pool_cls="threads", concurrency=WORKER_THREADS, without_gossip=True, without_mingle=True
    )
    beat = Service(app, scheduler_cls=Scheduler)
    loops = {
        **loops,
        _COMPUTING: work_on_computing_queue,
        _WEBHOOKS: work_on_webhooks_queue,
        _NOTIFICATIONS: work_on_notifications_queue,
    }
    threads = [threading.Thread(target=loop, args=(stop,), name=name, daemon=True) for name, loop in loops.items()]
    threads += [
        threading.Thread(target=worker.start, name="worker", daemon=True),
        threading.Thread(target=beat.start, args=(True,), name="beat", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        beat.stop(wait=False)
        for thread in threads[: len(loops)]:
            if thread.name not in (
                _COMPUTING,
                _WEBHOOKS,
                _NOTIFICATIONS,
            ):  # a job is left as by a kill, and found again
                thread.join(_JOIN_SECONDS)
        worker.stop()


def work_on_computing_queue(stop: threading.Event) -> None:
    """Do the tasks of the computing queue one after the other, until `stop`, so that none of the worker's threads waits for one."""
    from strategies.services.jobs import children

    children().warm()
    _work_on(settings.COMPUTING_QUEUE, stop)


def work_on_webhooks_queue(stop: threading.Event) -> None:
    """Deliver webhooks one after the other, until `stop`."""
    _work_on(settings.WEBHOOK_QUEUE, stop)


def work_on_notifications_queue(stop: threading.Event) -> None:
    """Send mails, SMS and the like one after the other, until `stop`."""
    _work_on(settings.NOTIFICATION_QUEUE, stop)


def _work_on(name: str, stop: threading.Event) -> None:
    """Do a queue's tasks. A process can hold one Celery worker only (they share the set of queues), so this listens itself."""
    queue = app.amqp.queues[name]
    with app.connection_for_read() as connection, connection.Consumer([queue], callbacks=[_do], prefetch_count=1):
        while not stop.is_set():
            try:
                connection.drain_events(timeout=_LISTEN_SECONDS)
            except TimeoutError:
                continue


def _do(body: Any, message: Message) -> None:
    """Do one task. Its failure is logged and no more: rows are the truth, and a sweeper sends what was lost again."""
    name = message.headers["task"]
    result = app.tasks[name].apply(args=body[0])
    if result.failed():
        logger.error("%s failed: %s", name, result.traceback)
    message.ack()
    close_old_connections()


def end_on_signals() -> None:
    """Have SIGINT and SIGTERM end this process from now on, with 0 and without a trace of where they met it."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def serve_site(*, host: str, port: int, on_start: Callable[[], None]) -> None:
    """Serve the ASGI application until SIGINT or SIGTERM, which it raises again once it has shut down."""
    server = _Server(
        uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            log_level="warning",
            ws_ping_interval=20,
            # A small frame costs several times as much to compress as to send, and each socket would keep a compressor.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=3,
        ),
        on_start,
    )
    server.run()


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_start()
