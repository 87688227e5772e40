"""A job that is being computed ends within a second of its cancellation, and a killed worker's is computed by another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as site
from django.db import connection, connections

from accounts.models import User
from common.child import Children
from common.clock import wall_now
from strategies.models import Backtest, BacktestResult, JobState
from strategies.services import jobs
from strategies.services.backtests import cancel_backtest, recover_backtests, request_backtest, run_backtest_job
from tests.fixtures_past import CROSSING, Past

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """Have jobs computed by a child that never comes to an end."""
    children = Children("tests.strategies.services.endless")
    monkeypatch.setattr(jobs, "children", lambda: children)
    yield children
    children.close()


def work(backtest: Backtest) -> None:
    """Be a worker's thread."""
    try:
        run_backtest_job(backtest_id=backtest.pk)
    finally:
        connections.close_all()


def wait_for(backtest: Backtest, state: str, seconds: float = 20.0) -> None:
    began = time.monotonic()
    while Backtest.objects.get(pk=backtest.pk).state != state:
        assert time.monotonic() - began < seconds, f"It never was {state}."
        time.sleep(0.02)


def test_a_backtest_that_takes_too_long_is_really_stopped_and_says_so(
    alice: User, past: Past, endless: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "BACKTEST_SECONDS", 0.3)
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    endless.wait_until_warm()
    run_backtest_job(backtest_id=asked.pk)
    failed = Backtest.objects.get()
    assert (failed.state, failed.error_code) == (JobState.FAILED, "TIMED_OUT")
    assert failed.error_message.startswith("It took longer than 0.3 seconds and was stopped: choose a shorter range")
    assert not BacktestResult.objects.exists()
    # A failure is no answer: asking again computes again.
    again = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    assert again.pk != asked.pk


def test_cancelling_stops_the_computation_within_a_second(alice: User, past: Past, endless: Children) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    endless.wait_until_warm()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work, asked)
        wait_for(asked, JobState.RUNNING)
        began = time.monotonic()
        cancel_backtest(actor=alice, backtest=asked)
        working.result(timeout=10)
    assert time.monotonic() - began < 1.0
    ended = Backtest.objects.get()
    assert (ended.state, ended.error_code, ended.attempts) == (JobState.CANCELED, "", 1)


def test_a_running_job_tells_its_progress_and_keeps_its_lease(
    alice: User, past: Past, endless: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_RENEW_SECONDS", 0.1)
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work, asked)
        wait_for(asked, JobState.RUNNING)
        first = Backtest.objects.get().claimed_until
        while Backtest.objects.get().progress < 0.5:
            time.sleep(0.02)
        renewed = Backtest.objects.get().claimed_until
        assert first is not None and renewed is not None and first < renewed
        assert renewed > wall_now()
        cancel_backtest(actor=alice, backtest=asked)
        working.result(timeout=10)


WORKER = """
import django
django.setup()
from strategies.services import jobs
from common.child import Children
children = Children("tests.strategies.services.endless")
jobs.children = lambda: children
from strategies.services.backtests import run_backtest_job
run_backtest_job(backtest_id={key!r})
"""


def test_a_killed_worker_s_job_is_computed_by_another(alice: User, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{site.DATABASE_URL.rpartition('/')[0]}/{name}"
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    with subprocess.Popen([sys.executable, "-c", WORKER.format(key=str(asked.pk))], env=environment) as worker:
        wait_for(asked, JobState.RUNNING, 60.0)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    # Its lease still holds: nobody can know yet.
    recover_backtests()
    assert Backtest.objects.get().state == JobState.RUNNING
    monkeypatch.setattr(jobs, "wall_now", lambda: wall_now() + jobs.LEASE)
    recover_backtests()
    assert Backtest.objects.get().state == JobState.QUEUED
    monkeypatch.undo()
    run_backtest_job(backtest_id=asked.pk)
    done = Backtest.objects.get()
    assert (done.state, done.attempts) == (JobState.DONE, 2)
