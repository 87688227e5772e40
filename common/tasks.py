"""Work that follows a commit: ids to a Celery task, or to an inline queue that a driver (replay, command, test) drains.

A task may come twice, late or never: rows are the outboxes, and sweepers find what a lost task left behind.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

from common.failpoints import failpoint

logger = logging.getLogger(__name__)


class TaskQueue(Protocol):
    """Takes the tasks of this process in place of a broker, each as a call without arguments."""

    def add(self, call: Callable[[], Any]) -> None: ...


class InlineQueue:
    """Holds the tasks of this process until `drain` runs them, in an order drawn from `chooser`."""

    def __init__(self, chooser: random.Random) -> None:
        self._chooser = chooser
        self._waiting: list[Callable[[], Any]] = []

    def add(self, call: Callable[[], Any]) -> None:
        self._waiting.append(call)

    def drain(self) -> int:
        """Run waiting tasks, and those that they enqueue, until none is left; return how many ran."""
        ran = 0
        while self._waiting:
            index = self._chooser.randrange(len(self._waiting)) if len(self._waiting) > 1 else 0
            self._waiting.pop(index)()
            ran += 1
        return ran


_inline: TaskQueue | None = None


@contextmanager
def tasks_into(queue: TaskQueue) -> Iterator[None]:
    """Send the tasks of this process to a queue of the caller's instead of to workers."""
    global _inline
    outer, _inline = _inline, queue
    try:
        yield
    finally:
        _inline = outer


@contextmanager
def inline_tasks(chooser: random.Random) -> Iterator[InlineQueue]:
    """Send the tasks of this process to a queue of its own, which the caller drains."""
    queue = InlineQueue(chooser)
    with tasks_into(queue):
        yield queue


def enqueue(task: Task[..., Any], *args: Any) -> None:
    """Run `task(*args)` soon after the present transaction commits (at once where there is none). Arguments are ids."""
    transaction.on_commit(partial(_send, task, args))


def _send(task: Task[..., Any], args: tuple[Any, ...]) -> None:
    if _inline is not None:
        _inline.add(partial(task, *args))
        return
    failpoint("committed")
    try:
        task.apply_async(args, retry=False)
    except (OperationalError, OSError):
        # What the task would have worked on is committed: the sweeper sends it when the broker is back.
        logger.warning("The broker did not take %s; the sweeper will find its rows.", task.name, exc_info=True)
