"""Work that follows a commit: never before it, never after a rollback, and a broker that is away loses no row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from celery import Celery, Task
from django.conf import settings
from django.db import transaction

from accounts.models import AuditEntry
from common import clock
from common.ids import new_id, seeded_random
from common.tasks import InlineQueue, enqueue, inline_tasks, tasks_into
from tools.services import free_port

MakeTask = Callable[[str], "Task[..., None]"]


@pytest.fixture
def make_task() -> Iterator[MakeTask]:
    """Make a task of an application of its own on the broker at this address; its messages go to a queue of its own."""
    made: list[Celery] = []

    def make(broker: str) -> Task[..., None]:
        app = Celery("tests", broker=broker, set_as_current=False)
        app.conf.update(task_default_queue=f"tests-{new_id().hex}", task_ignore_result=True)
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS

        # Shared with no other application, whose registry would take one of that name only.
        @app.task(name="tests.work", shared=False)
        def work(number: int) -> None: ...

        made.append(app)
        return work

    yield make
    for app in made:
        app.close()


def received(task: Task[..., None]) -> list[Any]:
    """Return the arguments of the messages that wait in a task's queue."""
    found = []
    with (
        task.app.connection_for_read() as connection,
        connection.SimpleQueue(task.app.conf.task_default_queue) as queue,
    ):
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                break
            message.ack()
            found.append(message.payload[0])
    return found


@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_when_the_transaction_commits(make_task: MakeTask) -> None:
    task = make_task(settings.CELERY_BROKER_URL)
    with transaction.atomic():
        with transaction.atomic():
            enqueue(task, 1)
        assert received(task) == []
    assert received(task) == [[1]]
    enqueue(task, 2)
    assert received(task) == [[2]]


@pytest.mark.django_db(transaction=True)
def test_a_task_is_not_sent_when_the_transaction_is_rolled_back(make_task: MakeTask) -> None:
    task = make_task(settings.CELERY_BROKER_URL)
    with transaction.atomic():
        enqueue(task, 1)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            enqueue(task, 2)
            raise ZeroDivisionError
    assert received(task) == [[1]]
    with transaction.atomic():
        enqueue(task, 3)
        transaction.set_rollback(True)
    assert received(task) == []


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_fails_nobody(make_task: MakeTask, caplog: pytest.LogCaptureFixture) -> None:
    task = make_task(f"redis://127.0.0.1:{free_port()}/0")
    began = clock.monotonic()
    with caplog.at_level(logging.WARNING, "common.tasks"), transaction.atomic():
        AuditEntry.objects.create(action="tests.done", at=clock.wall_now())
        enqueue(task, 1)
    assert AuditEntry.objects.filter(action="tests.done").count() == 1
    assert [record.message for record in caplog.records] == [
        "The broker did not take tests.work; the sweeper will find its rows."
    ]
    # Whoever waits for an answer is not kept waiting for the broker.
    assert clock.monotonic() - began < 1


@pytest.mark.django_db(transaction=True)
def test_inline_tasks_wait_until_they_are_drained(make_task: MakeTask) -> None:
    away = make_task(f"redis://127.0.0.1:{free_port()}/0")
    ran: list[int] = []

    @away.app.task(name="tests.remember", shared=False)
    def remember(number: int) -> None:
        ran.append(number)
        if number < 3:
            enqueue(remember, number + 1)

    with inline_tasks(seeded_random("inline")) as queue:
        with transaction.atomic():
            enqueue(remember, 1)
            assert queue.drain() == 0
        assert ran == []
        assert queue.drain() == 3
        assert queue.drain() == 0
    assert ran == [1, 2, 3]


def drained(*seed: object) -> list[int]:
    ran: list[int] = []
    queue = InlineQueue(seeded_random(*seed))
    for number in range(10):
        queue.add(partial(ran.append, number))
    assert queue.drain() == 10
    return ran


def test_inline_tasks_run_in_an_order_that_a_seed_repeats() -> None:
    assert drained("a") == drained("a")
    assert drained("a") != drained("b")
    assert sorted(drained("a")) == list(range(10))


@pytest.mark.django_db(transaction=True)
def test_a_driver_inside_a_driver_has_a_queue_of_its_own(make_task: MakeTask) -> None:
    task = make_task(settings.CELERY_BROKER_URL)
    with inline_tasks(seeded_random("outer")) as outer:
        with inline_tasks(seeded_random("inner")) as inner:
            enqueue(task, 1)
        enqueue(task, 2)
        enqueue(task, 3)
    assert (outer.drain(), inner.drain()) == (2, 1)
    enqueue(task, 4)
    assert received(task) == [[4]]


@pytest.mark.django_db(transaction=True)
def test_a_queue_of_the_callers_own_gets_calls_after_the_commit(make_task: MakeTask) -> None:
    task = make_task("memory://localhost")
    calls: list[Any] = []

    class Kept:
        def add(self, call: Callable[[], Any]) -> None:
            calls.append(call)

    with tasks_into(Kept()):
        with transaction.atomic():
            enqueue(task, 7)
            assert calls == []
        [call] = calls
    assert (call.func, call.args) == (task, (7,))
